//! A whole mapping over a queue in memory: forebay's engine, its machine and its driver around the adapter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use forebay::engine::{Connector, EngineHandle, Parts, Ports, SourcePort, spawn};
use forebay::function::Function;
use forebay::machine::{
    Fault, LONG_POLL, Message, PollRequest, QueueAttributes, Receipt, ReceiptEntry, ReceiptOutcome, Record, Screening,
};
use forebay::mapping::Mapping;
use forebay::source::QueueSource;
use forebay::store::MemoryStore;
use forebay::telemetry::Metrics;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::Notify;

use crate::sides;

/// A mapping that runs.
pub(crate) struct Running {
    queue: Arc<Queue>,
    _engine: EngineHandle,
}

/// So many messages are waiting, and so many are not deleted.
#[derive(Default)]
struct Queue {
    waiting: AtomicUsize,
    left: AtomicUsize,
    filled: Notify,
    emptied: Notify,
}

struct Connected {
    queue: Arc<Queue>,
    function: Arc<dyn Function>,
}

impl Running {
    pub(crate) fn start(mapping: Mapping, function: Arc<dyn Function>) -> Self {
        let queue = Arc::new(Queue::default());
        let (engine, _task) = spawn(Parts {
            mappings: vec![mapping],
            restored: Vec::new(),
            connector: Arc::new(Connected { queue: Arc::clone(&queue), function }),
            store: Arc::new(MemoryStore::new()),
            metrics: Metrics::new(forebay::clock::host()),
            drain_timeout: Duration::from_secs(25),
            receive_wait: LONG_POLL,
            save_every: Duration::from_secs(1),
            streams: None,
            seed: 1,
            wall: forebay::clock::host(),
        });
        Self { queue, _engine: engine }
    }

    /// Has so many messages processed, each in an invocation of its own.
    pub(crate) async fn process(&self, messages: usize) -> anyhow::Result<()> {
        let queue = &self.queue;
        queue.left.store(messages, Ordering::SeqCst);
        queue.waiting.store(messages, Ordering::SeqCst);
        queue.filled.notify_waiters();
        let emptied = tokio::time::timeout(Duration::from_secs(60), queue.emptied.notified());
        emptied.await.context("not all messages are deleted")
    }
}

impl Connector for Connected {
    fn connect(&self, _: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let source = SourcePort::Queue(Arc::clone(&self.queue) as _);
        let function = Arc::clone(&self.function);
        ready(Ok(Ports { source, function, destination: None, filtered: None })).boxed()
    }
}

impl Queue {
    fn take(&self, most: usize) -> usize {
        let less = |waiting: usize| Some(waiting - waiting.min(most));
        let waiting = self.waiting.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).unwrap_or_default();
        waiting.min(most)
    }
}

fn message() -> Message {
    let id: Arc<str> = format!("{:032x}", fastrand::u128(..)).into();
    let receipt = Receipt::new(Arc::clone(&id));
    let now = forebay::clock::host()();
    let record =
        Record { id, fragment: sides::record().clone(), arrived_unix_ms: now, screening: Screening::default() };
    Message { record, receipt, receive_count: 1, group: None }
}

impl QueueSource for Queue {
    fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>> {
        let visibility = Duration::from_secs(600);
        let attributes =
            QueueAttributes { visibility, backlog: None, in_flight: None, max_receive_count: None, retention: None };
        ready(Ok(attributes)).boxed()
    }

    fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Message>, Fault>> {
        async move {
            loop {
                let filled = self.filled.notified();
                let taken = self.take(request.max as usize);
                if taken > 0 {
                    return Ok((0..taken).map(|_| message()).collect());
                }
                filled.await;
            }
        }
        .boxed()
    }

    fn delete(&self, receipts: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        if self.left.fetch_sub(receipts.len(), Ordering::SeqCst) == receipts.len() {
            self.emptied.notify_one();
        }
        ready(Ok(vec![ReceiptOutcome::Done; receipts.len()])).boxed()
    }

    fn change_visibility(&self, entries: Vec<ReceiptEntry>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        ready(Ok(vec![ReceiptOutcome::Done; entries.len()])).boxed()
    }
}
