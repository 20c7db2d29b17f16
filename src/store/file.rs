//! Opens the store's file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use redb::Database;

use super::guard::guarded;
use super::place::Place;
use super::tables::{self, Contents};
use super::trouble::Trouble;
use super::verify::verify;

/// The tables are small and read once; redb's own default would allow a gibibyte.
pub(super) const CACHE_BYTES: usize = 1024 * 1024;

/// A file that is open, and locked.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) contents: Contents,
    pub(super) place: Place,
}

/// Opens the file, locks it, checks it, and reads all that it holds. It is made where it does not exist.
pub(super) fn open(path: &Path) -> Result<Opened, Trouble> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let file = open_file(path, true)?;
    let place = Place::of(path, &file)?;
    let (database, contents) = take(file)?;
    Ok(Opened { database, contents, place })
}

/// Opens the very file again that stood at a place.
pub(super) fn open_again(path: &Path, place: &Place) -> Result<(Database, Contents), Trouble> {
    place.check()?;
    let file = open_file(path, false)?;
    place.holds(&file)?;
    take(file)
}

fn open_file(path: &Path, make: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(make).truncate(false).open(path)
}

fn take(file: File) -> Result<(Database, Contents), Trouble> {
    // Before it is looked at: another process may be writing it.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(Trouble::Locked);
    }
    verify(&file)?;
    guarded(|| {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create_file(file)?;
        let contents = tables::open(&database)?;
        Ok((database, contents))
    })
}
