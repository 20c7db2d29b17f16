//! What an entry shows of its mapping: its state, its health, and everything that there is to show.

use std::sync::Arc;

use super::{Entry, Goal};
use crate::engine::{MappingState, Overview, Snapshot};
use crate::machine::Health;

impl Entry {
    /// `ok`, `starting`, `disabled`, `degraded: …` or `failing: …`.
    pub(crate) fn readiness(&self) -> String {
        match (self.state(), self.live.health()) {
            (MappingState::Disabled | MappingState::Disabling | MappingState::Deleting, _) => "disabled".into(),
            _ if self.elsewhere => "elsewhere".into(),
            (_, Health::Degraded { reason }) => format!("degraded: {reason}"),
            (_, Health::Failing { reason }) => format!("failing: {reason}"),
            (_, Health::Ok) if self.live.has_polled() => "ok".into(),
            (_, Health::Ok) => "starting".into(),
        }
    }

    pub(crate) fn show_state(&mut self) {
        self.note_reached();
        self.live.metrics().set_state(self.state());
    }

    /// What was asked for is reached: from here on the mapping shows no way to it, also when it is started again.
    pub(super) fn note_reached(&mut self) {
        if self.state() == MappingState::Enabled {
            self.on_the_way = MappingState::Enabled;
        }
    }

    pub(crate) fn overview(&self) -> Overview {
        Overview {
            mapping: Arc::clone(self.wanted.latest()),
            state: self.state(),
            last_processing_result: self.live.last_result(),
            modified_unix_ms: self.modified_unix_ms,
            enabled: self.wanted.is_on(),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let shown = self.live.shown();
        let metrics = self.live.metrics();
        Snapshot {
            mapping: Arc::clone(&self.wanted.mapping),
            state: self.state(),
            elsewhere: self.elsewhere,
            modified_unix_ms: self.modified_unix_ms,
            by_operator: self.wanted.desired().is_some(),
            health: self.live.health(),
            since_unix_ms: shown.since_unix_ms,
            last_error: shown.ends.last_error,
            failed_in_a_row: shown.ends.in_a_row,
            last_result: shown.last_result,
            counters: metrics.counters(),
            capacity: self.live.capacity(),
            parts: self.live.parts(),
            gauges: self.live.gauges(),
            described: shown.described,
            iterator_age: metrics.shards().iterator_age(),
            clock_ahead_ms: metrics.clock_ahead_ms(),
            shards: metrics.shards().all(),
            taken_unix_ms: self.clock.unix_ms(),
        }
    }

    fn state(&self) -> MappingState {
        let degraded = self.live.is_degraded();
        let working = self.live.has_polled() || degraded;
        match (&self.wanted.goal, &self.running) {
            (Goal::Remove, _) => MappingState::Deleting,
            (Goal::Replace, _) => MappingState::Updating,
            (Goal::Stop, Some(_)) if !self.live.is_quiet() => MappingState::Disabling,
            // Nothing is invoked any more, although receives may be open still.
            (Goal::Stop, _) => MappingState::Disabled,
            (Goal::Run, _) if self.elsewhere => MappingState::Enabled,
            (Goal::Run, Some(running)) if running.change > self.live.taken() && !degraded => MappingState::Updating,
            (Goal::Run, Some(running)) if !running.draining && working => MappingState::Enabled,
            (Goal::Run, _) => self.on_the_way,
        }
    }
}
