use std::sync::Arc;

use bytes::Bytes;

use super::super::fixture::{DYNAMODB, KINESIS, QUEUE, mapping, queue_failure, stream_failure};
use super::*;
use crate::machine::Condition;

const ROOM: usize = 1 << 20;

fn encoder(source: &str, payload: bool) -> Encoder {
    let mut mapping = mapping(source);
    mapping.poller.on_failure_payload = payload;
    Encoder::new(&mapping)
}

fn message(source: &str, failure: &Failure) -> String {
    let message = encoder(source, false).message(failure, ROOM).unwrap();
    assert_eq!(message.omitted, None);
    message.text
}

fn of_window(failure: Failure, is_final: bool, early: bool) -> Failure {
    let FailedBatch::Stream { shard, span, .. } = failure.batch else { panic!("not of a stream") };
    let window = Some(WindowInfo { start_unix_ms: 1_607_497_440_000, end_unix_ms: 1_607_497_560_000, is_final, early });
    let span = span.filter(|_| !is_final);
    Failure { batch: FailedBatch::Stream { shard, span, window }, ..failure }
}

#[test]
fn records_of_kinesis_are_those_of_aws() {
    assert_eq!(
        message(KINESIS, &stream_failure()),
        concat!(
            r#"{"requestContext":{"requestId":"316aa6d0-8154-xmpl-9af7-85d5f4a6bc81","#,
            r#""functionArn":"arn:aws:lambda:us-east-2:123456789012:function:myfunction","#,
            r#""condition":"RetryAttemptsExhausted","approximateInvokeCount":2},"#,
            r#""responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"#,
            r#""version":"1.0","timestamp":"2019-11-14T00:38:06.021Z","#,
            r#""KinesisBatchInfo":{"shardId":"shardId-000000000001","#,
            r#""startSequenceNumber":"49601189658422359378836298521827638475320189012309704722","#,
            r#""endSequenceNumber":"49601189658422359378836298522902373528957594348623495186","#,
            r#""approximateArrivalOfFirstRecord":"2019-11-14T00:38:04.835Z","#,
            r#""approximateArrivalOfLastRecord":"2019-11-14T00:38:05.580Z","batchSize":500,"#,
            r#""streamArn":"arn:aws:kinesis:us-east-2:123456789012:stream/mystream"}}"#,
        )
    );
}

#[test]
fn arrivals_of_dynamodb_are_whole_seconds() {
    let record = message(DYNAMODB, &stream_failure());
    let (head, batch) = record.split_once(",\"DDBStreamBatchInfo\":").unwrap();
    assert!(head.ends_with(r#""version":"1.0","timestamp":"2019-11-14T00:38:06.021Z""#), "{head}");
    assert_eq!(
        batch,
        concat!(
            r#"{"shardId":"shardId-000000000001","#,
            r#""startSequenceNumber":"49601189658422359378836298521827638475320189012309704722","#,
            r#""endSequenceNumber":"49601189658422359378836298522902373528957594348623495186","#,
            r#""approximateArrivalOfFirstRecord":"2019-11-14T00:38:04Z","#,
            r#""approximateArrivalOfLastRecord":"2019-11-14T00:38:05Z","batchSize":500,"#,
            r#""streamArn":"arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2026-01-02T03:04:05.678"}}"#,
        )
    );
}

#[test]
fn without_an_answer_there_is_no_response_context() {
    for source in [KINESIS, DYNAMODB] {
        let failure =
            Failure { condition: Condition::RecordAgeExceeded, invokes: 1, response: None, ..stream_failure() };
        let record = message(source, &failure);
        let expected = r#""condition":"RecordAgeExceeded","approximateInvokeCount":1},"version":"1.0","timestamp":"#;
        assert!(record.contains(expected), "{record}");
        assert!(!record.contains("responseContext"), "{record}");
    }
}

#[test]
fn a_reported_failure_has_a_null_as_function_error() {
    for source in [KINESIS, DYNAMODB, QUEUE] {
        let mut failure = if source == QUEUE { queue_failure() } else { stream_failure() };
        failure.response.as_mut().unwrap().function_error = None;
        let expected = r#""responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":null},"#;
        assert!(message(source, &failure).contains(expected), "{}", message(source, &failure));
        failure.response.as_mut().unwrap().executed_version = None;
        assert!(message(source, &failure).contains(r#""executedVersion":null,"#));
    }
}

#[test]
fn windows_stand_beside_the_batch() {
    let record = message(KINESIS, &of_window(stream_failure(), false, true));
    let expected = concat!(
        r#""batchSize":500,"streamArn":"arn:aws:kinesis:us-east-2:123456789012:stream/mystream"},"#,
        r#""timeWindowInfo":{"window":{"start":"2020-12-09T07:04:00Z","end":"2020-12-09T07:06:00Z"},"#,
        r#""isFinalInvokeForWindow":false,"isWindowTerminatedEarly":true}}"#,
    );
    assert!(record.ends_with(expected), "{record}");
}

#[test]
fn the_final_invoke_of_a_window_has_only_a_place() {
    for (source, key, arn) in [(KINESIS, "KinesisBatchInfo", KINESIS), (DYNAMODB, "DDBStreamBatchInfo", DYNAMODB)] {
        let record = message(source, &of_window(stream_failure(), true, false));
        let expected = format!(
            concat!(
                r#""timestamp":"2019-11-14T00:38:06.021Z","{}":{{"shardId":"shardId-000000000001","streamArn":"{}"}},"#,
                r#""timeWindowInfo":{{"window":{{"start":"2020-12-09T07:04:00Z","end":"2020-12-09T07:06:00Z"}},"#,
                r#""isFinalInvokeForWindow":true,"isWindowTerminatedEarly":false}}}}"#,
            ),
            key, arn
        );
        assert!(record.ends_with(&expected), "{record}");
    }
}

#[test]
fn objects_carry_the_event_as_a_string() {
    let plain = message(KINESIS, &stream_failure());
    let object = String::from_utf8(encoder(KINESIS, false).object(&stream_failure())).unwrap();
    let payload = r#","payload":"{\"Records\":[{\"a\":\"é\\n\"}]}"}"#;
    assert_eq!(object, format!("{}{payload}", plain.strip_suffix('}').unwrap()));

    let object = String::from_utf8(encoder(DYNAMODB, true).object(&of_window(stream_failure(), true, true))).unwrap();
    assert!(object.ends_with(&format!(r#""isWindowTerminatedEarly":true}}{payload}"#)), "{object}");
}

#[test]
fn messages_carry_the_event_when_asked_for_and_when_it_fits() {
    let encoder = encoder(KINESIS, true);
    let whole = String::from_utf8(encoder.object(&stream_failure())).unwrap();
    let fits = encoder.message(&stream_failure(), whole.len()).unwrap();
    assert_eq!(fits, Message { text: whole.clone(), omitted: None });

    let shorter = encoder.message(&stream_failure(), whole.len() - 1).unwrap();
    let plain = message(KINESIS, &stream_failure());
    let text = format!("{},\"payloadOmitted\":true}}", plain.strip_suffix('}').unwrap());
    let bytes = text.len();
    assert_eq!(shorter, Message { text, omitted: Some("payload") });
    assert_eq!(encoder.message(&stream_failure(), bytes - 1), Err(Oversized { bytes }));
}

#[test]
fn records_of_queues_have_the_form_of_asynchronous_invocations() {
    let expected = concat!(
        r#"{"version":"1.0","timestamp":"2019-11-14T00:38:06.021Z","#,
        r#""requestContext":{"requestId":"316aa6d0-8154-xmpl-9af7-85d5f4a6bc81","#,
        r#""functionArn":"arn:aws:lambda:us-east-2:123456789012:function:myfunction","#,
        r#""condition":"RetryAttemptsExhausted","approximateInvokeCount":3},"#,
        r#""requestPayload":{"Records":[{"body":"1 \/ 2","n":1.0}]},"#,
        r#""responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"#,
        r#""responsePayload":{"errorMessage":"no"},"#,
        r#""SQSMessageInfo":{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","#,
        r#""queueArn":"arn:aws:sqs:us-east-2:123456789012:orders","approximateReceiveCount":4,"#,
        r#""sentTimestamp":"2019-11-14T00:38:00.007Z"}}"#,
    );
    for payload in [false, true] {
        let encoder = encoder(QUEUE, payload);
        assert_eq!(encoder.message(&queue_failure(), ROOM).unwrap().text, expected);
        assert_eq!(encoder.object(&queue_failure()), expected.as_bytes(), "the event is in it already");
    }
}

#[test]
fn a_function_that_never_answered_leaves_no_response() {
    let record = message(QUEUE, &Failure { response: None, ..queue_failure() });
    assert!(record.contains(r#""n":1.0}]},"SQSMessageInfo":{"#), "{record}");
}

#[test]
fn what_the_function_returned_is_json_or_a_string() {
    for (returned, written) in
        [("{\"b\":1.50}", "{\"b\":1.50}"), ("", "\"\""), ("Task timed out", "\"Task timed out\"")]
    {
        let mut failure = queue_failure();
        failure.response.as_mut().unwrap().payload = Bytes::from_static(returned.as_bytes());
        let record = message(QUEUE, &failure);
        assert!(record.contains(&format!("\"responsePayload\":{written},\"SQSMessageInfo\"")), "{record}");
    }
}

#[test]
fn of_a_queue_only_the_answer_may_be_left_out() {
    let encoder = encoder(QUEUE, true);
    let whole = encoder.message(&queue_failure(), ROOM).unwrap().text;
    let shorter = encoder.message(&queue_failure(), whole.len() - 1).unwrap();
    assert_eq!(shorter.omitted, Some("responsePayload"));
    assert_eq!(
        shorter.text,
        whole.replace(r#""responsePayload":{"errorMessage":"no"}"#, r#""responsePayloadOmitted":true"#)
    );
    let bytes = shorter.text.len();
    assert_eq!(encoder.message(&queue_failure(), bytes - 1), Err(Oversized { bytes }), "the message itself never");

    let never = Failure { response: None, ..queue_failure() };
    let bytes = encoder.message(&never, ROOM).unwrap().text.len();
    assert_eq!(encoder.message(&never, bytes - 1), Err(Oversized { bytes }));
}

#[test]
fn characters_that_sqs_refuses_are_escaped_and_mean_the_same() {
    let mut failure = stream_failure();
    failure.payload = Bytes::from_static("{\"Records\":[\"\u{fffe}\u{ffff}\u{fffd}\"]}".as_bytes());
    let text = encoder(DYNAMODB, true).message(&failure, ROOM).unwrap().text;
    assert!(text.contains("\\ufffe\\uffff\u{fffd}") && !text.contains(['\u{fffe}', '\u{ffff}']), "{text}");
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["payload"].as_str().unwrap().as_bytes(), &failure.payload[..]);
}

#[test]
fn a_partial_arn_and_a_qualifier_are_kept_in_the_record() {
    let mut mapping = mapping(KINESIS);
    mapping.function = crate::mapping::FunctionRef::parse("999999999999:function:myfunction:live").unwrap();
    let record = Encoder::new(&mapping).message(&stream_failure(), ROOM).unwrap().text;
    let expected = r#""functionArn":"arn:aws:lambda:us-east-2:999999999999:function:myfunction:live","#;
    assert!(record.contains(expected), "{record}");
}

#[test]
fn names_are_escaped() {
    let mut failure = stream_failure();
    failure.request_id = "\"\\".into();
    let FailedBatch::Stream { shard, .. } = &mut failure.batch else { panic!("not of a stream") };
    *shard = Arc::from("a\"b");
    let record: serde_json::Value = serde_json::from_str(&message(KINESIS, &failure)).unwrap();
    assert_eq!(record["requestContext"]["requestId"], "\"\\");
    assert_eq!(record["KinesisBatchInfo"]["shardId"], "a\"b");
}
