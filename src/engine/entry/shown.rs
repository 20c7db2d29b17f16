//! What an entry shows of its mapping: its state, its health, and everything that `status` tells.

use std::sync::Arc;

use super::{Entry, Goal};
use crate::engine::last_error::rfc3339;
use crate::engine::{
    DestinationConfig, FilterCriteria, HealthStatus, MappingState, MappingStatus, Overview, ScalingConfig,
    StreamConfiguration, seconds, state_transition_reason,
};
use crate::mapping::Origin;

impl Entry {
    /// `ok`, `starting`, `disabled`, `degraded: …` or `failing: …`.
    pub(crate) fn readiness(&self) -> String {
        let shown = self.live.shown();
        match (self.state(), shown.health) {
            (MappingState::Disabled | MappingState::Disabling | MappingState::Deleting, _) => "disabled".into(),
            (_, HealthStatus::Degraded) => format!("degraded: {}", shown.health_reason().unwrap_or_default()),
            (_, HealthStatus::Failing) => format!("failing: {}", shown.health_reason().unwrap_or_default()),
            _ if self.live.has_polled() => "ok".into(),
            _ => "starting".into(),
        }
    }

    pub(crate) fn show_state(&mut self) {
        self.settle();
        self.live.metrics().set_state(self.state());
    }

    /// What was asked for is reached: from here on the mapping shows no way to it, also when it is started again.
    pub(super) fn settle(&mut self) {
        if self.state() == MappingState::Enabled {
            self.on_the_way = MappingState::Enabled;
        }
    }

    pub(crate) fn overview(&self) -> Overview {
        Overview {
            mapping: Arc::clone(self.latest()),
            state: self.state(),
            last_processing_result: self.live.last_result(),
            modified_unix_ms: self.modified_unix_ms,
            enabled: self.is_wanted(),
        }
    }

    pub(crate) fn status(&self) -> MappingStatus {
        let shown = self.live.shown();
        let mapping = &self.mapping;
        let (queue, stream) = (mapping.source.queue(), mapping.source.stream());
        let types = mapping.report_batch_item_failures.then(|| "ReportBatchItemFailures".to_owned());
        MappingStatus {
            uuid: mapping.uuid.clone(),
            name: mapping.name.clone(),
            event_source_arn: mapping.source.id().to_owned(),
            function_arn: mapping.target.lambda().function.text.clone(),
            batch_size: mapping.batch_size,
            maximum_batching_window_in_seconds: mapping.window.as_secs(),
            function_response_types: types.into_iter().collect(),
            scaling_config: queue
                .and_then(|queue| queue.maximum_concurrency)
                .map(|maximum_concurrency| ScalingConfig { maximum_concurrency }),
            filter_criteria: FilterCriteria::new(&mapping.filters),
            stream_configuration: stream.map(StreamConfiguration::new),
            destination_config: DestinationConfig::of(mapping),
            state: self.state(),
            state_transition_reason: state_transition_reason(mapping).into(),
            health: shown.health,
            health_reason: shown.health_reason(),
            since: rfc3339(shown.since_unix_ms),
            last_error: shown.last_error(),
            failed_in_a_row: shown.failed_in_a_row(),
            last_processing_result: shown.last_result,
            last_modified: seconds(self.modified_unix_ms),
            enabled_by: if self.desired.is_some() { "operator" } else { mapping.origin.as_str() }.into(),
            origin: mapping.origin.as_str().into(),
            file: match &mapping.origin {
                Origin::File(file) => file.display().to_string(),
                Origin::Api => String::new(),
            },
            counters: self.live.metrics().counters(),
            queue: queue.map(|_| self.live.queue()),
            stream: stream.map(|_| self.live.stream()),
            shards: stream.map(|_| self.live.shards()),
        }
    }

    fn state(&self) -> MappingState {
        let degraded = self.live.shown().health == HealthStatus::Degraded;
        let working = self.live.has_polled() || degraded;
        match (&self.goal, &self.running) {
            (Goal::Remove, _) => MappingState::Deleting,
            (Goal::Replace, _) => MappingState::Updating,
            (Goal::Stop, Some(_)) if !self.live.is_quiet() => MappingState::Disabling,
            // Nothing is invoked any more, although receives may be open still.
            (Goal::Stop, _) => MappingState::Disabled,
            (Goal::Run, Some(running)) if running.change > self.live.taken() && !degraded => MappingState::Updating,
            (Goal::Run, Some(running)) if !running.draining && working => MappingState::Enabled,
            (Goal::Run, _) => self.on_the_way,
        }
    }
}
