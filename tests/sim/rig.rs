//! The engine under test, wired to lanes instead of AWS.

use std::sync::Arc;
use std::time::Duration;

use forebay::destination::Destination;
use forebay::engine::{self, Connector, EngineHandle, MappingState, MappingStatus, Ports, SourcePort};
use forebay::machine::Fault;
use forebay::mapping::Mapping;
use forebay::store::Store;
use forebay::telemetry::Metrics;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

use crate::lane::Lane;
use crate::session::Session;
use crate::world::World;

/// How long a drain may take where nobody says.
pub(crate) const DRAIN: Duration = Duration::from_secs(25);

/// A running engine.
pub(crate) struct Rig {
    pub(crate) handle: EngineHandle,
    pub(crate) task: JoinHandle<()>,
}

struct SimConnector {
    lanes: Vec<Arc<Lane>>,
}

impl Connector for SimConnector {
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let lane = self.lanes.iter().find(|lane| lane.name() == mapping.name).expect("every mapping has a lane");
        let session = Arc::new(Session::new(Arc::clone(lane), mapping));
        let destination: Option<Arc<dyn Destination>> = mapping.on_failure.is_some().then(|| Arc::clone(&session) as _);
        async move {
            Ok(Ports {
                source: SourcePort::Queue(Arc::clone(&session) as _),
                function: session,
                destination,
                filtered: None,
            })
        }
        .boxed()
    }
}

impl Rig {
    /// A new process.
    pub(crate) fn start(
        world: &Arc<World>,
        lanes: &[Arc<Lane>],
        mappings: Vec<Mapping>,
        store: Arc<dyn Store>,
        seed: u64,
    ) -> Self {
        let incarnation = world.next_incarnation();
        world.note(format_args!("process {incarnation} starts"));
        for lane in lanes {
            lane.state().counts = crate::lane::Counts::default();
        }
        let clock = Arc::clone(world);
        let (handle, task) = engine::spawn(engine::Parts {
            mappings,
            restored: Vec::new(),
            connector: Arc::new(SimConnector { lanes: lanes.to_vec() }),
            store,
            metrics: Metrics::new(),
            drain_timeout: DRAIN,
            receive_wait: forebay::machine::LONG_POLL,
            seed: seed.wrapping_add(u64::from(incarnation)),
            wall: Arc::new(move || clock.unix_ms()),
        });
        Self { handle, task }
    }

    /// The status of a mapping.
    pub(crate) async fn status(&self, lane: &Lane) -> Option<MappingStatus> {
        self.handle.status(lane.name()).await.ok()
    }

    /// Waits until a mapping's status is as wanted; false after `patience`.
    pub(crate) async fn wait(
        &self,
        lane: &Lane,
        patience: Duration,
        wanted: impl Fn(Option<&MappingStatus>) -> bool,
    ) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if wanted(self.status(lane).await.as_ref()) {
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
pub(crate) fn is(state: MappingState) -> impl Fn(Option<&MappingStatus>) -> bool {
    move |status| status.is_some_and(|status| status.state == state)
}
