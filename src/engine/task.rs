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
use super::{Connector, HealthStatus, Ports};
use crate::machine::{Command, Event, Fault, Health, QueueMachine, QueueOptions};
use crate::mapping::Mapping;

/// How long to wait before clients that could not be made are tried again.
const CONNECT_AGAIN: Duration = Duration::from_secs(5);

/// Everything that one mapping's task needs.
pub(crate) struct Task {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
}

impl Task {
    /// Runs until a drain ends it.
    pub(crate) async fn run(self, mut commands: mpsc::Receiver<Command>) {
        let Some(ports) = self.connect(&mut commands).await else { return };
        let machine = QueueMachine::new(options(&self.mapping, self.seed));
        let rate = self.mapping.poller.rate_limit.and_then(NonZeroU32::new);
        let limiter = rate.map(|rate| Arc::new(InvokeLimiter::per_second(rate)));
        Driver::new(machine, ports, limiter, self.live, self.clock).run(&mut commands).await;
    }

    /// The ports, or `None` when the mapping is stopped before it has them.
    async fn connect(&self, commands: &mut mpsc::Receiver<Command>) -> Option<Ports> {
        loop {
            let fault = tokio::select! {
                connected = self.connector.connect(&self.mapping) => match connected {
                    Ok(ports) => {
                        // Whatever kept the mapping from working before, a panic included, is over for now.
                        if self.live.shown().health == HealthStatus::Degraded {
                            self.live.observe(&Event::Health(Health::Ok));
                        }
                        return Some(ports);
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

fn options(mapping: &Mapping, seed: u64) -> QueueOptions {
    let poller = &mapping.poller;
    QueueOptions {
        batch_size: mapping.batch_size,
        window: mapping.window,
        maximum_concurrency: mapping.maximum_concurrency,
        report_batch_item_failures: mapping.report_batch_item_failures,
        visibility: poller.visibility.timeout,
        hold_limit: poller.visibility.hold_limit,
        on_function_error: poller.visibility.on_function_error,
        retry: poller.retry_backoff,
        seed,
    }
}
