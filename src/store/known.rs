//! The list of stream mappings that have begun, in a small file next to the store.
//!
//! It distinguishes a store that was lost (moved away, restored empty, damaged and replaced) from one that is new: a
//! mapping that begins at LATEST must not silently skip what arrived meanwhile.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::trouble::Trouble;

const FORMAT: u64 = 1;

/// The list, as it is on disk.
#[derive(Debug)]
pub(super) struct Known {
    path: PathBuf,
    sources: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u64,
    /// Mapping name to the ARN of the stream that it has begun to read.
    mappings: BTreeMap<String, String>,
}

/// The list's file for a store's file.
pub(super) fn beside(store: &Path) -> PathBuf {
    with_suffix(store, ".known")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text = OsString::from(path);
    text.push(suffix);
    text.into()
}

impl Known {
    /// Reads the list; an absent file is an empty one.
    pub(super) fn read(path: PathBuf) -> Result<Self, Trouble> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, sources: BTreeMap::new() });
            }
            Err(error) => return Err(error.into()),
        };
        let refused =
            |why: &str| Trouble::Damaged(format!("it is no list of the mappings that have begun that we know ({why})"));
        let document: Document = serde_json::from_slice(&text).map_err(|error| refused(&error.to_string()))?;
        if document.format != FORMAT {
            return Err(refused(&format!("format {}", document.format)));
        }
        Ok(Self { path, sources: document.mappings })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the mapping has begun to read that source.
    pub(super) fn names(&self, mapping: &str, source: &str) -> bool {
        self.sources.get(mapping).is_some_and(|known| known == source)
    }

    /// Every mapping that is named.
    pub(super) fn mappings(&self) -> impl Iterator<Item = (&String, &String)> {
        self.sources.iter()
    }

    /// Names mappings (`None` strikes one off). It is on disk, whole, before this returns; if it cannot be written,
    /// nothing has changed.
    pub(super) fn note(&mut self, changes: &BTreeMap<String, Option<String>>) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut mappings = self.sources.clone();
        for (mapping, source) in changes {
            match source {
                Some(source) => mappings.insert(mapping.clone(), source.clone()),
                None => mappings.remove(mapping),
            };
        }
        if mappings == self.sources {
            return Ok(());
        }
        let document = Document { format: FORMAT, mappings };
        replace_file(&self.path, &serde_json::to_vec_pretty(&document)?)?;
        self.sources = document.mappings;
        Ok(())
    }
}

/// Puts a file in place that is either the old one or the new one at any time, even after a crash.
fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let fresh = with_suffix(path, ".new");
    let mut file = File::create(&fresh)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // The rename itself is durable with the folder.
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(mapping: &str, source: Option<&str>) -> BTreeMap<String, Option<String>> {
        [(mapping.to_owned(), source.map(str::to_owned))].into()
    }

    #[test]
    fn names_outlive_the_process_and_can_be_struck_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("forebay.redb"));
        assert_eq!(path, folder.path().join("forebay.redb.known"));
        let mut known = Known::read(path.clone()).unwrap();
        known.note(&begun("orders", Some("arn:a"))).unwrap();
        known.note(&begun("clicks", Some("arn:b"))).unwrap();
        let mut known = Known::read(path.clone()).unwrap();
        assert!(known.names("orders", "arn:a") && known.names("clicks", "arn:b"));
        assert!(!known.names("orders", "arn:b"), "another stream is another beginning");
        known.note(&begun("orders", None)).unwrap();
        let known = Known::read(path).unwrap();
        assert_eq!(known.mappings().collect::<Vec<_>>(), [(&"clicks".to_owned(), &"arn:b".to_owned())]);
    }

    #[test]
    fn the_old_list_stays_whole_while_the_new_one_cannot_be_put_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known");
        let mut known = Known::read(path.clone()).unwrap();
        known.note(&begun("orders", Some("arn:a"))).unwrap();
        let before = fs::read(&path).unwrap();
        // A folder in the place of the new file stands for a full or broken disk.
        let obstacle = folder.path().join("known.new");
        fs::create_dir(&obstacle).unwrap();
        known.note(&begun("clicks", Some("arn:b"))).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(!known.names("clicks", "arn:b"), "what is not on disk is not known");
        fs::remove_dir(&obstacle).unwrap();
        // What a crash has left of an earlier try is overwritten.
        fs::write(&obstacle, "{\"form").unwrap();
        known.note(&begun("clicks", Some("arn:b"))).unwrap();
        assert!(Known::read(path).unwrap().names("clicks", "arn:b"));
        assert!(!obstacle.exists());
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known");
        let mut known = Known::read(path.clone()).unwrap();
        known.note(&begun("orders", None)).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known");
        for text in ["", "{", "[]", r#"{"format":2,"mappings":{}}"#, r#"{"format":1,"mappings":{"a":1}}"#] {
            fs::write(&path, text).unwrap();
            let trouble = Known::read(path.clone()).unwrap_err();
            assert!(matches!(trouble, Trouble::Damaged(_)), "{text}: {trouble}");
        }
        assert!(matches!(Known::read(folder.path().to_owned()).unwrap_err(), Trouble::Io(_)));
    }
}
