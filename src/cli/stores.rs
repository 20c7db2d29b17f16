//! What `--store` names: opened, watched, and joined where replicas share it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::aws::{Clients, Identity};
use crate::clock::{BootClock, WallClock};
use crate::control::Fleet;
use crate::engine::{EngineHandle, Streams};
use crate::fleet::{Answer, FleetOptions, ReplicaId, Request};
use crate::machine::{Fault, FaultKind};
use crate::replica::{self, Replica, new_id};
use crate::store::{
    DynamoDbStore, EmbeddedStore, FleetTable, MemoryStore, Permit, PermitSetter, Store, StoreError, StoreLocation,
    Table, TablePlace,
};
use crate::view::FleetStatus;

/// How often the store is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The longest that a call of the store may take.
const CALL: Duration = Duration::from_secs(5);

/// The longest time between two saves where nothing is said: a save in DynamoDB costs money.
const SAVE_IN_FILE: Duration = Duration::from_secs(1);
const SAVE_IN_TABLE: Duration = Duration::from_secs(10);

/// A store, and what a replica needs that shares it.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) shared: Option<Shared>,
}

/// What a replica of a fleet needs in addition to the store.
pub(super) struct Shared {
    pub(super) id: ReplicaId,
    pub(super) store: Arc<DynamoDbStore>,
    pub(super) table: FleetTable,
    pub(super) permit: PermitSetter,
}

impl Shared {
    /// Joins the fleet.
    pub(super) fn join(
        self,
        lease: Duration,
        engine: EngineHandle,
        streams: watch::Receiver<Streams>,
        boot: BootClock,
        wall: WallClock,
    ) -> Replica {
        let Self { id, store, table, permit } = self;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned().into();
        let options = FleetOptions { lease, version: env!("CARGO_PKG_VERSION").into(), host, since_unix_ms: wall() };
        Replica::spawn(replica::Parts { id, options, table, store, permit, engine, streams, boot, wall })
    }
}

/// Why a table is not reached.
#[derive(Debug, Error)]
pub(super) enum NoTable {
    #[error("there is no region for {0}: write dynamodb://{0}?region=REGION, or set AWS_REGION")]
    NoRegion(String),
    #[error("the store: {0}")]
    Client(#[from] Fault),
}

/// Opens a store for `forebay run`.
pub(super) async fn open(place: &StoreLocation, boot: BootClock, wall: WallClock) -> anyhow::Result<Opened> {
    let local = |store: Arc<dyn Store>| Opened { store, shared: None };
    match place {
        StoreLocation::Memory => Ok(local(Arc::new(MemoryStore::new()))),
        StoreLocation::File(path) => {
            let path = path.clone();
            let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&path)).await;
            Ok(local(Arc::new(opened.context("the store could not be opened")??)))
        }
        StoreLocation::DynamoDb(place) => {
            let (vital, other) = (table(place).await?, table(place).await?);
            DynamoDbStore::check_format(&other).await.map_err(StoreError::from)?;
            let (permit, holds) = Permit::new(boot);
            let id = new_id();
            let store = Arc::new(DynamoDbStore::new(other.clone(), id.as_str().into(), holds));
            let table = FleetTable::new(vital, other, wall);
            let shared = Shared { id, store: Arc::clone(&store), table, permit };
            Ok(Opened { store, shared: Some(shared) })
        }
    }
}

/// A table, over connections of its own.
pub(super) async fn table(place: &TablePlace) -> Result<Table, NoTable> {
    let region = match &place.region {
        Some(region) => region.clone(),
        None => Clients::own_region().await.ok_or_else(|| NoTable::NoRegion(place.table.clone()))?,
    };
    let identity = Identity { region: region.clone(), role: None, sts_endpoint: None };
    let client = Clients::default().dynamodb((identity, None)).await?;
    Ok(Table::new(client, &place.table, &region, CALL))
}

/// The longest time between two saves of a mapping with this store.
pub(super) const fn save_every(place: &StoreLocation) -> Duration {
    match place {
        StoreLocation::Memory | StoreLocation::File(_) => SAVE_IN_FILE,
        StoreLocation::DynamoDb(_) => SAVE_IN_TABLE,
    }
}

/// Looks every second whether the store still keeps what it is given, and has the engine show it where not.
pub(super) async fn watch(store: Arc<dyn Store>, engine: EngineHandle, stop: CancellationToken) {
    let mut logged = None;
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        // A disk that does not answer is looked at again when it does.
        let Some(checked) = stop.run_until_cancelled(store.check()).await else { return };
        let trouble = checked.err().map(|error| error.to_string());
        if trouble == logged {
            continue;
        }
        match &trouble {
            Some(trouble) => tracing::error!("{trouble}"),
            None => tracing::info!("the store is back"),
        }
        engine.store_is(trouble.clone()).await;
        logged = trouble;
    }
}

/// The fleet, as its rows say.
pub(super) fn fleet(replica: &Replica) -> Fleet {
    let (table, id) = (replica.table(), replica.id());
    Arc::new(move || {
        let (table, id) = (table.clone(), id.borrow().clone());
        async move {
            let look = table.ask_within(Request::Look { consistent: true }, CALL);
            match tokio::try_join!(look, table.ask_within(Request::ReadAssignments, CALL))? {
                (Answer::Sight(sight), Answer::Assignments(assignments)) => {
                    Ok(FleetStatus::new(id.as_str(), sight, assignments))
                }
                _ => Err(Fault::new(FaultKind::Invalid, "the store: an answer to another question")),
            }
        }
        .boxed()
    })
}
