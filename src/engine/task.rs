//! The task of one mapping: connects, builds the machine, drives it until it is drained.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::clock::Clock;
use super::driver::Driver;
use super::limits::InvokeLimiter;
use super::live::Live;
use super::ports::{ReadLimits, World};
use super::screen::Screen;
use super::{Connector, HealthStatus, Ports};
use crate::machine::{
    Command, DestinationOrder, Event, Fault, Health, QueueMachine, QueueOptions, StreamKind, StreamMachine,
    StreamOptions,
};
use crate::mapping::{DestinationKind, FailureDestination, Mapping, SourceKind, StreamParameters};
use crate::store::Store;

/// How long to wait before clients that could not be made are tried again.
const CONNECT_AGAIN: Duration = Duration::from_secs(5);

/// What Kinesis allows all readers of one shard together.
const READS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("not zero");

/// So many failures of a queue's message are enough for the failure destination where the mapping does not say.
const ON_FAILURE_ATTEMPTS: u32 = 3;

/// Everything that one mapping's task needs.
pub(crate) struct Task {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
}

impl Task {
    /// Runs until a drain ends it.
    pub(crate) async fn run(self, mut commands: mpsc::Receiver<Command>) {
        let Some((ports, screen)) = self.connect(&mut commands).await else { return };
        let mapping = &self.mapping;
        let rate = mapping.poller.rate_limit.and_then(NonZeroU32::new);
        let limiter = rate.map(|rate| Arc::new(InvokeLimiter::per_second(rate)));
        let reads = mapping.poller.reads_per_second.and_then(NonZeroU32::new).unwrap_or(READS_PER_SECOND);
        let world = World::new(ports, self.store, mapping, ReadLimits::per_second(reads), screen);
        match &mapping.stream {
            Some(stream) => {
                let machine = StreamMachine::new(stream_options(mapping, stream, self.seed));
                Driver::new(machine, world, limiter, self.live, self.clock).run(&mut commands).await;
            }
            None => {
                let machine = QueueMachine::new(queue_options(mapping, self.seed));
                Driver::new(machine, world, limiter, self.live, self.clock).run(&mut commands).await;
            }
        }
    }

    /// The ports and the filters, or `None` when the mapping is stopped before it has them.
    async fn connect(&self, commands: &mut mpsc::Receiver<Command>) -> Option<(Ports, Screen)> {
        loop {
            let connected = async { Ok((self.connector.connect(&self.mapping).await?, Screen::new(&self.mapping)?)) };
            let fault: Fault = tokio::select! {
                connected = connected => match connected {
                    Ok(ready) => {
                        // Whatever kept the mapping from working before, a panic included, is over for now.
                        if self.live.shown().health == HealthStatus::Degraded {
                            self.live.observe(&Event::Health(Health::Ok));
                        }
                        return Some(ready);
                    }
                    Err(fault) => fault,
                },
                _ = commands.recv() => return None,
            };
            self.show(&fault);
            tokio::select! {
                () = sleep(CONNECT_AGAIN) => {}
                _ = commands.recv() => return None,
            }
        }
    }

    fn show(&self, fault: &Fault) {
        let reason = format!("connecting: {}", fault.message);
        self.live.observe(&Event::Health(Health::Degraded { reason }));
    }
}

fn queue_options(mapping: &Mapping, seed: u64) -> QueueOptions {
    let poller = &mapping.poller;
    QueueOptions {
        batch_size: mapping.batch_size,
        window: mapping.window,
        maximum_concurrency: mapping.maximum_concurrency,
        report_batch_item_failures: mapping.report_batch_item_failures,
        visibility: poller.visibility.timeout,
        hold_limit: poller.visibility.hold_limit,
        on_function_error: poller.visibility.on_function_error,
        on_failure: mapping.on_failure.as_ref().map(|_| poller.on_failure_attempts.unwrap_or(ON_FAILURE_ATTEMPTS)),
        retry: poller.retry_backoff,
        screening: poller.screening,
        fifo: mapping.fifo.then_some(poller.group_order),
        seed,
    }
}

fn order(destination: &FailureDestination) -> DestinationOrder {
    match destination.kind {
        DestinationKind::Sqs { fifo: true } | DestinationKind::Sns { fifo: true } => DestinationOrder::Kept,
        DestinationKind::Sqs { fifo: false } | DestinationKind::Sns { fifo: false } | DestinationKind::S3 => {
            DestinationOrder::Free
        }
    }
}

fn stream_options(mapping: &Mapping, stream: &StreamParameters, seed: u64) -> StreamOptions {
    StreamOptions {
        mapping: mapping.name.as_str().into(),
        kind: if mapping.kind == SourceKind::DynamoDb { StreamKind::DynamoDb } else { StreamKind::Kinesis },
        source_arn: mapping.source.text.as_str().into(),
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
        retry: mapping.poller.retry_backoff,
        seed,
    }
}
