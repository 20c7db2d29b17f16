//! What can be said of an HTTP service: what it gets, what its statuses mean, when it is up.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use forebay::AwsConnector;
use forebay::function::{Function, Invocation};
use forebay::machine::FaultKind;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::process::{SOON, eventually};
use crate::harness::rie::Rie;
use crate::harness::scripted::{Action, Scripted, Seen};
use crate::harness::{free_port, sdk_config, targeted};

const POST: &str = "AssumeRole";
const EVENT: &str = "{\"Records\":[]}";

async fn function(options: &str) -> Arc<dyn Function> {
    AwsConnector::new().function(&targeted(options)).await.unwrap()
}

/// A service at the scripted server with these options.
async fn service(server: &Scripted, options: &str) -> Arc<dyn Function> {
    function(&format!("Http: {{ Url: \"{}/events\", {options} }}", server.endpoint())).await
}

async fn capacity(function: &dyn Function, wanted: u32) {
    let mut capacity = function.capacity().unwrap();
    tokio::time::timeout(SOON, capacity.wait_for(|it| *it == wanted)).await.unwrap().unwrap();
}

async fn invoke(function: &dyn Function) -> Result<Option<String>, FaultKind> {
    let outcome = function.invoke(Invocation::first(EVENT)).await;
    outcome.map(|answer| answer.function_error).map_err(|fault| fault.kind)
}

#[tokio::test]
async fn requests_name_the_batch_the_attempt_the_mapping_and_the_trace() {
    let server = Scripted::start().await;
    server.on(POST, [Action::text(200, "null")]);
    let service = service(&server, "Headers: { X-Team: shop, X-Empty: \"\" }").await;
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let event = json!({"Records": [{"attributes": {"AWSTraceHeader": trace}}]}).to_string();
    let first = Invocation::first(event);
    let second = Invocation { attempt: 2, ..first.clone() };
    for invocation in [&first, &second] {
        let answer = service.invoke(invocation.clone()).await.unwrap();
        assert_eq!(answer.request_id.as_deref(), Some(&*first.id()));
        assert_eq!(answer.executed_version.as_deref(), Some("$LATEST"));
    }
    for (seen, attempt) in server.seen(POST).iter().zip(["1", "2"]) {
        let header = |name: &str| seen.headers.get(name).map(String::as_str);
        for name in ["x-amz-request-id", "idempotency-key"] {
            assert_eq!(header(name), Some(&*first.id()), "{name}");
        }
        assert_eq!((header("forebay-attempt"), header("forebay-mapping")), (Some(attempt), Some("orders")));
        assert_eq!(header("x-amzn-trace-id"), Some(trace));
        assert_eq!(header("traceparent"), Some("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"));
        assert_eq!((header("x-team"), header("x-empty")), (Some("shop"), Some("")));
        assert!(header("forebay-deadline-ms").unwrap().parse::<u64>().unwrap() > 1_700_000_000_000);
        assert_eq!((header("authorization"), header("webhook-id")), (None, None));
    }
    assert_eq!(server.connections(), 1, "a connection serves again");
}

#[tokio::test]
async fn statuses_mean_what_the_mapping_says() {
    let server = Scripted::start().await;
    let statuses =
        "Statuses: { Throttle: [509], Transient: [404, \"520-524\", 202], Failed: [503] }, RetryAfterMax: 10s";
    let service = service(&server, statuses).await;
    let failed = Ok(Some("Unhandled".to_owned()));
    for (status, outcome) in [
        (509, Err(FaultKind::Throttled)),
        (404, Err(FaultKind::Transient)),
        (520, Err(FaultKind::Transient)),
        (524, Err(FaultKind::Transient)),
        (202, Err(FaultKind::Transient)),
        (503, failed.clone()),
        (525, failed),
        (403, Err(FaultKind::Denied)),
        (200, Ok(None)),
    ] {
        server.on(POST, [Action::text(status, "null")]);
        assert_eq!(invoke(&*service).await, outcome, "{status}");
    }
    server.on(POST, [Action::text(429, "").header("retry-after", "3600")]);
    let fault = service.invoke(Invocation::first(EVENT)).await.unwrap_err();
    assert_eq!(fault.retry_after, Some(Duration::from_secs(10)));
    let never = self::service(&server, "RetryAfterMax: 0s").await;
    let fault = never.invoke(Invocation::first(EVENT)).await.unwrap_err();
    assert_eq!((fault.kind, fault.retry_after), (FaultKind::Throttled, None));
}

#[tokio::test]
async fn secrets_are_read_again_when_they_change() {
    let place = TempDir::new().unwrap();
    let (token, hook) = (place.path().join("token"), place.path().join("hook"));
    std::fs::write(&token, "first\n").unwrap();
    std::fs::write(&hook, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let server = Scripted::start().await;
    server.on(POST, [Action::text(200, "null")]);
    // Plain http with a bearer is a warning, so the text is not that of `targeted`.
    let options = format!(
        "Bearer: {{ File: {} }}, Signature: {{ Scheme: StandardWebhooks, Secrets: [{{ File: {} }}] }}",
        token.display(),
        hook.display()
    );
    let text = format!(
        "Name: orders\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: work\nPoller: {{ \
         Function: {{ Http: {{ Url: \"{}\", {options} }} }} }}\n",
        server.endpoint()
    );
    let mapping = forebay::mapping::parse("orders.yaml".as_ref(), &text, &|_| None).mappings.remove(0);
    let service = AwsConnector::new().function(&mapping).await.unwrap();
    let last = || server.seen(POST).pop().unwrap();
    assert_eq!(invoke(&*service).await, Ok(None));
    let seen = last();
    assert_eq!(seen.headers["authorization"], "Bearer first");
    assert_eq!(seen.headers["webhook-id"], seen.headers["x-amz-request-id"]);
    let signature = &seen.headers["webhook-signature"];
    assert!(signature.starts_with("v1,") && signature.len() == 47, "{signature}");
    let sent_ms = seen.headers["webhook-timestamp"].parse::<u64>().unwrap() * 1000;
    let deadline = seen.headers["forebay-deadline-ms"].parse::<u64>().unwrap();
    assert!((60_000..61_000).contains(&(deadline - sent_ms)), "{deadline} {sent_ms}");

    let new = place.path().join("new");
    std::fs::write(&new, "second").unwrap();
    std::fs::rename(&new, &token).unwrap();
    let replaced = async || {
        assert_eq!(invoke(&*service).await, Ok(None));
        (last().headers["authorization"] == "Bearer second").then_some(())
    };
    eventually(SOON, "the new token is sent", replaced).await;

    std::fs::remove_file(&token).unwrap();
    let vanished = async || {
        let fault = service.invoke(Invocation::first(EVENT)).await.err()?;
        assert_eq!(fault.kind, FaultKind::Denied);
        assert!(fault.message.contains(&token.display().to_string()), "{fault}");
        Some(())
    };
    eventually(SOON, "the missing token is noticed", vanished).await;
    let before = server.seen(POST).len();
    std::fs::write(&token, " \n").unwrap();
    assert_eq!(invoke(&*service).await, Err(FaultKind::Denied), "it is empty");
    assert_eq!(server.seen(POST).len(), before, "nothing is sent without it");
    std::fs::write(&token, "third").unwrap();
    eventually(SOON, "it is back", async || invoke(&*service).await.is_ok().then_some(())).await;
    assert_eq!(last().headers["authorization"], "Bearer third");
    // A pipe that nothing is written to would keep its reader waiting.
    std::fs::remove_file(&token).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&token).status().unwrap().success());
    let piped = async || {
        let fault = service.invoke(Invocation::first(EVENT)).await.err()?;
        fault.message.contains("it is not a regular file").then_some(())
    };
    eventually(SOON, "a pipe is not read", piped).await;
    std::fs::remove_file(&token).unwrap();
    std::fs::write(&token, "fourth").unwrap();
    eventually(SOON, "the file is back", async || invoke(&*service).await.is_ok().then_some(())).await;
    std::fs::write(&hook, "not base64!").unwrap();
    let unsigned = async || (invoke(&*service).await == Err(FaultKind::Denied)).then_some(());
    eventually(SOON, "a secret that is no Base64 is noticed", unsigned).await;
}

#[tokio::test]
async fn nothing_is_received_while_the_service_is_not_healthy() {
    let server = Scripted::start().await;
    server.on(POST, [Action::text(200, "null")]);
    server.on("Health", [Action::text(503, "starting")]);
    let health = "MaxConnections: 7, Health: { Path: /healthz, Every: 100ms, Healthy: 2, Unhealthy: 2 }";
    let service = service(&server, health).await;
    let looked = async || (server.seen("Health").len() > 2).then_some(());
    eventually(SOON, "it is looked at", looked).await;
    capacity(&*service, 0).await;
    let fault = service.invoke(Invocation::first(EVENT)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.contains("GET /healthz: HTTP 503"), "{fault}");
    server.on("Health", [Action::text(204, "")]);
    capacity(&*service, 7).await;
    assert_eq!(invoke(&*service).await, Ok(None));
    server.on("Health", [Action::Hang]);
    capacity(&*service, 0).await;
    server.on("Health", [Action::text(200, "")]);
    capacity(&*service, 7).await;
    let look = server.seen("Health").pop().unwrap();
    assert_eq!((look.target.as_str(), look.headers["host"].as_str()), ("GET /healthz", &server.endpoint()[7..]));
}

#[tokio::test]
async fn a_service_without_connections_is_down_until_it_takes_them() {
    let port = free_port();
    let service = function(&format!("Http: {{ Url: \"http://127.0.0.1:{port}/\", MaxConnections: 3 }}")).await;
    capacity(&*service, 3).await;
    for _ in 0..5 {
        assert_eq!(invoke(&*service).await, Err(FaultKind::Transient));
    }
    capacity(&*service, 0).await;
    let _listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    capacity(&*service, 3).await;
    let by_tcp = format!("Http: {{ Url: \"http://127.0.0.1:{port}/\", Health: {{ Tcp: true, Every: 100ms }} }}");
    capacity(&*function(&by_tcp).await, 64).await;
}

#[tokio::test]
async fn an_address_has_no_more_calls_than_connections_are_allowed() {
    let (one, two) = (Rie::start().await, Rie::start().await);
    let endpoints = json!([one.endpoint(), two.endpoint()]);
    let options =
        format!("Http: {{ Url: \"http://orders.internal/events\", Endpoints: {endpoints}, MaxConnections: 2 }}");
    let service = function(&options).await;
    capacity(&*service, 4).await;
    let event = json!({"pause_ms": 100}).to_string();
    for outcome in join_all((0..12).map(|_| service.invoke(Invocation::first(event.clone())))).await {
        assert_eq!(outcome.unwrap().function_error, None);
    }
    assert_eq!((one.most(), two.most()), (2, 2));
    assert_eq!(one.events().len() + two.events().len(), 12);

    let server = Scripted::start().await;
    server.on(POST, [Action::text(200, "null")]);
    let options = format!("Http: {{ Url: \"http://orders.internal/events\", Endpoints: [\"{}\"] }}", server.endpoint());
    assert_eq!(invoke(&*function(&options).await).await, Ok(None));
    assert_eq!(server.seen(POST)[0].headers["host"], "orders.internal");
}

#[tokio::test]
async fn a_service_can_get_cloud_events() {
    let server = Scripted::start().await;
    let service = service(&server, "Envelope: CloudEvents").await;
    let arn = "arn:aws:sqs:us-east-1:000000000000:orders";
    let message = |id: &str, body: &str| {
        json!({"messageId": id, "body": body, "eventSource": "aws:sqs", "eventSourceARN": arn,
            "attributes": {"SentTimestamp": "1795163400123"}})
    };
    let record = json!({"eventID": "shardId-000000000000:495", "eventSource": "aws:kinesis", "eventSourceARN": "k",
        "kinesis": {"partitionKey": "p", "sequenceNumber": "495", "data": "aGk=",
            "approximateArrivalTimestamp": 1_795_163_400.5}});
    let change = json!({"eventID": "c81e", "eventName": "INSERT", "eventSource": "aws:dynamodb", "eventSourceARN": "d",
        "dynamodb": {"SequenceNumber": "111", "Keys": {"id": {"S": "1"}}}});
    let event = json!({"Records": [message("m1", "{\"total\":3}"), message("m2", "hi"), record, change]}).to_string();
    let failures = |ids: [&str; 3]| {
        let items: Vec<Value> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
        json!({"batchItemFailures": items})
    };
    server.on(POST, [Action::json(200, &failures(["m1", "shardId-000000000000:495", "c81e"]))]);
    let answer = service.invoke(Invocation::first(event)).await.unwrap();
    // The machines know records of streams by their sequence numbers.
    let translated: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(translated, failures(["m1", "495", "111"]));
    let Seen { headers, body, .. } = server.seen(POST).pop().unwrap();
    assert_eq!(headers["content-type"], "application/cloudevents-batch+json");
    let sent: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!([
        {"specversion": "1.0", "id": "m1", "source": arn, "type": "aws.sqs.message", "time": "2026-11-20T08:30:00.123Z",
            "datacontenttype": "application/json", "data": {"total": 3}},
        {"specversion": "1.0", "id": "m2", "source": arn, "type": "aws.sqs.message", "time": "2026-11-20T08:30:00.123Z",
            "datacontenttype": "text/plain", "data": "hi"},
        {"specversion": "1.0", "id": "shardId-000000000000:495", "source": "k", "type": "aws.kinesis.record",
            "time": "2026-11-20T08:30:00.5Z", "partitionkey": "p", "sequencenumber": "495", "data_base64": "aGk="},
        {"specversion": "1.0", "id": "c81e", "source": "d", "type": "aws.dynamodb.stream.INSERT",
            "sequencenumber": "111", "datacontenttype": "application/json",
            "data": {"SequenceNumber": "111", "Keys": {"id": {"S": "1"}}}},
    ]);
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn requests_to_a_function_url_are_signed() {
    let server = Scripted::start().await;
    server.on(POST, [Action::text(200, "null")]);
    let connector = AwsConnector::with_config(sdk_config(server.endpoint(), "000000000001").await).unwrap();
    let url = format!("{}/a%20b?x=1", server.endpoint());
    let options = format!("FunctionUrl: {{ Url: \"{url}\", Service: execute-api, Region: eu-west-3 }}");
    let function = connector.function(&targeted(&options)).await.unwrap();
    assert_eq!(invoke(&*function).await, Ok(None));
    let seen = server.seen(POST).pop().unwrap();
    let date = &seen.headers["x-amz-date"];
    let number = |range: std::ops::Range<usize>| date[range].parse::<i16>().unwrap();
    let two = |range: std::ops::Range<usize>| i8::try_from(number(range)).unwrap();
    let time = jiff::civil::datetime(number(0..4), two(4..6), two(6..8), two(9..11), two(11..13), two(13..15), 0);
    let unix_s = time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
    let identity = Credentials::new("000000000001", "test", None, None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("eu-west-3")
        .name("execute-api")
        .time(UNIX_EPOCH + Duration::from_secs(u64::try_from(unix_s).unwrap()))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let host = [("host", seen.headers["host"].as_str())];
    let request = SignableRequest::new("POST", "/a%20b?x=1", host.into_iter(), SignableBody::Bytes(&seen.body));
    let (instructions, _) = sign(request.unwrap(), &params).unwrap().into_parts();
    let expected = instructions.headers().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).unwrap().1;
    assert_eq!(seen.headers["authorization"], expected);
    assert!(expected.contains("/eu-west-3/execute-api/aws4_request"), "{expected}");
}
