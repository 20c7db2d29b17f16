//! What patterns see of the records of each source, and what cannot be decided.

use super::{decide, filters};
use crate::filter::{FiltersReason, Undecidable, Verdict, View};

const YES: Verdict = Verdict::Match(0);
const NO: Verdict = Verdict::NoMatch;

const fn not(why: Undecidable) -> Verdict {
    Verdict::Undecidable(why)
}

/// A message with a body.
fn message(body: &str) -> String {
    let body = serde_json::to_string(body).expect("a string is JSON");
    format!(
        r#"{{"messageId":"m-1","receiptHandle":"r","body":{body},"attributes":{{"SenderId":"S"}},
        "messageAttributes":{{"color":{{"stringValue":"red","dataType":"String"}}}},"eventSource":"aws:sqs"}}"#
    )
}

/// A Kinesis record with bytes.
fn record(data: &[u8]) -> String {
    let data = base64_simd::STANDARD.encode_to_string(data);
    format!(
        r#"{{"kinesis":{{"partitionKey":"k","sequenceNumber":"42","data":"{data}","approximateArrivalTimestamp":1.5}},
        "eventSource":"aws:kinesis","eventID":"shardId-0:42"}}"#
    )
}

#[test]
fn messages() {
    let object = r#"{"body":{"k":["v"]}}"#;
    let absent = r#"{"body":{"k":[{"exists":false}]}}"#;
    let list = r#"{"body":["text"]}"#;
    let (plain, json) = (not(Undecidable::BodyNotJson), not(Undecidable::BodyIsJson));
    let cases = [
        (object, r#"{"k":"v"}"#, YES),
        (object, r#" [{"k":"x"},{"k":"v"}] "#, YES),
        (object, r#"{"k":"x"}"#, NO),
        (object, r#"{"k":"\u0076"}"#, YES),
        (object, "text", plain),
        (object, "", plain),
        (object, r#"{"k":"v"}x"#, plain),
        (object, r#"{"k":"v""#, plain),
        (object, r#"{"k":["v",{"a":[["#, plain),
        (object, "123", plain),
        (object, "\"{}\"", plain),
        (absent, "text", plain),
        (absent, "{}", YES),
        (list, "text", YES),
        (list, "other", NO),
        (list, r#"{"k":"v"}"#, json),
        (list, "[]", json),
        (r#"{"body":["{text"]}"#, "{text", YES),
        (r#"{"body":["1"]}"#, "1", YES),
        (r#"{"body":[1]}"#, "1", NO),
        (r#"{"body":[{"prefix":"zeile\n"}]}"#, "zeile\nzwei", YES),
        (r#"{"body":["{\"k\":\"v\"}"]}"#, r#"{"k":"v"}"#, json),
        (r#"{"body":{"m":{"k":["v"]}}}"#, r#"{"m":"{\"k\":\"v\"}"}"#, NO),
        // Metadata; without a field of the body its form does not matter.
        (r#"{"attributes":{"SenderId":["S"]}}"#, "text", YES),
        (r#"{"messageAttributes":{"color":{"stringValue":["red"]}}}"#, "{}", YES),
        (r#"{"messageAttributes":{"color":{"stringValue":["blue"]}}}"#, "text", NO),
        (r#"{"eventSource":["aws:sqs"],"body":{"k":["v"]}}"#, r#"{"k":"v"}"#, YES),
        (r#"{"eventSource":["aws:sqs"],"body":{"k":["v"]}}"#, "text", plain),
        // What is wrong without the body is wrong.
        (r#"{"eventSource":["aws:s3"],"body":{"k":["v"]}}"#, "text", NO),
        (r#"{"$or":[{"body":{"a":[1]}},{"attributes":{"SenderId":["S"]}}]}"#, "text", YES),
        (r#"{"$or":[{"body":{"a":[1]}},{"body":["text"]}]}"#, "text", YES),
        (r#"{"$or":[{"body":{"a":[1]}},{"body":["text"]}]}"#, r#"{"a":1}"#, YES),
        // Both at once can never be.
        (r#"{"body":["text"],"body.k":["v"]}"#, "text", plain),
        (r#"{"body":["text"],"body.k":["v"]}"#, r#"{"k":"v"}"#, json),
        (r#"{"body.k":["v"]}"#, r#"{"k":"v"}"#, YES),
    ];
    for (pattern, body, expected) in cases {
        assert_eq!(decide(View::Sqs, pattern, message(body).as_bytes()), expected, "{pattern} {body}");
    }
    assert_eq!(decide(View::Sqs, absent, br#"{"messageId":"m"}"#), YES, "no body has no field");
    assert_eq!(decide(View::Sqs, object, br#"{"body":{"k":"v"}}"#), YES, "a body that is an object already");
}

#[test]
fn messages_keep_what_json_parsers_lose() {
    let body = |odd: &str| format!(r#"{{"odd":{odd},"k":"v"}}"#);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for odd in ["1e400", r#""\ud800""#, &deep, "-0.0e-999", r#"{"a":1,"a":2}"#] {
        for pattern in
            [r#"{"body":{"k":["v"]}}"#, r#"{"body":{"k":["v"],"odd":[{"anything-but":"x"},{"exists":false}]}}"#]
        {
            let verdict = decide(View::Sqs, pattern, message(&body(odd)).as_bytes());
            assert_eq!(verdict, YES, "{pattern} {}", &odd[..odd.len().min(30)]);
        }
    }
    assert_eq!(decide(View::Sqs, r#"{"body":{"k":["\ud800"]}}"#, message(r#"{"k":"\ud800"}"#).as_bytes()), YES);
    assert_eq!(decide(View::Sqs, r#"{"body":{"k":["\ud801"]}}"#, message(r#"{"k":"\ud800"}"#).as_bytes()), NO);
}

#[test]
fn kinesis_records() {
    let data = r#"{"data":{"k":["v"]}}"#;
    let cases: [(&str, &[u8], Verdict); 18] = [
        (data, br#"{"k":"v"}"#, YES),
        (data, b" {\"k\":\"v\"}\n", YES),
        (data, br#"[{"k":"x"},{"k":"v"}]"#, YES),
        (data, br#"{"k":"x"}"#, NO),
        (data, "{\"k\":\"é\"}".as_bytes(), NO),
        (data, b"text", not(Undecidable::DataNotJson)),
        (data, b"", not(Undecidable::DataNotJson)),
        (data, b"\"{}\"", not(Undecidable::DataNotJson)),
        (data, br#"{"k":"v"} x"#, not(Undecidable::DataNotJson)),
        (data, b"\xff\xfe\x00", not(Undecidable::NotUtf8)),
        (r#"{"data":{"k":[{"exists":false}]}}"#, b"text", not(Undecidable::DataNotJson)),
        (r#"{"kinesis":{"data":{"k":["v"]}}}"#, br#"{"k":"v"}"#, YES),
        (r#"{"partitionKey":["k"]}"#, b"\xff", YES),
        (r#"{"kinesis":{"partitionKey":["k"]}}"#, b"text", YES),
        (r#"{"partitionKey":["l"],"data":{"k":["v"]}}"#, br#"{"k":"v"}"#, NO),
        (r#"{"partitionKey":["l"],"data":{"k":["v"]}}"#, b"text", NO),
        (r#"{"partitionKey":["k"],"data":{"k":["v"]},"eventSource":["aws:kinesis"]}"#, br#"{"k":"v"}"#, YES),
        (r#"{"approximateArrivalTimestamp":[{"numeric":[">",1]}]}"#, b"", YES),
    ];
    for (pattern, bytes, expected) in cases {
        assert_eq!(decide(View::Kinesis, pattern, record(bytes).as_bytes()), expected, "{pattern} {bytes:?}");
    }
    let broken = br#"{"kinesis":{"data":"e30"}}"#;
    assert_eq!(decide(View::Kinesis, data, broken), not(Undecidable::NotBase64));
}

#[test]
fn dynamodb_records() {
    let record = r#"{"eventID":"1","eventName":"INSERT","dynamodb":{"ApproximateCreationDateTime":1678831218.0,
        "Keys":{"id":{"S":"i"}},"NewImage":{"n":{"N":"101"},"l":{"L":[{"S":"a"},{"S":"b"}]},"s":{"SS":["p","q"]}}}}"#;
    let cases = [
        (r#"{"eventName":["INSERT","MODIFY"]}"#, YES),
        (r#"{"dynamodb":{"NewImage":{"n":{"N":["101"]}}}}"#, YES),
        (r#"{"dynamodb":{"NewImage":{"n":{"N":[{"numeric":[">",100]}]}}}}"#, NO),
        (r#"{"dynamodb":{"NewImage":{"n":["101"]}}}"#, NO),
        (r#"{"dynamodb":{"NewImage":{"n":[{"exists":true}]}}}"#, NO),
        (r#"{"dynamodb":{"NewImage":{"l":{"L":{"S":["b"]}}}}}"#, YES),
        (r#"{"dynamodb":{"NewImage":{"s":{"SS":["q"]}}}}"#, YES),
        (r#"{"dynamodb":{"ApproximateCreationDateTime":[{"numeric":[">",0]}]}}"#, YES),
        (r#"{"dynamodb":{"NewImage":{"n":{"N":["101"]}}},"dynamodb":{"OldImage":{"n":{"N":["1"]}}}}"#, NO),
    ];
    for (pattern, expected) in cases {
        assert_eq!(decide(View::DynamoDb, pattern, record.as_bytes()), expected, "{pattern}");
    }
}

#[test]
fn records_that_are_no_json() {
    let pattern = r#"{"a":[{"exists":false}]}"#;
    let cases: [(&[u8], Undecidable); 8] = [
        (b"", Undecidable::Malformed { offset: 0 }),
        (b"text", Undecidable::Malformed { offset: 0 }),
        (b"null", Undecidable::Malformed { offset: 0 }),
        (b"{\"b\":1", Undecidable::Malformed { offset: 6 }),
        (b"{\"b\":01}", Undecidable::Malformed { offset: 6 }),
        (b"{\"b\":1}}", Undecidable::Malformed { offset: 7 }),
        (b"{\"b\":\"\xff\"}", Undecidable::NotUtf8),
        (b"{\"a\":\"\n\"}", Undecidable::Malformed { offset: 6 }),
    ];
    for view in [View::Event, View::Sqs, View::Kinesis, View::DynamoDb] {
        for (record, expected) in cases {
            assert_eq!(decide(view, pattern, record), not(expected), "{view:?} {record:?}");
        }
    }
}

#[test]
fn one_match_is_enough() {
    let patterns = [r#"{"body":{"a":[1]}}"#, r#"{"body":["text"]}"#, r#"{"eventSource":["aws:sqs"]}"#];
    let decided = |count: usize, body: &str| filters(View::Sqs, &patterns[..count]).decide(message(body).as_bytes());
    assert_eq!(decided(3, r#"{"a":1}"#), Verdict::Match(0));
    assert_eq!(decided(3, "text"), Verdict::Match(1));
    assert_eq!(decided(3, r#"{"a":2}"#), Verdict::Match(2));
    assert_eq!(decided(2, r#"{"a":2}"#), not(Undecidable::BodyIsJson));
    assert_eq!(decided(2, "other"), not(Undecidable::BodyNotJson));
    assert_eq!(decided(1, r#"{"a":2}"#), NO);
    assert_eq!(decided(0, "text"), YES, "without patterns everything matches");
}

#[test]
fn sources_refuse_patterns() {
    let cases = [
        (View::Kinesis, r#"{"data":["x"]}"#, "data", 8, FiltersReason::DataNotAnObject),
        (View::Kinesis, r#"{"kinesis":{"data":[1]}}"#, "kinesis.data", 19, FiltersReason::DataNotAnObject),
        (View::DynamoDb, r#"{"dynamodb":["x"]}"#, "dynamodb", 12, FiltersReason::DynamoDbNotAnObject),
    ];
    for (view, text, path, offset, reason) in cases {
        let first = super::pattern(r#"{"eventName":["INSERT"]}"#);
        let error = crate::filter::Filters::new(view, vec![first, super::pattern(text)]).expect_err(text);
        assert_eq!((error.pattern, &error.path[..], error.offset, error.reason), (1, path, offset, reason), "{text}");
        assert!(error.to_string().starts_with(&format!("pattern 2: {path}: ")), "{error}");
    }
    for (view, text) in [(View::Sqs, r#"{"body":["x"]}"#), (View::Event, r#"{"data":["x"]}"#)] {
        filters(view, &[text]);
    }
}
