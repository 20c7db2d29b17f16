//! The execution role that records of Kinesis show: learned from the function's configuration, and done without.

use std::sync::Arc;
use std::time::{Duration, Instant};

use forebay::engine::{Connector as _, Ports, SourcePort};
use forebay::function::Invocation;
use forebay::source::StreamSource;
use serde_json::{Value, json};

use crate::harness::scripted::{Action, Scripted};
use crate::harness::targeted;
use crate::wire::kinesis::{connector, going_on, stream_mapping};

const ROLE: &str = "arn:aws:iam::000000000000:role/service-role/work";
const INVOKER: &str = "arn:aws:iam::000000000000:role/invoker";

/// A server whose reads of the stream give one record each.
async fn server() -> Scripted {
    let server = Scripted::start().await;
    let record = json!({"SequenceNumber": "1", "PartitionKey": "k", "Data": "AA=="});
    server.on("GetRecords", [Action::json(200, &json!({"Records": [record], "NextShardIterator": "n"}))]);
    server
}

/// A mapping's ports, as the engine gets them.
async fn ports(server: &Scripted) -> (Arc<dyn StreamSource>, Ports) {
    let ports = connector(server).await.connect(&stream_mapping()).await.unwrap();
    let SourcePort::Stream(stream) = &ports.source else { panic!("a stream has shards") };
    (Arc::clone(stream), ports)
}

fn asked(server: &Scripted) -> usize {
    server.seen("GetFunctionConfiguration").len()
}

/// The role that the record of one read shows.
async fn shown(stream: &dyn StreamSource) -> String {
    let answer = stream.read(going_on()).await.unwrap();
    assert_eq!((answer.records.len(), answer.behind), (1, None));
    let json: Value = serde_json::from_slice(&answer.records[0].record.fragment).unwrap();
    json["invokeIdentityArn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_role_is_asked_for_once_when_the_first_records_have_come() {
    let server = server().await;
    server.on("GetFunctionConfiguration", [Action::json(200, &json!({"Timeout": 30, "Role": ROLE}))]);
    server.on("ListShards", [Action::json(200, &json!({"Shards": [{"ShardId": "s-0"}]}))]);
    let (stream, ports) = ports(&server).await;
    assert_eq!(server.connections(), 0, "to connect a mapping calls nobody");

    stream.shards().await.unwrap();
    assert_eq!(asked(&server), 0, "a list has no records");
    let first = futures_util::join!(shown(&*stream), shown(&*stream), shown(&*stream));
    assert_eq!(first, (ROLE.to_owned(), ROLE.to_owned(), ROLE.to_owned()));
    assert_eq!(shown(&*stream).await, ROLE);
    assert_eq!(asked(&server), 1);
    let target = server.seen("GetFunctionConfiguration").remove(0).target;
    assert!(target.starts_with("GET ") && target.ends_with("/configuration"), "{target}");

    // The same answer told the timeout that bounds invokes.
    server.on("Invoke", [Action::text(200, "null")]);
    ports.function.invoke(Invocation::first("{}")).await.unwrap();
    assert_eq!(asked(&server), 1);
}

#[tokio::test]
async fn nobody_asks_for_the_role_of_records_that_did_not_come() {
    let server = server().await;
    let (stream, _ports) = ports(&server).await;
    server.on("GetRecords", [Action::json(200, &json!({"NextShardIterator": "n", "MillisBehindLatest": 0}))]);
    assert!(stream.read(going_on()).await.unwrap().records.is_empty());
    assert_eq!(asked(&server), 0);
}

#[tokio::test]
async fn without_an_answer_records_show_the_mappings_role_or_none() {
    let denied = Action::lambda_error(403, "AccessDeniedException", "not authorized");
    let table = [
        ("denied", denied),
        ("missing", Action::lambda_error(404, "ResourceNotFoundException", "no such function")),
        ("throttled", Action::lambda_error(429, "TooManyRequestsException", "slow down")),
        ("an emulator that cannot", Action::text(501, "not implemented")),
        ("not an object", Action::text(200, "surprise")),
        ("unreachable", Action::ResetEarly),
        ("no role", Action::json(200, &json!({"Timeout": 30}))),
        ("null", Action::json(200, &json!({"Timeout": 30, "Role": null}))),
        ("an empty role", Action::json(200, &json!({"Timeout": 30, "Role": ""}))),
    ];
    let server = server().await;
    for (name, action) in table {
        server.on("GetFunctionConfiguration", [action]);
        for stand_in in [None, Some(INVOKER)] {
            let connector = connector(&server).await;
            let mut mapping = stream_mapping();
            let function = connector.function(&mapping).await.unwrap();
            // The function is called without it, lest somebody is asked to assume the role.
            mapping.target.lambda_mut().unwrap().side.role_arn = stand_in.map(Into::into);
            let stream = connector.kinesis(&mapping, function).await.unwrap();
            let before = asked(&server);
            for _ in 0..3 {
                assert_eq!(shown(&stream).await, stand_in.unwrap_or_default(), "{name}");
            }
            assert_eq!(asked(&server) - before, 1, "{name}: not for every read");
        }
    }
}

#[tokio::test]
async fn a_slow_function_delays_only_the_first_records_and_not_for_long() {
    let server = server().await;
    server.on("GetFunctionConfiguration", [Action::Hang]);
    let (stream, _ports) = ports(&server).await;
    let started = Instant::now();
    assert_eq!(shown(&*stream).await, "");
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(2), "the bound of a call, after {waited:?}");
    for _ in 0..3 {
        assert_eq!(shown(&*stream).await, "");
    }
    assert_eq!(asked(&server), 1, "later records go on without it");
}

#[tokio::test]
async fn a_role_that_is_known_comes_before_the_mappings_own() {
    let server = server().await;
    server.on("GetFunctionConfiguration", [Action::json(200, &json!({"Timeout": 30, "Role": ROLE}))]);
    let connector = connector(&server).await;
    let mut mapping = stream_mapping();
    let function = connector.function(&mapping).await.unwrap();
    mapping.target.lambda_mut().unwrap().side.role_arn = Some(INVOKER.into());
    let stream = connector.kinesis(&mapping, function).await.unwrap();
    assert_eq!(shown(&stream).await, ROLE);
}

#[tokio::test]
async fn other_targets_have_the_role_that_the_mapping_says() {
    let server = server().await;
    let connector = connector(&server).await;
    for (own, shown_role) in [(None, "arn:aws:iam::000000000000:role/forebay"), (Some(INVOKER), INVOKER)] {
        let mut mapping = stream_mapping();
        mapping.target = targeted("Http: { Url: \"http://127.0.0.1:9/\" }").target;
        mapping.poller.invoke_identity = own.map(Into::into);
        let function = connector.function(&mapping).await.unwrap();
        let stream = connector.kinesis(&mapping, function).await.unwrap();
        assert_eq!(shown(&stream).await, shown_role);
    }
    assert_eq!(asked(&server), 0, "nobody is asked");
}
