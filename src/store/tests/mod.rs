//! The store in a file, with streams: over restarts, side by side, and when it is lost.

mod broken;
mod lost;
mod restarts;
mod together;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::EmbeddedStore;
use crate::machine::Mark;

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

fn after(sequence: &str) -> Mark {
    Mark::After(sequence.into())
}

fn change(shard: &str, mark: Mark) -> (Arc<str>, Option<Mark>) {
    (shard.into(), Some(mark))
}
