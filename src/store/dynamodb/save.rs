//! Saving the checkpoints of a mapping.

use std::sync::Arc;

use super::claim::{Claim, Held, is_over, take_shard};
use super::row::{flag, number, text};
use super::table::{Key, Write, Written, side_by_side};
use super::{DynamoDbStore, keys};
use crate::machine::{Checkpoint, Fence};
use crate::store::{StoreError, TableError};

/// One change, and the right by which it is written.
struct Change {
    shard: Arc<str>,
    to: To,
}

enum To {
    /// Of a shard that is held.
    Moved(Held, Checkpoint),
    /// Of a shard that this replica has no item of.
    Begun(Checkpoint),
    Forgotten,
}

/// What a write has changed in what is held.
enum Now {
    Held(Held),
    /// Processed to its end, or forgotten.
    Over,
}

impl DynamoDbStore {
    /// Writes each change under the epoch of its shard. A change that fails does not undo the others: each is true by
    /// itself. The ends of shards come first, since a child's checkpoint says that its parents are finished.
    pub(super) async fn keep(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    ) -> Result<(), StoreError> {
        let fenced = || StoreError::Fenced { mapping: mapping.to_owned() };
        let (replica, generation, begun, changes) = {
            let mut claims = self.claims();
            let claim = claims.get_mut(mapping).filter(|claim| claim.fence == fence).ok_or_else(fenced)?;
            let changes: Vec<Change> = changes.into_iter().map(|change| prepared(claim, change)).collect();
            (self.replica(), claim.generation, claim.begun, changes)
        };
        let (moved, rest): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| matches!(change.to, To::Moved(..)));
        let (started, forgotten): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|change| matches!(change.to, To::Begun(_)));
        for part in [moved, started, forgotten] {
            let writes = part.into_iter().map(|change| async {
                let shard = Arc::clone(&change.shard);
                Ok::<_, StoreError>((shard, self.write_change(mapping, generation, &replica, change).await))
            });
            let written = side_by_side(writes.collect()).await?;
            let mut failed = None;
            {
                let mut claims = self.claims();
                let claim = claims.get_mut(mapping).filter(|claim| claim.fence == fence).ok_or_else(fenced)?;
                for (shard, result) in written {
                    match result {
                        Ok(Some(Now::Held(held))) => drop(claim.shards.insert(shard, held)),
                        Ok(Some(Now::Over)) => drop(claim.shards.remove(&shard)),
                        // Another replica has the shard.
                        Ok(None) => return Err(fenced()),
                        Err(error) => failed = Some(error),
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        if !begun {
            self.note_beginning(mapping, generation).await?.then_some(()).ok_or_else(fenced)?;
            if let Some(claim) = self.claims().get_mut(mapping).filter(|claim| claim.fence == fence) {
                claim.begun = true;
            }
        }
        Ok(())
    }

    /// `None`: refused, because the shard is another's.
    async fn write_change(
        &self,
        mapping: &str,
        generation: u64,
        replica: &str,
        change: Change,
    ) -> Result<Option<Now>, TableError> {
        let key = keys::shard(mapping, &change.shard);
        match change.to {
            To::Moved(held, checkpoint) => self.write_moved(key, replica, held, &checkpoint).await,
            To::Begun(checkpoint) => {
                let over = checkpoint.is_end();
                let write = Write {
                    update: if over {
                        "SET #gen = :gen, #ep = :ep, #sv = :sv, #mk = :mk REMOVE #ow"
                    } else {
                        "SET #gen = :gen, #ep = :ep, #sv = :sv, #mk = :mk, #ow = :me"
                    },
                    condition: "attribute_not_exists(#pk) OR #gen < :gen",
                    values: [(":gen", number(generation)), (":ep", number(1)), (":sv", number(1))]
                        .into_iter()
                        .chain([(":mk", text(checkpoint.to_string()))])
                        .chain((!over).then(|| (":me", text(replica))))
                        .collect(),
                };
                match self.table.write(key.clone(), write).await? {
                    Written::Done(_) if over => Ok(Some(Now::Over)),
                    Written::Done(_) => Ok(Some(Now::Held(Held { epoch: 1, saves: 1 }))),
                    // The answer of our own write was lost, or another replica has begun the shard.
                    Written::Refused(None) => Err(TableError::Raced { mapping: mapping.to_owned() }),
                    Written::Refused(Some(row)) => {
                        if over && is_over(&row) {
                            return Ok(Some(Now::Over));
                        }
                        match take_shard(&self.table, key.clone(), &row, generation, replica).await? {
                            Ok((epoch, _)) => {
                                self.write_moved(key, replica, Held { epoch, saves: 1 }, &checkpoint).await
                            }
                            Err(_) => Ok(None),
                        }
                    }
                }
            }
            To::Forgotten => {
                let mine = vec![(":me", text(replica)), (":gen", number(generation))];
                let condition =
                    "attribute_not_exists(#pk) OR ((attribute_not_exists(#ow) OR #ow = :me) AND #gen <= :gen)";
                Ok(self.table.remove(key, condition, mine).await?.then_some(Now::Over))
            }
        }
    }

    async fn write_moved(
        &self,
        key: Key,
        replica: &str,
        held: Held,
        checkpoint: &Checkpoint,
    ) -> Result<Option<Now>, TableError> {
        let over = checkpoint.is_end();
        let write = Write {
            update: if over { "SET #mk = :mk, #sv = :n REMOVE #ow" } else { "SET #mk = :mk, #sv = :n" },
            condition: "#ow = :me AND #ep = :ep AND #sv < :n",
            values: vec![
                (":mk", text(checkpoint.to_string())),
                (":n", number(held.saves)),
                (":me", text(replica)),
                (":ep", number(held.epoch)),
            ],
        };
        let now = if over { Now::Over } else { Now::Held(held) };
        Ok(match self.table.write(key, write).await? {
            Written::Done(_) => Some(now),
            Written::Refused(Some(row)) => {
                let same_epoch = row.number("ep") == Some(held.epoch);
                // This very request arrived twice, or the answer to the end of the shard was lost.
                let twice = row.text("ow") == Some(replica) && row.number("sv") >= Some(held.saves);
                let ended = over && row.text("ow").is_none() && row.text("mk") == Some(&*checkpoint.to_string());
                (same_epoch && (twice || ended)).then_some(now)
            }
            Written::Refused(None) => None,
        })
    }

    async fn note_beginning(&self, mapping: &str, generation: u64) -> Result<bool, TableError> {
        let write = Write {
            update: "SET #begun = :begun",
            condition: "#gen = :gen",
            values: vec![(":begun", flag(true)), (":gen", number(generation))],
        };
        Ok(matches!(self.table.write(keys::mapping(mapping), write).await?, Written::Done(_)))
    }
}

/// Counts the save of a shard that is held.
fn prepared(claim: &mut Claim, (shard, checkpoint): (Arc<str>, Option<Checkpoint>)) -> Change {
    let to = match (checkpoint, claim.shards.get_mut(&shard)) {
        (None, _) => To::Forgotten,
        (Some(checkpoint), Some(held)) => {
            held.saves += 1;
            To::Moved(*held, checkpoint)
        }
        (Some(checkpoint), None) => To::Begun(checkpoint),
    };
    Change { shard, to }
}
