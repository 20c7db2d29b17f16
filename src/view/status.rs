//! What `list` and `status` show: AWS's members, and ours next to them.

use serde::{Deserialize, Serialize};

use super::facts::{HealthStatus, LastError, QueueStatus, ShardStatus, StreamStatus, rfc3339};
use super::parts::{
    DestinationConfig, FilterCriteria, ScalingConfig, StreamConfiguration, seconds, state_transition_reason,
};
use super::target::TargetStatus;
use crate::engine::{Counters, MappingState, Snapshot};
use crate::mapping::Origin;

/// One mapping, as `status NAME -o json` prints it. Stable: members are added, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MappingStatus {
    /// Stable for a name.
    #[serde(rename = "UUID")]
    pub(crate) uuid: String,
    /// Ours: the mapping's name.
    pub(crate) name: String,
    /// As in the file.
    pub(crate) event_source_arn: String,
    /// As in the file.
    pub(crate) function_arn: String,
    /// As in the file, or AWS's default.
    pub(crate) batch_size: u32,
    /// As in the file, or AWS's default.
    pub(crate) maximum_batching_window_in_seconds: u64,
    /// As in the file.
    pub(crate) function_response_types: Vec<String>,
    /// As in the file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) scaling_config: Option<ScalingConfig>,
    /// As in the file, each pattern as JSON; absent where there are no filters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) filter_criteria: Option<FilterCriteria>,
    /// AWS's members of stream mappings, among the others.
    #[serde(flatten)]
    pub(crate) stream_configuration: Option<StreamConfiguration>,
    /// Where failure records go: of stream mappings always, of others where there is a destination.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) destination_config: Option<DestinationConfig>,
    /// AWS's state.
    pub(crate) state: MappingState,
    /// Ours: another replica of the fleet runs it; absent where that is not so.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) elsewhere: bool,
    /// Why the state is what it is.
    pub(crate) state_transition_reason: String,
    /// `No records processed`, `OK` or `PROBLEM: …`.
    pub(crate) last_processing_result: String,
    /// When state or configuration last changed: seconds since the Unix epoch, with milliseconds.
    pub(crate) last_modified: f64,
    /// Ours.
    pub(crate) health: HealthStatus,
    /// Ours: why it is degraded, or what fails.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) health_reason: Option<String>,
    /// Ours: since when the health is what it is (RFC 3339).
    pub(crate) since: String,
    /// Ours: the last error of the function, or of the way to it; absent while there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) last_error: Option<LastError>,
    /// Ours: batches that failed since the function last processed one, even in part.
    #[serde(default)]
    pub(crate) failed_in_a_row: u64,
    /// Ours: `operator` where `forebay start` or `stop` overrules the definition's `Enabled`, else the word of
    /// `origin`.
    pub(crate) enabled_by: String,
    /// Ours: who defines it, `file` or `api`.
    #[serde(default = "of_a_file")]
    pub(crate) origin: String,
    /// Ours: the file; empty where there is none.
    pub(crate) file: String,
    /// Ours: totals since the process started.
    pub(crate) counters: Counters,
    /// Ours: what takes the batches; absent for Lambda functions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) target: Option<TargetStatus>,
    /// Ours: the queue, for queue sources.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) queue: Option<QueueStatus>,
    /// Ours: the stream, for stream sources.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) stream: Option<StreamStatus>,
    /// Ours: the stream's shards by id, for stream sources; empty until they are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) shards: Option<Vec<ShardStatus>>,
}

impl From<&Snapshot> for MappingStatus {
    fn from(snapshot: &Snapshot) -> Self {
        let mapping = &*snapshot.mapping;
        let (queue, stream) = (mapping.source.queue(), mapping.source.stream());
        let types = mapping.report_batch_item_failures.then(|| "ReportBatchItemFailures".to_owned());
        let origin = mapping.origin.as_str();
        Self {
            uuid: mapping.uuid.clone(),
            name: mapping.name.clone(),
            event_source_arn: mapping.source.id().to_owned(),
            function_arn: mapping.function.text.clone(),
            batch_size: mapping.batch_size,
            maximum_batching_window_in_seconds: mapping.window.as_secs(),
            function_response_types: types.into_iter().collect(),
            scaling_config: ScalingConfig::of(mapping),
            filter_criteria: FilterCriteria::new(&mapping.filters),
            stream_configuration: stream.map(StreamConfiguration::new),
            destination_config: DestinationConfig::of(mapping),
            state: snapshot.state,
            elsewhere: snapshot.elsewhere,
            state_transition_reason: state_transition_reason(mapping).into(),
            last_processing_result: snapshot.last_result.clone(),
            last_modified: seconds(snapshot.modified_unix_ms),
            health: HealthStatus::of(&snapshot.health),
            health_reason: snapshot.health.reason().map(str::to_owned),
            since: rfc3339(snapshot.since_unix_ms),
            last_error: snapshot.last_error.as_ref().map(LastError::new),
            failed_in_a_row: snapshot.failed_in_a_row,
            enabled_by: if snapshot.by_operator { "operator" } else { origin }.into(),
            origin: origin.into(),
            file: match &mapping.origin {
                Origin::File(file) => file.display().to_string(),
                Origin::Api => String::new(),
            },
            counters: snapshot.counters,
            target: TargetStatus::of(snapshot),
            queue: queue.map(|_| QueueStatus::new(snapshot)),
            stream: stream.map(|_| StreamStatus::new(snapshot)),
            shards: stream.map(|_| ShardStatus::all(snapshot)),
        }
    }
}

/// Before there was an API, there were files only.
fn of_a_file() -> String {
    "file".into()
}
