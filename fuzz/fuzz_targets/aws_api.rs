//! Requests to the AWS API: nothing panics, what is refused is told in a form that clients read, and what is taken
//! stays the same when it is sent again.
#![no_main]

#[path = "../../src/aws_api"]
#[allow(dead_code, unused_imports)]
mod aws_api {
    mod error;
    mod paging;
    mod refusals;
    pub(crate) mod request;

    pub(crate) use error::ApiError;
    pub(crate) use paging::Marker;
}
#[path = "../../src/parameters/mod.rs"]
#[allow(dead_code, unused_imports)]
mod parameters;
/// The limits to which the table of parameters refers.
mod machine {
    use std::time::Duration;

    pub(crate) const LONG_POLL: Duration = Duration::from_secs(20);
    pub(crate) const MAX_HIDDEN: Duration = Duration::from_secs(12 * 3600);
}

use aws_api::request::{self, Parameters};
use aws_api::{ApiError, Marker};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    match how % 5 {
        0 => update(bytes),
        1 => {
            let mut dice = bytes.iter().copied();
            let (made, changed) = (body(&mut dice, true), body(&mut dice, false));
            update(format!("{made}\n{changed}").as_bytes());
        }
        2 => list(&String::from_utf8_lossy(bytes)),
        3 => tags(bytes),
        _ => drop(create(bytes)),
    }
});

/// A body with members that hold what they may, mostly: a byte chooses each.
fn body(dice: &mut impl Iterator<Item = u8>, make: bool) -> Value {
    let mut body = Map::new();
    if make {
        let source = SOURCES[usize::from(dice.next().unwrap_or(0)) % SOURCES.len()];
        body.insert("EventSourceArn".into(), source.into());
        body.insert("FunctionName".into(), "f:live".into());
        if !source.contains("sqs") {
            body.insert("StartingPosition".into(), "LATEST".into());
        }
    }
    for (name, values) in VALUES {
        let choice = usize::from(dice.next().unwrap_or(0));
        // Most members are absent most of the time.
        if let Some(value) = values.get(choice % (2 * values.len())) {
            body.insert((*name).into(), serde_json::from_str(value).expect("the table holds JSON"));
        }
    }
    Value::Object(body)
}

const SOURCES: [&str; 4] = [
    "arn:aws:sqs:us-east-1:123456789012:q",
    "arn:aws:sqs:us-east-1:123456789012:q.fifo",
    "arn:aws:kinesis:us-east-1:123456789012:stream/s",
    "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-20T08:30:00.000",
];

const VALUES: &[(&str, &[&str])] = &[
    ("FunctionName", &["\"g\"", "\"arn:aws:lambda:us-east-1:123456789012:function:f\""]),
    ("Enabled", &["true", "false", "null"]),
    ("BatchSize", &["1", "10", "10.0", "11", "10000", "null"]),
    ("MaximumBatchingWindowInSeconds", &["0", "1", "300"]),
    (
        "FilterCriteria",
        &["{}", "{\"Filters\":[]}", "{\"Filters\":[{\"Pattern\":\"{\\\"eventName\\\":[\\\"INSERT\\\"]}\"}]}"],
    ),
    ("ScalingConfig", &["{}", "{\"MaximumConcurrency\":2}", "{\"MaximumConcurrency\":1000}"]),
    ("FunctionResponseTypes", &["[]", "[\"ReportBatchItemFailures\"]", "[null]"]),
    ("MetricsConfig", &["{}", "{\"Metrics\":[]}", "{\"Metrics\":[\"EventCount\"]}"]),
    (
        "DestinationConfig",
        &[
            "{}",
            "{\"OnFailure\":{}}",
            "{\"OnFailure\":{\"Destination\":\"\"}}",
            "{\"OnFailure\":{\"Destination\":\"arn:aws:s3:::failed\"}}",
        ],
    ),
    ("ParallelizationFactor", &["1", "2", "10"]),
    ("MaximumRecordAgeInSeconds", &["-1", "60", "604800", "59"]),
    ("MaximumRetryAttempts", &["-1", "0", "10000"]),
    ("BisectBatchOnFunctionError", &["false", "true"]),
    ("TumblingWindowInSeconds", &["0", "900"]),
    ("StartingPosition", &["\"TRIM_HORIZON\"", "\"AT_TIMESTAMP\"", "null"]),
    ("StartingPositionTimestamp", &["0", "1732090200.25", "\"2026-11-20T08:30:00Z\""]),
    ("Tags", &["{}", "{\"a\":\"\"}", "{\"a b\":\"c\",\"d\":null}"]),
    ("KMSKeyArn", &["\"\""]),
    ("ProvisionedPollerConfig", &["{}"]),
];

/// What is taken is canonical: made anew of it, or changed by nothing, it is the same.
fn create(body: &[u8]) -> Option<Parameters> {
    let parameters = told(request::create(body))?;
    same(&parameters);
    let again = request::update(&parameters, body);
    assert_eq!(told(again).map(|update| update.parameters).as_ref(), Some(&parameters));
    Some(parameters)
}

/// A line makes a mapping, the rest changes it; the same change once more changes nothing.
fn update(bytes: &[u8]) {
    let middle = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let Some(current) = create(&bytes[..middle]) else { return };
    let body = bytes.get(middle + 1..).unwrap_or_default();
    let Some(update) = told(request::update(&current, body)) else { return };
    same(&update.parameters);
    for fixed in ["EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "Tags"] {
        assert_eq!(update.parameters.0.get(fixed), current.0.get(fixed));
    }
    if let Some(switched) = update.switches {
        assert_eq!(update.parameters.0.get("Enabled"), Some(&Value::Bool(switched)));
    }
    assert_eq!(told(request::update(&update.parameters, body)), Some(update));
}

fn same(parameters: &Parameters) {
    let body = Value::Object(parameters.0.clone()).to_string();
    assert_eq!(told(request::create(body.as_bytes())).as_ref(), Some(parameters), "{body}");
    assert_eq!(told(request::update(parameters, b"")).map(|update| update.parameters).as_ref(), Some(parameters));
}

fn list(text: &str) {
    told(Marker::read(text)).map(|marker| assert_eq!(Marker::read(&marker.to_string()), Ok(marker)));
    let Some(query) = told(request::list(text)) else { return };
    assert!((1..=100).contains(&query.max_items));
    if let Some(marker) = query.marker {
        assert_eq!(Marker::read(&marker.to_string()), Ok(marker));
    }
}

/// A line of JSON, a line of a query, and a path: what was added can be removed.
fn tags(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let added = told(request::tags_to_add(next()));
    let removed = told(request::tag_keys(&String::from_utf8_lossy(next())));
    told(request::tag_resource(&String::from_utf8_lossy(next())));
    let (Some(added), none) = (added, Parameters::default()) else { return };
    let Some(tagged) = told(request::add_tags(&none, added.clone())) else { return };
    assert_eq!(tagged.0.get("Tags"), serde_json::to_value(&added).ok().as_ref());
    let keys: Vec<String> = added.into_keys().collect();
    assert_eq!(request::remove_tags(&tagged, &keys), none);
    if let Some(removed) = removed {
        let left = request::remove_tags(&tagged, &removed);
        let has = |key: &String| left.0.get("Tags").and_then(|tags| tags.get(key)).is_some();
        assert!(!removed.iter().any(has));
    }
}

/// A refusal is the client's fault, has a code and a text, and its body is what SDKs read.
fn told<T>(result: Result<T, ApiError>) -> Option<T> {
    let error = match result {
        Ok(taken) => return Some(taken),
        Err(error) => error,
    };
    assert!(error.status().is_client_error() && error.code().ends_with("Exception"));
    let body = error.body();
    let text = body.get("message").or_else(|| body.get("Message")).and_then(Value::as_str).unwrap_or_default();
    assert!(!text.is_empty() && text == error.to_string());
    if error.code() == "ValidationException" {
        let (count, findings) = text.split_once(' ').unwrap_or_default();
        let least = findings.matches(" failed to satisfy constraint: ").count();
        assert!(count.parse::<usize>().is_ok_and(|count| (1..=least).contains(&count)), "{text}");
    }
    None
}
