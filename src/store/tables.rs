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

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Kept;
use super::asked::{Asked, Changes};
use super::ledger::{Book, Ledger};
use super::trouble::Trouble;
use crate::machine::{Fence, NotAMark};

/// The newest format that this program reads and the one that it writes.
pub(super) const FORMAT: u64 = 3;
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const META_FORMAT: &str = "format";
/// Mapping name to a [`Desired`](super::Desired) as JSON.
pub(super) const DESIRED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("desired");
/// Mapping name to a [`StreamRow`] as JSON.
pub(super) const STREAMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("streams");
/// Mapping name and shard to the text form of a mark.
pub(super) const MARKS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("marks");

/// Mapping name to a [`Definition`](super::Definition) as JSON.
pub(super) const DEFINITIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("definitions");

/// A mapping's [`Book`] without its marks.
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
    /// Mappings of which every mark is written anew.
    pub(super) whole: BTreeSet<String>,
    /// Single marks, by mapping and shard.
    pub(super) marks: BTreeSet<(String, Arc<str>)>,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.streams.is_empty() && self.whole.is_empty() && self.marks.is_empty()
    }
}

/// Reads the file; a new one is made a store, and one of an older format is brought to ours.
pub(super) fn open(database: &Database) -> Result<Contents, Trouble> {
    let (format, contents) = read(&database.begin_read()?)?;
    if format != Some(FORMAT) {
        let transaction = database.begin_write()?;
        transaction.open_table(META)?.insert(META_FORMAT, FORMAT)?;
        transaction.open_table(DESIRED)?;
        transaction.open_table(STREAMS)?;
        transaction.open_table(MARKS)?;
        transaction.open_table(DEFINITIONS)?;
        transaction.commit()?;
    }
    Ok(contents)
}

/// The format and what the file holds; no format when the file is new.
fn read(transaction: &ReadTransaction) -> Result<(Option<u64>, Contents), Trouble> {
    let format = match transaction.open_table(META) {
        Ok(meta) => meta.get(META_FORMAT)?.map(|found| found.value()),
        Err(TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => {
            return Ok((None, Contents::default()));
        }
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    match format {
        Some(1..=FORMAT) => {}
        Some(found) if found > FORMAT => return Err(Trouble::Newer(found)),
        Some(found) => return Err(Trouble::Damaged(format!("its format {found} is none that ever was"))),
        None => return Err(Trouble::Damaged("it is a database of another program".into())),
    }
    let has = |since: u64| format >= Some(since);
    let desired = read_rows(transaction, DESIRED, "the wish for")?;
    let books = if has(2) { read_books(transaction)? } else { BTreeMap::new() };
    let definitions = if has(3) { read_rows(transaction, DEFINITIONS, "the definition of")? } else { BTreeMap::new() };
    Ok((format, Contents { asked: Asked { desired, definitions }, ledger: Ledger::of(books) }))
}

/// The rows of a table that holds JSON by mapping; `what` a row is, for the error.
fn read_rows<T: DeserializeOwned>(
    transaction: &ReadTransaction,
    table: TableDefinition<'_, &str, &[u8]>,
    what: &str,
) -> Result<BTreeMap<String, T>, Trouble> {
    let mut rows = BTreeMap::new();
    for entry in transaction.open_table(table)?.iter()? {
        let (mapping, row) = entry?;
        let mapping = mapping.value().to_owned();
        let row = serde_json::from_slice(row.value())
            .map_err(|error| Trouble::Damaged(format!("{what} {mapping:?} cannot be read: {error}")))?;
        rows.insert(mapping, row);
    }
    Ok(rows)
}

fn read_books(transaction: &ReadTransaction) -> Result<BTreeMap<String, Book>, Trouble> {
    let mut books = BTreeMap::new();
    for (mapping, row) in read_rows::<StreamRow>(transaction, STREAMS, "what is kept of the stream mapping")? {
        let kept = row.source.map(|source| Kept { source, marks: BTreeMap::new() });
        books.insert(mapping, Book { fence: Fence(row.fence), begun: row.begun, kept });
    }
    for entry in transaction.open_table(MARKS)?.iter()? {
        let (key, text) = entry?;
        let (mapping, shard) = key.value();
        let damaged = |reason: &str| {
            Trouble::Damaged(format!("the mark of shard {shard:?} of {mapping:?} cannot be read: {reason}"))
        };
        let mark = text.value().parse().map_err(|error: NotAMark| damaged(&error.to_string()))?;
        let kept = books.get_mut(mapping).and_then(|book| book.kept.as_mut());
        kept.ok_or_else(|| damaged("the mapping itself is not there"))?.marks.insert(shard.into(), mark);
    }
    Ok(books)
}

/// Writes rows in one transaction: all of them, or none. They are on disk when it returns.
pub(super) fn write(database: &Database, rows: &Rows, ledger: &Ledger) -> Result<(), Trouble> {
    let transaction = database.begin_write()?;
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
        streams.insert(mapping.as_str(), json(&row)?.as_slice())?;
    }
    let mut marks = transaction.open_table(MARKS)?;
    let kept = |mapping: &str| ledger.book(mapping).and_then(|book| book.kept.as_ref());
    for mapping in &rows.whole {
        // No name lies between a name and the same with a zero byte.
        let after = format!("{mapping}\0");
        marks.retain_in((mapping.as_str(), "")..(after.as_str(), ""), |_, _| false)?;
        for (shard, mark) in kept(mapping).into_iter().flat_map(|kept| &kept.marks) {
            marks.insert((mapping.as_str(), &**shard), mark.to_string().as_str())?;
        }
    }
    for (mapping, shard) in rows.marks.iter().filter(|(mapping, _)| !rows.whole.contains(mapping)) {
        match kept(mapping).and_then(|kept| kept.marks.get(shard)) {
            Some(mark) => marks.insert((mapping.as_str(), &**shard), mark.to_string().as_str())?,
            None => marks.remove((mapping.as_str(), &**shard))?,
        };
    }
    Ok(())
}

fn write_json<T: Serialize>(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, &str, &[u8]>,
    rows: &BTreeMap<String, Option<T>>,
) -> Result<(), Trouble> {
    let mut table = transaction.open_table(table)?;
    for (mapping, row) in rows {
        match row {
            Some(row) => table.insert(mapping.as_str(), json(row)?.as_slice())?,
            None => table.remove(mapping.as_str())?,
        };
    }
    Ok(())
}

fn json<T: Serialize>(row: &T) -> Result<Vec<u8>, Trouble> {
    Ok(serde_json::to_vec(row).map_err(io::Error::from)?)
}
