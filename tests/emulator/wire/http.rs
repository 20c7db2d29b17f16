//! HTTP services as targets, against scripted answers: every row ends in its class, after exactly one request.

use std::sync::Arc;
use std::time::Duration;

use forebay::AwsConnector;
use forebay::function::{Function, FunctionSettings, Invocation};
use forebay::machine::{FaultKind, FunctionAnswer};
use forebay::mapping::{HttpTarget, Target};
use serde_json::{Value, json};

use crate::harness::mapping;
use crate::harness::scripted::{Action, Scripted};

/// What scripted answers know requests by that are none of AWS.
const POST: &str = "AssumeRole";
const EVENT: &[u8] = b"{\"Records\":[]}";

async fn service(url: &str, timeout: Duration) -> Arc<dyn Function> {
    let mut mapping = mapping("arn:aws:sqs:us-east-1:000000000000:orders", "work");
    mapping.target = Target::Http(HttpTarget { timeout, ..HttpTarget::new(url) }.into());
    AwsConnector::new().function(&mapping).await.unwrap()
}

/// The error of a failed function, if that is what came.
fn failed(answer: &FunctionAnswer) -> Option<Value> {
    answer.function_error.as_ref().map(|_| serde_json::from_slice(&answer.payload).unwrap())
}

#[tokio::test]
async fn every_answer_that_is_no_success_has_its_class_and_is_sent_once() {
    use FaultKind::{Denied, Missing, Throttled, TooLarge, Transient};
    let status = |status| Action::text(status, "as it\n put it");
    let table = [
        ("429", status(429).header("retry-after", "7"), Throttled),
        ("503", status(503), Throttled),
        ("408", status(408), Transient),
        ("425", status(425), Transient),
        ("502", status(502), Transient),
        ("504", status(504), Transient),
        ("401", status(401), Denied),
        ("403", status(403), Denied),
        ("407", status(407), Denied),
        ("404", status(404), Missing),
        ("405", status(405), Missing),
        ("413", status(413), TooLarge),
        ("301", status(301).header("location", "http://127.0.0.1:1/"), Missing),
        ("307", status(307).header("location", "http://127.0.0.1:1/"), Missing),
        ("compressed", Action::text(200, "x").header("content-encoding", "gzip"), Transient),
        ("reset early", Action::ResetEarly, Transient),
        ("reset late", Action::ResetLate, Transient),
        ("closed", Action::Close, Transient),
        ("cut off", Action::Truncate(100_000), Transient),
        ("not HTTP", Action::Garbage, Transient),
        ("another protocol", Action::Raw("HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), Missing),
    ];
    let server = Scripted::start().await;
    let service = service(&format!("{}/events?x=1", server.endpoint()), Duration::from_secs(60)).await;
    for (name, action, kind) in table {
        // A connection that has worked before is where hidden retries would come from.
        server.on(POST, [Action::text(200, "null"), action]);
        service.invoke(Invocation::first(EVENT)).await.unwrap();
        let before = server.seen(POST).len();
        let fault = service.invoke(Invocation::first(EVENT)).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{name}: {fault}");
        assert!(fault.message.starts_with("POST http://127.0.0.1:"), "{name}: {fault}");
        assert_eq!(fault.retry_after, (name == "429").then_some(Duration::from_secs(7)), "{name}");
        assert_eq!(server.seen(POST).len() - before, 1, "{name}: requests");
    }
    let request = server.seen(POST).pop().unwrap();
    assert_eq!((request.target.as_str(), request.body.as_slice()), ("POST /events?x=1", EVENT));
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.headers["user-agent"].starts_with("forebay/"), "{:?}", request.headers);
}

#[tokio::test]
async fn a_function_has_failed_by_status_header_timeout_or_length() {
    let server = Scripted::start().await;
    let endpoint = server.endpoint().to_owned();
    let quick = service(&endpoint, Duration::from_secs(60)).await;
    for status in [400, 409, 410, 415, 418, 422, 500, 501, 505] {
        server.on(POST, [Action::text(status, "<h1>no\n</h1>")]);
        let error = failed(&quick.invoke(Invocation::first(EVENT)).await.unwrap()).unwrap();
        assert_eq!(error["errorType"], format!("Http.{status}"));
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.starts_with(&format!("POST {endpoint}/: HTTP {status} ")), "{message}");
        assert!(message.ends_with(": <h1>no </h1>"), "{message}");
    }
    let own = json!({"errorType": "ValueError", "errorMessage": "no such customer"});
    for action in [
        Action::json(500, &own),
        Action::json(200, &own).header("x-amz-function-error", "Unhandled"),
        Action::json(200, &own).header("error-type", "ValueError"),
    ] {
        server.on(POST, [action]);
        assert_eq!(failed(&quick.invoke(Invocation::first(EVENT)).await.unwrap()), Some(own.clone()));
    }
    for action in [Action::Long, Action::Endless, Action::text(200, &"x".repeat(6_291_557))] {
        server.on(POST, [action]);
        let error = failed(&quick.invoke(Invocation::first(EVENT)).await.unwrap()).unwrap();
        assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    }
    let slow = service(&endpoint, Duration::from_millis(300)).await;
    for action in [Action::Hang, Action::Drip, Action::Raw("HTTP/1.1 100 Continue\r\n\r\n")] {
        server.on(POST, [action]);
        let invocation = Invocation::first(EVENT);
        let message = format!("RequestId: {} Error: Task timed out after 0.30 seconds", invocation.id());
        let error = failed(&slow.invoke(invocation).await.unwrap());
        assert_eq!(error, Some(json!({"errorType": "Sandbox.Timedout", "errorMessage": message})));
    }
}

#[tokio::test]
async fn a_2xx_that_was_read_to_its_end_is_success() {
    let server = Scripted::start().await;
    let service = service(server.endpoint(), Duration::from_secs(60)).await;
    let large = "x".repeat(6_291_556);
    for (status, body) in [(200, ""), (200, "null"), (201, "{}"), (202, "{broken"), (204, ""), (200, &*large)] {
        server.on(POST, [Action::text(status, body)]);
        let answer = service.invoke(Invocation::first(EVENT)).await.unwrap();
        assert_eq!((answer.status, answer.function_error), (200, None), "{status}");
        assert!(answer.payload == body.as_bytes(), "{status}: {} bytes came back", answer.payload.len());
    }
    for (text, body) in [
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull", "null"),
        ("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "{}"),
        // It says less than it sends: what is left over is no answer to the next request.
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1", "{}"),
    ] {
        server.on(POST, [Action::Raw(text)]);
        let answer = service.invoke(Invocation::first(EVENT)).await.unwrap();
        assert_eq!((answer.function_error, answer.payload.as_ref()), (None, body.as_bytes()), "{text}");
    }
    server.on(POST, [Action::text(200, "after")]);
    let after = service.invoke(Invocation::first(EVENT)).await;
    assert!(after.as_ref().is_err() || after.is_ok_and(|answer| answer.payload == "after"));
    let settings =
        FunctionSettings { timeout: Duration::from_secs(60), reserved_concurrency: None, role: None, arn: None };
    assert_eq!(service.describe().await.unwrap(), settings);
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let server = Scripted::start().await;
    let service = service(server.endpoint(), Duration::from_secs(60)).await;
    drop(server);
    tokio::task::yield_now().await;
    let fault = service.invoke(Invocation::first(EVENT)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    let described = service.describe().await.unwrap_err();
    assert_eq!(described.kind, FaultKind::Transient, "{described}");
}
