//! What `list` and `status` show: AWS's members, and ours beside them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::filter_status::FilterCriteria;
use super::{DestinationConfig, LastError, ShardStatus, StreamConfiguration, StreamStatus};
use crate::mapping::Mapping;

/// AWS's states of an event source mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MappingState {
    /// Being made.
    Creating,
    /// On its way to `Enabled`.
    Enabling,
    /// Polls.
    Enabled,
    /// Drains.
    Disabling,
    /// Does not poll.
    Disabled,
    /// Takes over a changed definition.
    Updating,
    /// Drains for the last time: its definition is gone.
    Deleting,
}

/// `ok`, `degraded` or `failing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Does its work.
    Ok,
    /// Cannot, or only in part; goes on trying.
    Degraded,
    /// Does its work, but the function has failed everything for a minute.
    Failing,
}

/// One mapping, as `status NAME -o json` prints it. Stable: members are added, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MappingStatus {
    /// Stable for a name.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// Ours: the mapping's name.
    pub name: String,
    /// As in the file.
    pub event_source_arn: String,
    /// As in the file.
    pub function_arn: String,
    /// As in the file, or AWS's default.
    pub batch_size: u32,
    /// As in the file, or AWS's default.
    pub maximum_batching_window_in_seconds: u64,
    /// As in the file.
    pub function_response_types: Vec<String>,
    /// As in the file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scaling_config: Option<ScalingConfig>,
    /// As in the file, each pattern as JSON; absent where there are no filters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filter_criteria: Option<FilterCriteria>,
    /// AWS's members of stream mappings, among the others.
    #[serde(flatten)]
    pub stream_configuration: Option<StreamConfiguration>,
    /// Where failure records go: of stream mappings always, of others where there is a destination.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub destination_config: Option<DestinationConfig>,
    /// AWS's state.
    pub state: MappingState,
    /// Why the state is what it is.
    pub state_transition_reason: String,
    /// `No records processed`, `OK` or `PROBLEM: …`.
    pub last_processing_result: String,
    /// When state or configuration last changed: seconds since the Unix epoch, with milliseconds.
    pub last_modified: f64,
    /// Ours.
    pub health: HealthStatus,
    /// Ours: why it is degraded, or what fails.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub health_reason: Option<String>,
    /// Ours: since when the health is what it is (RFC 3339).
    pub since: String,
    /// Ours: the last error of the function, or of the way to it; absent while there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_error: Option<LastError>,
    /// Ours: batches that failed since the function last processed one, even in part.
    #[serde(default)]
    pub failed_in_a_row: u64,
    /// Ours: `operator` where `forebay start` or `stop` overrules the definition's `Enabled`, else the word of `origin`.
    pub enabled_by: String,
    /// Ours: who defines it, `file` or `api`.
    #[serde(default = "of_a_file")]
    pub origin: String,
    /// Ours: the file; empty where there is none.
    pub file: String,
    /// Ours: totals since the process started.
    pub counters: Counters,
    /// Ours: the queue, for queue sources.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub queue: Option<QueueStatus>,
    /// Ours: the stream, for stream sources.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stream: Option<StreamStatus>,
    /// Ours: the stream's shards by id, for stream sources; empty until they are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shards: Option<Vec<ShardStatus>>,
}

/// The reason of a state that AWS gives for the kind of source, whoever changed it.
pub(crate) const fn state_transition_reason(mapping: &Mapping) -> &'static str {
    if mapping.source.stream().is_some() { "User action" } else { "USER_INITIATED" }
}

/// A time as AWS's answers have it: seconds since the Unix epoch, with milliseconds.
pub(crate) fn seconds(unix_ms: u64) -> f64 {
    Duration::from_millis(unix_ms).as_secs_f64()
}

/// Before there was an API, there were files only.
fn of_a_file() -> String {
    "file".into()
}

/// `ScalingConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScalingConfig {
    /// At most this many batches in flight.
    pub maximum_concurrency: u32,
}

/// Totals since the process started; named like the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Counters {
    /// Records received.
    pub polled: u64,
    /// Records that no filter matched.
    pub filtered: u64,
    /// Records to which the filters could not be applied.
    pub undecidable: u64,
    /// Records handed to the function, retries and throttles included.
    pub invoked: u64,
    /// Records that the function (or the way to it) failed.
    pub failed: u64,
    /// Messages that the function failed on the last receive before the dead-letter queue.
    pub exhausted: u64,
    /// Messages deleted after they were processed.
    pub deleted: u64,
    /// Invokes that were throttled.
    pub throttles: u64,
    /// Invokes.
    pub invokes: u64,
    /// Answers that broke the form of `ReportBatchItemFailures`.
    pub malformed_responses: u64,
    /// Records that were given up and had no destination.
    pub dropped: u64,
    /// Records that were given up and whose failure record the destination has confirmed.
    pub delivered_to_destination: u64,
    /// Failed batches that were split.
    pub bisections: u64,
    /// Messages that the function reported as processed, but that come again behind an earlier one of their group.
    pub kept_in_order: u64,
}

/// A queue as the mapping sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueueStatus {
    /// Messages waiting, approximately, when the queue was last asked.
    pub backlog: Option<u64>,
    /// Messages that are hidden from receives (a consumer has them, or they are delayed), approximately, at that time.
    pub not_visible: Option<u64>,
    /// Messages that we hold.
    pub held: u64,
    /// Batches in flight.
    pub in_flight: u64,
    /// How many batches may be in flight.
    pub concurrency: u64,
    /// Refused calls keep that lower than it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowered: Option<LoweredStatus>,
    /// Receives that are open. Of a mapping that is stopped, they end within `Poller.ReceiveWait`.
    #[serde(default)]
    pub open_receives: u64,
    /// The queue's visibility timeout, in seconds.
    pub visibility_timeout: Option<u64>,
}

/// A concurrency that throttles and errors of the function's service keep low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LoweredStatus {
    /// How many batches might be in flight without them.
    pub from: u64,
    /// For how long it has been lower.
    pub seconds: u64,
}
