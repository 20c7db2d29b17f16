//! An event with one record, for a function that is tried without one of its own.

use serde_json::{Value, json};

use crate::mapping::{SourceKind, SourceSpec};

const BODY: &str = r#"{"message":"Hello from forebay invoke"}"#;
const BODY_BASE64: &str = "eyJtZXNzYWdlIjoiSGVsbG8gZnJvbSBmb3JlYmF5IGludm9rZSJ9";
const ID: &str = "00000000-0000-4000-8000-000000000000";
const SEQUENCE: &str = "49590338271490256608559692538361571095921575989136588898";

/// An event of this source, as the function would get it.
pub(super) fn event(source: &SourceSpec) -> Value {
    let arn = source.arn();
    let record = match source.kind() {
        SourceKind::Sqs => message(json!({})),
        SourceKind::Fifo => {
            message(json!({ "MessageGroupId": "sample", "MessageDeduplicationId": "sample", "SequenceNumber": "1" }))
        }
        SourceKind::Kinesis => json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "sample",
                "sequenceNumber": SEQUENCE,
                "data": BODY_BASE64,
                "approximateArrivalTimestamp": 1_760_000_000.0,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("shardId-000000000000:{SEQUENCE}"),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "",
        }),
        SourceKind::DynamoDb => json!({
            "eventID": ID,
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_760_000_000,
                "Keys": { "id": { "S": "sample" } },
                "NewImage": { "id": { "S": "sample" } },
                "SequenceNumber": "100000000000000000001",
                "SizeBytes": 16,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }),
    };
    let mut record = record;
    record["awsRegion"] = arn.region.as_str().into();
    record["eventSourceARN"] = arn.text.as_str().into();
    json!({ "Records": [record] })
}

/// A message with the system attributes that every queue has, and these.
fn message(more: Value) -> Value {
    let mut attributes = json!({
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1760000000000",
        "SenderId": "forebay",
        "ApproximateFirstReceiveTimestamp": "1760000000000",
    });
    if let (Value::Object(attributes), Value::Object(more)) = (&mut attributes, more) {
        attributes.extend(more);
    }
    json!({
        "messageId": ID,
        "receiptHandle": "sample",
        "body": BODY,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": "db4c1976e08854c9ee30a4341f5e56ce",
        "eventSource": "aws:sqs",
    })
}
