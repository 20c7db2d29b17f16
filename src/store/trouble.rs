//! Puts what redb and the system say into the few errors that an operator can act on.

use std::io;
use std::path::Path;

use thiserror::Error;

use super::tables::FORMAT;
use super::{FileError, StoreError};

/// What went wrong, before the file's name is put to it.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error("locked")]
    Locked,
    #[error("newer format {0}")]
    Newer(u64),
    #[error("{0}")]
    Damaged(String),
    /// Rows that are not what was written; which, and of which mapping.
    #[error("{0}")]
    Row(String),
    #[error("removed")]
    Removed,
    #[error("replaced")]
    Replaced,
    #[error(transparent)]
    Io(io::Error),
    #[error("{0}")]
    Panicked(String),
}

impl Trouble {
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.display().to_string();
        let error = match self {
            Self::Locked => FileError::Locked { path },
            Self::Newer(found) => FileError::Newer { path, found, known: FORMAT },
            Self::Damaged(reason) | Self::Row(reason) => FileError::Damaged { path, reason },
            Self::Removed => FileError::Gone { path, how: "removed" },
            Self::Replaced => FileError::Gone { path, how: "replaced by another one" },
            // redb says "invalid data" of a file that is not one of its own.
            Self::Io(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                FileError::Damaged { path, reason: format!("it is not a store ({error})") }
            }
            Self::Io(error) => FileError::Io { path, reason: error.to_string() },
            Self::Panicked(panic) => FileError::Io { path, reason: format!("the embedded database broke: {panic}") },
        };
        error.into()
    }
}

impl<E: Into<redb::Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::Locked,
            redb::Error::Io(error) => Self::Io(error),
            redb::Error::Corrupted(reason) => Self::Damaged(reason),
            other @ (redb::Error::RepairAborted
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TransactionInProgress
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TableIsNotMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableDoesNotExist(_)
            | redb::Error::TableExists(_)
            | redb::Error::TableAlreadyOpen(..)) => Self::Damaged(other.to_string()),
            other => Self::Io(io::Error::other(other)),
        }
    }
}
