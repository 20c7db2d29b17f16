//! The engine under test, wired to a basin instead of AWS.

use std::sync::Arc;
use std::time::Duration;

use forebay::engine::{self, Connector, EngineHandle, MappingStatus, Ports, SourcePort};
use forebay::machine::Fault;
use forebay::mapping::Mapping;
use forebay::store::Store;
use forebay::telemetry::Metrics;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

use super::basin::Basin;
use super::session::Tap;
use crate::rig::DRAIN;

/// A running engine.
pub(crate) struct Rig {
    pub(crate) handle: EngineHandle,
    pub(crate) task: JoinHandle<()>,
}

struct BasinConnector {
    basin: Arc<Basin>,
}

impl Connector for BasinConnector {
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let tap = Arc::new(Tap::new(Arc::clone(&self.basin), mapping));
        let destination = mapping.on_failure.is_some().then(|| Arc::clone(&tap) as _);
        async move {
            Ok(Ports { source: SourcePort::Stream(Arc::clone(&tap) as _), function: tap, destination, filtered: None })
        }
        .boxed()
    }
}

impl Rig {
    /// A new process.
    pub(crate) fn start(basin: &Arc<Basin>, mappings: Vec<Mapping>, store: Arc<dyn Store>) -> Self {
        let world = &basin.world;
        let incarnation = world.next_incarnation();
        world.note(format_args!("process {incarnation} starts"));
        let clock = Arc::clone(basin);
        let (handle, task) = engine::spawn(engine::Parts {
            mappings,
            restored: Vec::new(),
            connector: Arc::new(BasinConnector { basin: Arc::clone(basin) }),
            store,
            metrics: Metrics::new(),
            drain_timeout: DRAIN,
            receive_wait: forebay::machine::LONG_POLL,
            seed: basin.plan.seed.wrapping_add(u64::from(incarnation)),
            wall: Arc::new(move || clock.host_unix_ms()),
        });
        Self { handle, task }
    }

    /// Waits until a mapping's status is as wanted; false after `patience`.
    pub(crate) async fn wait(
        &self,
        name: &str,
        patience: Duration,
        wanted: impl Fn(Option<&MappingStatus>) -> bool,
    ) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if wanted(self.handle.status(name).await.ok().as_ref()) {
                return true;
            }
            if tokio::time::Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
