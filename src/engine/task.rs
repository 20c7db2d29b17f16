//! The task of one mapping: connects, builds the machine, drives it until it is drained.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Connector;
use super::clock::Clock;
use super::driver::{Driver, Signal};
use super::live::Live;
use super::screen::Screen;
use super::world::{QueueWorld, StreamWorld, World};
use crate::machine::{
    DestinationOrder, Event, Fault, GroupOrder, Health, Machine, Protocol, Queue, QueueCommand, QueueMachine,
    QueueOptions, ShardReads, Stream, StreamCommand, StreamMachine, StreamOptions,
};
use crate::mapping::{DestinationKind, FailureDestination, Mapping, Parts, QueueSpec, StreamSpec};
use crate::store::EngineStore;

/// How long to wait before clients that could not be made are tried again.
const CONNECT_AGAIN: Duration = Duration::from_secs(5);

/// What a task is ordered to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Drain within `bound`; where it is longer, receives of a queue that are open are waited for until `receives` is
    /// over.
    Drain { bound: Duration, receives: Duration },
    /// End a drain now.
    Cut,
    /// Go on after all: a drain of a queue's mapping is taken back.
    Resume,
    /// Go on with this definition, which polls the same queue.
    Change {
        /// Grows with each change.
        number: u64,
        mapping: Arc<Mapping>,
    },
}

/// What the machine of a source is made of.
enum Options {
    Queue(Box<QueueOptions>),
    Stream(Box<StreamOptions>),
}

/// What counts where a mapping does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    /// How long a receive waits for a first message.
    pub(crate) receive_wait: Duration,
    /// The longest time between two saves of checkpoints.
    pub(crate) save_every: Duration,
}

/// Everything that one mapping's task needs.
pub(crate) struct Task {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) store: Arc<dyn EngineStore>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) defaults: Defaults,
    pub(crate) seed: u64,
    /// When a task of this mapping panicked last.
    pub(crate) panicked: Option<Instant>,
}

impl Task {
    /// Runs until a drain ends it.
    pub(crate) async fn run(self, orders: mpsc::Receiver<Order>) {
        match self.options(&self.mapping) {
            Options::Queue(_) => self.run_queue(orders).await,
            Options::Stream(options) => self.run_stream(*options, orders).await,
        }
    }

    async fn run_queue(&self, mut orders: mpsc::Receiver<Order>) {
        let Some((mapping, world)) = self.begin::<Queue, QueueWorld>(&mut orders).await else { return };
        // No other kind of source polls like a queue.
        let Options::Queue(options) = self.options(&mapping) else { return };
        let (signals, mut heard) = mpsc::channel(8);
        let driver = self.driver(QueueMachine::new(*options), Arc::clone(&world));
        tokio::select! {
            // Without an order of their own, one seed would give several lives.
            biased;
            () = driver.after_panic(self.panicked).run(&mut heard) => {}
            () = self.relay_to_queue(orders, signals, world) => {}
        }
    }

    async fn run_stream(&self, options: StreamOptions, mut orders: mpsc::Receiver<Order>) {
        let Some((_, world)) = self.begin::<Stream, StreamWorld>(&mut orders).await else { return };
        let (signals, mut heard) = mpsc::channel(8);
        let driver = self.driver(StreamMachine::new(options), world);
        tokio::select! {
            biased;
            () = driver.run(&mut heard) => {}
            () = relay_to_stream(orders, signals) => {}
        }
    }

    fn driver<P: Protocol, M: Machine<Protocol = P>, W: World<P>>(&self, machine: M, world: Arc<W>) -> Driver<P, M, W> {
        Driver::new(machine, world, Arc::clone(&self.live), self.clock.clone(), self.seed)
    }

    /// The mapping to begin with and its world, or `None` when it is stopped before it has one.
    async fn begin<P: Protocol, W: World<P>>(
        &self,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Option<(Arc<Mapping>, Arc<W>)> {
        let mut mapping = Arc::clone(&self.mapping);
        loop {
            tokio::select! {
                biased;
                world = self.connected(&mapping, None) => return Some((mapping, world)),
                order = orders.recv() => match order? {
                    Order::Change { number, mapping: next } => {
                        self.live.took_over(number);
                        mapping = next;
                    }
                    Order::Drain { .. } | Order::Cut | Order::Resume => return None,
                }
            }
        }
    }

    /// Hands on what is ordered. The world of a changed mapping is made while the old one still works. Never ends.
    async fn relay_to_queue(
        &self,
        mut orders: mpsc::Receiver<Order>,
        signals: mpsc::Sender<Signal<Queue, QueueWorld>>,
        mut world: Arc<QueueWorld>,
    ) {
        let mut change: Option<(u64, Arc<Mapping>)> = None;
        loop {
            let before = Arc::clone(&world);
            let connected =
                OptionFuture::from(change.as_ref().map(|(_, mapping)| self.connected(mapping, Some(&*before))));
            let (order, next) = tokio::select! {
                biased;
                order = orders.recv() => (order, None),
                Some(next) = connected => (None, Some(next)),
            };
            // An order that comes before the change is made takes its place, or is followed by another.
            let signal = match (order, next, change.take()) {
                (_, Some(next), Some((number, mapping))) => {
                    let Options::Queue(options) = self.options(&mapping) else { continue };
                    world = Arc::clone(&next);
                    Signal::Change { number, world: next, command: QueueCommand::Change(options) }
                }
                (Some(Order::Change { number, mapping }), ..) => {
                    change = Some((number, mapping));
                    continue;
                }
                (Some(Order::Drain { bound, receives }), ..) => {
                    Signal::Command(QueueCommand::Drain { bound, receives })
                }
                (Some(Order::Cut), ..) => Signal::Command(QueueCommand::Cut),
                (Some(Order::Resume), ..) => Signal::Command(QueueCommand::Resume),
                (None, ..) => break,
            };
            if signals.send(signal).await.is_err() {
                break;
            }
        }
        drop(signals);
        std::future::pending::<()>().await;
    }

    /// The world of a mapping, as soon as it can be reached.
    async fn connected<P: Protocol, W: World<P>>(&self, mapping: &Mapping, before: Option<&W>) -> Arc<W> {
        loop {
            let world = async {
                let (ports, screen) = (self.connector.connect(mapping).await?, Screen::new(mapping)?);
                self.live.set_function(&ports.function);
                W::new(ports, screen, mapping, &self.store, before)
            };
            match world.await {
                Ok(world) => {
                    // Everything that kept the mapping from working before, a panic included, is over for now.
                    if self.live.is_degraded() {
                        self.live.observe(&Event::Health(Health::Ok));
                    }
                    return Arc::new(world);
                }
                Err(fault) => self.show(&fault),
            }
            sleep(CONNECT_AGAIN).await;
        }
    }

    fn show(&self, fault: &Fault) {
        let reason = format!("connecting: {}", fault.message);
        self.live.observe(&Event::Health(Health::Degraded { reason }));
    }

    /// The machine of a mapping's source, as options.
    fn options(&self, mapping: &Mapping) -> Options {
        match mapping.source.parts() {
            Parts::Queue(queue, fifo) => Options::Queue(Box::new(self.queue_options(mapping, queue, fifo))),
            Parts::Stream(stream, reads) => Options::Stream(Box::new(self.stream_options(mapping, stream, reads))),
        }
    }

    fn queue_options(&self, mapping: &Mapping, queue: &QueueSpec, fifo: Option<GroupOrder>) -> QueueOptions {
        QueueOptions {
            batch_size: mapping.batch_size,
            window: mapping.window,
            maximum_concurrency: queue.maximum_concurrency,
            report_batch_item_failures: mapping.report_batch_item_failures,
            receive_wait: queue.receive_wait.unwrap_or(self.defaults.receive_wait),
            visibility: queue.visibility.timeout,
            hold_limit: queue.visibility.hold_limit,
            on_function_error: queue.visibility.on_function_error,
            on_failure: mapping.on_failure.as_ref().map(|_| queue.on_failure_attempts),
            retry: mapping.poller.retry_backoff,
            screening: mapping.poller.screening,
            fifo,
            seed: self.seed,
        }
    }

    fn stream_options(&self, mapping: &Mapping, stream: &StreamSpec, reads: ShardReads) -> StreamOptions {
        StreamOptions {
            mapping: mapping.name.as_str().into(),
            reads,
            source_arn: mapping.source.id().into(),
            start: stream.start,
            batch_size: mapping.batch_size,
            window: mapping.window,
            parallelization: stream.parallelization,
            report_batch_item_failures: mapping.report_batch_item_failures,
            bisect: stream.bisect,
            maximum_retry_attempts: stream.maximum_retry_attempts,
            maximum_record_age: stream.maximum_record_age,
            tumbling_window: stream.tumbling_window,
            screening: mapping.poller.screening,
            destination: mapping.on_failure.as_ref().map(order),
            save_every: self.defaults.save_every,
            retry: mapping.poller.retry_backoff,
            seed: self.seed,
        }
    }
}

/// Hands on what is ordered. Never ends.
async fn relay_to_stream(mut orders: mpsc::Receiver<Order>, signals: mpsc::Sender<Signal<Stream, StreamWorld>>) {
    while let Some(order) = orders.recv().await {
        let command = match order {
            Order::Drain { bound, .. } => StreamCommand::Drain { bound },
            Order::Cut => StreamCommand::Cut,
            // A stream's mapping begins again where its definition changes (`Mapping::polls_like`).
            Order::Resume | Order::Change { .. } => continue,
        };
        if signals.send(Signal::Command(command)).await.is_err() {
            break;
        }
    }
    drop(signals);
    std::future::pending::<()>().await;
}

fn order(destination: &FailureDestination) -> DestinationOrder {
    match destination.kind {
        DestinationKind::Sqs { fifo: true } | DestinationKind::Sns { fifo: true } => DestinationOrder::Kept,
        DestinationKind::Sqs { fifo: false } | DestinationKind::Sns { fifo: false } | DestinationKind::S3 => {
            DestinationOrder::Free
        }
    }
}
