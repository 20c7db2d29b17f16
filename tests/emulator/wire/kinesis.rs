//! Kinesis calls against scripted answers: every row must end in its class, after exactly one request.

use std::time::{Duration, Instant};

use forebay::AwsConnector;
use forebay::aws::CallBounds;
use forebay::engine::{Connector as _, SourcePort};
use forebay::machine::{Cursor, Fault, FaultKind, Position, ReadAnswer, ReadId, ReadRequest};
use forebay::mapping::Mapping;
use forebay::source::{KinesisStream, StreamSource as _};
use serde_json::{Value, json};

use crate::harness::scripted::{Action, Scripted};
use crate::harness::{mapping, sdk_config};

pub(crate) const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
const SHARD: &str = "shardId-000000000000";
const PLACE: &str = "stream orders (us-east-1, account 000000000000): ";

pub(crate) fn stream_mapping() -> Mapping {
    mapping(STREAM, "work")
}

pub(crate) async fn connector(server: &Scripted) -> AwsConnector {
    let bounds = CallBounds { call: Duration::from_secs(2), read: Duration::from_secs(3), ..CallBounds::default() };
    let config = sdk_config(server.endpoint(), "000000000000").await;
    AwsConnector::with_config(config).unwrap().with_bounds(bounds)
}

pub(crate) async fn stream(server: &Scripted) -> KinesisStream {
    let (connector, mapping) = (connector(server).await, stream_mapping());
    let function = connector.function(&mapping).await.unwrap();
    connector.kinesis(&mapping, function).await.unwrap()
}

pub(crate) fn error(status: u16, code: &str) -> Action {
    Action::json(status, &json!({"__type": code, "message": "as the service put it"}))
}

fn request(cursor: Cursor) -> ReadRequest {
    ReadRequest { id: ReadId(1), shard: SHARD.into(), cursor, max: 100 }
}

pub(crate) fn going_on() -> ReadRequest {
    request(Cursor::Iterator("it-0".into()))
}

fn opening(position: Position) -> ReadRequest {
    request(Cursor::Open(position))
}

fn nothing_yet() -> Value {
    json!({"Records": [], "NextShardIterator": "it-1", "MillisBehindLatest": 0})
}

async fn call(stream: &KinesisStream, operation: &str) -> Result<(), Fault> {
    match operation {
        "ListShards" => stream.shards().await.map(|_| ()),
        "GetShardIterator" => stream.read(opening(Position::TrimHorizon)).await.map(|_| ()),
        _ => stream.read(going_on()).await.map(|_| ()),
    }
}

#[tokio::test]
async fn every_failed_call_has_its_class_and_is_sent_once() {
    use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
    let table = [
        ("throughput", error(400, "ProvisionedThroughputExceededException"), Throttled),
        ("limit", error(400, "LimitExceededException"), Throttled),
        ("key throttled", error(400, "KMSThrottlingException"), Throttled),
        ("429", Action::text(429, "").header("retry-after", "2"), Throttled),
        ("no stream", error(400, "ResourceNotFoundException"), Missing),
        ("expired iterator", error(400, "ExpiredIteratorException"), Expired),
        ("expired credentials", error(400, "ExpiredTokenException"), Expired),
        ("denied", error(400, "AccessDeniedException"), Denied),
        ("bad key", error(400, "UnrecognizedClientException"), Denied),
        ("key denied", error(400, "KMSAccessDeniedException"), Denied),
        ("key disabled", error(400, "KMSDisabledException"), Invalid),
        ("403", Action::text(403, ""), Denied),
        ("validation", error(400, "ValidationException"), Invalid),
        ("being changed", error(400, "ResourceInUseException"), Transient),
        ("413", Action::text(413, ""), TooLarge),
        ("500", error(500, "InternalFailureException"), Transient),
        ("500 without a word", Action::text(500, ""), Transient),
        ("a proxy", Action::text(502, "<html>"), Transient),
        ("half an object", Action::text(200, "{\"Records\":[{\"Data\""), Transient),
        ("not an object", Action::text(200, "surprise"), Transient),
        ("202", Action::json(202, &json!({})), Transient),
        ("204", Action::text(204, ""), Transient),
        ("compressed", Action::json(200, &json!({})).header("content-encoding", "gzip"), Transient),
        ("too long", Action::Long, Invalid),
    ];
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let iterator = Action::json(200, &json!({"ShardIterator": "it-0"}));
    for (name, action, kind) in table.into_iter().chain(Action::of_connections(10_000)) {
        for operation in ["ListShards", "GetShardIterator", "GetRecords"] {
            server.on("ListShards", [Action::json(200, &json!({"Shards": []}))]);
            server.on("GetShardIterator", [iterator.clone()]);
            server.on("GetRecords", [Action::json(200, &nothing_yet())]);
            // A connection that has worked before is where hidden retries would come from.
            call(&stream, operation).await.unwrap();
            server.on(operation, [action.clone()]);
            let before = server.seen(operation).len();
            let fault = call(&stream, operation).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{name}, {operation}: {fault}");
            let target = if operation == "ListShards" { String::new() } else { format!("{SHARD} of ") };
            assert!(fault.message.starts_with(&format!("{operation} on {target}{PLACE}")), "{name}: {fault}");
            assert_eq!(fault.retry_after, (name == "429").then_some(Duration::from_secs(2)), "{name}");
            assert_eq!(server.seen(operation).len() - before, 1, "{name}, {operation}: requests");
        }
    }
}

#[tokio::test]
async fn a_shard_is_opened_where_the_cursor_says() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    server.on("GetShardIterator", [Action::json(200, &json!({"ShardIterator": "it-0"}))]);
    server.on("GetRecords", [Action::json(200, &nothing_yet())]);
    for (position, members) in [
        (Position::TrimHorizon, json!({"ShardIteratorType": "TRIM_HORIZON"})),
        (Position::Latest, json!({"ShardIteratorType": "LATEST"})),
        (
            Position::Timestamp(1_760_000_000_123),
            json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1_760_000_000.123}),
        ),
        (
            Position::Timestamp(1_760_000_000_000),
            json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1_760_000_000}),
        ),
        (
            Position::After("495".into()),
            json!({"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": "495"}),
        ),
    ] {
        let answer = stream.read(opening(position)).await.unwrap();
        assert_eq!(answer.next.as_deref(), Some("it-1"));
        let mut expected = json!({"StreamName": "orders", "StreamARN": STREAM, "ShardId": SHARD});
        for (name, value) in members.as_object().unwrap() {
            expected[name] = value.clone();
        }
        let asked = server.seen("GetShardIterator").pop().unwrap().json();
        assert_eq!(asked, expected);
        let asked = server.seen("GetRecords").pop().unwrap().json();
        assert_eq!(asked, json!({"ShardIterator": "it-0", "Limit": 100, "StreamARN": STREAM}));
    }
    let opened = server.seen("GetShardIterator").len();
    for (max, limit) in [(0, 1), (1, 1), (10_000, 10_000), (10_001, 10_000), (u32::MAX, 10_000)] {
        stream.read(ReadRequest { max, ..going_on() }).await.unwrap();
        assert_eq!(server.seen("GetRecords").pop().unwrap().json()["Limit"], limit);
    }
    assert_eq!(server.seen("GetShardIterator").len(), opened, "an iterator needs no opening");
}

#[tokio::test]
async fn records_come_encoded_and_in_order() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let record = |sequence: &str, data: &str, arrived: f64| {
        json!({"SequenceNumber": sequence, "PartitionKey": "k\"1", "Data": data, "EncryptionType": "KMS",
               "ApproximateArrivalTimestamp": arrived})
    };
    let large = base64_simd::STANDARD.encode_to_string(vec![42; 1_000_000]);
    let records = [
        record("100", "aGVsbG8=", 1_545_084_650.987),
        record("101", "", 1_545_084_651.0),
        record("102", &large, 1_545_084_651.24),
    ];
    let answer = json!({"Records": records, "NextShardIterator": "it-1", "MillisBehindLatest": 65_000});
    server.on("GetRecords", [Action::json(200, &answer)]);
    let ReadAnswer { records, next, behind, .. } = stream.read(going_on()).await.unwrap();
    assert_eq!((next.as_deref(), behind), (Some("it-1"), Some(Duration::from_secs(65))));
    let ids: Vec<&str> = records.iter().map(|read| &*read.record.id).collect();
    assert_eq!(ids, ["100", "101", "102"]);
    let expected = concat!(
        r#"{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"k\"1","sequenceNumber":"100","#,
        r#""data":"aGVsbG8=","approximateArrivalTimestamp":1545084650.987},"eventSource":"aws:kinesis","#,
        r#""eventVersion":"1.0","eventID":"shardId-000000000000:100","eventName":"aws:kinesis:record","#,
        r#""invokeIdentityArn":"","awsRegion":"us-east-1","#,
        r#""eventSourceARN":"arn:aws:kinesis:us-east-1:000000000000:stream/orders"}"#
    );
    assert_eq!(std::str::from_utf8(&records[0].record.fragment).unwrap(), expected);
    let times: Vec<u64> = records.iter().map(|read| read.record.arrived_unix_ms).collect();
    assert_eq!(times, [1_545_084_650_987, 1_545_084_651_000, 1_545_084_651_240]);
    let json: Value = serde_json::from_slice(&records[2].record.fragment).unwrap();
    assert_eq!(json["kinesis"]["data"], large);
    assert!(records.iter().all(|record| record.key_hash == records[0].key_hash));
}

#[tokio::test]
async fn the_end_of_a_shard_is_told_from_an_empty_answer() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let children = json!([{"ShardId": "s-1", "ParentShards": [SHARD],
                           "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"}}]);
    for end in [
        json!({"Records": [], "NextShardIterator": null, "MillisBehindLatest": 0, "ChildShards": children}),
        json!({"Records": [], "MillisBehindLatest": 0}),
        json!({"Records": [], "NextShardIterator": "", "ChildShards": []}),
    ] {
        server.on("GetRecords", [Action::json(200, &end)]);
        let answer = stream.read(going_on()).await.unwrap();
        assert!(answer.next.is_none() && answer.records.is_empty(), "{end}");
    }
    for (broken, reason) in [
        (json!({}), "neither records nor an iterator nor the end of the shard"),
        (json!({"Records": []}), "neither records nor an iterator nor the end of the shard"),
        (
            json!({"Records": [{"Data": "", "PartitionKey": "k"}], "NextShardIterator": "n"}),
            "without a sequence number",
        ),
    ] {
        server.on("GetRecords", [Action::json(200, &broken)]);
        let fault = stream.read(going_on()).await.unwrap_err();
        assert!(fault.kind == FaultKind::Transient && fault.message.ends_with(reason), "{broken}: {fault}");
    }
    server.on("GetRecords", [Action::json(200, &json!({"NextShardIterator": "n", "MillisBehindLatest": -5}))]);
    assert_eq!(stream.read(going_on()).await.unwrap().behind, Some(Duration::ZERO));
}

#[tokio::test]
async fn an_open_without_an_iterator_reads_nothing() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    for answer in [json!({}), json!({"ShardIterator": null}), json!({"ShardIterator": ""})] {
        server.on("GetShardIterator", [Action::json(200, &answer)]);
        let fault = stream.read(opening(Position::Latest)).await.unwrap_err();
        assert!(fault.kind == FaultKind::Transient && fault.message.ends_with("no iterator"), "{fault}");
    }
    assert!(server.seen("GetRecords").is_empty());
}

#[tokio::test]
async fn a_refused_argument_is_read_by_what_was_asked() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let refused = |text: &str| Action::json(400, &json!({"__type": "InvalidArgumentException", "message": text}));

    // An iterator of its own making: opened again, the shard goes on.
    server.on("GetRecords", [refused("Invalid ShardIterator.")]);
    assert_eq!(stream.read(going_on()).await.unwrap_err().kind, FaultKind::Expired);
    // One that was opened a moment ago: opening again would go on for ever.
    server.on("GetShardIterator", [Action::json(200, &json!({"ShardIterator": "it-0"}))]);
    assert_eq!(stream.read(opening(Position::Latest)).await.unwrap_err().kind, FaultKind::Invalid);

    let missing = |text: &str| Action::json(400, &json!({"__type": "ResourceNotFoundException", "message": text}));
    let after = Position::After("1".into());
    for (answer, position, kind) in [
        (
            refused("StartingSequenceNumber 1 is invalid because it did not come from this stream."),
            &after,
            FaultKind::Invalid,
        ),
        (missing("Unable to find record with provided SequenceNumber 1"), &after, FaultKind::Invalid),
        (missing("Could not find shardId shardId-000000000000"), &after, FaultKind::Missing),
        (missing("Could not find shardId shardId-000000000000"), &Position::Latest, FaultKind::Missing),
        (refused("something else"), &Position::Latest, FaultKind::Invalid),
    ] {
        server.on("GetShardIterator", [answer]);
        let fault = stream.read(opening(position.clone())).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        let unknown = kind == FaultKind::Invalid && *position == after;
        assert_eq!(fault.message.contains("TRIM_HORIZON --force`"), unknown, "{fault}");
    }

    let ahead = "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.";
    for (text, kind) in [
        (ahead, FaultKind::Transient),
        ("Timestamp cannot be in the future", FaultKind::Transient),
        ("no such time", FaultKind::Invalid),
    ] {
        server.on("GetShardIterator", [refused(text)]);
        let fault = stream.read(opening(Position::Timestamp(1))).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
    }
}

#[tokio::test]
async fn a_read_may_take_longer_than_other_calls_but_not_for_ever() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    server.on("GetRecords", [Action::Hang]);
    let started = Instant::now();
    let fault = stream.read(going_on()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert!(fault.message.ends_with("no answer within 3 s"), "{fault}");
    assert!(started.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn a_mapping_is_connected_to_its_stream_at_its_endpoint_and_region() {
    let server = Scripted::start().await;
    server.on("ListShards", [Action::json(200, &json!({"Shards": [{"ShardId": "s-0"}]}))]);
    let config = sdk_config("http://127.0.0.1:9", "000000000000").await;
    let connector = AwsConnector::with_config(config).unwrap();
    let mut mapping = stream_mapping();
    mapping.poller.endpoints.insert("kinesis".into(), server.endpoint().into());
    mapping.poller.source.region = Some("eu-west-1".into());
    let ports = connector.connect(&mapping).await.unwrap();
    let SourcePort::Stream(stream) = ports.source else { panic!("a stream has shards") };
    assert_eq!(stream.shards().await.unwrap().shards.len(), 1);
    let authorization = server.seen("ListShards")[0].headers["authorization"].clone();
    assert!(authorization.contains("/eu-west-1/kinesis/aws4_request"), "{authorization}");
}
