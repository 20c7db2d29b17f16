//! Opens the store's file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use redb::Database;

use super::tables::{self, Contents};
use super::trouble::Trouble;

/// The tables are small and read once; redb's own default would allow a gibibyte.
const CACHE_BYTES: usize = 1024 * 1024;

/// Whether a file that does not exist is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    Made,
    Refused,
}

/// Opens the file, locks it, and reads all that it holds.
pub(super) fn open(path: &Path, absent: Absent) -> Result<(Database, Contents), Trouble> {
    let file = open_file(path, absent)?;
    let database = Database::builder().set_cache_size(CACHE_BYTES).create_file(file)?;
    let contents = tables::open(&database)?;
    Ok((database, contents))
}

fn open_file(path: &Path, absent: Absent) -> io::Result<File> {
    let make = absent == Absent::Made;
    if let Some(folder) = path.parent().filter(|folder| make && !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(make).truncate(false).open(path)
}
