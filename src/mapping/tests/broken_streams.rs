//! Broken mappings of streams: the codes each gives, and how the problems look.

use super::broken::{Case, check_all};

pub(super) const KINESIS_SOUND: &str =
    "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks\nFunctionName: f\n";
pub(super) const DYNAMODB_SOUND: &str = "EventSourceArn: \
    arn:aws:dynamodb:us-east-1:000000000000:table/stock/stream/2026-11-01T00:00:00.000\nFunctionName: f\n";

/// Whole texts.
pub(super) const FILES: &[Case] = &[
    (
        "stream_of_no_kind",
        &["FB0205"],
        "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:clicks\nFunctionName: f\nStartingPosition: LATEST\n",
    ),
    (
        "stream_without_account",
        &["FB0205"],
        "EventSourceArn: arn:aws:kinesis:us-east-1::stream/clicks\nFunctionName: f\nStartingPosition: LATEST\n",
    ),
    (
        "table_arn",
        &["FB0205"],
        "EventSourceArn: arn:aws:dynamodb:us-east-1:000000000000:table/stock\nFunctionName: f\nStartingPosition: \
         LATEST\n",
    ),
    (
        "table_index",
        &["FB0205"],
        "EventSourceArn: arn:aws:dynamodb:us-east-1:000000000000:table/stock/index/i\nFunctionName: f\n\
         StartingPosition: LATEST\n",
    ),
    (
        "consumer",
        &["FB0409", "FB0201"],
        "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks/consumer/fast:1763627400\nFunctionName: \
         f\nStartingPosition: LATEST\nBatchSize: 0\n",
    ),
    (
        "two_pairs_of_a_stream",
        &["FB0305"],
        "- { EventSourceArn: \"arn:aws:kinesis:us-east-1:000000000000:stream/s\", FunctionName: f, StartingPosition: \
         LATEST }\n- { EventSourceArn: \"arn:aws:kinesis:us-east-1:000000000000:stream/s\", FunctionName: f, \
          StartingPosition: LATEST, Poller: { Endpoints: { sqs: \"http://h\" } } }\n",
    ),
    (
        "stream_regions_differ",
        &["FB0306"],
        "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/s\nFunctionName: \
         arn:aws:lambda:eu-west-1:000000000000:function:f\nStartingPosition: LATEST\n",
    ),
    (
        "sam_stream_with_both",
        &["FB0311"],
        "Type: Kinesis\nFunctionName: f\nEventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/s\n\
         Properties:\n  Stream: arn:aws:kinesis:us-east-1:000000000000:stream/s\n  StartingPosition: LATEST\n",
    ),
    ("sam_kinesis_with_queue", &["FB0103", "FB0101"], "Type: Kinesis\nFunctionName: f\nProperties:\n  Queue: arn\n"),
];

/// Lines added to the mapping of a Kinesis stream.
pub(super) const KINESIS: &[Case] = &[
    ("start_missing", &["FB0103"], "Name: clicks"),
    ("start_null", &["FB0103"], "StartingPosition: null"),
    ("start_unknown", &["FB0204"], "StartingPosition: latest"),
    ("start_without_timestamp", &["FB0312"], "StartingPosition: AT_TIMESTAMP"),
    ("start_timestamp_alone", &["FB0312"], "StartingPosition: LATEST\nStartingPositionTimestamp: 1763627400"),
    ("start_timestamp_form", &["FB0216"], "StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: yesterday"),
    (
        "start_timestamp_without_offset",
        &["FB0216"],
        "StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: 2026-11-20T08:30:00",
    ),
    ("start_timestamp_list", &["FB0102"], "StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: [1]"),
    (
        "start_in_the_future",
        &["FB0217"],
        "StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: 2026-11-20T08:30:00.001Z",
    ),
    ("start_in_ms", &["FB0217"], "StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: 1763627400123"),
    (
        "stream_ranges",
        &["FB0201", "FB0201", "FB0201", "FB0201", "FB0201", "FB0201"],
        "StartingPosition: LATEST\nBatchSize: 10001\nParallelizationFactor: 11\nMaximumRetryAttempts: 10001\n\
         MaximumRecordAgeInSeconds: 59\nTumblingWindowInSeconds: 901\nMaximumBatchingWindowInSeconds: -1",
    ),
    (
        "stream_limits",
        &["FB0201", "FB0201", "FB0202", "FB0102"],
        "StartingPosition: LATEST\nMaximumRetryAttempts: -2\nMaximumRecordAgeInSeconds: 0\nBatchSize: -1.0\n\
         BisectBatchOnFunctionError: 1x",
    ),
    (
        "window_and_lanes",
        &["FB0314"],
        "StartingPosition: LATEST\nTumblingWindowInSeconds: 60\nParallelizationFactor: 2",
    ),
    (
        "window_and_lanes_of_poller",
        &["FB0314"],
        "StartingPosition: LATEST\nTumblingWindowInSeconds: 60\nParallelizationFactor: 1\nPoller: { \
         ParallelizationFactor: 20 }",
    ),
    (
        "window_and_filters",
        &["FB0315"],
        "StartingPosition: LATEST\nTumblingWindowInSeconds: 60\nFilterCriteria: { Filters: [{ Pattern: '{\"data\": \
         {\"a\": [1]}}' }] }",
    ),
    (
        "queue_parameters",
        &["FB0105", "FB0105", "FB0105", "FB0105"],
        "StartingPosition: LATEST\nScalingConfig: { MaximumConcurrency: 5 }\nProvisionedPollerConfig: { \
         MinimumPollers: 2 }\nTopics: [t]\nMetricsConfig: { Metrics: [ErrorCount] }",
    ),
    (
        "poller_of_queues",
        &["FB0105", "FB0105", "FB0105"],
        "StartingPosition: LATEST\nPoller:\n  Visibility: { Timeout: 30s }\n  OnFailureAttempts: 5\n  GroupOrder: \
         AsReported",
    ),
    (
        "poller_of_streams_ranges",
        &["FB0201", "FB0201", "FB0317"],
        "StartingPosition: LATEST\nPoller: { ParallelizationFactor: 101, ReadsPerSecond: 1001, OnFailurePayload: true \
         }",
    ),
    (
        "destination_is_stream",
        &["FB0218"],
        "StartingPosition: LATEST\nDestinationConfig: { OnFailure: { Destination: \
         \"arn:aws:kinesis:us-east-1:000000000000:stream/clicks\" } }",
    ),
    (
        "stream_on_success",
        &["FB0310"],
        "StartingPosition: LATEST\nDestinationConfig: { OnSuccess: { Destination: \"arn:aws:s3:::done\" } }",
    ),
];

/// Lines added to the mapping of a DynamoDB stream.
pub(super) const DYNAMODB: &[Case] = &[
    ("dynamodb_at_timestamp", &["FB0313"], "StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: 1763627400"),
    ("dynamodb_timestamp", &["FB0312"], "StartingPosition: TRIM_HORIZON\nStartingPositionTimestamp: 1763627400"),
    ("dynamodb_batch", &["FB0201"], "StartingPosition: TRIM_HORIZON\nBatchSize: 0"),
];

#[test]
fn broken_files_of_streams() {
    check_all(FILES, "");
}

#[test]
fn broken_mappings_of_kinesis() {
    check_all(KINESIS, KINESIS_SOUND);
}

#[test]
fn broken_mappings_of_dynamodb() {
    check_all(DYNAMODB, DYNAMODB_SOUND);
}
