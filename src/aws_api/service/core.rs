//! The service itself, and what all of its operations share.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::ApiError;
use super::super::registry::Registry;
use crate::clock::WallClock;
use crate::engine::{Connector, EngineError, EngineHandle};
use crate::store::{Store, StoreError};

/// How long changes that were begun may take when the process ends. They wait for nothing but the store.
const LAST_CHANGES: Duration = Duration::from_secs(2);

/// The operations of the API. A cheap clone.
#[derive(Clone)]
pub(crate) struct Service {
    pub(super) parts: Arc<Parts>,
}

pub(super) struct Parts {
    pub(super) engine: EngineHandle,
    pub(super) store: Arc<dyn Store>,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) registry: Arc<Registry>,
    pub(super) wall: WallClock,
    pub(super) closing: CancellationToken,
    /// Changes between their check and their answer.
    changes: TaskTracker,
    /// Deletes that were answered and not finished.
    pub(super) endings: TaskTracker,
}

impl Service {
    pub(crate) fn new(
        engine: EngineHandle,
        store: Arc<dyn Store>,
        connector: Arc<dyn Connector>,
        registry: Registry,
        wall: WallClock,
    ) -> Self {
        let parts = Parts {
            engine,
            store,
            connector,
            registry: Arc::new(registry),
            wall,
            closing: CancellationToken::new(),
            changes: TaskTracker::new(),
            endings: TaskTracker::new(),
        };
        Self { parts: Arc::new(parts) }
    }

    /// Refuses every request from now on, and waits for the changes that were begun.
    pub(crate) async fn close(&self) {
        self.parts.closing.cancel();
        self.parts.changes.close();
        if tokio::time::timeout(LAST_CHANGES, self.parts.changes.wait()).await.is_err() {
            tracing::warn!("a change through the AWS API has not ended in time: it was not answered");
        }
    }

    /// Waits for Deletes whose mappings have drained; the next start finishes the others.
    pub(crate) async fn finished(&self) {
        self.parts.endings.close();
        tokio::time::timeout(LAST_CHANGES, self.parts.endings.wait()).await.ok();
    }

    /// Whether requests are refused.
    pub(crate) fn is_closing(&self) -> bool {
        self.parts.closing.is_cancelled()
    }
}

impl Parts {
    /// Waits for something that changes nothing, as long as the process does not end.
    pub(super) async fn while_open<T>(&self, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(ApiError::Closing),
            done = work => done,
        }
    }

    /// Brings a change to its end, also when the client that asked for it goes away meanwhile.
    pub(super) async fn to_its_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        // Counted first: `close` then either waits for this change, or is seen here.
        let counted = self.changes.token();
        if self.closing.is_cancelled() {
            return Err(ApiError::Closing);
        }
        let task = tokio::spawn(async move {
            let _counted = counted;
            change.await
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change through the AWS API panicked: please report this");
            Err(ApiError::Service("forebay has a fault, which is in its log: please report it".into()))
        })
    }

    pub(super) fn now(&self) -> u64 {
        (self.wall)()
    }
}

/// A store that cannot be written has changed nothing, and neither have we.
pub(super) fn of_store(error: &StoreError) -> ApiError {
    tracing::error!(%error, "a change through the AWS API could not be kept");
    ApiError::Service(format!("nothing was changed: {error}"))
}

pub(super) fn of_engine(error: EngineError) -> ApiError {
    match error {
        EngineError::Closing => ApiError::Closing,
        EngineError::Unknown(_) => ApiError::no_such_mapping(),
        other => ApiError::Service(other.to_string()),
    }
}
