//! A service over a real engine and a store in memory. Sources and functions answer what the test wants, and count
//! who holds them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::super::{Restored, Service, restore};
use crate::aws_api::ApiError;
use crate::engine::{Connector, EngineHandle, Parts, Ports, SourcePort, spawn};
use crate::function::{Function, FunctionSettings, Invocation};
use crate::machine::{
    Fault, FaultKind, FunctionAnswer, InvokeResult, Message, PollRequest, QueueAttributes, ReadAnswer, ReadRequest,
    Receipt, ReceiptEntry, ReceiptOutcome, Shard, StreamListing,
};
use crate::mapping::{Mapping, parse};
use crate::source::{QueueSource, StreamSource};
use crate::store::Definitions;
use crate::store::fixture::Wobbly;
use crate::telemetry::Metrics;

pub(super) const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
pub(super) const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
pub(super) const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-11-20T08:30:00.000";
pub(super) const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:work";

/// What the test sets and what it sees.
#[derive(Default)]
pub(super) struct World {
    /// What a source with this ARN answers to who asks for it.
    pub(super) sources: Mutex<BTreeMap<String, FaultKind>>,
    /// What a function of this name answers to who asks for it.
    pub(super) functions: Mutex<BTreeMap<String, FaultKind>>,
    /// The timeout of every function, in seconds.
    pub(super) timeout: AtomicU64,
    /// How long every question takes.
    pub(super) takes: Mutex<Duration>,
    /// How many ports are held, by checks and by running mappings.
    pub(super) held: AtomicUsize,
}

struct Port {
    world: Arc<World>,
    source: String,
    function: String,
}

impl Port {
    fn new(world: &Arc<World>, mapping: &Mapping) -> Self {
        world.held.fetch_add(1, SeqCst);
        Self {
            world: Arc::clone(world),
            source: mapping.source.id().to_owned(),
            function: mapping.function.name.clone(),
        }
    }

    async fn source(&self) -> Result<(), Fault> {
        let takes = *self.world.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        fault(&self.world.sources, &self.source)
    }
}

fn fault(faults: &Mutex<BTreeMap<String, FaultKind>>, of: &str) -> Result<(), Fault> {
    match faults.lock().unwrap().get(of) {
        Some(kind) => Err(Fault::new(*kind, format!("asked, and it was {}", kind.as_str()))),
        None => Ok(()),
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.world.held.fetch_sub(1, SeqCst);
    }
}

/// The connector: a world that can be shared.
struct Door(Arc<World>);

impl Connector for Door {
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let port = || Arc::new(Port::new(&self.0, mapping));
        let source =
            if mapping.source.stream().is_some() { SourcePort::Stream(port()) } else { SourcePort::Queue(port()) };
        let ports = Ports { source, function: port(), destination: None, filtered: None };
        async move { Ok(ports) }.boxed()
    }
}

impl QueueSource for Port {
    fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>> {
        async move {
            self.source().await?;
            let visibility = Duration::from_secs(30);
            Ok(QueueAttributes { visibility, backlog: None, in_flight: None, max_receive_count: None, retention: None })
        }
        .boxed()
    }

    fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Message>, Fault>> {
        async move {
            tokio::time::sleep(request.wait.max(Duration::from_millis(5))).await;
            Ok(Vec::new())
        }
        .boxed()
    }

    fn delete(&self, receipts: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        async move { Ok(vec![ReceiptOutcome::Done; receipts.len()]) }.boxed()
    }

    fn change_visibility(&self, entries: Vec<ReceiptEntry>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        async move { Ok(vec![ReceiptOutcome::Done; entries.len()]) }.boxed()
    }
}

impl StreamSource for Port {
    fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>> {
        async move {
            self.source().await?;
            Ok(vec![Shard { id: "shardId-0".into(), parents: vec![], closed: false, begins: None }].into())
        }
        .boxed()
    }

    fn read(&self, _: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>> {
        async { Ok(ReadAnswer { next: Some("i".into()), ..ReadAnswer::default() }) }.boxed()
    }
}

impl Function for Port {
    fn invoke(&self, _: Invocation) -> BoxFuture<'_, InvokeResult> {
        async { Ok(FunctionAnswer { status: 200, ..FunctionAnswer::default() }) }.boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        async move {
            let takes = *self.world.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            fault(&self.world.functions, &self.function)?;
            let timeout = Duration::from_secs(self.world.timeout.load(SeqCst));
            let arn = Some(format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.function));
            Ok(FunctionSettings { timeout, reserved_concurrency: None, role: None, arn })
        }
        .boxed()
    }
}

/// A process: an engine and its service.
pub(super) struct Rig {
    pub(super) world: Arc<World>,
    pub(super) store: Arc<Wobbly>,
    pub(super) engine: EngineHandle,
    pub(super) service: Service,
    pub(super) task: JoinHandle<()>,
}

impl Rig {
    pub(super) async fn new() -> Self {
        Self::with_files(Vec::new()).await
    }

    pub(super) async fn with_files(files: Vec<Mapping>) -> Self {
        let world = Arc::new(World { timeout: AtomicU64::new(3), ..World::default() });
        Self::over(world, Arc::default(), files).await
    }

    /// The next process, over what this one has left.
    pub(super) async fn restarted(self) -> Self {
        self.task.abort();
        self.task.await.ok();
        self.store.hangs.store(false, SeqCst);
        Self::over(self.world, self.store, Vec::new()).await
    }

    async fn over(world: Arc<World>, store: Arc<Wobbly>, files: Vec<Mapping>) -> Self {
        let Restored { mappings: restored, registry } = restore(&*store, NOW).await.unwrap();
        let connector: Arc<dyn Connector> = Arc::new(Door(Arc::clone(&world)));
        let (engine, task) = spawn(Parts {
            mappings: files,
            restored,
            connector: Arc::clone(&connector),
            store: store.clone(),
            metrics: Metrics::new(Arc::new(|| NOW)),
            drain_timeout: Duration::from_secs(25),
            receive_wait: Duration::from_secs(1),
            save_every: Duration::from_secs(1),
            streams: None,
            seed: 7,
            wall: Arc::new(|| NOW),
        });
        let service = Service::new(engine.clone(), Arc::clone(&store) as _, connector, registry, Arc::new(|| NOW));
        Self { world, store, engine, service, task }
    }

    pub(super) async fn create(&self, request: &Value) -> Result<(String, Value), ApiError> {
        let made = self.service.create(request.to_string().as_bytes()).await?;
        Ok((made.0, sent(made.1)))
    }

    pub(super) async fn update(&self, uuid: &str, request: &Value) -> Result<Value, ApiError> {
        self.service.update(uuid, request.to_string().as_bytes()).await.map(sent)
    }

    pub(super) async fn delete(&self, uuid: &str) -> Result<Value, ApiError> {
        self.service.delete(uuid).await.map(sent)
    }

    pub(super) async fn get(&self, uuid: &str) -> Result<Value, ApiError> {
        self.service.get(uuid).await.map(sent)
    }

    pub(super) async fn list(&self, query: &str) -> Result<Value, ApiError> {
        self.service.list(query).await.map(sent)
    }

    pub(super) async fn tags(&self, arn: &str) -> Result<Value, ApiError> {
        self.service.tags(arn).await.map(sent)
    }

    /// Makes a mapping and waits until it rests.
    pub(super) async fn made(&self, request: &Value) -> String {
        let (uuid, _) = self.create(request).await.unwrap();
        self.until_rests(&uuid).await;
        uuid
    }

    pub(super) async fn state(&self, uuid: &str) -> String {
        self.get(uuid).await.unwrap()["State"].as_str().unwrap().to_owned()
    }

    pub(super) async fn until_rests(&self, uuid: &str) -> String {
        for _ in 0..1_000 {
            let state = self.state(uuid).await;
            if ["Enabled", "Disabled"].contains(&&*state) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{uuid} never rests: {}", self.state(uuid).await);
    }

    pub(super) async fn until_gone(&self, uuid: &str) {
        for _ in 0..10_000 {
            match self.get(uuid).await {
                Ok(shown) => assert_eq!(shown["State"], "Deleting"),
                Err(error) => {
                    assert_eq!(error.code(), "ResourceNotFoundException");
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{uuid} is never gone");
    }

    /// The UUIDs of rows in the store.
    pub(super) async fn rows(&self) -> Vec<String> {
        self.store.definitions().await.unwrap().into_keys().collect()
    }

    /// The UUIDs of entries in the engine.
    pub(super) async fn entries(&self) -> Vec<String> {
        self.engine.overviews().await.unwrap().iter().map(|overview| overview.mapping.uuid.clone()).collect()
    }

    /// The UUIDs that List tells.
    pub(super) async fn listed(&self) -> Vec<String> {
        let answer = self.list("").await.unwrap();
        let all = answer["EventSourceMappings"].as_array().unwrap();
        all.iter().map(|one| one["UUID"].as_str().unwrap().to_owned()).collect()
    }

    /// That exactly these mappings are left: in the store, in the engine, in List, and in tasks.
    pub(super) async fn assert_left(&self, mut uuids: Vec<String>) {
        uuids.sort();
        assert_eq!(self.rows().await, uuids, "rows");
        assert_eq!(self.entries().await, uuids, "entries");
        assert_eq!(self.listed().await, uuids, "listed");
        // A running mapping holds a source and a function.
        let held = 2 * uuids.len();
        for _ in 0..1_000 {
            if self.world.held.load(SeqCst) == held {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} ports are held by {} mappings", self.world.held.load(SeqCst), uuids.len());
    }
}

/// An answer as it is sent.
fn sent(answer: impl serde::Serialize) -> Value {
    serde_json::to_value(answer).unwrap()
}

pub(super) const NOW: u64 = 1_800_000_000_000;

pub(super) fn of_queue(name: &str) -> Value {
    json!({ "EventSourceArn": format!("arn:aws:sqs:us-east-1:000000000000:{name}"), "FunctionName": "work" })
}

pub(super) fn of_stream() -> Value {
    json!({ "EventSourceArn": STREAM, "FunctionName": "work", "StartingPosition": "TRIM_HORIZON" })
}

/// The request with other members.
pub(super) fn with(request: &Value, members: &Value) -> Value {
    let mut request = request.clone();
    for (name, value) in members.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

/// A mapping of a file.
pub(super) fn of_file(name: &str, source: &str, function: &str) -> Mapping {
    let text = format!("Name: {name}\nEventSourceArn: {source}\nFunctionName: {function}\n");
    let mut loaded = parse(format!("{name}.yaml").as_ref(), &text, &|_| None);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded.mappings.remove(0)
}
