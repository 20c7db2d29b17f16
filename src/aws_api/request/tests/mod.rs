//! Whole requests, in tables.

mod constraints;
mod create;
mod update;

use serde_json::{Map, Value, json};

use super::{Parameters, Update};
use crate::aws_api::ApiError;
use crate::aws_api::definition::build;

const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:orders";
const FIFO: &str = "arn:aws:sqs:us-east-1:123456789012:orders.fifo";
const KINESIS: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks";
const DYNAMODB: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/carts/stream/2026-11-20T08:30:00.000";

const UUID: &str = "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f";
/// 2026-11-20T08:30:00Z, in milliseconds since the Unix epoch.
const NOW: u64 = 1_795_163_400_000;

const INVALID: &str = "InvalidParameterValueException";
const VALIDATION: &str = "ValidationException";

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }
}

/// A body that makes a mapping of a source, with more members or others.
fn body(source: &str, more: Value) -> Value {
    let mut members = object(json!({ "EventSourceArn": source, "FunctionName": "f" }));
    if source == KINESIS || source == DYNAMODB {
        members.insert("StartingPosition".into(), "TRIM_HORIZON".into());
    }
    members.extend(object(more));
    Value::Object(members)
}

/// Parameters of which a mapping can be made.
fn create(body: &[u8]) -> Result<Parameters, ApiError> {
    let parameters = super::create(body)?;
    build(UUID, &parameters, NOW).map(|_| parameters)
}

fn update(current: &Parameters, body: &[u8]) -> Result<Update, ApiError> {
    let update = super::update(current, body)?;
    build(UUID, &update.parameters, NOW).map(|_| update)
}

fn made(source: &str, more: Value) -> Parameters {
    let body = body(source, more).to_string();
    create(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// The code and text with which a create is refused.
fn refused(source: &str, more: Value) -> (&'static str, String) {
    let body = body(source, more).to_string();
    told(create(body.as_bytes()), &body)
}

fn told<T: std::fmt::Debug>(result: Result<T, ApiError>, body: &str) -> (&'static str, String) {
    match result {
        Err(error) => (error.code(), error.to_string()),
        Ok(taken) => panic!("{taken:?}: {body}"),
    }
}
