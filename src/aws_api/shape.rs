//! `EventSourceMappingConfiguration`: a mapping as AWS's answers show it.
//!
//! Every member of the API's model is there, in its order, unset ones as null: so AWS sends them.

use serde::Serialize;

pub(crate) use super::names::{function_arn, mapping_arn};
use crate::engine::{MappingState, Overview};
use crate::view::{
    DestinationConfig, FilterCriteria, ScalingConfig, StreamConfiguration, seconds, state_transition_reason,
};

/// A mapping as AWS's answers show it. Members that are units belong to what forebay does not do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Configuration {
    #[serde(rename = "UUID")]
    uuid: String,
    starting_position: Option<String>,
    starting_position_timestamp: Option<f64>,
    batch_size: u32,
    maximum_batching_window_in_seconds: u64,
    parallelization_factor: Option<u32>,
    event_source_arn: String,
    filter_criteria: Option<FilterCriteria>,
    filter_criteria_error: (),
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: (),
    metrics_config: Option<Metrics>,
    logging_config: (),
    scaling_config: Option<ScalingConfig>,
    function_arn: String,
    last_modified: f64,
    last_processing_result: Option<String>,
    state: MappingState,
    state_transition_reason: &'static str,
    destination_config: Option<DestinationConfig>,
    topics: (),
    queues: (),
    source_access_configurations: (),
    self_managed_event_source: (),
    maximum_record_age_in_seconds: Option<i64>,
    bisect_batch_on_function_error: Option<bool>,
    maximum_retry_attempts: Option<i64>,
    tumbling_window_in_seconds: Option<u64>,
    function_response_types: Vec<&'static str>,
    amazon_managed_kafka_event_source_config: (),
    self_managed_kafka_event_source_config: (),
    #[serde(rename = "DocumentDBEventSourceConfig")]
    document_db_event_source_config: (),
    event_source_mapping_arn: String,
    provisioned_poller_config: (),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics {
    metrics: Vec<String>,
}

/// The answer of `ListEventSourceMappings`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    /// Where the next page begins, if there is one.
    pub(crate) next_marker: Option<String>,
    pub(crate) event_source_mappings: Vec<Configuration>,
}

/// A mapping in a state, which an answer may know better than the engine.
pub(crate) fn configuration(overview: &Overview, state: MappingState) -> Configuration {
    let mapping = &*overview.mapping;
    let stream = mapping.source.stream().map(StreamConfiguration::new);
    let stream = stream.as_ref();
    Configuration {
        uuid: mapping.uuid.clone(),
        starting_position: stream.map(|stream| stream.starting_position.clone()),
        starting_position_timestamp: stream.and_then(|stream| stream.starting_position_timestamp),
        batch_size: mapping.batch_size,
        maximum_batching_window_in_seconds: mapping.window.as_secs(),
        parallelization_factor: stream.map(|stream| stream.parallelization_factor),
        event_source_arn: mapping.source.id().to_owned(),
        filter_criteria: FilterCriteria::new(&mapping.filters),
        filter_criteria_error: (),
        kms_key_arn: (),
        metrics_config: (!mapping.metrics.is_empty()).then(|| Metrics { metrics: mapping.metrics.clone() }),
        logging_config: (),
        scaling_config: ScalingConfig::of(mapping),
        function_arn: function_arn(mapping),
        last_modified: seconds(overview.modified_unix_ms),
        last_processing_result: stream.map(|_| overview.last_processing_result.clone()),
        state,
        state_transition_reason: state_transition_reason(mapping),
        destination_config: DestinationConfig::of(mapping),
        topics: (),
        queues: (),
        source_access_configurations: (),
        self_managed_event_source: (),
        maximum_record_age_in_seconds: stream.map(|stream| stream.maximum_record_age_in_seconds),
        bisect_batch_on_function_error: stream.map(|stream| stream.bisect_batch_on_function_error),
        maximum_retry_attempts: stream.map(|stream| stream.maximum_retry_attempts),
        tumbling_window_in_seconds: stream.map(|stream| stream.tumbling_window_in_seconds),
        function_response_types: if mapping.report_batch_item_failures {
            vec!["ReportBatchItemFailures"]
        } else {
            vec![]
        },
        amazon_managed_kafka_event_source_config: (),
        self_managed_kafka_event_source_config: (),
        document_db_event_source_config: (),
        event_source_mapping_arn: mapping_arn(mapping),
        provisioned_poller_config: (),
    }
}

#[cfg(test)]
mod tests;
