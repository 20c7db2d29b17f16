//! The port of stores.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use thiserror::Error;

use super::Permit;
use crate::machine::{Checkpoint, Fault, Fence, Positions};

/// What an operator asked for with `forebay start` or `forebay stop`.
///
/// It counts until the opposite is asked for, or until the file's `Enabled` differs from
/// `file_enabled`: the latest change wins.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Desired {
    /// Whether the mapping shall run.
    pub enabled: bool,
    /// The file's `Enabled` when the operator asked.
    pub file_enabled: bool,
    /// When it was asked, in milliseconds since the Unix epoch.
    pub since_unix_ms: u64,
}

/// A mapping that was made through the AWS API, as its last Create or Update left it. Its name in the store is its
/// UUID.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// AWS's names and values: only members that say something, `Tags` among them.
    pub parameters: Map<String, Value>,
    /// AWS's `LastModified`: when it was made or last changed, in milliseconds since the Unix epoch.
    pub modified_unix_ms: u64,
    /// Its deletion was promised: it is not to be started again, only to be forgotten.
    pub deleting: bool,
}

/// What is kept of a stream mapping. As JSON, a checkpoint is its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The ARN of the stream that the checkpoints belong to.
    pub source: String,
    /// The checkpoints by shard.
    pub checkpoints: BTreeMap<Arc<str>, Checkpoint>,
}

/// The desired states that operators asked for.
pub trait DesiredStates: Send + Sync + 'static {
    /// The desired state of a mapping, if an operator asked for one.
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>>;

    /// Keeps (or with `None` forgets) the desired state of a mapping.
    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// How far streams were processed.
///
/// Checkpoints are written under a [`Fence`]. A claim supersedes every earlier one of the mapping, in this process or
/// in another: a save under an older fence is refused with [`StoreError::Fenced`] and changes nothing. So a process
/// that was paused, replaced or declared dead can never write over its successor. A store that several processes share
/// hands out leases by the same means: what a claim returns is what its holder may read, and a lost lease shows as a
/// fence that is no longer valid.
pub trait Checkpoints: Send + Sync + 'static {
    /// Takes the checkpoints of a mapping over. Those of another source than `source` count as none: the mapping was
    /// pointed at another stream, and begins there from the start.
    ///
    /// `latest` says that such a beginning would skip records (`StartingPosition: LATEST`): where a store knows
    /// that the checkpoints were lost, such a claim is refused with [`StoreError::Lost`].
    fn claim(&self, mapping: &str, source: &str, latest: bool) -> BoxFuture<'_, Result<Positions, StoreError>>;

    /// Writes checkpoints (`None` forgets a shard): all of them, or none. Saves that come together may be written
    /// together.
    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What every read and invoke of a claimed mapping waits for, where other processes share the store.
    fn permit(&self) -> Option<Permit> {
        None
    }

    /// Lets go of what was claimed of a mapping that does not run any more, so that another process may claim it. A
    /// store of one process has nothing to let go of.
    fn release(&self, _mapping: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// What is kept of every stream mapping, by name.
    fn kept(&self) -> BoxFuture<'_, Result<BTreeMap<String, Kept>, StoreError>>;

    /// Replaces the checkpoints of a mapping, or with `None` forgets that it ever began, and supersedes every
    /// claim: for operators.
    fn replace_kept(&self, mapping: &str, kept: Option<Kept>) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The mappings that were made through the AWS API.
pub trait Definitions: Send + Sync + 'static {
    /// Every definition, by the mapping's name.
    fn definitions(&self) -> BoxFuture<'_, Result<BTreeMap<String, Definition>, StoreError>>;

    /// Keeps the definition of a mapping. With `forget_desired` it also forgets what an operator asked for: both, or
    /// none.
    fn define(
        &self,
        mapping: &str,
        definition: Definition,
        forget_desired: bool,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Forgets everything of a mapping, desired state and checkpoints included, so that it may be done again as long as
    /// it fails: the definition goes last, or together with the rest. Only for a name that never comes back: the fences
    /// of a later mapping of that name would begin from the start.
    fn forget(&self, mapping: &str) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What an engine keeps while it runs mappings.
pub trait EngineStore: DesiredStates + Checkpoints {}

impl<S: DesiredStates + Checkpoints> EngineStore for S {}

/// Keeps all that must outlive the process. Every write is durable when its future ends.
pub trait Store: EngineStore + Definitions {
    /// Whether what is written now can be found again. Cheap enough to be asked every second.
    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Why a store cannot be used.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The checkpoints were taken over by a later claim.
    #[error("the checkpoints of {mapping:?} were taken over by another task")]
    Fenced {
        /// The mapping.
        mapping: String,
    },
    /// The mapping has run with this store before, but its checkpoints are lost.
    #[error(
        "FB0601: the checkpoints of {mapping:?} are lost: it has run before, but the store {store} does not know it. \
         Put the old store back, or accept the gap with `forebay checkpoint reset {mapping} --force`"
    )]
    Lost {
        /// The mapping.
        mapping: String,
        /// The store, as it is named in messages.
        store: String,
    },
    /// The store's file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store's table cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Why the table of a store cannot be used.
#[derive(Clone, Debug, Error)]
pub enum TableError {
    /// It is not there.
    #[error(
        "FB0620: there is no table {table} in {region}: make it with `forebay store create dynamodb://{table}`, or by \
         what `forebay store describe dynamodb://{table}` prints"
    )]
    Missing {
        /// The table's name.
        table: String,
        /// Where it was looked for.
        region: String,
    },
    /// It is another program's, or cannot serve.
    #[error("FB0621: the table {table} cannot be a store of forebay: {reason}")]
    Foreign {
        /// The table's name.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer forebay uses it.
    #[error(
        "FB0602: the store in the table {table} has format {found}, but this forebay knows formats up to {known}: use \
         a newer forebay, or another table"
    )]
    Newer {
        /// The table's name.
        table: String,
        /// The format that was found.
        found: u64,
        /// The newest format that this program knows.
        known: u64,
    },
    /// An item is not as forebay writes it.
    #[error("FB0622: the item {item} of the store's table cannot be read: {reason}")]
    Item {
        /// Its keys.
        item: String,
        /// What is wrong.
        reason: String,
    },
    /// An operator's change of checkpoints was begun and not finished.
    #[error(
        "FB0623: the checkpoints of {mapping:?} were being replaced, but not to the end: repeat the `forebay \
         checkpoint` command"
    )]
    Unfinished {
        /// The mapping.
        mapping: String,
    },
    /// Another replica has a shard, lives, and does not let go of it.
    #[error("replica {owner} still has shard {shard} of {mapping:?}: waiting until it lets go")]
    Owned {
        /// The mapping.
        mapping: String,
        /// The shard.
        shard: String,
        /// The replica.
        owner: String,
    },
    /// Another replica reads another stream under that name.
    #[error(
        "FB0624: replica {owner} runs {mapping:?} with another source ({other}): give all replicas the same mapping \
         files"
    )]
    OtherSource {
        /// The mapping.
        mapping: String,
        /// The replica.
        owner: String,
        /// Its source.
        other: String,
    },
    /// Another writer was faster; the next try finds what it wrote.
    #[error("{mapping:?} is being changed by another replica or command")]
    Raced {
        /// The mapping.
        mapping: String,
    },
    /// A call did not succeed.
    #[error("the store: {0}")]
    Call(#[from] Fault),
}

/// Why the file of a store cannot be used.
#[derive(Clone, Debug, Error)]
pub enum FileError {
    /// Another process has it open.
    #[error("the store {path} is in use by another process: stop that one, or choose another file with --store")]
    Locked {
        /// The store's file.
        path: String,
    },
    /// It was written by a newer forebay.
    #[error(
        "FB0602: the store {path} has format {found}, but this forebay knows formats up to {known}: use a newer \
         forebay, or another file with --store"
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
    #[error(
        "FB0604: the store {path} cannot be read: {reason}. Put a copy of it back, or move it away to start with a new \
         one: `forebay explain FB0604` says what that means"
    )]
    Damaged {
        /// The store's file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The open file does not stand at its path any more: nothing that is written to it would be found again.
    #[error(
        "FB0603: the store {path} was {how} while forebay runs: nothing more is kept. Put that very file back, or copy \
         the checkpoints with `forebay checkpoint export` and restart"
    )]
    Gone {
        /// The store's file.
        path: String,
        /// What became of it.
        how: &'static str,
    },
    /// The file cannot be opened, made or written.
    #[error(
        "the store {path} cannot be used: {reason}; check the folder and its permissions, or choose another file with \
         --store"
    )]
    Io {
        /// The store's file.
        path: String,
        /// What the system says.
        reason: String,
    },
}
