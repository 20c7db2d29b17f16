//! What changes a mapping: absent stays, given replaces, empty clears, and the whole must hold together.

use serde_json::json;

use super::*;

fn changed(current: &Parameters, more: &Value) -> Update {
    let body = more.to_string();
    update(current, body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn refused_change(current: &Parameters, more: &Value) -> (&'static str, String) {
    let body = more.to_string();
    told(update(current, body.as_bytes()), &body)
}

fn full_queue() -> Value {
    json!({
        "Enabled": true, "BatchSize": 100, "MaximumBatchingWindowInSeconds": 5,
        "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\":[\"a\"]}" }] },
        "ScalingConfig": { "MaximumConcurrency": 7 }, "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:sns:us-east-1:123456789012:failed" } },
        "MetricsConfig": { "Metrics": ["EventCount"] }, "Tags": { "team": "a" },
    })
}

fn full_stream() -> Value {
    json!({
        "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_732_090_200, "BatchSize": 500,
        "MaximumBatchingWindowInSeconds": 3, "ParallelizationFactor": 4, "MaximumRecordAgeInSeconds": 3600,
        "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 3,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    })
}

#[test]
fn nothing_changes_nothing() {
    for (source, full) in [(QUEUE, full_queue()), (KINESIS, full_stream()), (DYNAMODB, json!({})), (FIFO, json!({}))] {
        let current = made(source, full);
        for body in
            [json!({}), json!({ "BatchSize": null, "ScalingConfig": null, "FilterCriteria": null, "Enabled": null })]
        {
            let changed = changed(&current, &body);
            assert_eq!(changed, Update { parameters: current.clone(), switches: None, names_function: false });
        }
        assert_eq!(update(&current, b"").unwrap().parameters, current);
    }
}

#[test]
fn empty_members_clear() {
    let queue = made(QUEUE, full_queue());
    let stream = made(KINESIS, full_stream());
    let table = [
        (&queue, "ScalingConfig", json!({ "ScalingConfig": {} })),
        (&queue, "ScalingConfig", json!({ "ScalingConfig": { "MaximumConcurrency": null } })),
        (&queue, "FilterCriteria", json!({ "FilterCriteria": {} })),
        (&queue, "FilterCriteria", json!({ "FilterCriteria": { "Filters": [] } })),
        (&queue, "FunctionResponseTypes", json!({ "FunctionResponseTypes": [] })),
        (&queue, "DestinationConfig", json!({ "DestinationConfig": { "OnFailure": { "Destination": "" } } })),
        (&queue, "DestinationConfig", json!({ "DestinationConfig": { "OnFailure": {} } })),
        (&queue, "DestinationConfig", json!({ "DestinationConfig": {} })),
        (&queue, "MetricsConfig", json!({ "MetricsConfig": {} })),
        (&queue, "MetricsConfig", json!({ "MetricsConfig": { "Metrics": [] } })),
        (&stream, "MaximumRetryAttempts", json!({ "MaximumRetryAttempts": -1 })),
        (&stream, "MaximumRecordAgeInSeconds", json!({ "MaximumRecordAgeInSeconds": -1 })),
        (&stream, "ParallelizationFactor", json!({ "ParallelizationFactor": 1 })),
        (&stream, "BisectBatchOnFunctionError", json!({ "BisectBatchOnFunctionError": false })),
        (&stream, "MaximumBatchingWindowInSeconds", json!({ "MaximumBatchingWindowInSeconds": 0 })),
    ];
    for (current, name, body) in table {
        assert!(current.has(name), "{name}");
        let mut expected = current.0.clone();
        expected.remove(name);
        assert_eq!(changed(current, &body).parameters.0, expected, "{body}");
    }
    // These clear what is never there.
    for body in [
        json!({ "ProvisionedPollerConfig": {} }),
        json!({ "KMSKeyArn": "" }),
        json!({ "SourceAccessConfigurations": [] }),
    ] {
        assert_eq!(changed(&queue, &body).parameters, queue);
    }
}

#[test]
fn given_members_replace() {
    let current = made(QUEUE, full_queue());
    let filters = json!({ "Filters": [{ "Pattern": "{\"body\":[\"b\"]}" }, { "Pattern": "{\"body\":[\"c\"]}" }] });
    let update = changed(
        &current,
        &json!({ "BatchSize": 1.0, "FilterCriteria": filters, "Enabled": false, "FunctionName": "g:live" }),
    );
    let mut expected = current.0;
    expected.extend(object(
        json!({ "BatchSize": 1, "FilterCriteria": filters, "Enabled": false, "FunctionName": "g:live" }),
    ));
    assert_eq!(update, Update { parameters: Parameters(expected), switches: Some(false), names_function: true });
}

#[test]
fn what_update_does_not_have_is_ignored() {
    for current in [made(KINESIS, full_stream()), made(QUEUE, full_queue())] {
        let body = json!({
            "EventSourceArn": FIFO, "StartingPosition": "LATEST", "StartingPositionTimestamp": 5, "Tags": { "x": "y" },
            "Topics": [], "Queues": 5, "SelfManagedEventSource": "x", "UUID": "other", "Name": "x", "Poller": {},
        });
        assert_eq!(changed(&current, &body).parameters, current);
    }
}

#[test]
fn a_change_may_not_break_the_whole() {
    let batch = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
    let large = made(QUEUE, json!({ "BatchSize": 11, "MaximumBatchingWindowInSeconds": 1 }));
    let tumbling = made(KINESIS, json!({ "TumblingWindowInSeconds": 30 }));
    let lanes = made(KINESIS, json!({ "ParallelizationFactor": 2 }));
    let filtered = made(KINESIS, json!({ "FilterCriteria": { "Filters": [{ "Pattern": "{\"data\":{\"a\":[1]}}" }] } }));
    let table = [
        (made(QUEUE, json!({})), json!({ "BatchSize": 11 }), batch),
        (large.clone(), json!({ "MaximumBatchingWindowInSeconds": 0 }), batch),
        (
            made(FIFO, json!({})),
            json!({ "MaximumBatchingWindowInSeconds": 1 }),
            "Batching window is not supported for FIFO queues",
        ),
        (made(FIFO, json!({})), json!({ "BatchSize": 11 }), "Maximum batch size must be between 1 and 10 inclusive"),
        (
            tumbling.clone(),
            json!({ "ParallelizationFactor": 2 }),
            "A tumbling window excludes a ParallelizationFactor greater than 1.",
        ),
        (
            lanes,
            json!({ "TumblingWindowInSeconds": 1 }),
            "A tumbling window excludes a ParallelizationFactor greater than 1.",
        ),
        (filtered, json!({ "TumblingWindowInSeconds": 1 }), "A tumbling window excludes FilterCriteria."),
        (
            tumbling.clone(),
            json!({ "FilterCriteria": { "Filters": [{ "Pattern": "{\"data\":{\"a\":[1]}}" }] } }),
            "A tumbling window excludes FilterCriteria.",
        ),
        (
            tumbling.clone(),
            json!({ "MaximumRecordAgeInSeconds": 0 }),
            "MaximumRecordAgeInSeconds must be -1, or from 60 to 604800.",
        ),
        (
            tumbling.clone(),
            json!({ "FilterCriteria": { "Filters": [{ "Pattern": "null" }] }, "TumblingWindowInSeconds": 0 }),
            "Invalid filter pattern definition.",
        ),
        (
            made(QUEUE, json!({})),
            json!({ "DestinationConfig": { "OnSuccess": { "Destination": QUEUE } } }),
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            made(QUEUE, json!({})),
            json!({ "MaximumRetryAttempts": 0 }),
            "Unsupported MaximumRetryAttempts parameter for given event source mapping type.",
        ),
        (
            made(QUEUE, json!({ "ScalingConfig": { "MaximumConcurrency": 2 } })),
            json!({ "ProvisionedPollerConfig": { "MaximumPollers": 2 } }),
            "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the \
             control mechanism and remove maximum concurrency.",
        ),
    ];
    for (current, body, text) in table {
        assert_eq!(refused_change(&current, &body), (INVALID, text.to_owned()), "{body}");
    }
    // Both at once hold together.
    let both = changed(&large, &json!({ "MaximumBatchingWindowInSeconds": 0, "BatchSize": 10 }));
    assert_eq!(both.parameters.0, object(body(QUEUE, json!({ "BatchSize": 10 }))));
    let swapped = changed(&tumbling, &json!({ "TumblingWindowInSeconds": 0, "ParallelizationFactor": 2 }));
    assert_eq!(swapped.parameters.integer("ParallelizationFactor"), Some(2));
}

#[test]
fn types_and_constraints_are_those_of_create() {
    let current = made(QUEUE, json!({}));
    for (body, code) in [
        (json!({ "BatchSize": "1" }), "SerializationException"),
        (json!({ "BatchSize": 0 }), VALIDATION),
        (json!({ "ScalingConfig": { "MaximumConcurrency": 1 } }), VALIDATION),
        (json!({ "FunctionName": "" }), VALIDATION),
    ] {
        assert_eq!(refused_change(&current, &body).0, code, "{body}");
    }
    assert_eq!(told(update(&current, b"{"), "{").0, "SerializationException");
}
