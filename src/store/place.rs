//! Whether the open file still stands at its path: what is written to a file that was removed is lost with the process.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::trouble::Trouble;

/// A path, and the file that stood there when it was opened.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    id: (u64, u64),
    /// Holds the file's number, so that no other file can get it while the database is closed in between.
    _witness: File,
}

impl Place {
    /// The place of a file that was just opened at that path.
    pub(super) fn of(path: &Path, file: &File) -> Result<Self, Trouble> {
        // Opened for itself: a copy of the handle would share the lock of the database.
        let witness = File::open(path)?;
        let id = id(&witness.metadata()?);
        if id != self::id(&file.metadata()?) {
            return Err(Trouble::Replaced);
        }
        Ok(Self { path: path.to_owned(), id, _witness: witness })
    }

    /// Whether the same file is there.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        match fs::metadata(&self.path) {
            Ok(found) if id(&found) == self.id => Ok(()),
            Ok(_) => Err(Trouble::Replaced),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Err(Trouble::Removed)
            }
            // It cannot be seen, which does not say that it is gone: the write itself will say what is wrong.
            Err(_) => Ok(()),
        }
    }

    /// Whether that open file is the one that stood there.
    pub(super) fn holds(&self, file: &File) -> Result<(), Trouble> {
        if id(&file.metadata()?) == self.id { Ok(()) } else { Err(Trouble::Replaced) }
    }
}

fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_missed_when_it_is_gone_or_another_and_found_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, aside) = (folder.path().join("state"), folder.path().join("aside"));
        fs::create_dir(&inner).unwrap();
        let path = inner.join("f.redb");
        let file = File::create(&path).unwrap();
        let place = Place::of(&path, &file).unwrap();
        place.check().unwrap();
        fs::rename(&inner, &aside).unwrap();
        assert!(matches!(place.check(), Err(Trouble::Removed)), "its folder is gone");
        fs::write(&inner, "a file in place of the folder").unwrap();
        assert!(matches!(place.check(), Err(Trouble::Removed)));
        fs::remove_file(&inner).unwrap();
        fs::rename(&aside, &inner).unwrap();
        place.check().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(matches!(place.check(), Err(Trouble::Removed)));
        drop(file);
        let other = File::create(&path).unwrap();
        assert!(matches!(place.check(), Err(Trouble::Replaced)));
        assert!(matches!(place.holds(&other), Err(Trouble::Replaced)));
    }
}
