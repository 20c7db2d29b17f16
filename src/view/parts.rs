//! AWS's members of a mapping: what its answers nest.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::StartingPosition;
use crate::mapping::{Mapping, StreamSpec};

/// The reason of a state that AWS gives for the kind of source.
pub(crate) const fn state_transition_reason(mapping: &Mapping) -> &'static str {
    mapping.source.rules().shown.transition_reason
}

/// A time as AWS's answers have it: seconds since the Unix epoch, with milliseconds.
pub(crate) fn seconds(unix_ms: u64) -> f64 {
    Duration::from_millis(unix_ms).as_secs_f64()
}

/// `ScalingConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ScalingConfig {
    /// At most this many batches in flight.
    pub(crate) maximum_concurrency: u32,
}

impl ScalingConfig {
    /// None where the mapping adapts its concurrency: AWS leaves the member out then.
    pub(crate) fn of(mapping: &Mapping) -> Option<Self> {
        let queue = mapping.source.queue()?;
        queue.maximum_concurrency.map(|maximum_concurrency| Self { maximum_concurrency })
    }
}

/// `FilterCriteria`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct FilterCriteria {
    /// The filters; a record passes when one of them matches.
    pub(crate) filters: Vec<Filter>,
}

/// One of `FilterCriteria.Filters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Filter {
    /// The pattern's JSON as text.
    pub(crate) pattern: String,
}

impl FilterCriteria {
    /// None where there are no filters: AWS leaves the member out then.
    pub(crate) fn new(patterns: &[String]) -> Option<Self> {
        let filters: Vec<_> = patterns.iter().map(|pattern| Filter { pattern: pattern.clone() }).collect();
        (!filters.is_empty()).then_some(Self { filters })
    }
}

/// AWS's members that only stream mappings have, with AWS's values for what is not set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StreamConfiguration {
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
    pub(crate) starting_position: String,
    /// With `AT_TIMESTAMP`: seconds since the Unix epoch, with milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) starting_position_timestamp: Option<f64>,
    /// As in the file (`Poller.ParallelizationFactor`, where that is set), or AWS's default.
    pub(crate) parallelization_factor: u32,
    /// As in the file; -1: without end.
    pub(crate) maximum_retry_attempts: i64,
    /// As in the file; -1: without end.
    pub(crate) maximum_record_age_in_seconds: i64,
    /// As in the file, or AWS's default.
    pub(crate) bisect_batch_on_function_error: bool,
    /// As in the file; 0: none.
    pub(crate) tumbling_window_in_seconds: u64,
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
pub(crate) struct DestinationConfig {
    /// Where failure records go.
    pub(crate) on_failure: OnFailure,
}

impl DestinationConfig {
    /// Of a stream always; of a queue, which at AWS has none, where a destination is set.
    pub(crate) fn of(mapping: &Mapping) -> Option<Self> {
        let destination = mapping.on_failure.as_ref().map(|destination| destination.arn.text.clone());
        let shown = destination.is_some() || mapping.source.rules().shown.destination;
        shown.then_some(Self { on_failure: OnFailure { destination } })
    }
}

/// `DestinationConfig.OnFailure`; empty where there is no destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct OnFailure {
    /// The destination's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_not_set_has_awss_value() {
        let text = "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks\nFunctionName: work\n\
            StartingPosition: LATEST\n";
        let mapping = crate::mapping::parse(Path::new("clicks.yaml"), text, &|_| None).mappings.remove(0);
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

    #[test]
    fn patterns_are_texts_within_the_json() {
        let some = FilterCriteria::new(&[r#"{"body":{"a":[1.0]}}"#.into()]).unwrap();
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"{"Filters":[{"Pattern":"{\"body\":{\"a\":[1.0]}}"}]}"#);
        assert_eq!(serde_json::from_str::<FilterCriteria>(&text).unwrap(), some);
        assert_eq!(FilterCriteria::new(&[]), None);
    }
}
