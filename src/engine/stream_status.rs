//! What `list` and `status` show of stream mappings.

use serde::{Deserialize, Serialize};

use super::seconds;
use crate::machine::StartingPosition;
use crate::mapping::{Mapping, StreamSpec};

/// AWS's members that only stream mappings have, with AWS's values for what is not set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamConfiguration {
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
    pub starting_position: String,
    /// With `AT_TIMESTAMP`: seconds since the Unix epoch, with milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub starting_position_timestamp: Option<f64>,
    /// As in the file (`Poller.ParallelizationFactor`, where that is set), or AWS's default.
    pub parallelization_factor: u32,
    /// As in the file; -1: without end.
    pub maximum_retry_attempts: i64,
    /// As in the file; -1: without end.
    pub maximum_record_age_in_seconds: i64,
    /// As in the file, or AWS's default.
    pub bisect_batch_on_function_error: bool,
    /// As in the file; 0: none.
    pub tumbling_window_in_seconds: u64,
}

impl StreamConfiguration {
    pub(crate) fn new(stream: &StreamSpec) -> Self {
        let (starting_position, timestamp) = match stream.start {
            StartingPosition::TrimHorizon => ("TRIM_HORIZON", None),
            StartingPosition::Latest => ("LATEST", None),
            StartingPosition::Timestamp(unix_ms) => ("AT_TIMESTAMP", Some(unix_ms)),
        };
        let age = stream.maximum_record_age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        Self {
            starting_position: starting_position.into(),
            starting_position_timestamp: timestamp.map(seconds),
            parallelization_factor: stream.parallelization,
            maximum_retry_attempts: stream.maximum_retry_attempts.map_or(-1, i64::from),
            maximum_record_age_in_seconds: age.unwrap_or(-1),
            bisect_batch_on_function_error: stream.bisect,
            tumbling_window_in_seconds: stream.tumbling_window.unwrap_or_default().as_secs(),
        }
    }
}

/// `DestinationConfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestinationConfig {
    /// Where failure records go.
    pub on_failure: OnFailure,
}

impl DestinationConfig {
    /// Of a stream always; of a queue, which at AWS has none, where a destination is set.
    pub(crate) fn of(mapping: &Mapping) -> Option<Self> {
        let destination = mapping.on_failure.as_ref().map(|destination| destination.arn.text.clone());
        let shown = destination.is_some() || mapping.source.stream().is_some();
        shown.then_some(Self { on_failure: OnFailure { destination } })
    }
}

/// `DestinationConfig.OnFailure`; empty where there is no destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OnFailure {
    /// The destination's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// A stream as the mapping sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StreamStatus {
    /// The greatest iterator age of the shards that are read; null while none is read.
    pub iterator_age_seconds: Option<f64>,
    /// How long ago the oldest record was read that no saved mark covers yet; 0: all is saved.
    pub checkpoint_age_seconds: f64,
    /// Records that were read and are not settled.
    pub held: u64,
    /// Batches in flight.
    pub in_flight: u64,
    /// How many batches may be in flight.
    pub concurrency: u64,
    /// How far the host's clock is ahead of the source's, or behind it if negative; only where it is 30 s or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ahead_seconds: Option<f64>,
}

/// One shard as the mapping sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShardStatus {
    /// `shardId-…`.
    pub shard_id: String,
    /// How far it is settled and saved: `TRIM_HORIZON`, `AT_TIMESTAMP:…`, `LATEST:…`, `AFTER:…` or `END`.
    pub position: String,
    /// How old the last record of its last batch was when it went to the function; 0 once it is idle, null before
    /// its first batch.
    pub iterator_age_seconds: Option<f64>,
    /// Whether it is read.
    pub state: ShardState,
}

/// Whether a shard is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShardState {
    /// Known, and not begun: the shards that it came from are not processed yet.
    Waiting,
    /// Read.
    Reading,
    /// Closed and processed to its end.
    Ended,
    /// Not read, because the mapping does not run.
    Stopped,
}

impl ShardState {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Waiting, Self::Reading, Self::Ended, Self::Stopped];

    /// The label used in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_not_set_has_awss_value() {
        let mapping = crate::engine::tests::world::stream("clicks");
        let stream = StreamSpec {
            start: StartingPosition::Timestamp(1_760_000_000_250),
            ..mapping.source.stream().unwrap().clone()
        };
        let shown = serde_json::to_value(StreamConfiguration::new(&stream)).unwrap();
        let expected = serde_json::json!({
            "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_760_000_000.25,
            "ParallelizationFactor": 1, "MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1,
            "BisectBatchOnFunctionError": false, "TumblingWindowInSeconds": 0,
        });
        assert_eq!(shown, expected);
        let set = StreamSpec {
            start: StartingPosition::Latest,
            parallelization: 10,
            maximum_retry_attempts: Some(0),
            maximum_record_age: Some(Duration::from_secs(60)),
            bisect: true,
            tumbling_window: Some(Duration::from_secs(30)),
            ..stream
        };
        let shown = serde_json::to_value(StreamConfiguration::new(&set)).unwrap();
        let expected = serde_json::json!({
            "StartingPosition": "LATEST", "ParallelizationFactor": 10, "MaximumRetryAttempts": 0,
            "MaximumRecordAgeInSeconds": 60, "BisectBatchOnFunctionError": true, "TumblingWindowInSeconds": 30,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn no_destination_is_an_empty_object_as_aws_shows_it() {
        let none = serde_json::to_value(DestinationConfig::default()).unwrap();
        assert_eq!(none, serde_json::json!({ "OnFailure": {} }));
        let arn = "arn:aws:sqs:us-east-1:000000000000:failed";
        let some = DestinationConfig { on_failure: OnFailure { destination: Some(arn.into()) } };
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, format!(r#"{{"OnFailure":{{"Destination":"{arn}"}}}}"#));
        assert_eq!(serde_json::from_str::<DestinationConfig>(&text).unwrap(), some);
    }
}
