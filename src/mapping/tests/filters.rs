//! Sound filters, and what a mapping makes of them.

use super::{clean, read};
use crate::machine::{Screened, ScreeningPolicy};
use crate::mapping::{DestinationKind, Mapping};

const QUEUE: &str = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n";
const STREAM: &str =
    "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks\nFunctionName: f\nStartingPosition: LATEST\n";

fn one(text: &str) -> Mapping {
    clean(text).remove(0)
}

fn filters(pattern: &str) -> Vec<String> {
    one(&format!("{QUEUE}FilterCriteria:\n  Filters:\n    - Pattern: {pattern}\n")).filters
}

#[test]
fn maps_become_the_json_that_they_mean() {
    for (map, json) in [
        ("{ body: { type: [order.created] } }", r#"{"body":{"type":["order.created"]}}"#),
        (
            "{ body: { a: [1, 1.0, -2.50, 3.0e2, 12345678901234567890, 1E400] } }",
            r#"{"body":{"a":[1,1.0,-2.50,3.0e2,12345678901234567890,1E400]}}"#,
        ),
        (
            "{ body: { a: [\"1\", '1', true, True, \"true\", null, ~, \"null\", \"\"] } }",
            r#"{"body":{"a":["1","1",true,true,"true",null,null,"null",""]}}"#,
        ),
        (
            "{ body: { a: [2026-11-20, 1_000, 10s, y, a b] } }",
            r#"{"body":{"a":["2026-11-20","1_000","10s","y","a b"]}}"#,
        ),
        ("{ body: { a: [!!str 5] } }", r#"{"body":{"a":["5"]}}"#),
        ("{ body: { a: [\"\\\"\\\\\\n\\u00e9\\u0001\"] } }", r#"{"body":{"a":["\"\\\né\u0001"]}}"#),
        (
            "{ body: { 1: [a], true: [b], \"\": [c], \"${X}\": [d] } }",
            r#"{"body":{"1":["a"],"true":["b"],"":["c"],"${X}":["d"]}}"#,
        ),
        (
            "{ body: { b: [1], a: [2] }, body: { d: [3], c: [4] } }",
            r#"{"body":{"b":[1],"a":[2]},"body":{"d":[3],"c":[4]}}"#,
        ),
        (
            "{ body: { n: [{ numeric: [\">\", 0, \"<=\", 5.0] }, { exists: false }] } }",
            r#"{"body":{"n":[{"numeric":[">",0,"<=",5.0]},{"exists":false}]}}"#,
        ),
        (
            "\n        body:\n          # one of two\n          $or:\n            - type:\n                - prefix: \
             order.\n            - urgent: [true]",
            r#"{"body":{"$or":[{"type":[{"prefix":"order."}]},{"urgent":[true]}]}}"#,
        ),
    ] {
        assert_eq!(filters(map), [json], "{map}");
    }
}

#[test]
fn quotes_mean_text_also_around_variables() {
    assert_eq!(filters("{ body: { a: [\"${SIZE}\", \"x${SIZE}\"] } }"), [r#"{"body":{"a":["5","x5"]}}"#]);
    assert_eq!(
        filters("\n        body:\n          a:\n            - ${SIZE}\n            - ${ON}\n            - a-${SIZE}"),
        [r#"{"body":{"a":[5,false,"a-5"]}}"#]
    );
    assert_eq!(filters("'{\"body\": {\"a\": [${SIZE}]}}'"), ["{\"body\": {\"a\": [5]}}"]);
}

#[test]
fn json_text_is_kept_as_it_is() {
    for (written, kept) in [
        ("'{\"body\" : {\"a\":[1.0]}}'", "{\"body\" : {\"a\":[1.0]}}"),
        ("\"{\\\"body\\\": {\\\"a\\\": [1]}}\"", "{\"body\": {\"a\": [1]}}"),
        ("|\n        {\"body\": {\n          \"a\": [1]}}", "{\"body\": {\n  \"a\": [1]}}\n"),
        ("'{\"body\": {\"a\": [\"\\ud800\"]}}'", "{\"body\": {\"a\": [\"\\ud800\"]}}"),
    ] {
        assert_eq!(filters(written), [kept], "{written}");
    }
}

#[test]
fn nothing_to_filter_lets_everything_pass() {
    for criteria in [
        "FilterCriteria: {}",
        "FilterCriteria: { Filters: [] }",
        "FilterCriteria: null",
        "FilterCriteria: { Filters: null }",
    ] {
        let mapping = one(&format!("{QUEUE}{criteria}\n"));
        assert_eq!((mapping.filters.len(), mapping.filtered_to), (0, None), "{criteria}");
    }
}

#[test]
fn an_answer_of_awss_and_lower_case_are_taken() {
    let answer = r#"{"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders", "FunctionName": "f", "FilterCriteria": {"Filters": [{"Pattern": "{\"body\":{\"a\":[1]}}"}, {"Pattern": "{\"attributes\":{\"SenderId\":[\"x\"]}}"}]}}"#;
    assert_eq!(one(answer).filters.len(), 2);
    let lower = format!("{QUEUE}filterCriteria: {{ filters: [{{ pattern: {{ body: [a] }} }}] }}\n");
    assert_eq!(one(&lower).filters, [r#"{"body":["a"]}"#]);
}

#[test]
fn everything_that_a_record_has_may_be_named() {
    for pattern in [
        "{ body: [a], messageId: [x], eventSource: [aws:sqs], awsRegion: [{ prefix: us- }] }",
        "{ attributes: { ApproximateReceiveCount: [\"1\"], SenderId: [{ anything-but: x }] } }",
        "{ messageAttributes: { kind.of: { stringValue: [a], dataType: [String] } }, md5OfMessageAttributes: [null] }",
        "{ $or: [{ body: { a: [1] } }, { body: { Body: [{ exists: false }] } }], body.x.y: [5] }",
    ] {
        assert_eq!(filters(pattern).len(), 1, "{pattern}");
    }
    for pattern in [
        "{ data: { Body: [1] }, partitionKey: [a, null], kinesis: { partitionKey: [a], data: { b: [1] } } }",
        "{ approximateArrivalTimestamp: [{ numeric: [\">\", 1] }], eventName: [aws:kinesis:record] }",
    ] {
        one(&format!("{STREAM}FilterCriteria: {{ Filters: [{{ Pattern: {pattern} }}] }}\n"));
    }
    let table = "EventSourceArn: arn:aws:dynamodb:us-east-1:000000000000:table/stock/stream/2026-11-01T00:00:00.000\n\
        FunctionName: f\nStartingPosition: LATEST\n";
    for pattern in [
        "{ eventName: [INSERT, { prefix: M }], dynamodb: { Keys: { id: { S: [a] } }, StreamViewType: [KEYS_ONLY] } }",
        "{ dynamodb: { NewImage: { n: { N: [\"5\", 5] }, ok: { BOOL: [true] }, none: { \"NULL\": [true] }, S: { S: [x] \
         } } } }",
        "{ dynamodb: { NewImage: { m: { M: { a: { L: { S: [x] } } } } }, SizeBytes: [{ numeric: [\">\", 5] }] } }",
        "{ dynamodb: { NewImage: { a.b: { SS: [x] } }, ApproximateCreationDateTime: [{ numeric: [\">\", 5] }] }, \
         userIdentity: { type: [Service] } }",
        "{ dynamodb: { OldImage: { n: { N: [{ anything-but: 5 }, { exists: false }] } } } }",
    ] {
        one(&format!("{table}FilterCriteria: {{ Filters: [{{ Pattern: {pattern} }}] }}\n"));
    }
}

#[test]
fn what_does_not_pass_goes_where_the_mapping_says() {
    let of = |source: &str, rest: &str| {
        let key = if source == QUEUE { "body" } else { "data" };
        let mapping = one(&format!(
            "{source}FilterCriteria: {{ Filters: [{{ Pattern: {{ {key}: {{ a: [1] }} }} }}] }}\n{rest}\n"
        ));
        let to = mapping.filtered_to.map(|to| (to.kind, to.arn.resource));
        (mapping.poller.screening, to)
    };
    let policy = |filtered_out, undecidable| ScreeningPolicy { filtered_out, undecidable };
    let queue = |name: &str| Some((DestinationKind::Sqs { fifo: false }, name.to_owned()));
    let failed = "DestinationConfig: { OnFailure: { Destination: \"arn:aws:sqs:us-east-1:000000000000:failed\" } }";
    let rest = "OnFiltered: \"arn:aws:sqs:us-east-1:000000000000:rest\"";
    assert_eq!(of(QUEUE, ""), (policy(Screened::Drop, Screened::Drop), None));
    assert_eq!(of(QUEUE, failed), (policy(Screened::Drop, Screened::Drop), None));
    assert_eq!(
        of(QUEUE, "Poller: { OnFiltered: release, OnUndecidable: deliver }"),
        (policy(Screened::Release, Screened::Deliver), None)
    );
    assert_eq!(
        of(QUEUE, &format!("Poller: {{ {rest}, OnUndecidable: Drop, OnFailurePayload: true }}")),
        (policy(Screened::Destination, Screened::Drop), queue("rest"))
    );
    assert_eq!(
        of(QUEUE, &format!("{failed}\nPoller: {{ {rest}, OnUndecidable: Destination }}")),
        (policy(Screened::Destination, Screened::Destination), queue("rest"))
    );
    assert_eq!(
        of(QUEUE, &format!("{failed}\nPoller: {{ OnFiltered: Delete, OnUndecidable: Destination }}")),
        (policy(Screened::Drop, Screened::Destination), None)
    );
    assert_eq!(
        of(STREAM, &format!("{failed}\nPoller: {{ OnUndecidable: Destination }}")),
        (policy(Screened::Drop, Screened::Destination), None)
    );
    assert_eq!(
        of(QUEUE, "Poller: { OnFiltered: \"arn:aws:s3:::rest\" }").1,
        Some((DestinationKind::S3, "rest".into()))
    );
}

#[test]
fn a_filter_that_cannot_match_is_no_error() {
    let loaded = read(&format!("{QUEUE}FilterCriteria: {{ Filters: [{{ Pattern: {{ Body: [a] }} }}] }}\n"));
    assert!(!loaded.has_errors());
    assert_eq!((loaded.mappings.len(), loaded.diagnostics.len()), (1, 1));
}
