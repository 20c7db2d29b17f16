//! Invoke against scripted answers: every row must end in its class, after exactly one request.

use std::sync::Arc;
use std::time::Duration;

use forebay::AwsConnector;
use forebay::aws::CallBounds;
use forebay::function::{Function, FunctionSettings, Invocation};
use forebay::machine::FaultKind;
use serde_json::json;

use crate::harness::process::SOON;
use crate::harness::scripted::{Action, Scripted};
use crate::harness::{mapping, sdk_config};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
/// The longest answer that Lambda lets a function give.
const LARGEST: usize = 6_291_556;
const ROLE: &str = "arn:aws:iam::000000000000:role/work";

async fn function(server: &Scripted, name: &str, timeout: Option<Duration>) -> Arc<dyn Function> {
    let bounds = CallBounds { invoke_grace: Duration::from_secs(2), ..CallBounds::default() };
    let config = sdk_config(server.endpoint(), "000000000000").await;
    let connector = AwsConnector::with_config(config).unwrap().with_bounds(bounds);
    let mut mapping = mapping(QUEUE, name);
    mapping.target.lambda_mut().unwrap().timeout = timeout;
    connector.function(&mapping).await.unwrap()
}

fn throttle(reason: &str) -> Action {
    let body = json!({"Type": "User", "Reason": reason, "message": "Rate Exceeded."});
    Action::json(429, &body).header("x-amzn-errortype", "TooManyRequestsException").header("retry-after", "7")
}

#[tokio::test]
async fn every_failed_invoke_has_its_class_and_is_sent_once() {
    use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
    let error = |status, code| Action::lambda_error(status, code, "as the service put it");
    let table = [
        ("concurrency", throttle("ConcurrentInvocationLimitExceeded"), Throttled),
        ("rate", throttle("FunctionInvocationRateLimitExceeded"), Throttled),
        ("reserved", throttle("ReservedFunctionConcurrentInvocationLimitExceeded"), Throttled),
        ("reserved rate", throttle("ReservedFunctionInvocationRateLimitExceeded"), Throttled),
        ("caller", throttle("CallerRateLimitExceeded"), Throttled),
        ("snapshot", throttle("ConcurrentSnapshotCreateLimitExceeded"), Throttled),
        ("a new reason", throttle("SomethingNew"), Throttled),
        ("bare 429", Action::text(429, ""), Throttled),
        ("500", error(500, "ServiceException"), Transient),
        ("502", error(502, "EC2ThrottledException"), Transient),
        ("502 of a proxy", Action::text(502, "<html>Bad Gateway</html>"), Transient),
        ("503", Action::text(503, ""), Transient),
        ("408", error(408, "EFSMountTimeoutException"), Transient),
        ("409", error(409, "ResourceConflictException"), Transient),
        ("410", error(410, "EFSIOException"), Transient),
        ("402", error(402, "ServiceQuotaExceededException"), Transient),
        ("403 of a file system", error(403, "EFSMountFailureException"), Transient),
        ("404", error(404, "ResourceNotFoundException"), Missing),
        ("403", error(403, "AccessDeniedException"), Denied),
        ("bad key", error(403, "UnrecognizedClientException"), Denied),
        ("expired", error(403, "ExpiredTokenException"), Expired),
        ("400", error(400, "InvalidRequestContentException"), Invalid),
        ("recursion", error(400, "RecursiveInvocationException"), Invalid),
        ("415", error(415, "UnsupportedMediaTypeException"), Invalid),
        ("413", error(413, "RequestTooLargeException"), TooLarge),
        ("bare 413", Action::text(413, ""), TooLarge),
        ("a teapot", Action::text(418, "no"), Invalid),
        ("elsewhere", Action::text(307, "").header("location", "http://127.0.0.1:1/"), Invalid),
    ];
    let server = Scripted::start().await;
    let function = function(&server, "work", Some(Duration::from_millis(800))).await;
    for (name, action, kind) in table.into_iter().chain(Action::of_connections(100_000)) {
        // A connection that has worked before is where hidden retries would come from.
        server.on("Invoke", [Action::text(200, "null"), action]);
        function.invoke(Invocation::first("{}")).await.unwrap();
        let before = server.seen("Invoke").len();
        let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{name}: {fault}");
        assert!(fault.message.starts_with("Invoke on function work (us-east-1): "), "{name}: {fault}");
        let pause = (name != "bare 429" && kind == Throttled).then_some(Duration::from_secs(7));
        assert_eq!(fault.retry_after, pause, "{name}");
        assert_eq!(server.seen("Invoke").len() - before, 1, "{name}: requests");
    }
}

#[tokio::test]
async fn a_throttle_names_its_reason() {
    let server = Scripted::start().await;
    let function = function(&server, "work", None).await;
    server.on("Invoke", [throttle("CallerRateLimitExceeded")]);
    let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
    assert_eq!(
        fault.message,
        "Invoke on function work (us-east-1): TooManyRequestsException: Rate Exceeded. (HTTP 429); \
         reason CallerRateLimitExceeded"
    );
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let server = Scripted::start().await;
    let function = function(&server, "work", None).await;
    drop(server);
    // The listener's task ends at its next turn; until then a connection is accepted and dropped.
    tokio::task::yield_now().await;
    let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
}

#[tokio::test]
async fn answers_pass_through_untouched() {
    let server = Scripted::start().await;
    let function = function(&server, "work:live", None).await;
    let large = format!("\"{}\"", "x".repeat(LARGEST - 2));
    for body in ["", "null", "{\"batchItemFailures\":[{\"itemIdentifier\":\"1\"}]}", "{broken", "\u{fffd}\0", &large] {
        server.on("Invoke", [Action::text(200, body).header("x-amz-executed-version", "3")]);
        let answer = function.invoke(Invocation::first("{\"Records\":[]}")).await.unwrap();
        assert_eq!((answer.status, answer.function_error), (200, None));
        assert_eq!(answer.executed_version.as_deref(), Some("3"));
        assert!(answer.payload == body.as_bytes(), "{} bytes came back", answer.payload.len());
    }
    let thrown = "{\"errorMessage\":\"no\",\"errorType\":\"ValueError\"}";
    server.on("Invoke", [Action::text(200, thrown).header("x-amz-function-error", "Unhandled")]);
    let answer = function.invoke(Invocation::first("{\"Records\":[]}")).await.unwrap();
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(answer.payload, thrown.as_bytes());

    let request = server.seen("Invoke").pop().unwrap();
    assert_eq!(request.target, "POST /2015-03-31/functions/work/invocations?Qualifier=live");
    assert_eq!(request.headers["x-amz-invocation-type"], "RequestResponse");
    assert_eq!(request.headers["x-amz-log-type"], "None");
    assert_eq!(request.body, b"{\"Records\":[]}");
}

#[tokio::test]
async fn only_an_answer_of_lambda_counts() {
    let page = "<html><body>Please log in to use this network.</body></html>";
    let version = |action: Action| action.header("x-amz-executed-version", "$LATEST");
    let compressed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let gzip =
        Action::Answer { status: 200, headers: vec![("content-encoding", "gzip".into())], body: compressed.into() };
    // With the request's id or without it, and where the headers are not asked for.
    let table = [
        ("null", Action::text(200, "null"), true, false, true),
        ("null with the version", version(Action::text(200, "null")), true, true, true),
        ("a page", Action::text(200, page).header("content-type", "text/html"), true, false, true),
        ("201", version(Action::text(201, "null")), false, false, false),
        ("202", version(Action::text(202, "")), false, false, false),
        ("204", version(Action::text(204, "")), false, false, false),
        ("206", version(Action::text(206, "nu")), false, false, false),
        ("cut gzip", version(gzip), false, false, false),
    ];
    let bounds = CallBounds { invoke_grace: Duration::from_secs(2), ..CallBounds::default() };
    for (name, action, with_id, without_id, optional) in table {
        for (case, expected) in [(0, with_id), (1, without_id), (2, optional)] {
            let server = Scripted::start().await;
            let config = sdk_config(server.endpoint(), "000000000000").await;
            let connector = AwsConnector::with_config(config).unwrap().with_bounds(bounds);
            let mut mapping = mapping(QUEUE, "work");
            mapping.target.lambda_mut().unwrap().headers_optional = case == 2;
            if case > 0 {
                server.without_request_ids();
            }
            server.on("Invoke", [action.clone()]);
            let function = connector.function(&mapping).await.unwrap();
            let result = function.invoke(Invocation::first("{}")).await;
            assert_eq!(result.is_ok(), expected, "{name}, {case}: {result:?}");
            let Err(fault) = result else { continue };
            assert_eq!(fault.kind, FaultKind::Transient, "the batch is held: {fault}");
            if name == "a page" {
                assert!(fault.message.contains("without Lambda's headers"), "{fault}");
                assert!(fault.message.contains("Poller.Function.RequireLambdaHeaders: false"), "{fault}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_a_failure_of_the_function_as_at_aws() {
    let server = Scripted::start().await;
    let function = function(&server, "work", None).await;
    for action in [Action::text(200, &"x".repeat(LARGEST + 1)), Action::Endless] {
        server.on("Invoke", [action]);
        let answer = function.invoke(Invocation::first("{}")).await.unwrap();
        assert_eq!((answer.status, answer.function_error.as_deref()), (200, Some("Unhandled")));
        let error: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    }
    server
        .on("Invoke", [Action::text(429, &"x".repeat(1 << 20)).header("x-amzn-errortype", "TooManyRequestsException")]);
    let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Throttled, "a long error keeps its class: {fault}");
}

#[tokio::test]
async fn a_bytes_payload_is_sent_and_received_whole() {
    let server = Scripted::start().await;
    let function = function(&server, "work", None).await;
    let body = vec![b'a'; 6 * 1024 * 1024];
    let back: Vec<u8> = (0..=255).collect();
    server.on("Invoke", [Action::Answer { status: 200, headers: Vec::new(), body: back.clone() }]);
    let answer = function.invoke(Invocation::first(body.clone())).await.unwrap();
    assert_eq!(answer.payload, back, "what is not text comes back as it is");
    assert!(server.seen("Invoke")[0].body == body);
}

#[tokio::test]
async fn the_functions_own_timeout_bounds_an_invoke_once_it_is_known() {
    let server = Scripted::start().await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:work";
    let configuration = json!({"Timeout": 1, "Role": ROLE, "FunctionArn": arn});
    server.on("GetFunctionConfiguration", [Action::json(200, &configuration)]);
    server.on("GetFunctionConcurrency", [Action::json(200, &json!({"ReservedConcurrentExecutions": 4}))]);
    let function = function(&server, "work", None).await;
    let settings = function.describe().await.unwrap();
    let expected = FunctionSettings {
        timeout: Duration::from_secs(1),
        reserved_concurrency: Some(4),
        role: Some(ROLE.into()),
        arn: Some(arn.into()),
    };
    assert_eq!(settings, expected);

    server.on("Invoke", [Action::Hang]);
    let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert_eq!(fault.message, "Invoke on function work (us-east-1): no answer within 3 s");
    assert_eq!(server.seen("Invoke").len(), 1);
    assert_eq!(server.seen("GetFunctionConfiguration").len(), 1, "what was described is not asked for again");
}

#[tokio::test]
async fn the_timeout_is_learned_beside_the_first_invoke_and_asked_for_once() {
    let server = Scripted::start().await;
    // Were the first invoke to wait for this, the test would end in a failure of its own bound.
    server.on("GetFunctionConfiguration", [Action::Hang]);
    server.on("Invoke", [Action::text(200, "null")]);
    let function = function(&server, "work", None).await;
    for _ in 0..3 {
        let invoke = function.invoke(Invocation::first("{}"));
        tokio::time::timeout(SOON, invoke).await.expect("no invoke waits").unwrap();
    }
    let patience = tokio::time::Instant::now() + SOON;
    while server.seen("GetFunctionConfiguration").is_empty() {
        assert!(tokio::time::Instant::now() < patience, "the timeout was never asked for");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.seen("GetFunctionConfiguration").len(), 1);
}

#[tokio::test]
async fn a_version_or_alias_is_a_parameter_of_its_own_in_every_form_of_the_name() {
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:work";
    let encoded = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Awork";
    for (name, path) in [("work", "work"), ("000000000000:function:work", encoded), (arn, encoded)] {
        for (qualifier, query) in
            [("", ""), (":live", "?Qualifier=live"), (":7", "?Qualifier=7"), (":$LATEST", "?Qualifier=%24LATEST")]
        {
            let server = Scripted::start().await;
            server.on("GetFunctionConfiguration", [Action::json(200, &json!({"Timeout": 30}))]);
            server.on("Invoke", [Action::text(200, "null")]);
            let text = format!("EventSourceArn: {QUEUE}\nFunctionName: {name}{qualifier}\n");
            let mapping = forebay::mapping::parse("m.yaml".as_ref(), &text, &|_| None).mappings.remove(0);
            let config = sdk_config(server.endpoint(), "000000000000").await;
            let function = AwsConnector::with_config(config).unwrap().function(&mapping).await.unwrap();
            function.describe().await.unwrap();
            function.invoke(Invocation::first("{}")).await.unwrap();
            let seen = |operation| server.seen(operation).pop().unwrap().target;
            let at = format!("/2015-03-31/functions/{path}");
            assert_eq!(seen("GetFunctionConfiguration"), format!("GET {at}/configuration{query}"));
            assert_eq!(seen("Invoke"), format!("POST {at}/invocations{query}"));
            // Reserved concurrency is the function's, whatever its version.
            assert_eq!(seen("GetFunctionConcurrency"), format!("GET /2019-09-30/functions/{path}/concurrency"));
        }
    }
}

#[tokio::test]
async fn what_answers_without_an_aws_error_is_named_as_such() {
    let server = Scripted::start().await;
    server.on("GetFunctionConfiguration", [Action::text(404, "404 page not found")]);
    let fault = function(&server, "work", None).await.describe().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Missing);
    assert_eq!(
        fault.message,
        "GetFunctionConfiguration on function work (us-east-1): HTTP 404 without an AWS error code: is this a Lambda \
         endpoint? (the Lambda runtime interface emulator serves only Invoke)"
    );
}

#[tokio::test]
async fn a_configured_timeout_is_never_asked_for() {
    let server = Scripted::start().await;
    let function = function(&server, "work", Some(Duration::from_millis(100))).await;
    server.on("Invoke", [Action::Hang]);
    let fault = function.invoke(Invocation::first("{}")).await.unwrap_err();
    assert_eq!(fault.message, "Invoke on function work (us-east-1): no answer within 2.1 s");
    assert!(server.seen("GetFunctionConfiguration").is_empty());
}

#[tokio::test]
async fn a_function_that_may_not_be_described_says_so() {
    let server = Scripted::start().await;
    let function = function(&server, "work", None).await;
    let fault = function.describe().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(fault.message.contains("lambda:GetFunctionConfiguration"), "{fault}");

    server.on("GetFunctionConfiguration", [Action::json(200, &json!({"Timeout": 30}))]);
    let settings = function.describe().await.unwrap();
    assert_eq!(settings.reserved_concurrency, None, "not allowed to know, which is no fault");
    assert_eq!(settings.role, None);
    server.on("GetFunctionConfiguration", [Action::json(200, &json!({"Timeout": 30, "Role": ""}))]);
    assert_eq!(function.describe().await.unwrap().role, None);
    server.on("GetFunctionConfiguration", [Action::json(200, &json!({}))]);
    assert_eq!(function.describe().await.unwrap_err().kind, FaultKind::Transient);
}
