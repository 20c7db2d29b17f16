//! The tables of the store's file.
//!
//! One table for each thing that is kept, and a table `meta` with the number of the format. Another
//! kind of thing is another table: an older program never meets it, because it refuses the newer format.
//!
//! | format | tables |
//! |---|---|
//! | 1 | `desired` |
//! | 2 | and `streams`, `marks` |
//! | 3 | and `definitions` |
//! | 4 | the same; each row of them carries a [checksum](super::seal) |
//! | 5 | the same; an `END` may name the sequence number that its shard began with |

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError, TableHandle,
    WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Kept;
use super::asked::{Asked, Changes};
use super::ledger::{Book, Ledger};
use super::seal::{seal, unseal};
use super::trouble::Trouble;
use crate::machine::{Checkpoint, Fence, NotACheckpoint};

/// The newest format that this program reads and the one that it writes.
pub(super) const FORMAT: u64 = 5;
/// The first format whose rows carry checksums.
const SEALED: u64 = 4;
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const META_FORMAT: &str = "format";
/// Mapping name to a [`Desired`](super::Desired) as JSON.
pub(super) const DESIRED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("desired");
/// Mapping name to a [`StreamRow`] as JSON.
pub(super) const STREAMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("streams");
/// Mapping name and shard to the text form of a checkpoint.
pub(super) const CHECKPOINTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("marks");
/// The same before there were checksums.
pub(super) const BARE_CHECKPOINTS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("marks");

/// Mapping name to a [`Definition`](super::Definition) as JSON.
pub(super) const DEFINITIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("definitions");

/// A mapping's [`Book`] without its checkpoints.
#[derive(Serialize, Deserialize)]
struct StreamRow {
    fence: u64,
    begun: bool,
    source: Option<String>,
}

/// All that the file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) asked: Asked,
    pub(super) ledger: Ledger,
}

/// What is to be written. Of streams only which rows: their values stand in the ledger by then.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) asked: Changes,
    /// Mappings whose row in `streams` has changed.
    pub(super) streams: BTreeSet<String>,
    /// Mappings of which every checkpoint is written again.
    pub(super) whole: BTreeSet<String>,
    /// Single checkpoints, by mapping and shard.
    pub(super) checkpoints: BTreeSet<(String, Arc<str>)>,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.streams.is_empty() && self.whole.is_empty() && self.checkpoints.is_empty()
    }
}

/// Reads the file; a new one is made a store, and one of an older format is brought to ours.
pub(super) fn open(database: &Database) -> Result<Contents, Trouble> {
    let (format, contents) = read(database)?;
    if format != Some(FORMAT) {
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.open_table(META)?.insert(META_FORMAT, FORMAT)?;
        if format.is_some_and(|format| format < SEALED) {
            // Of another type before.
            transaction.delete_table(BARE_CHECKPOINTS)?;
        }
        write_rows(&transaction, &contents.rows(), &contents.ledger)?;
        transaction.commit()?;
    }
    Ok(contents)
}

impl Contents {
    /// Every row that there is.
    fn rows(&self) -> Rows {
        let desired = self.asked.desired.iter().map(|(mapping, desired)| (mapping.clone(), Some(desired.clone())));
        let definitions = self.asked.definitions.iter().map(|(mapping, row)| (mapping.clone(), Some(row.clone())));
        let mappings: BTreeSet<String> = self.ledger.mappings().cloned().collect();
        Rows {
            asked: Changes { desired: desired.collect(), definitions: definitions.collect() },
            streams: mappings.clone(),
            whole: mappings,
            checkpoints: BTreeSet::new(),
        }
    }
}

/// The format and what the file holds; no format when the file is new. Writes nothing. A row that is damaged is an
/// error.
pub(super) fn read(database: &Database) -> Result<(Option<u64>, Contents), Trouble> {
    let (format, contents, damaged) = read_all(database)?;
    let Some(Damage { what: first, .. }) = damaged.first() else { return Ok((format, contents)) };
    let more = match damaged.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    for Damage { what, .. } in &damaged {
        tracing::error!("in the store {what}");
    }
    Err(Trouble::Row(format!("{first}{more}")))
}

/// What is whole of a file with damaged rows: nothing of the mappings that these name.
pub(super) fn read_whole(database: &Database) -> Result<Contents, Trouble> {
    let (_, mut contents, damaged) = read_all(database)?;
    for Damage { mapping, .. } in damaged {
        contents.asked.desired.remove(&mapping);
        contents.asked.definitions.remove(&mapping);
        contents.ledger.restore(mapping, None);
    }
    Ok(contents)
}

/// A row that is not what was written.
struct Damage {
    mapping: String,
    what: String,
}

fn read_all(database: &Database) -> Result<(Option<u64>, Contents, Vec<Damage>), Trouble> {
    let transaction = &database.begin_read()?;
    let format = match transaction.open_table(META) {
        Ok(meta) => meta.get(META_FORMAT)?.map(|found| found.value()),
        Err(TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => {
            return Ok((None, Contents::default(), Vec::new()));
        }
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let format = match format {
        Some(format @ 1..=FORMAT) => format,
        Some(found) if found > FORMAT => return Err(Trouble::Newer(found)),
        Some(found) => return Err(Trouble::Damaged(format!("its format {found} is unknown"))),
        None => return Err(Trouble::Damaged("it is a database of another program".into())),
    };
    let mut reading = Reading { transaction, format, damaged: Vec::new() };
    let desired = reading.rows(DESIRED, "the desired state of")?;
    let books = if format >= 2 { reading.books()? } else { BTreeMap::new() };
    let definitions = if format >= 3 { reading.rows(DEFINITIONS, "the definition of")? } else { BTreeMap::new() };
    let damaged = reading.damaged;
    Ok((Some(format), Contents { asked: Asked { desired, definitions }, ledger: Ledger::of(books) }, damaged))
}

/// A file that is read row by row; all rows that are damaged are reported together.
struct Reading<'a> {
    transaction: &'a ReadTransaction,
    format: u64,
    damaged: Vec<Damage>,
}

impl Reading<'_> {
    /// The rows of a table that holds JSON by mapping; `what` a row is, for the error.
    fn rows<T: DeserializeOwned>(
        &mut self,
        table: TableDefinition<'_, &str, &[u8]>,
        what: &str,
    ) -> Result<BTreeMap<String, T>, Trouble> {
        let mut rows = BTreeMap::new();
        for entry in self.transaction.open_table(table)?.iter()? {
            let (key, row) = entry?;
            let mapping = key.value();
            let row = self.checked(table.name(), &[mapping], row.value());
            match row.and_then(|row| serde_json::from_slice(row).map_err(|error| error.to_string())) {
                Ok(row) => drop(rows.insert(mapping.to_owned(), row)),
                Err(reason) => {
                    let what = format!("{what} {mapping:?} cannot be read: {reason}");
                    self.damaged.push(Damage { mapping: mapping.to_owned(), what });
                }
            }
        }
        Ok(rows)
    }

    fn books(&mut self) -> Result<BTreeMap<String, Book>, Trouble> {
        let mut books = BTreeMap::new();
        for (mapping, row) in self.rows::<StreamRow>(STREAMS, "what is kept of the stream mapping")? {
            let kept = row.source.map(|source| Kept { source, checkpoints: BTreeMap::new() });
            books.insert(mapping, Book { fence: Fence(row.fence), begun: row.begun, kept });
        }
        if self.format < SEALED {
            for entry in self.transaction.open_table(BARE_CHECKPOINTS)?.iter()? {
                let (key, text) = entry?;
                self.checkpoint(&mut books, key.value(), Ok(text.value().as_bytes()));
            }
        } else {
            for entry in self.transaction.open_table(CHECKPOINTS)?.iter()? {
                let (key, row) = entry?;
                let (mapping, shard) = key.value();
                let row = self.checked(CHECKPOINTS.name(), &[mapping, shard], row.value());
                self.checkpoint(&mut books, (mapping, shard), row);
            }
        }
        Ok(books)
    }

    fn checkpoint(
        &mut self,
        books: &mut BTreeMap<String, Book>,
        (mapping, shard): (&str, &str),
        text: Result<&[u8], String>,
    ) {
        let parse = |text: &[u8]| {
            let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
            text.parse::<Checkpoint>().map_err(|error: NotACheckpoint| error.to_string())
        };
        let kept = books.get_mut(mapping).and_then(|book| book.kept.as_mut());
        let kept = kept.ok_or_else(|| "the mapping itself is not there".to_owned());
        match text.and_then(parse).and_then(|checkpoint| Ok((kept?, checkpoint))) {
            Ok((kept, checkpoint)) => drop(kept.checkpoints.insert(shard.into(), checkpoint)),
            Err(reason) => {
                let what = format!("the checkpoint of shard {shard:?} of {mapping:?} cannot be read: {reason}");
                self.damaged.push(Damage { mapping: mapping.to_owned(), what });
            }
        }
    }

    /// The row behind its checksum, where the format has one.
    fn checked<'r>(&self, table: &str, key: &[&str], row: &'r [u8]) -> Result<&'r [u8], String> {
        if self.format < SEALED {
            return Ok(row);
        }
        unseal(table, key, row).ok_or_else(|| "its checksum is wrong".to_owned())
    }
}

/// Writes rows in one transaction: all of them, or none. They are on disk when it returns.
///
/// It has two phases, as every commit that can be repaired quickly: else one that was damaged later would look like
/// one that a crash has torn, and would be dropped in silence.
pub(super) fn write(database: &Database, rows: &Rows, ledger: &Ledger) -> Result<(), Trouble> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    write_rows(&transaction, rows, ledger)?;
    transaction.commit()?;
    Ok(())
}

fn write_rows(transaction: &WriteTransaction, rows: &Rows, ledger: &Ledger) -> Result<(), Trouble> {
    write_json(transaction, DESIRED, &rows.asked.desired)?;
    write_json(transaction, DEFINITIONS, &rows.asked.definitions)?;
    let mut streams = transaction.open_table(STREAMS)?;
    for mapping in &rows.streams {
        let Some(book) = ledger.book(mapping) else {
            streams.remove(mapping.as_str())?;
            continue;
        };
        let source = book.kept.as_ref().map(|kept| kept.source.clone());
        let row = StreamRow { fence: book.fence.0, begun: book.begun, source };
        let row = seal(STREAMS.name(), &[mapping], &json(&row)?);
        streams.insert(mapping.as_str(), row.as_slice())?;
    }
    let mut checkpoints = transaction.open_table(CHECKPOINTS)?;
    let kept = |mapping: &str| ledger.book(mapping).and_then(|book| book.kept.as_ref());
    for mapping in &rows.whole {
        // No name lies between a name and the same with a zero byte.
        let after = format!("{mapping}\0");
        checkpoints.retain_in((mapping.as_str(), "")..(after.as_str(), ""), |_, _| false)?;
        for (shard, checkpoint) in kept(mapping).into_iter().flat_map(|kept| &kept.checkpoints) {
            checkpoints
                .insert((mapping.as_str(), &**shard), sealed_checkpoint(mapping, shard, checkpoint).as_slice())?;
        }
    }
    for (mapping, shard) in rows.checkpoints.iter().filter(|(mapping, _)| !rows.whole.contains(mapping)) {
        match kept(mapping).and_then(|kept| kept.checkpoints.get(shard)) {
            Some(checkpoint) => checkpoints
                .insert((mapping.as_str(), &**shard), sealed_checkpoint(mapping, shard, checkpoint).as_slice())?,
            None => checkpoints.remove((mapping.as_str(), &**shard))?,
        };
    }
    Ok(())
}

fn sealed_checkpoint(mapping: &str, shard: &str, checkpoint: &Checkpoint) -> Vec<u8> {
    seal(CHECKPOINTS.name(), &[mapping, shard], checkpoint.to_string().as_bytes())
}

fn write_json<T: Serialize>(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, &str, &[u8]>,
    rows: &BTreeMap<String, Option<T>>,
) -> Result<(), Trouble> {
    let name = table.name().to_owned();
    let mut table = transaction.open_table(table)?;
    for (mapping, row) in rows {
        match row {
            Some(row) => table.insert(mapping.as_str(), seal(&name, &[mapping], &json(row)?).as_slice())?,
            None => table.remove(mapping.as_str())?,
        };
    }
    Ok(())
}

fn json<T: Serialize>(row: &T) -> Result<Vec<u8>, Trouble> {
    Ok(serde_json::to_vec(row).map_err(io::Error::from)?)
}
