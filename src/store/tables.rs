//! The tables of the store's file.
//!
//! One table for each thing that is kept, and a table `meta` with the number of the format. Another
//! kind of thing is another table: an older program never meets it, because it refuses the newer format.
//!
//! | format | tables |
//! |---|---|
//! | 1 | `desired` |
//! | 2 | and `streams`, `marks` |

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::ledger::{Book, Ledger};
use super::trouble::Trouble;
use super::{Desired, Kept};
use crate::machine::{Fence, NotAMark};

/// The newest format that this program reads and the one that it writes.
pub(super) const FORMAT: u64 = 2;
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const META_FORMAT: &str = "format";
/// Mapping name to a [`Desired`] as JSON.
pub(super) const DESIRED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("desired");
/// Mapping name to a [`StreamRow`] as JSON.
pub(super) const STREAMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("streams");
/// Mapping name and shard to the text form of a mark.
pub(super) const MARKS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("marks");

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
    pub(super) desired: BTreeMap<String, Desired>,
    pub(super) ledger: Ledger,
}

/// What is to be written: which rows; their values stand in the ledger by then.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) wishes: BTreeMap<String, Option<Desired>>,
    /// Mappings whose row in `streams` has changed.
    pub(super) streams: BTreeSet<String>,
    /// Mappings of which every mark is written anew.
    pub(super) whole: BTreeSet<String>,
    /// Single marks, by mapping and shard.
    pub(super) marks: BTreeSet<(String, Arc<str>)>,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.wishes.is_empty() && self.streams.is_empty() && self.whole.is_empty() && self.marks.is_empty()
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
    let desired = read_wishes(transaction)?;
    let books = if format == Some(1) { BTreeMap::new() } else { read_books(transaction)? };
    Ok((format, Contents { desired, ledger: Ledger::of(books) }))
}

fn read_wishes(transaction: &ReadTransaction) -> Result<BTreeMap<String, Desired>, Trouble> {
    let mut desired = BTreeMap::new();
    for entry in transaction.open_table(DESIRED)?.iter()? {
        let (mapping, wish) = entry?;
        let mapping = mapping.value().to_owned();
        let wish = serde_json::from_slice(wish.value())
            .map_err(|error| Trouble::Damaged(format!("the wish for {mapping:?} cannot be read: {error}")))?;
        desired.insert(mapping, wish);
    }
    Ok(desired)
}

fn read_books(transaction: &ReadTransaction) -> Result<BTreeMap<String, Book>, Trouble> {
    let mut books = BTreeMap::new();
    for entry in transaction.open_table(STREAMS)?.iter()? {
        let (mapping, row) = entry?;
        let mapping = mapping.value().to_owned();
        let row: StreamRow = serde_json::from_slice(row.value()).map_err(|error| {
            Trouble::Damaged(format!("what is kept of the stream mapping {mapping:?} cannot be read: {error}"))
        })?;
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
    let mut desired = transaction.open_table(DESIRED)?;
    for (mapping, wish) in &rows.wishes {
        match wish {
            Some(wish) => desired.insert(mapping.as_str(), json(wish)?.as_slice())?,
            None => desired.remove(mapping.as_str())?,
        };
    }
    let mut streams = transaction.open_table(STREAMS)?;
    for mapping in &rows.streams {
        let Some(book) = ledger.book(mapping) else { continue };
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

fn json<T: Serialize>(row: &T) -> Result<Vec<u8>, Trouble> {
    Ok(serde_json::to_vec(row).map_err(io::Error::from)?)
}
