//! One round of writes: everything that waited, taken in by the ledger and written in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::Database;

use super::asked::Changes;
use super::guard::guarded;
use super::known::Known;
use super::ledger::{Book, Ledger};
use super::place::Place;
use super::tables::{self, Rows};
use super::trouble::Trouble;
use super::{Definition, Desired, Kept, StoreError};
use crate::machine::{Checkpoint, Fence, Positions};

/// What the file and the list next to it hold.
#[derive(Debug)]
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) known: Known,
}

/// Takes requests in, and remembers what they change.
pub(super) struct Round<'a> {
    state: &'a mut State,
    path: &'a Path,
    rows: Rows,
    /// The books that this round touches, as they were before it.
    before: BTreeMap<String, Option<Book>>,
    /// What the list of mappings that have begun must say after it.
    notes: BTreeMap<String, Option<String>>,
    /// The mappings of which nothing is to be left.
    forgotten: BTreeSet<String>,
}

/// How the writing went.
pub(super) struct Outcome {
    /// There was anything to write.
    wrote: bool,
    pub(super) asked: Changes,
    committed: Result<(), StoreError>,
    noted: Result<(), StoreError>,
    notes: BTreeMap<String, Option<String>>,
}

impl Outcome {
    /// How it went for one mapping.
    pub(super) fn of(&self, mapping: Option<&str>) -> Result<(), StoreError> {
        self.committed.clone()?;
        match mapping {
            Some(mapping) if self.notes.contains_key(mapping) => self.noted.clone(),
            _ => Ok(()),
        }
    }

    /// Whether the disk was written, or was to be.
    pub(super) const fn has_written(&self) -> bool {
        self.wrote
    }

    pub(super) const fn is_committed(&self) -> bool {
        self.committed.is_ok()
    }
}

impl<'a> Round<'a> {
    pub(super) fn new(state: &'a mut State, path: &'a Path) -> Self {
        Self {
            state,
            path,
            rows: Rows::default(),
            before: BTreeMap::new(),
            notes: BTreeMap::new(),
            forgotten: BTreeSet::new(),
        }
    }

    pub(super) fn desire(&mut self, mapping: String, desired: Option<Desired>) {
        self.rows.asked.desired.insert(mapping, desired);
    }

    pub(super) fn define(&mut self, mapping: String, definition: Definition, forget_desired: bool) {
        if forget_desired {
            self.desire(mapping.clone(), None);
        }
        self.rows.asked.definitions.insert(mapping, Some(definition));
    }

    pub(super) fn forget(&mut self, mapping: &str) {
        self.touch(mapping);
        self.state.ledger.restore(mapping.to_owned(), None);
        self.desire(mapping.to_owned(), None);
        self.rows.asked.definitions.insert(mapping.to_owned(), None);
        self.rows.streams.insert(mapping.to_owned());
        self.rows.whole.insert(mapping.to_owned());
        self.notes.insert(mapping.to_owned(), None);
        self.forgotten.insert(mapping.to_owned());
    }

    pub(super) fn claim(&mut self, mapping: &str, source: &str, latest: bool) -> Result<Positions, StoreError> {
        if self.is_lost(mapping, source) {
            if latest {
                return Err(StoreError::Lost { mapping: mapping.to_owned(), store: self.path.display().to_string() });
            }
            tracing::warn!(
                mapping,
                store = %self.path.display(),
                "checkpoints lost: the mapping has run before, but the store does not know it. It starts again at its \
                 StartingPosition, and records are delivered again"
            );
        }
        self.touch(mapping);
        let left = self.state.ledger.book(mapping).and_then(|book| book.kept.as_ref());
        if left.is_some_and(|kept| kept.source != source) {
            self.rows.whole.insert(mapping.to_owned());
        }
        self.rows.streams.insert(mapping.to_owned());
        Ok(self.state.ledger.claim(mapping, source))
    }

    pub(super) fn save(
        &mut self,
        mapping: &str,
        fence: Fence,
        changes: &[(Arc<str>, Option<Checkpoint>)],
    ) -> Result<(), StoreError> {
        self.touch(mapping);
        let had_begun = self.state.ledger.book(mapping).is_some_and(|book| book.begun);
        self.state.ledger.save(mapping, fence, changes)?;
        if !had_begun {
            self.rows.streams.insert(mapping.to_owned());
        }
        self.rows.checkpoints.extend(changes.iter().map(|(shard, _)| (mapping.to_owned(), Arc::clone(shard))));
        self.note_beginning(mapping);
        Ok(())
    }

    pub(super) fn replace(&mut self, mapping: &str, kept: Option<Kept>) {
        self.touch(mapping);
        let forgotten = kept.is_none();
        self.state.ledger.replace(mapping, kept);
        self.rows.streams.insert(mapping.to_owned());
        self.rows.whole.insert(mapping.to_owned());
        if forgotten {
            self.notes.insert(mapping.to_owned(), None);
        } else {
            self.note_beginning(mapping);
        }
    }

    pub(super) fn kept(&self) -> BTreeMap<String, Kept> {
        self.state.ledger.kept()
    }

    /// The mappings that have run with this store before, and that it does not know.
    pub(super) fn lost(&self) -> Vec<String> {
        let named = self.state.known.mappings().filter(|(mapping, source)| self.is_lost(mapping, source));
        named.map(|(mapping, _)| mapping.clone()).collect()
    }

    /// Writes all that was taken in. When that fails, nothing was.
    pub(super) fn write(self, database: Result<&Database, Trouble>, place: &Place) -> Outcome {
        let Self { state, path, mut rows, before, notes, forgotten } = self;
        let at_list = |error: io::Error, known: &Known| Trouble::from(error).at(known.path());
        // What is forgotten leaves the list first: the rows bring its line back, but nothing would find a line without
        // rows.
        let strikes = forgotten.iter().map(|mapping| (mapping.clone(), None)).collect();
        // Without a file there is nothing to forget in it, and the list at its place may be that of another store.
        let mut noted = match &database {
            Ok(_) => state.known.note(&strikes).map_err(|error| at_list(error, &state.known)),
            Err(_) => Ok(()),
        };
        if noted.is_err() {
            // As long as the definition is there, it will be forgotten again.
            rows.asked.definitions.retain(|mapping, change| change.is_some() || !forgotten.contains(mapping));
        }
        let wrote = !rows.is_empty();
        let write = |database| {
            guarded(|| tables::write(database, &rows, &state.ledger))?;
            // Removed in the meantime: what was written will not be found.
            place.check()
        };
        let committed = if wrote { database.and_then(write) } else { Ok(()) };
        match &committed {
            // What begins comes second: a mapping that the list names although its marks were never written would count
            // as lost.
            Ok(()) => {
                noted = noted.and_then(|()| state.known.note(&notes).map_err(|error| at_list(error, &state.known)));
            }
            Err(_) => {
                for (mapping, book) in before {
                    state.ledger.restore(mapping, book);
                }
            }
        }
        Outcome { wrote, asked: rows.asked, committed: committed.map_err(|trouble| trouble.at(path)), noted, notes }
    }

    fn is_lost(&self, mapping: &str, source: &str) -> bool {
        let named = match self.notes.get(mapping) {
            Some(noted) => noted.as_deref() == Some(source),
            None => self.state.known.names(mapping, source),
        };
        named && !self.state.ledger.has_begun(mapping, source)
    }

    /// Also when it has begun long ago: the list may have been removed or could not be written then.
    fn note_beginning(&mut self, mapping: &str) {
        let Some(kept) = self.state.ledger.book(mapping).and_then(|book| book.kept.as_ref()) else { return };
        let already = self.state.known.names(mapping, &kept.source) && !self.notes.contains_key(mapping);
        if !already {
            self.notes.insert(mapping.to_owned(), Some(kept.source.clone()));
        }
    }

    fn touch(&mut self, mapping: &str) {
        if !self.before.contains_key(mapping) {
            self.before.insert(mapping.to_owned(), self.state.ledger.book(mapping).cloned());
        }
    }
}
