//! What makes a mapping, and in which words the service refuses.

use serde_json::json;

use super::*;

#[test]
fn the_service_refuses_in_the_words_of_aws() {
    let batch = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
    let filter = "Invalid filter pattern definition.";
    let filters = |pattern: &str| json!({ "FilterCriteria": { "Filters": [{ "Pattern": pattern }] } });
    let on_success = json!({ "DestinationConfig": { "OnSuccess": { "Destination": QUEUE } } });
    let position = format!("Unsupported starting position for arn type: {DYNAMODB}");
    let null = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member \
        must not be null.";
    let table = [
        (QUEUE, json!({ "EventSourceArn": null }), "Unrecognized event source."),
        (QUEUE, json!({ "EventSourceArn": "arn:aws:s3:::bucket" }), "Unrecognized event source."),
        (QUEUE, on_success.clone(), "Unsupported DestinationConfig parameter for given event source mapping type."),
        (KINESIS, on_success, "Unsupported DestinationConfig parameter for given event source mapping type."),
        (KINESIS, json!({ "StartingPosition": null }), null),
        (DYNAMODB, json!({ "StartingPosition": null }), null),
        (DYNAMODB, json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1 }), &position),
        (QUEUE, json!({ "StartingPosition": "LATEST" }), "StartingPosition is not valid for SQS event sources."),
        (QUEUE, json!({ "BatchSize": 11 }), batch),
        (QUEUE, json!({ "BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 0 }), batch),
        (FIFO, json!({ "MaximumBatchingWindowInSeconds": 1 }), "Batching window is not supported for FIFO queues"),
        (FIFO, json!({ "BatchSize": 11 }), "Maximum batch size must be between 1 and 10 inclusive"),
        (QUEUE, filters("null"), filter),
        (QUEUE, filters("\"text\""), filter),
        (QUEUE, filters(r#"{"eventSource":"aws:sqs"}"#), filter),
        (QUEUE, filters(r#"{"eventSource":[]}"#), filter),
        (QUEUE, filters(r#"{"eventSource":"#), filter),
        (QUEUE, filters(""), filter),
        (KINESIS, filters("[]"), filter),
        (QUEUE, json!({ "FilterCriteria": { "Filters": [{}] } }), filter),
        (
            QUEUE,
            json!({ "EventSourceArn": null,
                "SelfManagedEventSource": { "Endpoints": { "KAFKA_BOOTSTRAP_SERVERS": ["k:1"] } } }),
            "Required 'sourceAccessConfigurations' parameter is missing.",
        ),
        (
            QUEUE,
            json!({ "ProvisionedPollerConfig": { "MinimumPollers": 2 }, "ScalingConfig": { "MaximumConcurrency": 2 } }),
            "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the \
             control mechanism and remove maximum concurrency.",
        ),
    ];
    for (source, more, text) in table {
        assert_eq!(refused(source, more.clone()), (INVALID, text.to_owned()), "{more}");
    }
}

#[test]
fn sources_are_known_by_their_arns() {
    let table = [
        ("kinesis:us-east-1:123456789012:stream/s/consumer/c:1", "enhanced fan-out"),
        (
            "kafka:us-east-1:123456789012:cluster/c/x",
            "Forebay does not poll Amazon MSK: map an SQS queue, a Kinesis stream or a DynamoDB stream.",
        ),
        ("mq:us-east-1:123456789012:broker:b:x", "Amazon MQ"),
        ("rds:us-east-1:123456789012:cluster:c", "Amazon DocumentDB"),
        ("sns:us-east-1:123456789012:t", "Unrecognized event source."),
        ("sqs:us-east-1:123456789012:no queue", "is not a queue's ARN: write `arn:aws:sqs:REGION:ACCOUNT:QUEUE`"),
    ];
    for (arn, part) in table {
        let (code, text) = refused(QUEUE, json!({ "EventSourceArn": format!("arn:aws:{arn}") }));
        assert!(code == INVALID && text.contains(part), "{text}");
    }
}

#[test]
fn what_forebay_lacks_is_refused_in_its_own_words() {
    let kafka = json!({
        "EventSourceArn": null, "SelfManagedEventSource": { "Endpoints": { "KAFKA_BOOTSTRAP_SERVERS": ["k:1"] } },
        "SourceAccessConfigurations": [{ "Type": "VPC_SUBNET", "URI": "subnet:a" }],
    });
    let table = [
        (QUEUE, kafka, "Forebay does not poll Kafka"),
        (KINESIS, json!({ "EventSourceArn": format!("{KINESIS}/consumer/c:1") }), "enhanced fan-out"),
        (QUEUE, json!({ "ProvisionedPollerConfig": { "MaximumPollers": 5 } }), "no provisioned pollers"),
        (QUEUE, json!({ "KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k" }), "remove KMSKeyArn"),
        (
            KINESIS,
            json!({ "MetricsConfig": { "Metrics": ["EventCount", "KafkaMetrics"] } }),
            "KafkaMetrics are of Kafka",
        ),
        (QUEUE, json!({ "DestinationConfig": { "OnFailure": { "Destination": "kafka://failed" } } }), "Kafka topic"),
        (QUEUE, json!({ "FunctionName": "eu-west-1:f" }), "region without its ARN"),
        (KINESIS, json!({ "MaximumRecordAgeInSeconds": 0 }), "from 60 to 604800"),
        (KINESIS, json!({ "MaximumRecordAgeInSeconds": 59 }), "from 60 to 604800"),
        (KINESIS, json!({ "StartingPosition": "AT_TIMESTAMP" }), "StartingPositionTimestamp is required"),
        (KINESIS, json!({ "StartingPositionTimestamp": 1 }), "only valid with"),
        (DYNAMODB, json!({ "StartingPositionTimestamp": 1 }), "only valid with"),
        (KINESIS, json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": -1 }), "before 1970"),
        (
            KINESIS,
            json!({ "TumblingWindowInSeconds": 1, "ParallelizationFactor": 2 }),
            "ParallelizationFactor greater than 1",
        ),
        (
            DYNAMODB,
            json!({ "TumblingWindowInSeconds": 1,
                "FilterCriteria": { "Filters": [{ "Pattern": "{\"eventName\":[\"INSERT\"]}" }] } }),
            "excludes FilterCriteria",
        ),
        (
            QUEUE,
            json!({ "FilterCriteria": { "Filters": vec![json!({ "Pattern": "{\"body\":[\"a\"]}" }); 11] } }),
            "10 filters at most, and these are 11",
        ),
        (QUEUE, json!({ "Tags": { "aws:x": "y" } }), "aws: prefixed tag key names are not allowed"),
        (
            QUEUE,
            json!({ "Tags": (0..51).map(|n| (format!("k{n}"), json!(""))).collect::<Map<_, _>>() }),
            "exceeds resource tag limit",
        ),
    ];
    for (source, more, part) in table {
        let (code, text) = refused(source, more.clone());
        assert_eq!(code, INVALID, "{more}");
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn members_of_other_sources_are_refused_where_they_say_something() {
    let stream = [
        ("StartingPositionTimestamp", json!(1)),
        ("ParallelizationFactor", json!(2)),
        ("MaximumRetryAttempts", json!(0)),
        ("MaximumRecordAgeInSeconds", json!(60)),
        ("BisectBatchOnFunctionError", json!(true)),
        ("TumblingWindowInSeconds", json!(30)),
    ];
    let others = [
        ("LoggingConfig", json!({ "SystemLogLevel": "INFO" })),
        ("Topics", json!(["topic"])),
        ("Queues", json!(["queue"])),
        ("SourceAccessConfigurations", json!([{ "Type": "BASIC_AUTH", "URI": "x" }])),
        ("SelfManagedEventSource", json!({ "Endpoints": { "KAFKA_BOOTSTRAP_SERVERS": ["k:1"] } })),
        ("AmazonManagedKafkaEventSourceConfig", json!({ "ConsumerGroupId": "g" })),
        ("SelfManagedKafkaEventSourceConfig", json!({ "ConsumerGroupId": "g" })),
        ("DocumentDBEventSourceConfig", json!({ "DatabaseName": "d" })),
    ];
    let scaling = ("ScalingConfig", json!({ "MaximumConcurrency": 2 }));
    let cases = stream
        .iter()
        .map(|case| (QUEUE, case))
        .chain(others.iter().flat_map(|case| [(QUEUE, case), (KINESIS, case), (DYNAMODB, case)]))
        .chain([(KINESIS, &scaling), (DYNAMODB, &scaling)]);
    for (source, (name, value)) in cases {
        let text = format!("Unsupported {name} parameter for given event source mapping type.");
        assert_eq!(refused(source, json!({ *name: value })), (INVALID, text), "{source}");
    }
}

#[test]
fn the_order_of_the_gates_is_that_of_aws() {
    // Types before constraints, constraints before the service.
    let body = r#"{"BatchSize":0,"Enabled":"x"}"#;
    assert_eq!(told(create(body.as_bytes()), body).0, "SerializationException");
    assert_eq!(refused(QUEUE, json!({ "EventSourceArn": null, "BatchSize": 0 })).0, VALIDATION);
    // A destination is refused before a starting position is missed.
    let on_success =
        json!({ "DestinationConfig": { "OnSuccess": { "Destination": QUEUE } }, "StartingPosition": null });
    assert!(refused(KINESIS, on_success).1.starts_with("Unsupported DestinationConfig"));
}

#[test]
fn keeps_what_says_something_and_nothing_else() {
    let pattern = r#"{ "body": { "type": ["order.created"] } }"#;
    let table = [
        (QUEUE, json!({}), json!({})),
        (QUEUE, json!({ "FunctionName": "function:g:live" }), json!({ "FunctionName": "g:live" })),
        (QUEUE, json!({ "FunctionName": "123456789012:g" }), json!({ "FunctionName": "123456789012:function:g" })),
        (QUEUE, json!({ "Enabled": false, "BatchSize": 10.0 }), json!({ "Enabled": false, "BatchSize": 10 })),
        (
            QUEUE,
            json!({ "BatchSize": 11, "MaximumBatchingWindowInSeconds": 1 }),
            json!({ "BatchSize": 11, "MaximumBatchingWindowInSeconds": 1 }),
        ),
        (
            QUEUE,
            json!({ "FilterCriteria": { "Filters": [{ "Pattern": pattern }] }, "Tags": { "a": "" } }),
            json!({ "FilterCriteria": { "Filters": [{ "Pattern": pattern }] }, "Tags": { "a": "" } }),
        ),
        // Unlike AWS, which has the redrive policy alone.
        (
            FIFO,
            json!({ "DestinationConfig": { "OnFailure": { "Destination": QUEUE } } }),
            json!({ "DestinationConfig": { "OnFailure": { "Destination": QUEUE } } }),
        ),
        (
            KINESIS,
            json!({ "MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60 }),
            json!({ "MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60 }),
        ),
        (
            KINESIS,
            json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": "2024-11-20T08:10:00Z" }),
            json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_732_090_200 }),
        ),
        // R2: more than ten records of a stream need no window.
        (DYNAMODB, json!({ "BatchSize": 101 }), json!({ "BatchSize": 101 })),
        // An empty container is no filter, so a tumbling window may stand beside it.
        (
            DYNAMODB,
            json!({ "TumblingWindowInSeconds": 30, "FilterCriteria": { "Filters": [] }, "ParallelizationFactor": 1 }),
            json!({ "TumblingWindowInSeconds": 30 }),
        ),
        (
            QUEUE,
            json!({ "MetricsConfig": { "Metrics": ["EventCount"] } }),
            json!({ "MetricsConfig": { "Metrics": ["EventCount"] } }),
        ),
    ];
    for (source, more, kept) in table {
        let expected = object(body(source, kept));
        assert_eq!(made(source, more).0, expected);
    }
}

#[test]
fn ten_filters_are_taken() {
    let filters = vec![json!({ "Pattern": "{\"body\":[\"a\"]}" }); 10];
    made(QUEUE, json!({ "FilterCriteria": { "Filters": filters } }));
}

#[test]
fn an_answer_of_aws_can_be_sent_back() {
    let null = Value::Null;
    let read_only = json!({
        "UUID": "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f", "State": "Enabled", "StateTransitionReason": "User action",
        "LastModified": 1732090200.5, "LastProcessingResult": "OK",
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "EventSourceMappingArn": "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f",
        "FilterCriteriaError": null, "Topics": null, "Queues": null, "KMSKeyArn": null, "ProvisionedPollerConfig": null,
    });
    let stream = json!({
        "BatchSize": 100, "MaximumBatchingWindowInSeconds": 0, "ParallelizationFactor": 1,
        "DestinationConfig": { "OnFailure": {} },
        "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": false,
        "TumblingWindowInSeconds": 0, "FunctionResponseTypes": [], "ScalingConfig": null, "FilterCriteria": null,
    });
    let mut answer = object(read_only);
    answer.extend(object(stream));
    assert_eq!(made(KINESIS, Value::Object(answer.clone())).0, object(body(KINESIS, json!({ "BatchSize": 100 }))));
    // A queue's mapping may be made from a stream's: what is only a default says nothing.
    answer.insert("StartingPosition".into(), null);
    answer.insert("BatchSize".into(), 10.into());
    assert_eq!(made(QUEUE, Value::Object(answer)).0, object(body(QUEUE, json!({ "BatchSize": 10 }))));
}
