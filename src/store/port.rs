//! The port of stores.

use futures_util::future::BoxFuture;
use thiserror::Error;

/// What an operator asked for with `forebay start` or `forebay stop`.
///
/// It counts until the opposite is asked for, or until the file's `Enabled` differs from
/// `file_enabled`: whoever changes the file later has the last word.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Desired {
    /// Whether the mapping shall run.
    pub enabled: bool,
    /// The file's `Enabled` when the operator asked.
    pub file_enabled: bool,
    /// When it was asked, in milliseconds since the Unix epoch.
    pub since_unix_ms: u64,
}

/// Keeps what must outlive the process. Every write is durable when its future ends.
pub trait Store: Send + Sync + 'static {
    /// The wish for a mapping, if there is one.
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>>;

    /// Keeps (or with `None` forgets) the wish for a mapping.
    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the store {path} is in use by another process: stop that one, or choose another file with --store")]
    Locked {
        /// The store's file.
        path: String,
    },
    /// It was written by a newer forebay.
    #[error(
        "the store {path} has format {found}, but this forebay knows formats up to {known}: use a newer forebay, or another file with --store"
    )]
    Newer {
        /// The store's file.
        path: String,
        /// The format that was found.
        found: u64,
        /// The newest format that this program knows.
        known: u64,
    },
    /// It is not a store, or it is damaged.
    #[error("the store {path} cannot be read: {reason}; move it away to start with a new one")]
    Damaged {
        /// The store's file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be opened, made or written.
    #[error(
        "the store {path} cannot be used: {reason}; check the folder and its permissions, or choose another file with --store"
    )]
    Io {
        /// The store's file.
        path: String,
        /// What the system says.
        reason: String,
    },
}
