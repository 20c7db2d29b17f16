//! For the tests of this folder: an engine whose only mapping cannot reach anything, behind a socket and a port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Api, BoundSocket, CONNECTIONS, Client, Definitions, Overview, ReloadRefused, SocketChoice, Token, guarded, probes,
    serve, whole,
};
use crate::engine::{self, Connector, EngineHandle, Ports};
use crate::machine::{Fault, FaultKind};
use crate::mapping::{Code, Diagnostic, Mapping, Severity, parse};
use crate::store::{MemoryStore, Store};
use crate::telemetry::Metrics;

/// Reaches nothing.
struct Nowhere;

impl Connector for Nowhere {
    fn connect(&self, _mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        ready(Err(Fault::new(FaultKind::Transient, "no route\nto host"))).boxed()
    }
}

pub(super) fn mapping(name: &str) -> Mapping {
    of_source(name, "sqs:us-east-1:000000000000:orders")
}

/// A mapping of the Kinesis stream `clicks`.
pub(super) fn stream(name: &str) -> Mapping {
    of_source(name, "kinesis:us-east-1:000000000000:stream/clicks\nStartingPosition: LATEST\nBatchSize: 10")
}

fn of_source(name: &str, source: &str) -> Mapping {
    let text = format!("FunctionName: process-orders\nEventSourceArn: arn:aws:{source}\n");
    let mapping = parse(Path::new("mappings/orders.yaml"), &text, &|_| None).mappings.remove(0);
    Mapping { name: name.into(), uuid: "0b8e1f0e-1f6c-5f4e-9a56-3a4f8a3f9c11".into(), ..mapping }
}

/// The problem that keeps every reload from being taken over.
fn broken() -> Diagnostic {
    Diagnostic::of_file(Code::FileEmpty, Severity::Error, "a.yaml".as_ref(), "the file holds no mapping")
}

fn definitions(store: Arc<dyn Store>) -> Definitions {
    Arc::new(move || {
        let store = Arc::clone(&store);
        async move { Ok(store.definitions().await?) }.boxed()
    })
}

/// A forebay without the command line around it.
pub(super) struct Running {
    pub(super) engine: EngineHandle,
    pub(super) overview: Overview,
    pub(super) store: Arc<dyn Store>,
    pub(super) client: Client,
    pub(super) socket: PathBuf,
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Running {
    pub(super) async fn start(mappings: Vec<Mapping>, token: Option<Token>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("f.sock");
        let choice = SocketChoice::new(Some(socket.clone()), &|_| None);
        let BoundSocket { listener, file } = choice.bind().unwrap();
        let metrics = Metrics::new(Arc::new(|| 1_800_000_000_000));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (engine, _task) = engine::spawn(engine::Parts {
            mappings,
            restored: Vec::new(),
            connector: Arc::new(Nowhere),
            store: store.clone(),
            metrics: metrics.clone(),
            drain_timeout: std::time::Duration::from_secs(25),
            receive_wait: crate::machine::LONG_POLL,
            save_every: std::time::Duration::from_secs(1),
            streams: None,
            seed: 1,
            wall: Arc::new(|| 1_760_000_000_000),
        });
        let refuse =
            || ready(Err(ReloadRefused::Invalid { errors: "1 error".into(), diagnostics: vec![broken()] })).boxed();
        let api = Api {
            engine: engine.clone(),
            reload: Arc::new(refuse),
            fleet: None,
            definitions: definitions(Arc::clone(&store)),
        };
        let overview = Overview::new("memory".into(), "ok 1 mapping".into());
        let mut public = probes(engine.clone(), metrics, overview.clone());
        if let Some(token) = token {
            public = public.merge(guarded(api.clone().routes(), token));
        }
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(serve(tcp, public, CONNECTIONS, stop.clone()));
        let until = stop.clone();
        tokio::spawn(async move {
            serve(listener, whole(api), CONNECTIONS, until).await;
            drop(file);
        });
        Self { engine, overview, store, client: Client::new(choice), socket, address, stop, _folder: folder }
    }

    /// Waits until every mapping is known to be well or not.
    pub(super) async fn settled(&self) {
        while !self.engine.readiness().await.unwrap().ready {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
