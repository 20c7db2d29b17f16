//! What a driver's calls do: each output that reaches outside becomes one future that ends in one input.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::limits::{InvokeLimiter, ReadLimiter};
use super::live::Live;
use super::screen::Screen;
use super::{Ports, SourcePort};
use crate::clock::ServiceClock;
use crate::function::Function;
use crate::machine::{
    DeliverRequest, Fault, FaultKind, Input, PollRequest, ReadRequest, SaveRequest, SettleAction, SettleRequest,
    StartingPosition,
};
use crate::mapping::Mapping;
use crate::source::{QueueSource, StreamSource};
use crate::store::{EngineStore, FileError, StoreError};

/// The ports of one mapping and the store, as its driver uses them.
pub(crate) struct World {
    ports: Ports,
    store: Arc<dyn EngineStore>,
    mapping: Arc<str>,
    source: Arc<str>,
    /// Whether a beginning anew would skip records.
    latest: bool,
    reads: ReadLimits,
    screen: Screen,
    rate: Option<NonZeroU32>,
    limiter: Option<Arc<InvokeLimiter>>,
}

/// The world that counts now: a change of settings puts another in its place while calls are open. Calls that wait for
/// their turn are woken by it in the order in which they wait, which a `watch` channel leaves to chance.
#[derive(Clone)]
pub(crate) struct CurrentWorld(Arc<Current>);

struct Current {
    world: Mutex<Arc<World>>,
    changed: Notify,
}

impl CurrentWorld {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self(Arc::new(Current { world: Mutex::new(world), changed: Notify::new() }))
    }

    pub(crate) fn get(&self) -> Arc<World> {
        Arc::clone(&self.0.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, world: Arc<World>) {
        *self.0.world.lock().unwrap_or_else(PoisonError::into_inner) = world;
        self.0.changed.notify_waiters();
    }
}

impl World {
    pub(crate) fn new(
        ports: Ports,
        store: Arc<dyn EngineStore>,
        mapping: &Mapping,
        screen: Screen,
        before: Option<&Self>,
    ) -> Self {
        let (stream, rate) = (mapping.source.stream(), mapping.poller.rate_limit);
        // Where the rate stays the same, the limiter knows when the last invoke was.
        let limiter = before.filter(|before| before.rate == rate).map(|before| before.limiter.clone());
        let limiter = limiter.unwrap_or_else(|| rate.map(|rate| Arc::new(InvokeLimiter::per_second(rate))));
        let source = mapping.source.id().into();
        let latest = stream.is_some_and(|stream| stream.start == StartingPosition::Latest);
        Self {
            ports,
            store,
            mapping: mapping.name.as_str().into(),
            source,
            latest,
            reads: ReadLimits::per_second(stream.map_or(NonZeroU32::MIN, |stream| stream.reads_per_second)),
            screen,
            rate,
            limiter,
        }
    }

    /// The function, when it may be invoked. Of a world that is replaced while a call waits for its turn, nothing is
    /// invoked any more.
    pub(crate) async fn function(current: CurrentWorld, live: &Live) -> Arc<dyn Function> {
        loop {
            let changed = current.0.changed.notified();
            let world = current.get();
            let function = Arc::clone(&world.ports.function);
            let Some(limiter) = &world.limiter else { return function };
            tokio::select! {
                biased;
                waited = limiter.admitted() => {
                    live.metrics().limiter_waited(waited);
                    return function;
                }
                () = changed => {}
            }
        }
    }

    /// The clock of the source, where it tells the time.
    pub(crate) fn clock(&self) -> Option<Arc<ServiceClock>> {
        self.stream().ok().and_then(|stream| stream.clock())
    }

    pub(crate) fn describe(&self) -> impl Future<Output = Input> + Send + use<> {
        let queue = self.queue();
        async move { Input::Described(async { queue?.describe().await }.await) }
    }

    /// What is received is held against the filters that count then, not against those of the time when it was asked
    /// for.
    pub(crate) fn poll(
        &self,
        request: PollRequest,
        current: CurrentWorld,
    ) -> impl Future<Output = Input> + Send + use<> {
        let queue = self.queue();
        async move {
            let poll = request.id;
            let mut result = async { queue?.receive(request).await }.await;
            if let Ok(records) = &mut result {
                let screen = current.get().screen.clone();
                screen.apply(records);
            }
            Input::Polled { poll, result }
        }
    }

    pub(crate) fn settle(&self, request: SettleRequest) -> impl Future<Output = Input> + Send + use<> {
        let queue = self.queue();
        async move {
            let settle = request.id;
            let done = async {
                let receipts = request.entries.iter().map(|entry| entry.receipt.clone());
                match request.action {
                    SettleAction::Delete => queue?.delete(receipts.collect()).await,
                    SettleAction::ChangeVisibility => queue?.change_visibility(request.entries).await,
                }
            };
            Input::Settled { settle, result: done.await }
        }
    }

    pub(crate) fn list(&self) -> impl Future<Output = Input> + Send + use<> {
        let stream = self.stream();
        async move { Input::Listed(async { stream?.shards().await }.await) }
    }

    /// Waits for the shard's limits, then reads.
    pub(crate) fn read(&self, request: ReadRequest, live: &Arc<Live>) -> impl Future<Output = Input> + Send + use<> {
        let stream = self.stream();
        let limiter = self.reads.of(&request.shard);
        let (reads, live, screen) = (self.reads.clone(), Arc::clone(live), self.screen.clone());
        async move {
            let (read, shard) = (request.id, Arc::clone(&request.shard));
            live.metrics().limiter_waited(limiter.admitted().await);
            let mut result = async { stream?.read(request).await }.await;
            if let Ok(answer) = &mut result {
                screen.apply(&mut answer.records);
            }
            match &result {
                Ok(answer) if answer.next.is_none() => reads.forget(&shard),
                Ok(answer) => limiter.charge(answer.bytes),
                Err(_) => {}
            }
            Input::Read { read, result }
        }
    }

    pub(crate) fn claim(&self) -> impl Future<Output = Input> + Send + use<> {
        let (store, mapping, source) = (Arc::clone(&self.store), Arc::clone(&self.mapping), Arc::clone(&self.source));
        let latest = self.latest;
        async move { Input::Claimed(store.claim(&mapping, &source, latest).await.map_err(|error| of_store(&error))) }
    }

    pub(crate) fn save(&self, request: SaveRequest) -> impl Future<Output = Input> + Send + use<> {
        let (store, mapping) = (Arc::clone(&self.store), Arc::clone(&self.mapping));
        async move {
            let saved = store.save(&mapping, request.fence, request.changes).await;
            Input::Saved { save: request.id, result: saved.map_err(|error| of_store(&error)) }
        }
    }

    pub(crate) fn deliver(&self, request: DeliverRequest) -> BoxFuture<'static, Input> {
        let of_filters = request.failure.condition.is_of_filters();
        let filtered = self.ports.filtered.as_ref().filter(|_| of_filters);
        let destination = filtered.or(self.ports.destination.as_ref()).cloned();
        Box::pin(async move {
            let result = match destination {
                Some(destination) => destination.deliver(request.failure).await,
                None => Err(mismatch("the mapping has no destination for these records")),
            };
            Input::Delivered { delivery: request.id, result }
        })
    }

    fn queue(&self) -> Result<Arc<dyn QueueSource>, Fault> {
        match &self.ports.source {
            SourcePort::Queue(queue) => Ok(Arc::clone(queue)),
            SourcePort::Stream(_) => Err(mismatch("a stream is not polled like a queue")),
        }
    }

    fn stream(&self) -> Result<Arc<dyn StreamSource>, Fault> {
        match &self.ports.source {
            SourcePort::Stream(stream) => Ok(Arc::clone(stream)),
            SourcePort::Queue(_) => Err(mismatch("a queue has no shards")),
        }
    }
}

/// A connector gave a mapping ports of another kind than its machine's.
fn mismatch(reason: &str) -> Fault {
    Fault::new(FaultKind::Invalid, reason)
}

fn of_store(error: &StoreError) -> Fault {
    let kind = match error {
        StoreError::Fenced { .. } => FaultKind::Fenced,
        StoreError::File(FileError::Locked { .. } | FileError::Io { .. }) => FaultKind::Transient,
        StoreError::Lost { .. } | StoreError::File(_) => FaultKind::Invalid,
    };
    Fault::new(kind, error.to_string())
}

/// The limits of every shard that is read, made when a shard is first read.
#[derive(Clone)]
struct ReadLimits {
    per_second: NonZeroU32,
    shards: Arc<RwLock<HashMap<Arc<str>, Arc<ReadLimiter>>>>,
}

impl ReadLimits {
    fn per_second(reads: NonZeroU32) -> Self {
        Self { per_second: reads, shards: Arc::default() }
    }

    fn of(&self, shard: &Arc<str>) -> Arc<ReadLimiter> {
        let known = self.shards.read().unwrap_or_else(PoisonError::into_inner).get(shard).cloned();
        known.unwrap_or_else(|| {
            let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(ReadLimiter::per_second(self.per_second));
            Arc::clone(shards.entry(Arc::clone(shard)).or_insert_with(fresh))
        })
    }

    fn forget(&self, shard: &Arc<str>) {
        self.shards.write().unwrap_or_else(PoisonError::into_inner).remove(shard);
    }
}
