//! Mappings of streams and failure destinations that must be taken.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{NOW, clean, read};
use crate::machine::StartingPosition;
use crate::mapping::{DestinationKind, Mapping, SourceKind, StreamSpec};

const KINESIS: &str = "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks\nFunctionName: f\n";
const DYNAMODB: &str = "EventSourceArn: \
    arn:aws:dynamodb:us-east-1:000000000000:table/stock/stream/2026-11-01T00:00:00.000\nFunctionName: f\n";

/// As `aws lambda get-event-source-mapping` prints a mapping that has nothing but its defaults.
const ANSWER: &str = r#"{
    "UUID": "a1b2c3d4-5678-90ab-cdef-11111EXAMPLE",
    "StartingPosition": "TRIM_HORIZON",
    "StartingPositionTimestamp": null,
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
    "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:count",
    "LastModified": "2026-11-19T10:00:00.123000+00:00",
    "LastProcessingResult": "No records processed",
    "State": "Enabled",
    "StateTransitionReason": "User action",
    "DestinationConfig": { "OnFailure": {} },
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": false,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "ScalingConfig": null,
    "ProvisionedPollerConfig": {},
    "EventSourceMappingArn": "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:a1b2c3d4"
}"#;

/// The stream of a mapping with AWS's defaults, read from its beginning.
fn plain(mapping: &Mapping) -> StreamSpec {
    StreamSpec {
        arn: mapping.source.arn().clone(),
        start: StartingPosition::TrimHorizon,
        parallelization: 1,
        maximum_retry_attempts: None,
        maximum_record_age: None,
        bisect: false,
        tumbling_window: None,
        reads_per_second: NonZeroU32::new(5).unwrap(),
    }
}

fn stream(mapping: &Mapping) -> &StreamSpec {
    mapping.source.stream().unwrap()
}

#[test]
fn answers_of_aws() {
    let [mapping] = clean(ANSWER).try_into().unwrap();
    assert_eq!((mapping.source.kind(), mapping.batch_size, mapping.window), (SourceKind::Kinesis, 100, Duration::ZERO));
    assert_eq!((stream(&mapping), &mapping.on_failure), (&plain(&mapping), &None));
    let of_a_table =
        ANSWER.replace("kinesis", "dynamodb").replace("stream/clicks", "table/stock/stream/2026-11-01T00:00:00.000");
    let [mapping] = clean(&of_a_table).try_into().unwrap();
    assert_eq!((mapping.source.kind(), stream(&mapping)), (SourceKind::DynamoDb, &plain(&mapping)));
    let full = ANSWER
        .replace(
            "\"OnFailure\": {}",
            "\"OnFailure\": { \"Destination\": \"arn:aws:sqs:us-east-1:123456789012:failed\" }",
        )
        .replace("\"TRIM_HORIZON\"", "\"AT_TIMESTAMP\"")
        .replace("\"StartingPositionTimestamp\": null", "\"StartingPositionTimestamp\": \"2026-11-19T10:00:00+00:00\"");
    let [mapping] = clean(&full).try_into().unwrap();
    assert_eq!(stream(&mapping).start, StartingPosition::Timestamp(1_795_082_400_000));
    assert_eq!(mapping.on_failure.unwrap().kind, DestinationKind::Sqs { fifo: false });
}

#[test]
fn defaults_are_those_of_aws() {
    for sound in [KINESIS, DYNAMODB] {
        let [mapping] = clean(&format!("{sound}StartingPosition: LATEST\n")).try_into().unwrap();
        assert_eq!((mapping.batch_size, mapping.window), (100, Duration::ZERO));
        assert_eq!(stream(&mapping), &StreamSpec { start: StartingPosition::Latest, ..plain(&mapping) });
        assert_eq!(mapping.poller, crate::mapping::Poller::default());
    }
}

#[test]
fn every_parameter() {
    let text = format!(
        "{KINESIS}StartingPosition: TRIM_HORIZON\nBatchSize: 10000\nMaximumBatchingWindowInSeconds: 300\n\
         ParallelizationFactor: 10\nMaximumRetryAttempts: 10000\nMaximumRecordAgeInSeconds: 604800\n\
          BisectBatchOnFunctionError: true\nFunctionResponseTypes: [ReportBatchItemFailures]\nMetricsConfig: {{ \
           Metrics: [EventCount] }}\nFilterCriteria: {{ Filters: [] }}\nScalingConfig: {{}}\n"
    );
    let [mapping] = clean(&text).try_into().unwrap();
    assert_eq!((mapping.batch_size, mapping.window), (10_000, Duration::from_secs(300)));
    assert!(mapping.report_batch_item_failures);
    let expected = StreamSpec {
        parallelization: 10,
        maximum_retry_attempts: Some(10_000),
        maximum_record_age: Some(Duration::from_secs(604_800)),
        bisect: true,
        ..plain(&mapping)
    };
    assert_eq!(stream(&mapping), &expected);
    let text = format!(
        "{DYNAMODB}StartingPosition: LATEST\nBatchSize: 1\nMaximumRetryAttempts: 0\nMaximumRecordAgeInSeconds: 60\n\
         TumblingWindowInSeconds: 900\n"
    );
    let [mapping] = clean(&text).try_into().unwrap();
    let stream = stream(&mapping);
    assert_eq!((stream.maximum_retry_attempts, stream.maximum_record_age), (Some(0), Some(Duration::from_secs(60))));
    assert_eq!(stream.tumbling_window, Some(Duration::from_secs(900)));
}

#[test]
fn a_batch_above_ten_needs_no_window() {
    assert_eq!(clean(&format!("{DYNAMODB}StartingPosition: LATEST\nBatchSize: 101\n"))[0].batch_size, 101);
}

#[test]
fn timestamps_in_all_their_forms() {
    for (written, unix_ms) in [
        ("1763627400", 1_763_627_400_000),
        ("1763627400.123456", 1_763_627_400_123),
        ("\"1763627400.5\"", 1_763_627_400_500),
        ("2026-11-20T08:30:00Z", NOW),
        ("\"2026-11-20T09:30:00+01:00\"", NOW),
        ("\"${SIZE}\"", 5_000),
    ] {
        let text = format!("{KINESIS}StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: {written}\n");
        assert_eq!(stream(&clean(&text)[0]).start, StartingPosition::Timestamp(unix_ms), "{written}");
    }
}

#[test]
fn destinations_of_every_kind() {
    for (arn, kind) in [
        ("arn:aws:sqs:us-east-1:000000000000:failed", DestinationKind::Sqs { fifo: false }),
        ("arn:aws:sqs:eu-west-1:123456789012:failed.fifo", DestinationKind::Sqs { fifo: true }),
        ("arn:aws:sns:us-east-1:000000000000:failed", DestinationKind::Sns { fifo: false }),
        ("arn:aws-cn:sns:cn-north-1:000000000000:failed.fifo", DestinationKind::Sns { fifo: true }),
        ("arn:aws:s3:::failed-records.example", DestinationKind::S3),
    ] {
        for sound in [KINESIS, DYNAMODB] {
            let text = format!(
                "{sound}StartingPosition: LATEST\nDestinationConfig: {{ OnFailure: {{ Destination: \"{arn}\" }} }}\n\
                 Poller: {{ OnFailurePayload: true }}\n"
            );
            let [mapping] = clean(&text).try_into().unwrap();
            let found = mapping.on_failure.unwrap();
            assert_eq!((found.kind, found.arn.text.as_str()), (kind, arn));
            assert!(mapping.poller.on_failure_payload);
        }
    }
}

#[test]
fn a_queue_has_a_destination_too() {
    let queue = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n";
    let text = format!(
        "{queue}DestinationConfig: {{ OnFailure: {{ Destination: \"arn:aws:s3:::failed\" }} }}\nPoller: {{ \
         OnFailureAttempts: 1000, Destination: {{ RoleArn: \"arn:aws:iam::123456789012:role/keep\", Region: eu-west-1 \
          }} }}\n"
    );
    let [mapping] = clean(&text).try_into().unwrap();
    assert_eq!(mapping.source.queue().unwrap().on_failure_attempts, 1000);
    assert_eq!(mapping.on_failure.unwrap().kind, DestinationKind::S3);
    assert_eq!(mapping.poller.destination.role_arn.as_deref(), Some("arn:aws:iam::123456789012:role/keep"));
    assert_eq!(mapping.poller.destination.region.as_deref(), Some("eu-west-1"));
    let [plain] = clean(&format!(
        "{queue}DestinationConfig: {{ OnFailure: {{ Destination: \"\" }} }}\nPoller: {{ OnFailurePayload: false }}\n"
    ))
    .try_into()
    .unwrap();
    assert_eq!((plain.source.queue().unwrap().on_failure_attempts, plain.on_failure), (3, None));
}

#[test]
fn pollers_of_streams() {
    let text = format!(
        "{KINESIS}StartingPosition: LATEST\nParallelizationFactor: 4\nPoller:\n  ParallelizationFactor: 100\n  \
         ReadsPerSecond: 1\n  Visibility: {{}}\n  Endpoints: {{ kinesis: \"http://k\", dynamodbstreams: \"http://d\", \
          sns: \"http://n\", s3: \"http://b\", sqs: \"http://q\", lambda: \"http://l\", sts: \"http://t\" }}\n"
    );
    let [mapping] = clean(&text).try_into().unwrap();
    assert_eq!(stream(&mapping).parallelization, 100, "the poller's wins");
    assert_eq!(stream(&mapping).reads_per_second.get(), 1);
    let endpoints: Vec<_> = mapping.poller.endpoints.keys().map(String::as_str).collect();
    assert_eq!(endpoints, ["dynamodbstreams", "kinesis", "lambda", "s3", "sns", "sqs", "sts"]);
    let fewer = format!(
        "{KINESIS}StartingPosition: LATEST\nTumblingWindowInSeconds: 5\nParallelizationFactor: 4\nPoller: {{ \
         ParallelizationFactor: 1 }}\n"
    );
    assert_eq!(stream(&clean(&fewer)[0]).parallelization, 1, "also where it is less");
}

#[test]
fn events_of_sam() {
    for (kind, arn) in [
        ("Kinesis", "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"),
        ("DynamoDB", "arn:aws:dynamodb:us-east-1:123456789012:table/stock/stream/2026-11-01T00:00:00.000"),
    ] {
        let text = format!(
            "Events:\n  Type: {kind}\n  FunctionName: f\n  Properties:\n    Stream: {arn}\n    StartingPosition: \
             TRIM_HORIZON\n    BatchSize: 7\n    DestinationConfig: {{ OnFailure: {{ Destination: \
              \"arn:aws:sns:us-east-1:123456789012:failed\" }} }}\n"
        );
        let [mapping] = clean(&text).try_into().unwrap();
        assert_eq!((mapping.name.as_str(), mapping.source.id(), mapping.batch_size), ("Events", arn, 7));
    }
}

#[test]
fn the_same_stream_behind_another_endpoint_is_another_stream() {
    let one = format!("{KINESIS}StartingPosition: LATEST\n");
    let with = |key: &str| format!("{one}Poller: {{ Endpoints: {{ {key}: \"http://other:4568\" }} }}\n");
    assert_eq!(clean(&format!("{one}---\n{}", with("kinesis"))).len(), 2);
    for key in ["sqs", "dynamodbstreams"] {
        assert!(read(&format!("{one}---\n{}", with(key))).has_errors(), "{key} is not the stream's endpoint");
    }
}
