//! The engine under test, wired to models instead of AWS.

use std::sync::Arc;
use std::time::Duration;

use forebay::clock::WallClock;
use forebay::engine::{self, Connector, EngineHandle, MappingState, Snapshot};
use forebay::mapping::Mapping;
use forebay::store::EngineStore;
use forebay::telemetry::Metrics;
use tokio::task::JoinHandle;

use crate::world::World;

/// How long a drain may take where no setting says.
pub(crate) const DRAIN: Duration = Duration::from_secs(25);

/// A running engine.
pub(crate) struct Rig {
    pub(crate) handle: EngineHandle,
    pub(crate) task: JoinHandle<()>,
}

impl Rig {
    /// A new process; `wall` is the clock of its host (Unix milliseconds).
    pub(crate) fn start(
        world: &World,
        connector: Arc<dyn Connector>,
        mappings: Vec<Mapping>,
        store: Arc<dyn EngineStore>,
        seed: u64,
        wall: WallClock,
    ) -> Self {
        let incarnation = world.next_incarnation();
        world.note(format_args!("process {incarnation} starts"));
        let (handle, task) = engine::spawn(engine::Parts {
            mappings,
            restored: Vec::new(),
            connector,
            store,
            metrics: Metrics::new(Arc::clone(&wall)),
            drain_timeout: DRAIN,
            receive_wait: forebay::machine::LONG_POLL,
            save_every: Duration::from_secs(1),
            streams: None,
            seed: seed.wrapping_add(u64::from(incarnation)),
            wall,
        });
        Self { handle, task }
    }

    /// The status of a mapping.
    pub(crate) async fn status(&self, name: &str) -> Option<Snapshot> {
        self.handle.status(name).await.ok()
    }

    /// Waits until a mapping's status is as wanted; false after `patience`.
    pub(crate) async fn wait(
        &self,
        name: &str,
        patience: Duration,
        wanted: impl Fn(Option<&Snapshot>) -> bool,
    ) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if wanted(self.status(name).await.as_ref()) {
                return true;
            }
            if tokio::time::Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether a status says `state`.
pub(crate) fn is(state: MappingState) -> impl Fn(Option<&Snapshot>) -> bool {
    move |status| status.is_some_and(|status| status.state == state)
}
