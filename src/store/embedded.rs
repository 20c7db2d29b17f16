//! The store in one file beside the process.
//!
//! One table for each thing that is kept, and a table `meta` with the number of the format. Another
//! kind of thing is another table: an older program never meets it, because it refuses the newer format.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::future::{BoxFuture, ready};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::trouble::Trouble;
use super::{Desired, Kept, MemoryStore, Store, StoreError};
use crate::machine::{Fence, Mark, Positions};

/// The newest format that this program reads and the one that it writes.
pub(super) const FORMAT: u64 = 1;
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const META_FORMAT: &str = "format";
/// Mapping name to a [`Desired`] as JSON.
const DESIRED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("desired");

/// The tables are small and read once; redb's own default would allow a gibibyte.
const CACHE_BYTES: usize = 1024 * 1024;

/// Keeps everything in one file, which it holds locked. Every write is on disk when it returns; reads never
/// touch the disk.
#[derive(Debug)]
pub struct EmbeddedStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    database: Database,
    desired: RwLock<BTreeMap<String, Desired>>,
    marks: MemoryStore,
    /// Held from a write's begin until the cache shows it, so that the cache never falls behind the file.
    turn: Mutex<()>,
}

impl EmbeddedStore {
    /// Opens the store, or makes it together with its folder.
    ///
    /// # Errors
    /// When the file is in use, of a newer format, damaged, or cannot be opened and written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        match Inner::open(path) {
            Ok(inner) => Ok(Self { inner: Arc::new(inner) }),
            Err(trouble) => Err(trouble.at(path)),
        }
    }

    /// The store's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

impl Inner {
    fn open(path: &Path) -> Result<Self, Trouble> {
        let file = open_file(path)?;
        let database = Database::builder().set_cache_size(CACHE_BYTES).create_file(file)?;
        let desired = match read(&database)? {
            Some(desired) => desired,
            None => {
                initialise(&database)?;
                BTreeMap::new()
            }
        };
        Ok(Self {
            path: path.to_owned(),
            database,
            desired: RwLock::new(desired),
            marks: MemoryStore::new(),
            turn: Mutex::new(()),
        })
    }

    fn write(&self, mapping: &str, wish: Option<Desired>) -> Result<(), Trouble> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(DESIRED)?;
            match &wish {
                Some(wish) => table.insert(mapping, serde_json::to_vec(wish).map_err(io::Error::from)?.as_slice())?,
                None => table.remove(mapping)?,
            };
        }
        transaction.commit()?;
        let mut cached = self.desired.write().unwrap_or_else(PoisonError::into_inner);
        match wish {
            Some(wish) => cached.insert(mapping.to_owned(), wish),
            None => cached.remove(mapping),
        };
        Ok(())
    }
}

impl Store for EmbeddedStore {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        let cached = self.inner.desired.read().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(cached.get(mapping).cloned())))
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        let inner = Arc::clone(&self.inner);
        let mapping = mapping.to_owned();
        Box::pin(async move {
            let path = inner.path.clone();
            let write = move || inner.write(&mapping, desired).map_err(|trouble| trouble.at(&inner.path));
            // A panic in there is redb's; it ends the write, not the process.
            tokio::task::spawn_blocking(write).await.unwrap_or_else(|panic| Err(Trouble::from(panic).at(&path)))
        })
    }

    fn claim(&self, mapping: &str, source: &str) -> BoxFuture<'_, Result<Positions, StoreError>> {
        self.inner.marks.claim(mapping, source)
    }

    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Mark>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.marks.save(mapping, fence, changes)
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeMap<String, Kept>, StoreError>> {
        self.inner.marks.kept()
    }

    fn replace_kept(&self, mapping: &str, kept: Option<Kept>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.marks.replace_kept(mapping, kept)
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// What the file holds, or `None` when it is new.
fn read(database: &Database) -> Result<Option<BTreeMap<String, Desired>>, Trouble> {
    let transaction = database.begin_read()?;
    let format = match transaction.open_table(META) {
        Ok(meta) => meta.get(META_FORMAT)?.map(|found| found.value()),
        Err(TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => return Ok(None),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    match format {
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => return Err(Trouble::Newer(found)),
        Some(found) => return Err(Trouble::Damaged(format!("its format {found} is none that ever was"))),
        None => return Err(Trouble::Damaged("it is a database of another program".into())),
    }
    let mut desired = BTreeMap::new();
    for entry in transaction.open_table(DESIRED)?.iter()? {
        let (mapping, wish) = entry?;
        let mapping = mapping.value().to_owned();
        let wish = serde_json::from_slice(wish.value())
            .map_err(|error| Trouble::Damaged(format!("the wish for {mapping:?} cannot be read: {error}")))?;
        desired.insert(mapping, wish);
    }
    Ok(Some(desired))
}

fn initialise(database: &Database) -> Result<(), Trouble> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(META_FORMAT, FORMAT)?;
    transaction.open_table(DESIRED)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPPED: Desired = Desired { enabled: false, file_enabled: true, since_unix_ms: 1_760_000_000_000 };

    fn refused(path: &Path) -> StoreError {
        EmbeddedStore::open(path).map(|_| ()).unwrap_err()
    }

    #[tokio::test]
    async fn a_wish_outlives_the_store() {
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
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
        assert!(error.to_string().contains("forebay.redb is in use by another process"), "{error}");
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forebay.redb");
        drop(EmbeddedStore::open(&path).unwrap());
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert(META_FORMAT, 7).unwrap();
        transaction.commit().unwrap();
        drop(database);
        for _ in 0..2 {
            let error = refused(&path);
            assert!(matches!(error, StoreError::Newer { found: 7, known: FORMAT, .. }), "{error}");
        }
    }

    #[test]
    fn foreign_and_damaged_files_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        fs::write(&text, "these are my notes, not a store\n".repeat(400)).unwrap();
        let before = fs::read(&text).unwrap();
        let error = refused(&text);
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&text).unwrap(), before);

        let short = folder.path().join("short");
        fs::write(&short, "x").unwrap();
        let error = refused(&short);
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");

        let cut = folder.path().join("cut.redb");
        drop(EmbeddedStore::open(&cut).unwrap());
        OpenOptions::new().write(true).open(&cut).unwrap().set_len(5000).unwrap();
        let error = refused(&cut);
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");

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
                assert!(!matches!(error, StoreError::Locked { .. }), "{error}");
            }
        }
    }

    #[test]
    fn a_wish_that_cannot_be_read_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forebay.redb");
        drop(EmbeddedStore::open(&path).unwrap());
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(DESIRED).unwrap().insert("orders", b"{".as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(database);
        let error = refused(&path);
        assert!(error.to_string().contains("the wish for \"orders\" cannot be read"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_hold_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        File::create(&file).unwrap();
        let error = refused(&file.join("forebay.redb"));
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        let error = refused(folder.path());
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        // /proc takes no files, not even from root.
        let error = refused(Path::new("/proc/forebay.redb"));
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
}
