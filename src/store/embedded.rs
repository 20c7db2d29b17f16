//! The store in one file, and the list of what has begun next to it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::file::{self, Opened};
use super::known::{Known, beside};
use super::round::{Round, State};
use super::trouble::Trouble;
use super::turns::Turns;
use super::verify;
use super::{Checkpoints, Definition, Definitions, Desired, DesiredStates, Kept, Store, StoreError};
use crate::machine::{Checkpoint, Fence, Positions};

/// Keeps everything in one file, which it holds locked. Every write is on disk when its future ends; writes that come
/// together share a transaction, and reads of desired states and definitions never touch the disk.
///
/// Next to the file is a list, `FILE.known`, of the stream mappings that have begun: it distinguishes a store that was
/// lost from one that is new.
#[derive(Debug)]
pub struct EmbeddedStore {
    pub(super) turns: Arc<Turns>,
}

impl EmbeddedStore {
    /// Opens the store, or makes it together with its folder. A store of an older format is brought to the newest.
    ///
    /// # Errors
    /// When the file is in use, of a newer format, damaged, or cannot be opened and written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let Opened { database, contents, place } = file::open(path).map_err(|trouble| trouble.at(path))?;
        let list = beside(path);
        let at_list = |trouble: Trouble| trouble.at(&list);
        let mut known = Known::read(list.clone()).map_err(at_list)?;
        // What an interrupted beginning or a removed list has left out.
        let begun = contents.ledger.kept().into_iter().map(|(mapping, kept)| (mapping, Some(kept.source))).collect();
        known.note(&begun).map_err(|error| at_list(error.into()))?;
        let state = State { ledger: contents.ledger, known };
        Ok(Self { turns: Arc::new(Turns::new(path, place, database, state, contents.asked)) })
    }

    /// What is whole in a store that is refused as damaged: nothing of the mappings whose rows are damaged. The file is
    /// only read.
    ///
    /// # Errors
    /// When nothing of it can be read.
    pub fn rescue(path: &Path) -> Result<Rescued, StoreError> {
        let contents = File::open(path).map_err(Trouble::from).and_then(|file| verify::rescue(&file));
        let contents = contents.map_err(|trouble| trouble.at(path))?;
        Ok(Rescued { kept: contents.ledger.kept(), definitions: contents.asked.definitions })
    }

    /// The store's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.turns.path
    }

    /// The mappings that have run with a store of this path before, and that this one does not know.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn lost(&self) -> Result<Vec<String>, StoreError> {
        self.submit(None, |round| Ok(round.lost())).await
    }

    /// Has `work` done in the next round. The answer comes when its changes (those of `mapping`) are on disk.
    fn submit<T: Send + 'static>(
        &self,
        mapping: Option<&str>,
        work: impl FnOnce(&mut Round<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        Arc::clone(&self.turns).submit(mapping.map(str::to_owned), work).boxed()
    }
}

/// What was whole in a damaged store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescued {
    /// What is kept of stream mappings, by name.
    pub kept: BTreeMap<String, Kept>,
    /// What was made through the AWS API, by name.
    pub definitions: BTreeMap<String, Definition>,
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.turns.close();
    }
}

impl DesiredStates for EmbeddedStore {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        ready(Ok(self.turns.desired(mapping))).boxed()
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        self.submit(None, move |round| {
            round.desire(mapping, desired);
            Ok(())
        })
    }
}

impl Checkpoints for EmbeddedStore {
    fn claim(&self, mapping: &str, source: &str, latest: bool) -> BoxFuture<'_, Result<Positions, StoreError>> {
        let (name, source) = (mapping.to_owned(), source.to_owned());
        self.submit(Some(mapping), move |round| round.claim(&name, &source, latest))
    }

    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let name = mapping.to_owned();
        self.submit(Some(mapping), move |round| round.save(&name, fence, &changes))
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeMap<String, Kept>, StoreError>> {
        self.submit(None, |round| Ok(round.kept()))
    }

    fn replace_kept(&self, mapping: &str, kept: Option<Kept>) -> BoxFuture<'_, Result<(), StoreError>> {
        let name = mapping.to_owned();
        self.submit(Some(mapping), move |round| {
            round.replace(&name, kept);
            Ok(())
        })
    }
}

impl Definitions for EmbeddedStore {
    fn definitions(&self) -> BoxFuture<'_, Result<BTreeMap<String, Definition>, StoreError>> {
        ready(Ok(self.turns.definitions())).boxed()
    }

    fn define(
        &self,
        mapping: &str,
        definition: Definition,
        forget_desired: bool,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        self.submit(None, move |round| {
            round.define(mapping, definition, forget_desired);
            Ok(())
        })
    }

    fn forget(&self, mapping: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        let name = mapping.to_owned();
        self.submit(Some(mapping), move |round| {
            round.forget(&name);
            Ok(())
        })
    }
}

impl Store for EmbeddedStore {
    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let turns = Arc::clone(&self.turns);
        // A disk may take its time also for that.
        Box::pin(async move { tokio::task::spawn_blocking(move || turns.check()).await.unwrap_or(Ok(())) })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use redb::{Database, TableDefinition};

    use super::*;
    use crate::store::FileError;

    const STOPPED: Desired = Desired { enabled: false, file_enabled: true, since_unix_ms: 1_760_000_000_000 };

    fn refused(path: &Path) -> StoreError {
        EmbeddedStore::open(path).map(|_| ()).unwrap_err()
    }

    #[tokio::test]
    async fn a_desired_state_outlives_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/forebay.redb");
        let store = EmbeddedStore::open(&path).unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), None);
        store.set_desired("orders", Some(STOPPED)).await.unwrap();
        store.set_desired("gone", Some(STOPPED)).await.unwrap();
        store.set_desired("gone", None).await.unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), Some(STOPPED));
        drop(store);
        let store = EmbeddedStore::open(&path).unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), Some(STOPPED));
        assert_eq!(store.desired("gone").await.unwrap(), None);
    }

    #[test]
    fn an_empty_file_becomes_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forebay.redb");
        File::create(&path).unwrap();
        drop(EmbeddedStore::open(&path).unwrap());
        EmbeddedStore::open(&path).unwrap();
    }

    #[test]
    fn a_second_opener_is_told_that_it_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forebay.redb");
        let _held = EmbeddedStore::open(&path).unwrap();
        let error = refused(&path);
        assert!(matches!(error, StoreError::File(FileError::Locked { .. })), "{error}");
        assert!(error.to_string().contains("forebay.redb is in use by another process"), "{error}");
    }

    #[test]
    fn foreign_and_damaged_files_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        fs::write(&text, "these are my notes, not a store\n".repeat(400)).unwrap();
        let before = fs::read(&text).unwrap();
        let error = refused(&text);
        assert!(matches!(error, StoreError::File(FileError::Damaged { .. })), "{error}");
        assert_eq!(fs::read(&text).unwrap(), before);

        let short = folder.path().join("short");
        fs::write(&short, "x").unwrap();
        let error = refused(&short);
        assert!(matches!(error, StoreError::File(FileError::Damaged { .. })), "{error}");

        let cut = folder.path().join("cut.redb");
        drop(EmbeddedStore::open(&cut).unwrap());
        OpenOptions::new().write(true).open(&cut).unwrap().set_len(5000).unwrap();
        let error = refused(&cut);
        assert!(matches!(error, StoreError::File(FileError::Damaged { .. })), "{error}");

        let foreign = folder.path().join("foreign.redb");
        let database = Database::create(&foreign).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap();
        transaction.commit().unwrap();
        drop(database);
        let error = refused(&foreign);
        assert!(error.to_string().contains("a database of another program"), "{error}");
    }

    #[test]
    fn no_damage_makes_opening_panic() {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole.redb");
        drop(EmbeddedStore::open(&whole).unwrap());
        let bytes = fs::read(&whole).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let damaged = folder.path().join("damaged.redb");
        for _ in 0..200 {
            let mut copy = bytes.clone();
            if random.bool() {
                copy.truncate(random.usize(1..bytes.len()));
            }
            for _ in 0..random.usize(1..64) {
                // Most of the file is free space; its beginning is what counts.
                let end = if random.bool() { 512.min(copy.len()) } else { copy.len() };
                copy[random.usize(0..end)] = random.u8(..);
            }
            fs::write(&damaged, copy).unwrap();
            // What was hit may have been free space: opening may succeed, too.
            if let Err(error) = EmbeddedStore::open(&damaged) {
                assert!(!matches!(error, StoreError::File(FileError::Locked { .. })), "{error}");
            }
        }
    }

    #[test]
    fn a_folder_that_cannot_hold_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        File::create(&file).unwrap();
        let error = refused(&file.join("forebay.redb"));
        assert!(matches!(error, StoreError::File(FileError::Io { .. })), "{error}");
        let error = refused(folder.path());
        assert!(matches!(error, StoreError::File(FileError::Io { .. })), "{error}");
        // /proc takes no files, not even from root.
        let error = refused(Path::new("/proc/forebay.redb"));
        assert!(matches!(error, StoreError::File(FileError::Io { .. })), "{error}");
    }
}
