//! Checks a store's file before it is used, on a copy in memory: the file itself is left as it was found.
//!
//! The embedded database keeps a checksum of every page and every commit, but looks at them only after a crash. Where
//! they are wrong then, it goes back to the commit before in silence. Here they are looked at each time, and what is
//! wrong is an error.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend};
use xxhash_rust::xxh3::xxh3_128;

use super::file::CACHE_BYTES;
use super::guard::guarded;
use super::tables::{self, Contents};
use super::trouble::Trouble;

/// A larger file is no store of ours, or not one that can be copied.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Where the database's header has its flags, and what they mean.
const FLAGS: usize = 9;
const PRIMARY: u8 = 1;
const OPEN: u8 = 2;
const TWO_PHASES: u8 = 4;
/// The two commits that the header has room for, each with its checksum at its end.
const COMMITS: [usize; 2] = [64, 192];
const COMMIT_BYTES: usize = 128;
const COMMIT_NUMBER: usize = 104;
const CHECKSUM_BYTES: usize = 16;

/// Refuses a damaged file, and names the rows that are damaged.
pub(super) fn verify(file: &File) -> Result<(), Trouble> {
    let Some(mut bytes) = copy(file)? else { return Ok(()) };
    let header = Header::of(&bytes);
    if let Some(header) = &header {
        header.check()?;
        if header.has_newer_commit() {
            bytes[FLAGS] &= !TWO_PHASES;
        }
    }
    if let Err(trouble) = guarded(|| examine(&bytes)) {
        let named = guarded(|| tables::read(&shown(&mut bytes)?).map(drop));
        let named = named.err().filter(|named| matches!(named, Trouble::Row(_)));
        return Err(named.unwrap_or(match trouble {
            Trouble::Panicked(said) => Trouble::Damaged(format!("the embedded database broke on it: {said}")),
            trouble => trouble,
        }));
    }
    if header.is_some_and(|header| header.has_newer_commit()) {
        // The process died between the two phases of a commit. It is whole: the database may take it.
        file.write_all_at(&bytes[FLAGS..=FLAGS], FLAGS as u64)?;
    }
    Ok(())
}

/// What is whole in a damaged file.
pub(super) fn rescue(file: &File) -> Result<Contents, Trouble> {
    let mut bytes = copy(file)?.unwrap_or_default();
    guarded(|| tables::read_whole(&shown(&mut bytes)?))
}

/// The bytes of a file; none where it is empty, or too large.
fn copy(file: &File) -> Result<Option<Vec<u8>>, Trouble> {
    let length = file.metadata()?.len();
    if length == 0 || length > LARGEST {
        return Ok(None);
    }
    let too_large = |_| Trouble::Io(io::Error::other("it does not fit into memory"));
    let mut bytes = vec![0; usize::try_from(length).map_err(too_large)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}

fn database(bytes: &[u8]) -> Result<Database, Trouble> {
    let copy = InMemoryBackend::new();
    copy.set_len(bytes.len() as u64)?;
    copy.write(0, bytes)?;
    Ok(Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(copy)?)
}

/// A database that shows its rows even if its pages are damaged: as far as its copy can say, it was closed well.
fn shown(bytes: &mut [u8]) -> Result<Database, Trouble> {
    if let Some(flags) = bytes.get_mut(FLAGS) {
        *flags &= !OPEN;
    }
    database(bytes)
}

fn examine(bytes: &[u8]) -> Result<(), Trouble> {
    let mut database = database(bytes)?;
    tables::read(&database)?;
    if database.check_integrity()? {
        Ok(())
    } else {
        Err(Trouble::Damaged("its pages are not as they were written".into()))
    }
}

/// What the first bytes of the file say of its commits.
#[derive(Clone, Copy, Debug)]
struct Header {
    flags: u8,
    /// For each of the two commits its number, if its checksum is right.
    commits: [Option<u64>; 2],
}

impl Header {
    /// `None`: it is too short for a database.
    fn of(bytes: &[u8]) -> Option<Self> {
        let commit = |at: usize| {
            let commit = bytes.get(at..at + COMMIT_BYTES)?;
            let (body, checksum) = commit.split_last_chunk::<CHECKSUM_BYTES>()?;
            let number = body.get(COMMIT_NUMBER..COMMIT_NUMBER + size_of::<u64>())?;
            let sound = xxh3_128(body) == u128::from_le_bytes(*checksum);
            Some(sound.then_some(u64::from_le_bytes(number.try_into().ok()?)))
        };
        Some(Self { flags: *bytes.get(FLAGS)?, commits: [commit(COMMITS[0])?, commit(COMMITS[1])?] })
    }

    fn primary(&self) -> (Option<u64>, Option<u64>) {
        let [first, second] = self.commits;
        if self.flags & PRIMARY == 0 { (first, second) } else { (second, first) }
    }

    /// A file that was closed well has two whole commits, the newer of which counts.
    fn check(&self) -> Result<(), Trouble> {
        if self.flags & OPEN != 0 {
            return Ok(());
        }
        match self.primary() {
            (Some(primary), Some(other)) if other <= primary => Ok(()),
            _ => Err(Trouble::Damaged("its header is not as it was written".into())),
        }
    }

    /// Whether the process died after a commit was written, and before it counted.
    fn has_newer_commit(&self) -> bool {
        let (primary, other) = self.primary();
        self.flags & OPEN != 0 && primary.is_some() && other > primary
    }
}
