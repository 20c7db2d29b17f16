//! What every part of the machine works with: the options, the time, chance, health, and what is to be said.

use std::time::Duration;

use super::draining::Draining;
use super::options::QueueOptions;
use crate::machine::health::HealthWatch;
use crate::machine::outbox::Outbox;
use crate::machine::{Message, Mono, Now, Queue};

/// The visibility timeout that receives ask for when the queue's own cannot be used: its attributes may not
/// be read, or its timeout is zero.
const ASSUMED_VISIBILITY: Duration = Duration::from_secs(30);

/// What every part works with.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) options: QueueOptions,
    pub(super) queue: Known,
    /// The time of the last input.
    pub(super) now: Mono,
    /// The wall clock of the last input.
    pub(super) unix_ms: u64,
    pub(super) rng: fastrand::Rng,
    pub(super) out: Outbox<Queue>,
    pub(super) health: HealthWatch,
    /// The drain that has begun.
    pub(super) draining: Option<Draining>,
}

/// What is known of the queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Its own visibility timeout.
    pub(super) visibility: Option<Duration>,
    /// `maxReceiveCount` of its redrive policy.
    pub(super) max_receive_count: Option<u32>,
}

impl Context {
    pub(super) fn new(options: QueueOptions) -> Self {
        Self {
            queue: Known::default(),
            now: Mono::ZERO,
            unix_ms: 0,
            rng: fastrand::Rng::with_seed(options.seed),
            out: Outbox::default(),
            health: HealthWatch::default(),
            draining: None,
            options,
        }
    }

    /// What a successor goes on with, but for a drain. Random names and pauses do not repeat either.
    pub(super) fn handed_over(&mut self, panic: &str) -> Self {
        let mut next = Self {
            queue: self.queue,
            now: self.now,
            unix_ms: self.unix_ms,
            rng: self.rng.clone(),
            out: std::mem::take(&mut self.out).handed_over(),
            ..Self::new(self.options.clone())
        };
        next.health.panicked(panic, self.now);
        next
    }

    /// The next input has come.
    pub(super) fn advance(&mut self, now: Now) {
        // A clock that steps back would make spans negative; time only ever moves on here.
        self.now = self.now.max(now.mono);
        self.unix_ms = now.unix_ms;
    }

    pub(super) const fn drains(&self) -> bool {
        self.draining.is_some()
    }

    /// The visibility timeout that receives ask for: where the mapping says one, or the queue's own is of no use.
    pub(super) fn asked_visibility(&self) -> Option<Duration> {
        self.options.visibility.or_else(|| self.queue.usable_visibility().is_none().then_some(ASSUMED_VISIBILITY))
    }

    /// How long leases are.
    pub(super) fn lease(&self) -> Duration {
        self.options.visibility.or(self.queue.usable_visibility()).unwrap_or(ASSUMED_VISIBILITY)
    }

    /// Whether a message that is left alone stays hidden for a time. Where neither the mapping nor the queue has a
    /// visibility timeout, it is to be visible again at once.
    pub(super) fn hides_failures(&self) -> bool {
        self.options.visibility.is_some() || self.queue.visibility.is_none_or(|own| !own.is_zero())
    }

    /// Whether the queue's next receive of this message would move it to the dead-letter queue instead.
    pub(super) fn is_last(&self, message: &Message) -> bool {
        self.queue.max_receive_count.is_some_and(|most| message.receive_count >= most)
    }
}

impl Known {
    fn usable_visibility(self) -> Option<Duration> {
        self.visibility.filter(|own| !own.is_zero())
    }
}
