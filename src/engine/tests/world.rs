//! A queue that brings what the test puts into it, and a function that answers as the test wants.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

use crate::engine::{Connector, EngineHandle, MappingState, Parts, Ports, SourcePort, spawn};
use crate::function::{Function, FunctionSettings, Invocation};
use crate::machine::{
    Fault, FaultKind, FunctionAnswer, InvokeResult, Message, PollRequest, QueueAttributes, ReadAnswer, ReadRequest,
    Receipt, ReceiptEntry, ReceiptOutcome, Record, Screening, Shard, StreamListing, StreamRecord,
};
use crate::mapping::{Mapping, Origin, parse};
use crate::source::{QueueSource, StreamSource};
use crate::store::{MemoryStore, Store};
use crate::telemetry::Metrics;
use crate::view::{HealthStatus, MappingStatus};

/// What the test sets and what it sees.
#[derive(Default)]
pub(super) struct World {
    pub(super) waiting: Mutex<VecDeque<u64>>,
    pub(super) deleted: Mutex<Vec<String>>,
    pub(super) released: Mutex<Vec<String>>,
    pub(super) invoked: Mutex<u32>,
    /// The next connects fail like this, or panic where there is no fault.
    pub(super) connects: Mutex<VecDeque<Option<Fault>>>,
    /// The next calls of the port with this name panic.
    pub(super) panics: Mutex<Vec<&'static str>>,
    /// How often a mapping has been connected.
    pub(super) connected: Mutex<usize>,
    /// How long an invoke takes.
    pub(super) invoke_takes: Mutex<Duration>,
}

struct Port(Arc<World>);

impl Port {
    fn maybe_panic(&self, port: &'static str) {
        let mut panics = self.0.panics.lock().unwrap();
        if let Some(at) = panics.iter().position(|name| *name == port) {
            panics.remove(at);
            drop(panics);
            panic!("{port} was made to panic");
        }
    }
}

impl QueueSource for Port {
    fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>> {
        let visibility = Duration::from_secs(30);
        let attributes =
            QueueAttributes { visibility, backlog: None, in_flight: None, max_receive_count: None, retention: None };
        async move { Ok(attributes) }.boxed()
    }

    fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Message>, Fault>> {
        async move {
            self.maybe_panic("receive");
            for _ in 0..=request.wait.as_secs() * 10 {
                let taken: Vec<u64> = {
                    let mut waiting = self.0.waiting.lock().unwrap();
                    let count = waiting.len().min(request.max as usize);
                    waiting.drain(..count).collect()
                };
                if !taken.is_empty() {
                    return Ok(taken.into_iter().map(message).collect());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(Vec::new())
        }
        .boxed()
    }

    fn delete(&self, receipts: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        async move {
            self.maybe_panic("delete");
            let outcomes = vec![ReceiptOutcome::Done; receipts.len()];
            self.0.deleted.lock().unwrap().extend(receipts.iter().map(|receipt| receipt.as_str().to_owned()));
            Ok(outcomes)
        }
        .boxed()
    }

    fn change_visibility(&self, entries: Vec<ReceiptEntry>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        async move {
            let released = entries.iter().filter(|entry| entry.visibility.is_zero());
            let released: Vec<String> = released.map(|entry| entry.receipt.as_str().to_owned()).collect();
            self.0.released.lock().unwrap().extend(released);
            Ok(vec![ReceiptOutcome::Done; entries.len()])
        }
        .boxed()
    }
}

impl Function for Port {
    fn invoke(&self, _: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            self.maybe_panic("invoke");
            *self.0.invoked.lock().unwrap() += 1;
            let takes = *self.0.invoke_takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            Ok(FunctionAnswer { status: 200, ..FunctionAnswer::default() })
        }
        .boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        async { Err(Fault::new(FaultKind::Denied, "not in this test")) }.boxed()
    }
}

impl StreamSource for Port {
    fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>> {
        async { Ok(vec![Shard { id: "shardId-0".into(), parents: vec![], closed: false, begins: None }].into()) }
            .boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>> {
        let mut waiting = self.0.waiting.lock().unwrap();
        let count = waiting.len().min(request.max as usize);
        let records =
            waiting.drain(..count).map(|number| StreamRecord { record: record(number.to_string()), key_hash: 0 });
        let answer = ReadAnswer { records: records.collect(), next: Some("i".into()), ..ReadAnswer::default() };
        async move { Ok(answer) }.boxed()
    }
}

impl Connector for Port {
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let is_stream = mapping.source.stream().is_some();
        async move {
            let next = self.0.connects.lock().unwrap().pop_front();
            match next {
                Some(Some(fault)) => Err(fault),
                Some(None) => panic!("connect was made to panic"),
                None => {
                    *self.0.connected.lock().unwrap() += 1;
                    let port = || Arc::new(Self(Arc::clone(&self.0)));
                    let source = if is_stream { SourcePort::Stream(port()) } else { SourcePort::Queue(port()) };
                    Ok(Ports { source, function: port(), destination: None, filtered: None })
                }
            }
        }
        .boxed()
    }
}

fn record(id: String) -> Record {
    let fragment = Bytes::from_static(b"{}");
    Record { id: id.into(), fragment, arrived_unix_ms: 0, screening: Screening::Passes }
}

fn message(number: u64) -> Message {
    let (record, receipt) = (record(format!("m-{number}")), Receipt::new(format!("r-{number}")));
    Message { record, receipt, receive_count: 1, group: None }
}

/// A mapping as a file would give it, with more lines of YAML. One message is a batch where they do not say else.
pub(super) fn mapping(name: &str, more: &str) -> Mapping {
    of_source(name, &format!("sqs:us-east-1:000000000000:{name}"), more)
}

fn of_source(name: &str, source: &str, more: &str) -> Mapping {
    let size = if more.contains("BatchSize:") { "" } else { "BatchSize: 1\n" };
    let text = format!("Name: {name}\nEventSourceArn: arn:aws:{source}\nFunctionName: f\n{size}{more}\n");
    let loaded = parse(&PathBuf::from(format!("{name}.yaml")), &text, &|_| None);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded.mappings.into_iter().next().unwrap()
}

/// The same as it comes through the AWS API.
pub(super) fn api(name: &str, more: &str) -> Mapping {
    Mapping { origin: Origin::Api, uuid: name.into(), ..mapping(name, more) }
}

/// A mapping of an empty Kinesis stream with one shard.
pub(in crate::engine) fn stream(name: &str) -> Mapping {
    of_source(name, &format!("kinesis:us-east-1:000000000000:stream/{name}"), "StartingPosition: LATEST")
}

/// An engine over a world, with a store that can be handed to the next engine.
pub(super) struct Rig {
    pub(super) world: Arc<World>,
    pub(super) store: Arc<dyn Store>,
    pub(super) metrics: Metrics,
    pub(super) handle: EngineHandle,
    pub(super) task: JoinHandle<()>,
}

impl Rig {
    pub(super) fn new(mappings: Vec<Mapping>) -> Self {
        Self::over(Arc::default(), Arc::new(MemoryStore::new()), mappings)
    }

    pub(super) fn over(world: Arc<World>, store: Arc<dyn Store>, mappings: Vec<Mapping>) -> Self {
        Self::restoring(world, store, mappings, Vec::new())
    }

    pub(super) fn restoring(
        world: Arc<World>,
        store: Arc<dyn Store>,
        mappings: Vec<Mapping>,
        restored: Vec<Mapping>,
    ) -> Self {
        let metrics = Metrics::new(Arc::new(|| 1_800_000_000_000));
        let (handle, task) = spawn(Parts {
            mappings,
            restored,
            connector: Arc::new(Port(Arc::clone(&world))),
            store: store.clone(),
            metrics: metrics.clone(),
            drain_timeout: Duration::from_secs(25),
            receive_wait: crate::machine::LONG_POLL,
            save_every: Duration::from_secs(1),
            streams: None,
            seed: 7,
            wall: Arc::new(|| 1_800_000_000_000),
        });
        Self { world, store, metrics, handle, task }
    }

    pub(super) fn put(&self, numbers: std::ops::Range<u64>) {
        self.world.waiting.lock().unwrap().extend(numbers);
    }

    pub(super) async fn status(&self, name: &str) -> MappingStatus {
        MappingStatus::from(&self.handle.status(name).await.unwrap())
    }

    /// Waits (on the paused clock) until a mapping is as wanted.
    pub(super) async fn until(&self, name: &str, wanted: impl Fn(&MappingStatus) -> bool) -> MappingStatus {
        for _ in 0..6_000 {
            let status = self.status(name).await;
            if wanted(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} never got there: {:?}", self.status(name).await);
    }

    pub(super) async fn until_state(&self, name: &str, state: MappingState) -> MappingStatus {
        self.until(name, |status| status.state == state).await
    }

    /// Every state that is seen on the way to one, without repetitions; the clock goes on by single milliseconds.
    pub(super) async fn states_until(&self, name: &str, last: MappingState) -> Vec<MappingState> {
        let mut seen = vec![self.handle.overview(name).await.unwrap().state];
        for _ in 0..60_000 {
            if seen.last() == Some(&last) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            let state = self.handle.overview(name).await.unwrap().state;
            if seen.last() != Some(&state) {
                seen.push(state);
            }
        }
        panic!("{name} never got to {last:?}: {seen:?}");
    }

    pub(super) async fn until_connected(&self, times: usize) {
        for _ in 0..6_000 {
            if *self.world.connected.lock().unwrap() >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {} connects", self.world.connected.lock().unwrap());
    }

    pub(super) async fn until_deleted(&self, count: usize) {
        for _ in 0..6_000 {
            if self.world.deleted.lock().unwrap().len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {:?} were deleted", self.world.deleted.lock().unwrap());
    }
}

pub(super) fn is_degraded(status: &MappingStatus) -> bool {
    status.health == HealthStatus::Degraded
}
