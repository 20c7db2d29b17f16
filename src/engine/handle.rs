//! The handle through which the command line, the control socket and signals speak to the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::{Overview, Snapshot};
use crate::mapping::Mapping;
use crate::store::Kept;

/// A cheap clone that speaks to the running supervisor.
#[derive(Clone)]
pub struct EngineHandle {
    requests: mpsc::Sender<Request>,
}

/// What the supervisor is asked.
pub(crate) enum Request {
    List(oneshot::Sender<Vec<Snapshot>>),
    Start(String, oneshot::Sender<Result<Snapshot, EngineError>>),
    Stop(String, oneshot::Sender<Result<Snapshot, EngineError>>),
    Restart(String, oneshot::Sender<Result<Snapshot, EngineError>>),
    Reload(Vec<Mapping>, oneshot::Sender<ReloadSummary>),
    Put(Box<Mapping>, oneshot::Sender<Result<Overview, EngineError>>),
    Remove(String, oneshot::Sender<Result<oneshot::Receiver<()>, EngineError>>),
    Overviews(oneshot::Sender<Vec<Overview>>),
    Overview(String, oneshot::Sender<Result<Overview, EngineError>>),
    Readiness(oneshot::Sender<Readiness>),
    Checkpoints(oneshot::Sender<Result<BTreeMap<String, Kept>, EngineError>>),
    ChangeCheckpoint {
        name: String,
        change: CheckpointChange,
        force: bool,
        reply: oneshot::Sender<Result<Kept, EngineError>>,
    },
    Checkpoint(String, oneshot::Sender<Result<Kept, EngineError>>),
    /// What is wrong with the store, if anything.
    Store(Option<String>),
    /// The stream mappings that this replica of a fleet runs. With `abandon` those that it ran are ended at once.
    Assign {
        mappings: BTreeSet<Arc<str>>,
        abandon: bool,
        reply: oneshot::Sender<()>,
    },
    /// Desired states may have changed in the store.
    Refresh,
    Shutdown(Duration, oneshot::Sender<Drained>),
    Cut,
}

/// What an operator does to a mapping's checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointChange {
    /// These checkpoints and no others count.
    Replace(Kept),
    /// It has never begun.
    Reset,
    /// This shard has no checkpoint any more.
    ResetShard(Arc<str>),
}

/// Why the engine refuses.
#[derive(Debug, Error)]
pub enum EngineError {
    /// No mapping has that name.
    #[error("there is no mapping named {0:?}")]
    Unknown(String),
    /// The mapping stands in a file, which has the last word.
    #[error("the mapping {0:?} comes from the file {file}", file = .1.display())]
    OfFile(String, PathBuf),
    /// The mapping drains for the last time.
    #[error("the mapping {0:?} is being deleted")]
    Deleting(String),
    /// The mapping is stopped, so there is nothing to start again.
    #[error("{0:?} is stopped")]
    Stopped(String),
    /// The mapping runs, and would write over what is changed.
    #[error("{name:?} is running")]
    Running {
        /// The mapping.
        name: String,
    },
    /// The mapping's source is no stream.
    #[error("{0:?} reads a queue: only mappings of streams have checkpoints")]
    NoCheckpoints(String),
    /// Nothing is kept of that shard.
    #[error("shard {shard:?} of {name:?} has no checkpoint")]
    UnknownShard {
        /// The mapping.
        name: String,
        /// The shard.
        shard: String,
    },
    /// The checkpoints belong to another stream than the mapping's.
    #[error("the checkpoints are of {given}, but {name:?} reads {wanted}")]
    OtherSource {
        /// The mapping.
        name: String,
        /// The ARN that came with the checkpoints.
        given: String,
        /// The mapping's `EventSourceArn`.
        wanted: String,
    },
    /// The store cannot be used, or refuses.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The engine is shutting down.
    #[error("forebay is shutting down")]
    Closing,
}

impl EngineError {
    /// What an operator can do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => Some("`forebay list` shows all mappings".into()),
            Self::OfFile(..) => Some("change the file, then run `forebay reload`".into()),
            Self::Stopped(name) => Some(format!("start it with `forebay start {name}`")),
            Self::Running { name } => Some(format!("stop it with `forebay stop {name} --wait`, or use --force")),
            Self::UnknownShard { name, .. } => Some(format!("`forebay checkpoint get {name}` shows all checkpoints")),
            Self::Deleting(_) | Self::NoCheckpoints(_) | Self::OtherSource { .. } | Self::Store(_) | Self::Closing => {
                None
            }
        }
    }
}

/// What a reload changed, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadSummary {
    /// Mappings that are new.
    pub added: Vec<String>,
    /// Mappings whose file changed; they were drained and started again.
    pub changed: Vec<String>,
    /// Mappings whose file is gone; they drain. Those of the AWS API are none of them.
    pub removed: Vec<String>,
    /// Mappings that go on untouched.
    pub unchanged: usize,
    /// Mappings of files that do not run, because one of the AWS API has their name.
    pub left_out: Vec<String>,
}

/// Whether the process is ready, and each mapping's part in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Every enabled mapping has polled once or is known to be degraded.
    pub ready: bool,
    /// What is wrong with the store, if anything.
    pub store: Option<String>,
    /// Name, and `ok`, `starting`, `disabled` or `degraded: …`.
    pub mappings: Vec<(String, String)>,
}

/// What the end of an engine has left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// The stream mappings whose last checkpoints were not saved, by name: what they cover is processed again.
    pub unsaved: Vec<String>,
}

impl EngineHandle {
    pub(crate) const fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests }
    }

    /// Every mapping, by name.
    pub async fn list(&self) -> Result<Vec<Snapshot>, EngineError> {
        self.ask(Request::List).await
    }

    /// One mapping.
    pub async fn status(&self, name: &str) -> Result<Snapshot, EngineError> {
        let all = self.list().await?;
        all.into_iter().find(|snapshot| snapshot.mapping.name == name).ok_or_else(|| EngineError::Unknown(name.into()))
    }

    /// Starts a mapping, and keeps that as its desired state. Answers at once, with `Enabling` or `Enabled`.
    pub async fn start(&self, name: &str) -> Result<Snapshot, EngineError> {
        self.ask(|reply| Request::Start(name.into(), reply)).await?
    }

    /// Stops a mapping, and keeps that as its desired state. Answers at once, with `Disabling` or `Disabled`.
    pub async fn stop(&self, name: &str) -> Result<Snapshot, EngineError> {
        self.ask(|reply| Request::Stop(name.into(), reply)).await?
    }

    /// Drains a mapping and starts it again as it is. Answers at once, with `Updating`.
    ///
    /// # Errors
    /// When there is no such mapping, it is stopped or being deleted, or the engine is shutting down.
    pub async fn restart(&self, name: &str) -> Result<Snapshot, EngineError> {
        self.ask(|reply| Request::Restart(name.into(), reply)).await?
    }

    /// Takes over a new set of mappings of files; only what changed is restarted. Mappings of the AWS API go on as they
    /// are, also where a file claims the name of one: then the file's mapping is left out, with an error in the log.
    pub async fn reload(&self, mappings: Vec<Mapping>) -> Result<ReloadSummary, EngineError> {
        self.ask(|reply| Request::Reload(mappings, reply)).await
    }

    /// Adds a mapping that was made through the AWS API, or takes over its change. The desired state that an operator
    /// has set counts as it does for files: it ends when `Enabled` differs from its value at the time of the request.
    /// Checkpoints, counters and work in flight survive.
    ///
    /// # Errors
    /// Nothing has changed if a file has that name, the mapping is being deleted, the store cannot read the desired
    /// state, or the engine is shutting down.
    pub async fn put(&self, mapping: Mapping) -> Result<Overview, EngineError> {
        self.ask(|reply| Request::Put(Box::new(mapping), reply)).await?
    }

    /// Drains a mapping of the AWS API for good. Answers at once; what it answers with resolves when the mapping is
    /// gone, or fails when the engine ends before that.
    ///
    /// # Errors
    /// When there is no such mapping, a file has it, or the engine is shutting down.
    pub async fn remove(&self, name: &str) -> Result<oneshot::Receiver<()>, EngineError> {
        self.ask(|reply| Request::Remove(name.into(), reply)).await?
    }

    /// Every mapping of files and of the AWS API, by name; without counters and shards.
    pub async fn overviews(&self) -> Result<Vec<Overview>, EngineError> {
        self.ask(Request::Overviews).await
    }

    /// One mapping, without counters and shards.
    ///
    /// # Errors
    /// When there is no such mapping, or the engine has ended.
    pub async fn overview(&self, name: &str) -> Result<Overview, EngineError> {
        self.ask(|reply| Request::Overview(name.into(), reply)).await?
    }

    /// Whether the process is ready.
    pub async fn readiness(&self) -> Result<Readiness, EngineError> {
        self.ask(Request::Readiness).await
    }

    /// What is kept of every stream mapping, by name; of mappings that are in no file any more, too.
    pub async fn checkpoints(&self) -> Result<BTreeMap<String, Kept>, EngineError> {
        self.ask(Request::Checkpoints).await?
    }

    /// What is kept of one mapping; without checkpoints if it has not begun.
    pub async fn checkpoint(&self, name: &str) -> Result<Kept, EngineError> {
        self.ask(|reply| Request::Checkpoint(name.into(), reply)).await?
    }

    /// Changes what is kept of one mapping, and answers with what is kept then. Refused while the mapping runs,
    /// unless with `force`: then it is started again and goes on from there.
    pub async fn change_checkpoint(
        &self,
        name: &str,
        change: CheckpointChange,
        force: bool,
    ) -> Result<Kept, EngineError> {
        self.ask(|reply| Request::ChangeCheckpoint { name: name.into(), change, force, reply }).await?
    }

    /// Says what is wrong with the store, or that nothing is: every mapping shows it.
    pub async fn store_is(&self, trouble: Option<String>) {
        // An engine that has ended shows nothing.
        self.requests.send(Request::Store(trouble)).await.ok();
    }

    /// Has a replica of a fleet run these stream mappings and no others: those that leave drain, or with `abandon` end
    /// at once. Mappings of queues run on every replica.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn assign(&self, mappings: BTreeSet<Arc<str>>, abandon: bool) -> Result<(), EngineError> {
        self.ask(|reply| Request::Assign { mappings, abandon, reply }).await
    }

    /// Reads the desired states again, because another replica may have changed them.
    pub async fn refresh(&self) {
        // An engine that has ended wants nothing any more.
        self.requests.send(Request::Refresh).await.ok();
    }

    /// Drains every mapping within `bound` and ends the engine.
    pub async fn shutdown(&self, bound: Duration) -> Result<Drained, EngineError> {
        self.ask(|reply| Request::Shutdown(bound, reply)).await
    }

    /// Cuts a running shutdown short.
    pub async fn cut(&self) {
        // An engine that is gone already has nothing left to cut.
        self.requests.send(Request::Cut).await.ok();
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| EngineError::Closing)?;
        answer.await.map_err(|_| EngineError::Closing)
    }
}
