//! The store in a file, with streams and definitions: over restarts and upgrades, side by side, and when it is lost.

mod broken;
mod definitions;
mod flips;
mod formats;
mod lost;
mod restarts;
mod together;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::known::beside;
use super::{Definition, EmbeddedStore};
use crate::machine::Checkpoint;

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
const OTHER: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/others";

/// A folder, and the store's file in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forebay.redb");
    (folder, path)
}

fn open(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(path).unwrap()
}

fn after(sequence: &str) -> Checkpoint {
    Checkpoint::After(sequence.into())
}

fn change(shard: &str, checkpoint: Checkpoint) -> (Arc<str>, Option<Checkpoint>) {
    (shard.into(), Some(checkpoint))
}

/// A definition that holds its name.
fn definition(name: &str) -> Definition {
    let parameters = [("FunctionName".to_owned(), name.into())].into_iter().collect();
    Definition { parameters, modified_unix_ms: 1_760_000_000_123, deleting: false }
}
