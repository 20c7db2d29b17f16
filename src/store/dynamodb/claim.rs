//! Taking the shards of a mapping over, and letting go of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::row::{Row, flag, number, text};
use super::table::{Key, Table, Write, Written, side_by_side};
use super::{DynamoDbStore, keys};
use crate::machine::{Checkpoint, Fence, Positions};
use crate::store::{StoreError, TableError};

/// How often it is looked whether the owner has let go.
const LOOK: Duration = Duration::from_millis(500);

/// How long an owner that lives is waited for before a claim says so.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a replica has claimed of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) fence: Fence,
    /// The generation of the mapping's checkpoints: an operator's change, or another source, begins the next one.
    pub(super) generation: u64,
    pub(super) begun: bool,
    pub(super) shards: BTreeMap<Arc<str>, Held>,
}

/// A shard that was claimed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) epoch: u64,
    /// How many saves were sent in this epoch.
    pub(super) saves: u64,
}

/// The mapping's own item.
struct Book {
    generation: u64,
    begun: bool,
}

/// What came of a claim.
enum Taken {
    /// Every shard that is not processed to its end, and all checkpoints.
    All(BTreeMap<Arc<str>, Held>, BTreeMap<Arc<str>, Checkpoint>),
    /// Another replica has a shard, and lives.
    Owned { shard: String, owner: String },
}

impl DynamoDbStore {
    pub(super) async fn take(&self, mapping: &str, source: &str) -> Result<Positions, StoreError> {
        let begun = Instant::now();
        loop {
            let replica = self.replica();
            let book = self.open_book(mapping, source, &replica).await?;
            match self.take_shards(mapping, book.generation, &replica).await? {
                Taken::All(shards, checkpoints) => {
                    let (fence, Book { generation, begun }) = (self.next_fence(), book);
                    let claim = Claim { fence, generation, begun, shards };
                    self.claims().insert(mapping.to_owned(), claim);
                    let checkpoints = if begun { checkpoints } else { BTreeMap::new() };
                    return Ok(Positions { fence, begun, checkpoints });
                }
                Taken::Owned { shard, owner } if begun.elapsed() >= PATIENCE => {
                    return Err(TableError::Owned { mapping: mapping.to_owned(), shard, owner }.into());
                }
                Taken::Owned { .. } => sleep(LOOK).await,
            }
        }
    }

    /// The mapping's own item, made where there is none. Checkpoints of another source count as none.
    async fn open_book(&self, mapping: &str, source: &str, replica: &str) -> Result<Book, TableError> {
        let key = keys::mapping(mapping);
        let row = self.table.get(key.clone()).await?;
        let generation = row.as_ref().map(|row| row.number_of("gen")).transpose()?;
        if let (Some(row), Some(generation)) = (&row, generation) {
            if row.flag("set") {
                return Err(TableError::Unfinished { mapping: mapping.to_owned() });
            }
            if row.text_of("src")? == source {
                return Ok(Book { generation, begun: row.flag("begun") });
            }
            // Two definitions of one name must not take turns in beginning from the start.
            for shard in self.table.query(&keys::shards(mapping), true).await? {
                if let Some(owner) = shard.text("ow").filter(|&owner| owner != replica)
                    && !is_gone(&self.table, owner).await?
                {
                    let (mapping, owner) = (mapping.to_owned(), owner.to_owned());
                    let other = row.text_of("src")?.to_owned();
                    return Err(TableError::OtherSource { mapping, owner, other });
                }
            }
        }
        let next = generation.unwrap_or(0) + 1;
        let write = Write {
            update: "SET #src = :src, #gen = :next, #begun = :begun",
            condition: "attribute_not_exists(#pk) OR #gen = :seen",
            values: vec![
                (":src", text(source)),
                (":next", number(next)),
                (":begun", flag(false)),
                (":seen", number(next - 1)),
            ],
        };
        match self.table.write(key, write).await? {
            Written::Done(_) => Ok(Book { generation: next, begun: false }),
            // Another replica was first, or the answer of our own write was lost.
            Written::Refused(_) => Err(TableError::Raced { mapping: mapping.to_owned() }),
        }
    }

    async fn take_shards(&self, mapping: &str, generation: u64, replica: &str) -> Result<Taken, TableError> {
        let rows = self.table.query(&keys::shards(mapping), true).await?;
        let (rows, old): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.number("gen") == Some(generation));
        // They count for nothing, so it does not matter whether this succeeds.
        let before = || vec![(":gen", number(generation))];
        let removals = old.iter().map(|row| self.table.remove(keys::shard(mapping, row.sk()), "#gen < :gen", before()));
        side_by_side(removals.collect()).await.ok();
        let mut checkpoints = BTreeMap::new();
        let mut open = Vec::new();
        for row in rows {
            let shard: Arc<str> = row.sk().into();
            let checkpoint = checkpoint(&row)?;
            if !checkpoint.is_end() {
                open.push((Arc::clone(&shard), row));
            }
            checkpoints.insert(shard, checkpoint);
        }
        let mut held = BTreeMap::new();
        // The first one alone: two that claim at once never wait for each other.
        let rest = open.split_off(open.len().min(1));
        for part in [open, rest] {
            let claims = part.into_iter().map(|(shard, row)| async move {
                let taken = take_shard(&self.table, keys::shard(mapping, &shard), &row, generation, replica).await?;
                Ok::<_, TableError>((shard, taken))
            });
            for (shard, taken) in side_by_side(claims.collect()).await? {
                match taken {
                    // What was saved between the query and the claim counts.
                    Ok((epoch, now)) => {
                        held.insert(Arc::clone(&shard), Held { epoch, saves: 0 });
                        checkpoints.insert(shard, now);
                    }
                    Err(owner) => return Ok(Taken::Owned { shard: shard.to_string(), owner }),
                }
            }
        }
        Ok(Taken::All(held, checkpoints))
    }

    /// Lets go of every shard of a mapping, so that another replica may claim them. What counts is which ones the items
    /// give to it: a claim may have no answer yet, or only some shards. The next epoch refuses what arrives late.
    pub(super) async fn let_go(&self, mapping: &str) -> Result<(), StoreError> {
        self.claims().remove(mapping);
        let replica = self.replica();
        let rows = self.table.query(&keys::shards(mapping), true).await.map_err(TableError::Call)?;
        let mut releases = Vec::new();
        for row in &rows {
            let is_other = row.text("ow").is_some_and(|owner| owner != &*replica);
            if !is_other && !is_over(row) {
                releases.push(release_shard(&self.table, mapping, row, &replica));
            }
        }
        side_by_side(releases).await?;
        Ok(())
    }
}

async fn release_shard(table: &Table, mapping: &str, row: &Row, replica: &str) -> Result<(), TableError> {
    let epoch = row.number_of("ep")?;
    let write = Write {
        update: "SET #ep = :next, #sv = :none REMOVE #ow",
        condition: "#ep = :seen AND (attribute_not_exists(#ow) OR #ow = :me)",
        values: vec![
            (":next", number(epoch + 1)),
            (":none", number(0)),
            (":seen", number(epoch)),
            (":me", text(replica)),
        ],
    };
    match table.write(keys::shard(mapping, row.sk()), write).await? {
        Written::Refused(Some(now)) if now.text("ow") == Some(replica) => {
            // A claim of our own came in between.
            Err(TableError::Raced { mapping: mapping.to_owned() })
        }
        // Another replica has it, or an operator has forgotten it.
        Written::Done(_) | Written::Refused(_) => Ok(()),
    }
}

/// Claims one shard: its epoch and its checkpoint then, or the owner that has it and lives.
pub(super) async fn take_shard(
    table: &Table,
    key: Key,
    seen: &Row,
    generation: u64,
    replica: &str,
) -> Result<Result<(u64, Checkpoint), String>, TableError> {
    let owner = seen.text("ow").filter(|&owner| owner != replica);
    if let Some(owner) = owner
        && !is_gone(table, owner).await?
    {
        return Ok(Err(owner.to_owned()));
    }
    let epoch = seen.number_of("ep")?;
    let write = Write {
        update: "SET #ow = :me, #ep = :next, #sv = :none",
        condition: "#ep = :seen AND #gen = :gen AND (attribute_not_exists(#ow) OR #ow = :me OR #ow = :gone)",
        values: vec![
            (":me", text(replica)),
            (":next", number(epoch + 1)),
            (":none", number(0)),
            (":seen", number(epoch)),
            (":gen", number(generation)),
            (":gone", text(owner.unwrap_or(replica))),
        ],
    };
    match table.write(key, write).await? {
        Written::Done(row) => Ok(Ok((epoch + 1, checkpoint(&row)?))),
        Written::Refused(row) => Ok(Err(row.and_then(|row| Some(row.text("ow")?.to_owned())).unwrap_or_default())),
    }
}

/// Whether the shard is processed to its end, and so has no owner any more.
pub(super) fn is_over(row: &Row) -> bool {
    row.text("mk").is_some_and(|mark| mark.starts_with("END"))
}

/// The checkpoint of a shard.
pub(super) fn checkpoint(row: &Row) -> Result<Checkpoint, TableError> {
    let text = row.text_of("mk")?;
    text.parse().map_err(|error: crate::machine::NotACheckpoint| row.unreadable(&error.to_string()))
}

/// Whether a replica is dead or has left: neither comes back under that id.
async fn is_gone(table: &Table, replica: &str) -> Result<bool, TableError> {
    let row = table.get(keys::replica(replica)).await?;
    Ok(row.is_none_or(|row| row.text("st") == Some("dead")))
}
