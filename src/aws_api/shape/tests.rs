use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::aws_api::request;
use crate::mapping::of_definition;

const UUID: &str = "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f";
const NOW: u64 = 1_732_090_200_250;

/// A mapping as it is made through the API, in a state.
fn shown(body: &Value, state: MappingState) -> String {
    let parameters = request::create(body.to_string().as_bytes()).unwrap();
    let mapping = of_definition(UUID, &parameters.0, NOW).unwrap();
    let enabled = mapping.enabled;
    let overview = Overview {
        mapping: Arc::new(mapping),
        state,
        last_processing_result: "No records processed".into(),
        modified_unix_ms: NOW,
        enabled,
    };
    serde_json::to_string(&configuration(&overview, state)).unwrap()
}

#[test]
fn a_queue_with_defaults() {
    let body = json!({ "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders", "FunctionName": "f" });
    let expected = concat!(
        r#"{"UUID":"8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f","StartingPosition":null,"StartingPositionTimestamp":null,"#,
        r#""BatchSize":10,"MaximumBatchingWindowInSeconds":0,"ParallelizationFactor":null,"#,
        r#""EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:orders","FilterCriteria":null,"FilterCriteriaError":null,"#,
        r#""KMSKeyArn":null,"MetricsConfig":null,"LoggingConfig":null,"ScalingConfig":null,"#,
        r#""FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f","LastModified":1732090200.25,"#,
        r#""LastProcessingResult":null,"State":"Creating","StateTransitionReason":"USER_INITIATED","DestinationConfig":null,"#,
        r#""Topics":null,"Queues":null,"SourceAccessConfigurations":null,"SelfManagedEventSource":null,"#,
        r#""MaximumRecordAgeInSeconds":null,"BisectBatchOnFunctionError":null,"MaximumRetryAttempts":null,"#,
        r#""TumblingWindowInSeconds":null,"FunctionResponseTypes":[],"AmazonManagedKafkaEventSourceConfig":null,"#,
        r#""SelfManagedKafkaEventSourceConfig":null,"DocumentDBEventSourceConfig":null,"#,
        r#""EventSourceMappingArn":"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f","#,
        r#""ProvisionedPollerConfig":null}"#,
    );
    assert_eq!(shown(&body, MappingState::Creating), expected);
}

#[test]
fn a_queue_with_everything_set() {
    let body = json!({
        "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders",
        "FunctionName": "arn:aws:lambda:us-east-1:210987654321:function:f:live", "Enabled": false, "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 5, "ScalingConfig": { "MaximumConcurrency": 7 },
        "FilterCriteria": { "Filters": [{ "Pattern": "{ \"body\": { \"é\": [1] } \
            }" }, { "Pattern": "{\"body\":[\"x\"]}" }] },
        "FunctionResponseTypes": ["ReportBatchItemFailures"], "MetricsConfig": { "Metrics": ["EventCount"] },
        "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:sns:us-east-1:123456789012:failed" } },
        "Tags": { "team": "a" },
    });
    let expected = concat!(
        r#"{"UUID":"8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f","StartingPosition":null,"StartingPositionTimestamp":null,"#,
        r#""BatchSize":100,"MaximumBatchingWindowInSeconds":5,"ParallelizationFactor":null,"#,
        r#""EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:orders","#,
        r#""FilterCriteria":{"Filters":[{"Pattern":"{ \"body\": { \"é\": [1] } }"},{"Pattern":"{\"body\":[\"x\"]}"}]},"#,
        r#""FilterCriteriaError":null,"KMSKeyArn":null,"MetricsConfig":{"Metrics":["EventCount"]},"LoggingConfig":null,"#,
        r#""ScalingConfig":{"MaximumConcurrency":7},"#,
        r#""FunctionArn":"arn:aws:lambda:us-east-1:210987654321:function:f:live","LastModified":1732090200.25,"#,
        r#""LastProcessingResult":null,"State":"Disabled","StateTransitionReason":"USER_INITIATED","#,
        r#""DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sns:us-east-1:123456789012:failed"}},"#,
        r#""Topics":null,"Queues":null,"SourceAccessConfigurations":null,"SelfManagedEventSource":null,"#,
        r#""MaximumRecordAgeInSeconds":null,"BisectBatchOnFunctionError":null,"MaximumRetryAttempts":null,"#,
        r#""TumblingWindowInSeconds":null,"FunctionResponseTypes":["ReportBatchItemFailures"],"#,
        r#""AmazonManagedKafkaEventSourceConfig":null,"SelfManagedKafkaEventSourceConfig":null,"#,
        r#""DocumentDBEventSourceConfig":null,"#,
        r#""EventSourceMappingArn":"arn:aws:lambda:us-east-1:210987654321:event-source-mapping:8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f","#,
        r#""ProvisionedPollerConfig":null}"#,
    );
    assert_eq!(shown(&body, MappingState::Disabled), expected);
}

#[test]
fn a_stream_with_defaults() {
    let kinesis = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks";
    let dynamodb = "arn:aws:dynamodb:us-east-1:123456789012:table/carts/stream/2026-11-20T08:30:00.000";
    for (source, position) in [(kinesis, "LATEST"), (dynamodb, "TRIM_HORIZON")] {
        let body = json!({ "EventSourceArn": source, "FunctionName": "f:$LATEST", "StartingPosition": position });
        let expected = [
            r#"{"UUID":"8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f","StartingPosition":"POSITION","StartingPositionTimestamp":null,"#,
            r#""BatchSize":100,"MaximumBatchingWindowInSeconds":0,"ParallelizationFactor":1,"#,
            r#""EventSourceArn":"SOURCE","FilterCriteria":null,"FilterCriteriaError":null,"#,
            r#""KMSKeyArn":null,"MetricsConfig":null,"LoggingConfig":null,"ScalingConfig":null,"#,
            r#""FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST","LastModified":1732090200.25,"#,
            r#""LastProcessingResult":"No records processed","State":"Enabled","StateTransitionReason":"User action","#,
            r#""DestinationConfig":{"OnFailure":{}},"#,
            r#""Topics":null,"Queues":null,"SourceAccessConfigurations":null,"SelfManagedEventSource":null,"#,
            r#""MaximumRecordAgeInSeconds":-1,"BisectBatchOnFunctionError":false,"MaximumRetryAttempts":-1,"#,
            r#""TumblingWindowInSeconds":0,"FunctionResponseTypes":[],"AmazonManagedKafkaEventSourceConfig":null,"#,
            r#""SelfManagedKafkaEventSourceConfig":null,"DocumentDBEventSourceConfig":null,"#,
            r#""EventSourceMappingArn":"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f","#,
            r#""ProvisionedPollerConfig":null}"#,
        ];
        let expected = expected.concat().replace("SOURCE", source).replace("POSITION", position);
        assert_eq!(shown(&body, MappingState::Enabled), expected);
    }
}

#[test]
fn a_stream_with_everything_set() {
    let body = json!({
        "EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks", "FunctionName": "f",
        "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_732_090_000, "BatchSize": 500,
        "MaximumBatchingWindowInSeconds": 3, "ParallelizationFactor": 4, "MaximumRecordAgeInSeconds": 3600,
        "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 0,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:s3:::failed-records" } },
    });
    let shown: Value = serde_json::from_str(&shown(&body, MappingState::Updating)).unwrap();
    for (member, value) in body.as_object().unwrap() {
        let expected = if member == "StartingPositionTimestamp" { json!(1_732_090_000.0) } else { value.clone() };
        match member.as_str() {
            "FunctionName" => assert_eq!(shown["FunctionArn"], "arn:aws:lambda:us-east-1:123456789012:function:f"),
            _ => assert_eq!(shown[member], expected, "{member}"),
        }
    }
    let windowed = json!({
        "EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks", "FunctionName": "f",
        "StartingPosition": "LATEST", "TumblingWindowInSeconds": 30,
    });
    assert!(self::shown(&windowed, MappingState::Updating).contains(r#""TumblingWindowInSeconds":30,"#));
}

#[test]
fn an_answer_makes_the_same_mapping_again() {
    let stream = json!({
        "EventSourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/carts/stream/2026-11-20T08:30:00.000",
        "FunctionName": "f", "StartingPosition": "LATEST", "MaximumRetryAttempts": 0, "BatchSize": 100,
        "FilterCriteria": { "Filters": [{ "Pattern": "{\"eventName\":[\"INSERT\"]}" }] },
    });
    let queue =
        json!({ "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q.fifo", "FunctionName": "f", "BatchSize": 10 });
    for body in [stream, queue] {
        let made = request::create(body.to_string().as_bytes()).unwrap();
        let mut answer: Value = serde_json::from_str(&shown(&body, MappingState::Enabled)).unwrap();
        // The one member that an answer spells differently.
        answer["FunctionName"] = "f".into();
        assert_eq!(request::create(answer.to_string().as_bytes()).unwrap(), made);
        answer["FunctionName"] = Value::Null;
        assert_eq!(request::update(&made, answer.to_string().as_bytes()).unwrap().parameters, made);
    }
}

#[test]
fn a_page_names_the_next() {
    let listed = |next_marker: Option<&str>| {
        let next_marker = next_marker.map(str::to_owned);
        serde_json::to_string(&Listed { next_marker, event_source_mappings: vec![] }).unwrap()
    };
    assert_eq!(listed(None), r#"{"NextMarker":null,"EventSourceMappings":[]}"#);
    assert_eq!(listed(Some("m")), r#"{"NextMarker":"m","EventSourceMappings":[]}"#);
}

#[test]
fn what_a_request_may_say_makes_a_mapping() {
    let kinesis = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks";
    let queue = "arn:aws:sqs:us-east-1:123456789012:orders";
    let sources = [
        (queue, json!({})),
        (
            "arn:aws:sqs:us-east-1:123456789012:orders.fifo",
            json!({ "BatchSize": 10, "ScalingConfig": { "MaximumConcurrency": 2 } }),
        ),
        (
            queue,
            json!({ "BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 300,
                "ScalingConfig": { "MaximumConcurrency": 1000 } }),
        ),
        (queue, json!({ "FunctionName": "123456789012:function:f:7", "Tags": { "a b": "", "é": "x=y" } })),
        (queue, json!({ "FilterCriteria": { "Filters": vec![json!({ "Pattern": "{\"body\":[\"${HOME}\"]}" }); 10] } })),
        (kinesis, json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 0 })),
        (kinesis, json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_732_090_000.125 })),
        (kinesis, json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": "2024-11-20T08:00:00.5Z" })),
        (
            kinesis,
            json!({ "StartingPosition": "LATEST", "ParallelizationFactor": 10, "MaximumRetryAttempts": 10_000,
                "MaximumRecordAgeInSeconds": 604_800 }),
        ),
        (
            kinesis,
            json!({ "StartingPosition": "LATEST", "TumblingWindowInSeconds": 900, "BisectBatchOnFunctionError": true }),
        ),
        (
            kinesis,
            json!({ "StartingPosition": "LATEST", "MetricsConfig": { "Metrics": ["EventCount"] }, "Enabled": false }),
        ),
    ];
    for (source, more) in sources {
        let mut body = json!({ "EventSourceArn": source, "FunctionName": "f" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let parameters = request::create(body.to_string().as_bytes()).unwrap();
        let mapping = of_definition(UUID, &parameters.0, NOW).unwrap_or_else(|problems| panic!("{problems:?}: {body}"));
        let tags: serde_json::Map<String, Value> =
            mapping.tags.into_iter().map(|(key, value)| (key, value.into())).collect();
        assert_eq!(Value::Object(tags), body.get("Tags").cloned().unwrap_or(json!({})));
    }
}
