//! Events as batches of CloudEvents 1.0, in JSON: one event for each record.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::mapping::Envelope;

/// The content type of a body.
pub(super) const fn content_type(envelope: Envelope) -> &'static str {
    match envelope {
        Envelope::Lambda => "application/json",
        Envelope::CloudEvents => "application/cloudevents-batch+json",
    }
}

/// The ids of events of streams, and the sequence numbers that records are known by.
pub(super) type Ids = BTreeMap<String, String>;

/// The records of an event as CloudEvents.
///
/// # Errors
/// When the event has no records.
pub(super) fn batch(event: &[u8]) -> Result<(Bytes, Ids), String> {
    let mut event: Value = serde_json::from_slice(event).map_err(|error| format!("the event is no JSON: {error}"))?;
    let Some(records) = event.get_mut("Records").and_then(Value::as_array_mut) else {
        return Err("the event has no records that could be CloudEvents".to_owned());
    };
    let events: Vec<Value> = std::mem::take(records).into_iter().map(cloud_event).collect();
    let text = |event: &Value, name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let ids = events.iter().filter_map(|event| Some((text(event, "id")?, text(event, "sequencenumber")?))).collect();
    serde_json::to_vec(&events).map(|body| (body.into(), ids)).map_err(|error| error.to_string())
}

/// An answer whose partial response names records by their sequence numbers, where it named events by their ids. Every
/// other answer stays as it is.
pub(super) fn translate(answer: Bytes, ids: &Ids) -> Bytes {
    let Ok(mut value) = serde_json::from_slice::<Value>(&answer) else { return answer };
    let Some(failures) = value.get_mut("batchItemFailures").and_then(Value::as_array_mut) else { return answer };
    let mut translated = false;
    for failure in failures {
        let Some(id) = failure.get_mut("itemIdentifier") else { continue };
        if let Some(number) = id.as_str().and_then(|id| ids.get(id)) {
            *id = number.as_str().into();
            translated = true;
        }
    }
    if !translated {
        return answer;
    }
    serde_json::to_vec(&value).map_or(answer, Into::into)
}

fn cloud_event(mut record: Value) -> Value {
    let text = |record: &Value, path: &str| record.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let source = text(&record, "/eventSourceARN").unwrap_or_default();
    let mut event = Map::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            event.insert(name.into(), value.into());
        }
    };
    set("specversion", Some("1.0".into()));
    set("source", Some(source));
    match text(&record, "/eventSource").as_deref() {
        Some("aws:kinesis") => {
            set("id", text(&record, "/eventID"));
            set("type", Some("aws.kinesis.record".into()));
            let seconds = record.pointer("/kinesis/approximateArrivalTimestamp").and_then(Value::as_f64);
            set("time", seconds.and_then(|seconds| time(seconds * 1000.0)));
            set("partitionkey", text(&record, "/kinesis/partitionKey"));
            set("sequencenumber", text(&record, "/kinesis/sequenceNumber"));
            set("data_base64", text(&record, "/kinesis/data"));
        }
        Some("aws:dynamodb") => {
            set("id", text(&record, "/eventID"));
            set("type", text(&record, "/eventName").map(|name| format!("aws.dynamodb.stream.{name}")));
            let seconds = record.pointer("/dynamodb/ApproximateCreationDateTime").and_then(Value::as_f64);
            set("time", seconds.and_then(|seconds| time(seconds * 1000.0)));
            set("sequencenumber", text(&record, "/dynamodb/SequenceNumber"));
            set("datacontenttype", Some("application/json".into()));
            event.insert("data".into(), record["dynamodb"].take());
        }
        _ => {
            set("id", text(&record, "/messageId"));
            set("type", Some("aws.sqs.message".into()));
            let sent = text(&record, "/attributes/SentTimestamp").and_then(|sent| sent.parse().ok());
            set("time", sent.and_then(time));
            set("partitionkey", text(&record, "/attributes/MessageGroupId"));
            let body = text(&record, "/body").unwrap_or_default();
            let (kind, data) = match serde_json::from_str::<Value>(&body) {
                Ok(data) => ("application/json", data),
                Err(_) => ("text/plain", Value::from(body)),
            };
            set("datacontenttype", Some(kind.into()));
            event.insert("data".into(), data);
        }
    }
    json!(event)
}

/// A moment as RFC 3339 says.
fn time(unix_ms: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "far from the limits of the number")]
    jiff::Timestamp::from_millisecond(unix_ms.round() as i64).ok().map(|time| time.to_string())
}
