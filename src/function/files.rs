//! Files that others replace while forebay runs: secrets and certificates.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What changes when a file is replaced or written: device, inode, length, and the time of its last change.
pub(crate) type Stamp = (u64, u64, u64, i64, i64);

/// The stamp of a file; of what it points to, where it is a link. A pipe would keep its reader waiting.
pub(crate) async fn stamp(file: &Path) -> io::Result<Stamp> {
    let found = tokio::fs::metadata(file).await?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}
