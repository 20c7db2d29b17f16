//! Answers as they are on the wire, before a client makes something of them.

use serde_json::{Value, json};

use crate::api::life::Stage;
use crate::api::site::{Client, MAPPINGS, uuid};
use crate::api::sources::{Kind, merge};

/// Every member of `EventSourceMappingConfiguration`, in the order of the service's model.
const MEMBERS: [&str; 33] = [
    "UUID",
    "StartingPosition",
    "StartingPositionTimestamp",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "ParallelizationFactor",
    "EventSourceArn",
    "FilterCriteria",
    "FilterCriteriaError",
    "KMSKeyArn",
    "MetricsConfig",
    "LoggingConfig",
    "ScalingConfig",
    "FunctionArn",
    "LastModified",
    "LastProcessingResult",
    "State",
    "StateTransitionReason",
    "DestinationConfig",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "EventSourceMappingArn",
    "ProvisionedPollerConfig",
];

/// Each member stands there once and in its order; those that the client sees are set, and all others are null.
fn is_whole(wire: &str, seen: &Value) {
    let shown: Value = serde_json::from_str(wire).unwrap();
    let shown = shown.as_object().unwrap();
    assert_eq!(shown.len(), MEMBERS.len(), "{wire}");
    let place = |member: &str| wire.find(&format!("\"{member}\":")).unwrap_or_else(|| panic!("{member}? {wire}"));
    assert!(MEMBERS.iter().map(|member| place(member)).is_sorted(), "{wire}");
    for member in MEMBERS {
        assert_eq!(shown[member].is_null(), seen.get(member).is_none(), "{member}: {wire}");
    }
    assert!(shown["LastModified"].is_f64(), "{wire}");
}

async fn answers(kind: Kind) {
    let stage = Stage::new(kind, Client::Boto).await;
    let mut arguments = json!({"EventSourceArn": stage.source.arn(), "FunctionName": "work", "Enabled": false});
    merge(&mut arguments, &kind.start());
    let created = stage.api.reply(&format!("create_{MAPPINGS}"), arguments).await;
    assert_eq!((created.status, &created.headers["content-type"]), (202, &json!("application/json")));
    assert_eq!(created.headers["x-amzn-requestid"].as_str().unwrap().len(), 36);
    assert_eq!(created.headers.get("x-amzn-errortype"), None);
    is_whole(&created.wire, &created.body);
    let state = if kind.is_stream() { "Creating" } else { "Disabled" };
    assert_eq!(created.body["State"], state);

    let uuid = uuid(&created.body);
    stage.api.becomes(uuid, "Disabled").await;
    let of = |operation: &str| format!("{operation}_{MAPPINGS}");
    let shown = stage.api.reply(&of("get"), json!({ "UUID": uuid })).await;
    assert_eq!(shown.status, 200);
    is_whole(&shown.wire, &shown.body);
    let listed = stage.api.reply(&format!("list_{MAPPINGS}s"), json!({})).await;
    assert_eq!(listed.status, 200);
    let page: Value = serde_json::from_str(&listed.wire).unwrap();
    let shown: Value = serde_json::from_str(&shown.wire).unwrap();
    assert_eq!(page, json!({"NextMarker": null, "EventSourceMappings": [shown]}));
    let arn = crate::api::site::arn(&created.body);
    for (operation, status) in [("tag_resource", 204), ("list_tags", 200), ("untag_resource", 204)] {
        let mut arguments = json!({ "Resource": arn });
        match operation {
            "tag_resource" => arguments["Tags"] = json!({"a": "b"}),
            "untag_resource" => arguments["TagKeys"] = json!(["a"]),
            _ => {}
        }
        let reply = stage.api.reply(operation, arguments).await;
        assert_eq!(reply.status, status, "{operation}");
        assert_eq!(reply.wire, if status == 204 { "" } else { r#"{"Tags":{"a":"b"}}"# });
    }
    let updated = stage.api.reply(&of("update"), json!({"UUID": uuid, "BatchSize": 5})).await;
    assert_eq!(updated.status, 202);
    is_whole(&updated.wire, &updated.body);
    stage.api.becomes(uuid, "Disabled").await;
    let deleted = stage.api.reply(&of("delete"), json!({ "UUID": uuid })).await;
    assert_eq!((deleted.status, &deleted.body["State"]), (202, &json!("Deleting")));
    is_whole(&deleted.wire, &deleted.body);
    stage.api.stop().await;
}

#[tokio::test]
async fn a_queues_mapping_is_whole_on_the_wire() {
    answers(Kind::Standard).await;
}

#[tokio::test]
async fn a_streams_mapping_is_whole_on_the_wire() {
    answers(Kind::Kinesis).await;
}
