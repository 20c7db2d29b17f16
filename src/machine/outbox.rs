//! What a machine has to say and has not said yet.

use std::collections::VecDeque;

use super::health::HealthWatch;
use super::screening::Tally;
use super::{Event, Invariant, Mono, Output, Protocol};

/// The outputs of a machine in their order, and the names that it gives to what it asks for.
#[derive(Debug, Default)]
pub(crate) struct Outbox<P: Protocol> {
    outputs: VecDeque<Output<P>>,
    last_name: u64,
    shown_limit: u32,
}

impl<P: Protocol> Outbox<P> {
    /// A name that was never used before.
    pub(crate) fn name(&mut self) -> u64 {
        #[cfg(any(test, debug_assertions))]
        super::fuse::burn();
        self.last_name += 1;
        self.last_name
    }

    /// What a successor continues with: no name is used twice, and what has happened is still reported. Requests that
    /// were not begun are dropped.
    pub(crate) fn handed_over(self) -> Self {
        let is_over = |event: &Event| {
            // The successor says these when they are true of itself.
            !matches!(event, Event::Health(_) | Event::Drained { .. } | Event::InvokeStarted { .. })
        };
        let reports = |output: &Output<P>| matches!(output, Output::Emit(event) if is_over(event));
        let outputs = self.outputs.into_iter().filter(reports).collect();
        Self { outputs, last_name: self.last_name, shown_limit: 0 }
    }

    pub(crate) fn push(&mut self, output: Output<P>) {
        #[cfg(any(test, debug_assertions))]
        super::fuse::burn();
        self.outputs.push_back(output);
    }

    pub(crate) fn pop(&mut self) -> Option<Output<P>> {
        self.outputs.pop_front()
    }

    /// Asks the source, or the store.
    pub(crate) fn ask(&mut self, request: P::Request) {
        self.push(Output::Request(request));
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.push(Output::Emit(event));
    }

    /// Reports records that the filters did not let pass.
    pub(crate) fn report(&mut self, Tally { filtered_out, undecided }: Tally) {
        if filtered_out + undecided.records > 0 {
            self.emit(Event::Screened { filtered_out, undecided });
        }
    }

    /// Asserts a named invariant: a panic in tests, a count in production.
    pub(crate) fn check(&mut self, invariant: Invariant, holds: bool) {
        #[cfg(any(test, debug_assertions))]
        super::fuse::burn();
        debug_assert!(holds, "invariant {} is violated", invariant.as_str());
        if !holds {
            self.emit(Event::Violated(invariant));
        }
    }

    /// Reports what has changed of health and concurrency since the last report.
    pub(crate) fn show(&mut self, health: &mut HealthWatch, limit: u32, now: Mono) {
        if let Some(health) = health.changed(now) {
            self.emit(Event::Health(health));
        }
        if limit != self.shown_limit {
            self.shown_limit = limit;
            self.emit(Event::Scaled { limit });
        }
    }
}
