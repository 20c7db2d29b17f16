//! Calls of DynamoDB Streams against scripted answers: every row must end in its class, after exactly one request.

use std::time::Duration;

use forebay::AwsConnector;
use forebay::engine::{Connector as _, SourcePort};
use forebay::machine::{Cursor, Fault, FaultKind, Position, ReadId, ReadRequest, Shard};
use forebay::mapping::Mapping;
use forebay::source::{DynamoDbStream, StreamSource as _};
use serde_json::{Value, json};

use crate::harness::scripted::{Action, Scripted};
use crate::harness::{mapping, sdk_config};
use crate::wire::kinesis::connector;

const STREAM: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-11-20T00:00:00.000";
const SHARD: &str = "shardId-00000001764085660000-0a1b2c3d";
const PLACE: &str = "the stream of table orders (us-east-1, account 000000000000): ";

fn stream_mapping() -> Mapping {
    mapping(STREAM, "work")
}

async fn stream(server: &Scripted) -> DynamoDbStream {
    connector(server).await.dynamodb_stream(&stream_mapping()).await.unwrap()
}

fn error(status: u16, code: &str) -> Action {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Action::json(status, &json!({"__type": kind, "message": "as the service put it"}))
}

fn request(cursor: Cursor) -> ReadRequest {
    ReadRequest { id: ReadId(1), shard: SHARD.into(), cursor, max: 100 }
}

fn going_on() -> ReadRequest {
    request(Cursor::Iterator("it-0".into()))
}

fn opening(position: Position) -> ReadRequest {
    request(Cursor::Open(position))
}

fn page(shards: &Value, last: Option<&str>) -> Action {
    let description = json!({"StreamArn": STREAM, "StreamStatus": "ENABLED", "Shards": shards,
                             "LastEvaluatedShardId": last});
    Action::json(200, &json!({"StreamDescription": description}))
}

fn records(records: &Value) -> Action {
    Action::json(200, &json!({"Records": records, "NextShardIterator": "it-1"}))
}

async fn call(stream: &DynamoDbStream, operation: &str) -> Result<(), Fault> {
    match operation {
        "DescribeStream" => stream.shards().await.map(|_| ()),
        "GetShardIterator" => stream.read(opening(Position::TrimHorizon)).await.map(|_| ()),
        _ => stream.read(going_on()).await.map(|_| ()),
    }
}

#[tokio::test]
async fn every_failed_call_has_its_class_and_is_sent_once() {
    use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, Transient, Trimmed};
    let table = [
        ("trimmed", error(400, "TrimmedDataAccessException"), Trimmed),
        ("expired iterator", error(400, "ExpiredIteratorException"), Expired),
        ("expired credentials", error(400, "ExpiredTokenException"), Expired),
        ("limit", error(400, "LimitExceededException"), Throttled),
        ("throttled", error(400, "ThrottlingException"), Throttled),
        ("429", Action::text(429, "").header("retry-after", "2"), Throttled),
        ("no stream", error(400, "ResourceNotFoundException"), Missing),
        ("denied", error(400, "AccessDeniedException"), Denied),
        ("bad key", error(400, "UnrecognizedClientException"), Denied),
        ("403", Action::text(403, ""), Denied),
        ("bad request", error(400, "SerializationException"), Invalid),
        ("500", error(500, "InternalServerError"), Transient),
        ("503", Action::text(503, "Service Unavailable"), Transient),
        ("half an object", Action::text(200, "{\"Records\":[{\"eventID\""), Transient),
        ("not an object", Action::text(200, "surprise"), Transient),
        ("204", Action::text(204, ""), Transient),
        ("too long", Action::Long, Invalid),
    ];
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    for (name, action, kind) in table.into_iter().chain(Action::of_connections(10_000)) {
        for operation in ["DescribeStream", "GetShardIterator", "GetRecords"] {
            server.on("DescribeStream", [page(&json!([]), None)]);
            server.on("GetShardIterator", [Action::json(200, &json!({"ShardIterator": "it-0"}))]);
            server.on("GetRecords", [records(&json!([]))]);
            // A connection that has worked before is where hidden retries would come from.
            call(&stream, operation).await.unwrap();
            server.on(operation, [action.clone()]);
            let before = server.seen(operation).len();
            let fault = call(&stream, operation).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{name}, {operation}: {fault}");
            let target = if operation == "DescribeStream" { String::new() } else { format!("{SHARD} of ") };
            assert!(fault.message.starts_with(&format!("{operation} on {target}{PLACE}")), "{name}: {fault}");
            assert_eq!(fault.retry_after, (name == "429").then_some(Duration::from_secs(2)), "{name}");
            assert_eq!(server.seen(operation).len() - before, 1, "{name}, {operation}: requests");
        }
    }
}

#[tokio::test]
async fn shards_are_listed_over_all_pages() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let first = json!([
        {"ShardId": "s-1", "ParentShardId": "s-0",
         "SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "9"}},
        {"ShardId": "s-2", "SequenceNumberRange": {"StartingSequenceNumber": "1"}},
    ]);
    let second = json!([
        {"ShardId": "s-2", "SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "99"}},
        {"ShardId": "s-3", "ParentShardId": "s-1"},
    ]);
    server.on("DescribeStream", [page(&first, Some("s-2")), page(&second, None)]);
    let shard = |id: &str, parents: &[&str], closed| Shard {
        id: id.into(),
        parents: parents.iter().map(|parent| (*parent).into()).collect(),
        closed,
        begins: None,
    };
    let shards = stream.shards().await.unwrap().shards;
    assert_eq!(shards, [shard("s-1", &["s-0"], true), shard("s-2", &[], true), shard("s-3", &["s-1"], false)]);
    let asked: Vec<Value> = server.seen("DescribeStream").iter().map(|seen| seen.json()).collect();
    assert_eq!(asked, [json!({"StreamArn": STREAM}), json!({"StreamArn": STREAM, "ExclusiveStartShardId": "s-2"})]);
}

#[tokio::test]
async fn a_disabled_stream_is_told_with_the_newest_of_its_table() {
    const NEWER: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-11-21T00:00:00.000";
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let described = |status: &str| {
        let description = json!({"StreamStatus": status, "Shards": [{"ShardId": "s-1"}]});
        Action::json(200, &json!({ "StreamDescription": description }))
    };
    for status in ["ENABLED", "ENABLING", "DISABLING"] {
        server.on("DescribeStream", [described(status)]);
        assert_eq!(stream.shards().await.unwrap().disabled, None, "{status}");
    }
    assert!(server.seen("ListStreams").is_empty());

    let streams = |arns: &[&str], last: Option<&str>| {
        let streams: Vec<Value> = arns.iter().map(|arn| json!({ "StreamArn": arn })).collect();
        Action::json(200, &json!({"Streams": streams, "LastEvaluatedStreamArn": last}))
    };
    let denied = error(400, "AccessDeniedException");
    for (answers, said) in [
        (vec![streams(&[NEWER], Some(NEWER)), streams(&[STREAM], None)], format!("is {NEWER}: write it as")),
        (vec![streams(&[STREAM], None)], "has no newer stream: enable its stream again".into()),
        (vec![streams(&[], None)], "`aws dynamodb describe-table --table-name orders".into()),
        (vec![denied], "`aws dynamodb describe-table --table-name orders".into()),
    ] {
        server.on("DescribeStream", [described("DISABLED")]);
        server.on("ListStreams", answers.clone());
        let listing = stream.shards().await.unwrap();
        let disabled = listing.disabled.unwrap();
        let begin =
            "the stream of table orders (us-east-1, account 000000000000) is disabled, and takes no more changes; ";
        assert!(disabled.starts_with(begin) && disabled.contains(&said), "{disabled}");
        assert_eq!(listing.shards.len(), 1, "what it still holds can be read");

        // A day later it is gone.
        server.on("DescribeStream", [error(400, "ResourceNotFoundException")]);
        server.on("ListStreams", answers);
        let fault = stream.shards().await.unwrap_err();
        assert!(fault.kind == FaultKind::Missing && fault.message.contains(&said), "{fault}");
    }
    let asked = server.seen("ListStreams");
    assert_eq!(asked[0].json(), json!({"TableName": "orders"}));
    assert_eq!(asked[1].json(), json!({"TableName": "orders", "ExclusiveStartStreamArn": NEWER}));
}

#[tokio::test]
async fn a_list_that_cannot_be_is_refused() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    for (answer, reason, requests) in [
        (page(&json!([{"ShardId": "s-1"}]), Some("s-1")), "the pages of the answer do not end", 2),
        (page(&json!([{"ParentShardId": "s-1"}]), None), "the answer has a shard without an id", 1),
        (page(&json!([{"ShardId": ""}]), None), "the answer has a shard without an id", 1),
        (Action::json(200, &json!({})), "the answer has no description of the stream", 1),
    ] {
        server.on("DescribeStream", [answer]);
        let before = server.seen("DescribeStream").len();
        let fault = stream.shards().await.unwrap_err();
        assert!(fault.kind == FaultKind::Transient && fault.message.ends_with(reason), "{fault}");
        assert_eq!(server.seen("DescribeStream").len() - before, requests, "{reason}");
    }
}

#[tokio::test]
async fn a_shard_is_opened_where_the_cursor_says() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    server.on("GetShardIterator", [Action::json(200, &json!({"ShardIterator": "it-0"}))]);
    server.on("GetRecords", [records(&json!([]))]);
    for (position, kind, sequence) in [
        (Position::TrimHorizon, "TRIM_HORIZON", None),
        (Position::Latest, "LATEST", None),
        (Position::After("442".into()), "AFTER_SEQUENCE_NUMBER", Some("442")),
    ] {
        let answer = stream.read(opening(position)).await.unwrap();
        assert_eq!((answer.next.as_deref(), answer.behind), (Some("it-1"), None));
        let mut expected = json!({"StreamArn": STREAM, "ShardId": SHARD, "ShardIteratorType": kind});
        if let Some(sequence) = sequence {
            expected["SequenceNumber"] = sequence.into();
        }
        assert_eq!(server.seen("GetShardIterator").pop().unwrap().json(), expected);
        let asked = server.seen("GetRecords").pop().unwrap().json();
        assert_eq!(asked, json!({"ShardIterator": "it-0", "Limit": 100}));
    }
    for (max, limit) in [(0, 1), (1_000, 1_000), (1_001, 1_000), (u32::MAX, 1_000)] {
        stream.read(ReadRequest { max, ..going_on() }).await.unwrap();
        assert_eq!(server.seen("GetRecords").pop().unwrap().json()["Limit"], limit);
    }
    let opened = server.seen("GetShardIterator").len();
    let fault = stream.read(opening(Position::Timestamp(1))).await.unwrap_err();
    assert!(fault.kind == FaultKind::Invalid && fault.message.contains("TRIM_HORIZON or LATEST"), "{fault}");
    assert_eq!(server.seen("GetShardIterator").len(), opened, "a time is never asked for");
}

#[tokio::test]
async fn records_come_encoded_and_in_order() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let record = |sequence: &str, key: &str| {
        json!({"eventID": "c4ca", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
               "awsRegion": "us-east-1", "dynamodb": {
                   "ApproximateCreationDateTime": 1_764_085_660, "SequenceNumber": sequence, "SizeBytes": 70,
                   "StreamViewType": "NEW_AND_OLD_IMAGES", "Keys": {"id": {"S": key}},
                   "NewImage": {"z": {"BS": ["Zm9v", "YmFy"]}, "id": {"S": key}, "b": {"B": "Zm9vYmFy"}},
                   "OldImage": {"id": {"S": key}, "n": {"NULL": true}}}})
    };
    let mut deleted = record("3", "b");
    deleted["userIdentity"] = json!({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"});
    server.on("GetRecords", [records(&json!([record("1", "a"), record("2", "b"), deleted]))]);
    let answer = stream.read(going_on()).await.unwrap();
    let ids: Vec<&str> = answer.records.iter().map(|read| &*read.record.id).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    let expected = concat!(
        r#"{"eventID":"c4ca","eventName":"MODIFY","eventVersion":"1.1","eventSource":"aws:dynamodb","#,
        r#""awsRegion":"us-east-1","dynamodb":{"ApproximateCreationDateTime":1764085660.0,"Keys":{"id":{"S":"a"}},"#,
        r#""NewImage":{"b":{"B":"Zm9vYmFy"},"id":{"S":"a"},"z":{"BS":["Zm9v","YmFy"]}},"#,
        r#""OldImage":{"id":{"S":"a"},"n":{"NULL":true}},"SequenceNumber":"1","SizeBytes":70,"#,
        r#""StreamViewType":"NEW_AND_OLD_IMAGES"},"#,
        r#""eventSourceARN":"arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-11-20T00:00:00.000"}"#
    );
    assert_eq!(std::str::from_utf8(&answer.records[0].record.fragment).unwrap(), expected);
    let json: Value = serde_json::from_slice(&answer.records[2].record.fragment).unwrap();
    assert_eq!(json["userIdentity"], json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"}));
    let hashes: Vec<u64> = answer.records.iter().map(|record| record.key_hash).collect();
    assert!(hashes[0] != hashes[1] && hashes[1] == hashes[2]);
    assert!(answer.records.iter().all(|read| read.record.arrived_unix_ms == 1_764_085_660_000));
}

#[tokio::test]
async fn odd_attributes_do_not_stop_a_shard() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let mut deep = json!({"S": "bottom"});
    for _ in 0..32 {
        deep = json!({"M": {"m": deep}});
    }
    let image = json!({"new": {"X9": {"some": ["thing"]}}, "old": {"S": "text"}, "deep": deep});
    let record = |image: &Value| json!([{"dynamodb": {"SequenceNumber": "1", "Keys": {}, "NewImage": image}}]);
    server.on("GetRecords", [records(&record(&image))]);
    let answer = stream.read(going_on()).await.unwrap();
    let json: Value = serde_json::from_slice(&answer.records[0].record.fragment).unwrap();
    assert_eq!(json["dynamodb"]["NewImage"], json!({"new": {}, "old": {"S": "text"}, "deep": deep}));

    // Nobody can store this; it must be an error, and no end of the process.
    let depth = 100_000;
    let text = format!(
        "{{\"Records\":[{{\"dynamodb\":{{\"SequenceNumber\":\"1\",\"NewImage\":{{\"a\":{}{}}}}}}}]}}",
        "{\"L\":[".repeat(depth),
        "]}".repeat(depth)
    );
    server.on("GetRecords", [Action::text(200, &text)]);
    assert_eq!(stream.read(going_on()).await.unwrap_err().kind, FaultKind::Transient);
}

#[tokio::test]
async fn the_end_of_a_shard_is_told_from_an_empty_answer() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    for end in [json!({"Records": []}), json!({"Records": [], "NextShardIterator": null})] {
        server.on("GetRecords", [Action::json(200, &end)]);
        let answer = stream.read(going_on()).await.unwrap();
        assert!(answer.next.is_none() && answer.records.is_empty());
    }
    for (broken, reason) in [
        (json!({}), "neither records nor an iterator"),
        (json!({"Records": [{"eventID": "1"}], "NextShardIterator": "n"}), "without a sequence number"),
        (json!({"Records": [{"dynamodb": {"Keys": {}}}], "NextShardIterator": "n"}), "without a sequence number"),
    ] {
        server.on("GetRecords", [Action::json(200, &broken)]);
        let fault = stream.read(going_on()).await.unwrap_err();
        assert!(fault.kind == FaultKind::Transient && fault.message.ends_with(reason), "{broken}: {fault}");
    }
    for answer in [json!({}), json!({"ShardIterator": ""})] {
        server.on("GetShardIterator", [Action::json(200, &answer)]);
        let fault = stream.read(opening(Position::Latest)).await.unwrap_err();
        assert!(fault.kind == FaultKind::Transient && fault.message.ends_with("no iterator"), "{fault}");
    }
}

#[tokio::test]
async fn a_refused_argument_is_read_by_what_was_asked() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let refused = error(400, "ValidationException");
    // An iterator of its own making: opened again, the shard goes on.
    server.on("GetRecords", [refused.clone()]);
    assert_eq!(stream.read(going_on()).await.unwrap_err().kind, FaultKind::Expired);
    server.on("GetShardIterator", [Action::json(200, &json!({"ShardIterator": "it-0"}))]);
    assert_eq!(stream.read(opening(Position::Latest)).await.unwrap_err().kind, FaultKind::Invalid);

    server.on("GetShardIterator", [refused]);
    for (position, advised) in [(Position::After("1".into()), true), (Position::TrimHorizon, false)] {
        let fault = stream.read(opening(position)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert_eq!(fault.message.contains("TRIM_HORIZON --force`"), advised, "{fault}");
    }
}

#[tokio::test]
async fn a_mapping_is_connected_to_its_stream_at_its_endpoint_and_region() {
    let server = Scripted::start().await;
    server.on("DescribeStream", [page(&json!([{"ShardId": "s-0"}]), None)]);
    let config = sdk_config("http://127.0.0.1:9", "000000000000").await;
    let connector = AwsConnector::with_config(config).unwrap();
    let mut mapping = stream_mapping();
    mapping.poller.endpoints.insert("dynamodbstreams".into(), server.endpoint().into());
    mapping.poller.source.region = Some("eu-west-1".into());
    let ports = connector.connect(&mapping).await.unwrap();
    let SourcePort::Stream(stream) = ports.source else { panic!("a stream has shards") };
    assert_eq!(stream.shards().await.unwrap().shards.len(), 1);
    let seen = server.seen("DescribeStream").pop().unwrap();
    assert_eq!(seen.headers["x-amz-target"], "DynamoDBStreams_20120810.DescribeStream");
    let authorization = &seen.headers["authorization"];
    assert!(authorization.contains("/eu-west-1/dynamodb/aws4_request"), "{authorization}");
}
