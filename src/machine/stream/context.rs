//! What the steps of all shards work with, in addition to the shard itself.

use std::time::Duration;

use super::StreamOptions;
use super::books::Books;
use super::discard::Deliveries;
use super::drain::Draining;
use super::flights::Flights;
use super::lanes::Limits;
use super::reads::Reads;
use super::retry::Rules;
use super::save::Saving;
use crate::machine::envelope::MAX_BODY_BYTES;
use crate::machine::health::HealthWatch;
use crate::machine::outbox::Outbox;
use crate::machine::{Fault, Mono, Now, Stream};

/// Time, settings and outputs, and what is open for all shards of a mapping together.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) options: StreamOptions,
    pub(super) limits: Limits,
    pub(super) rules: Rules,
    pub(super) now: Now,
    pub(super) rng: fastrand::Rng,
    pub(super) out: Outbox<Stream>,
    pub(super) health: HealthWatch,
    pub(super) books: Books,
    pub(super) reads: Reads,
    pub(super) flights: Flights,
    pub(super) deliveries: Deliveries,
    pub(super) saving: Saving,
    pub(super) draining: Option<Draining>,
}

impl Context {
    pub(super) fn new(options: StreamOptions) -> Self {
        Self {
            limits: Limits { records: options.batch_size as usize, window: options.window, bytes: MAX_BODY_BYTES },
            rules: Rules { bisect: options.bisect, retries: options.maximum_retry_attempts },
            now: Now::default(),
            rng: fastrand::Rng::with_seed(options.seed),
            out: Outbox::default(),
            health: HealthWatch::default(),
            books: Books::default(),
            reads: Reads::default(),
            flights: Flights::default(),
            deliveries: Deliveries::default(),
            saving: Saving::default(),
            draining: None,
            options,
        }
    }

    pub(super) const fn mono(&self) -> Mono {
        self.now.mono
    }

    /// The pause after so many failures in a row, or the longer one that the service asks for.
    pub(super) fn pause(&mut self, failures: u32, fault: &Fault) -> Duration {
        self.options.retry.pause(failures, &mut self.rng).max(fault.retry_after.unwrap_or_default())
    }
}
