//! Runtime interface emulators as targets: each answer in its class, never two invocations at once.

use std::sync::Arc;

use forebay::AwsConnector;
use forebay::function::{Function, Invocation};
use forebay::machine::{FaultKind, FunctionAnswer};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::process::{SOON, eventually};
use crate::harness::rie::Rie;
use crate::harness::{free_port, targeted};

async fn function(connector: &AwsConnector, options: &str) -> Arc<dyn Function> {
    connector.function(&targeted(options)).await.unwrap()
}

/// A function in one emulator, which is up.
async fn in_one(connector: &AwsConnector, rie: &Rie, more: &str) -> Arc<dyn Function> {
    let endpoint = rie.endpoint();
    let function = function(connector, &format!("{more} Rie: {{ Endpoints: [\"{endpoint}\"] }}")).await;
    capacity(&*function, 1).await;
    function
}

async fn capacity(function: &dyn Function, wanted: u32) {
    let mut capacity = function.capacity().unwrap();
    tokio::time::timeout(SOON, capacity.wait_for(|it| *it == wanted)).await.unwrap().unwrap();
}

fn event(event: &Value) -> Invocation {
    Invocation::first(event.to_string())
}

fn says(status: u16, header: &str, text: &str) -> Value {
    json!({"do": "say", "status": status, "header": header, "text": text})
}

/// What is the outcome.
enum Is {
    Success,
    /// The function has failed with this error type.
    Failed(&'static str),
    Fault(FaultKind),
}

fn error_type(answer: &FunctionAnswer) -> Option<String> {
    answer.function_error.as_ref()?;
    let error: Value = serde_json::from_slice(&answer.payload).unwrap();
    Some(error["errorType"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_answer_has_its_class() {
    use FaultKind::{Denied, Missing, Throttled, TooLarge, Transient};
    let python = r#"{"errorMessage": "no", "errorType": "ValueError", "requestId": "1", "stackTrace": ["  File"]}"#;
    let node = r#"{"errorType":"TypeError","errorMessage":"no","trace":["at"]}"#;
    let rust = r#"{"errorType":"Boxed","errorMessage":"no"}"#;
    let result = r#"{"errorType":"E","errorMessage":"a result that speaks of errors","orders":3}"#;
    let failures = r#"{"batchItemFailures":[],"errorType":"E","errorMessage":"no"}"#;
    let exit = r#"{"errorType":"Runtime.ExitError","errorMessage":"exit status 3"}"#;
    let init = r#"{"errorType":"Runtime.ImportModuleError","errorMessage":"no module","requestId":"","stackTrace":[]}"#;
    let large = r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"too large"}"#;
    let table = [
        ("success", says(200, "", "{\"batchItemFailures\":[]}"), Is::Success),
        ("null", says(200, "", "null"), Is::Success),
        ("empty", says(200, "", ""), Is::Success),
        ("handler error, Python", says(200, "", python), Is::Failed("ValueError")),
        ("handler error, Node", says(200, "", node), Is::Failed("TypeError")),
        ("handler error, Rust", says(200, "", rust), Is::Failed("Boxed")),
        ("a result", says(200, "", result), Is::Success),
        ("a batch response", says(200, "", failures), Is::Success),
        ("timeout", says(200, "", "Task timed out after 3.00 seconds"), Is::Failed("Sandbox.Timedout")),
        ("a text like a timeout", says(200, "", "\"Task timed out after 3.00 seconds\""), Is::Success),
        ("init error", says(502, "", init), Is::Failed("Runtime.ImportModuleError")),
        ("process died before /next", says(502, "", ""), Is::Failed("Runtime.ExitError")),
        ("process died", says(502, "", exit), Is::Failed("Runtime.ExitError")),
        ("too large", says(502, "", large), Is::Failed("Function.ResponseSizeTooLarge")),
        ("concurrent, failed", says(200, "Error-Type: E\r\n", "{\"errorType\":\"E\"}"), Is::Failed("E")),
        ("concurrent, busy", says(400, "Error-Type: Runtime.Unavailable\r\n", ""), Is::Fault(Throttled)),
        ("400", says(400, "", ""), Is::Fault(Transient)),
        ("500", says(500, "", ""), Is::Fault(Transient)),
        ("504", says(504, "", ""), Is::Fault(Transient)),
        ("403", says(403, "", ""), Is::Fault(Denied)),
        ("404", says(404, "", "404 page not found"), Is::Fault(Missing)),
        ("302", says(302, "Location: /\r\n", ""), Is::Fault(Missing)),
        ("413", says(413, "", ""), Is::Fault(TooLarge)),
        ("cut off", json!({"do": "break"}), Is::Fault(Transient)),
    ];
    let rie = Rie::start().await;
    let connector = AwsConnector::new();
    let function = in_one(&connector, &rie, "").await;
    for (name, event_sent, is) in table {
        capacity(&*function, 1).await;
        let invocation = event(&event_sent);
        let id = invocation.id();
        let outcome = function.invoke(invocation).await;
        match is {
            Is::Success => {
                let answer = outcome.unwrap();
                assert_eq!(answer.function_error, None, "{name}");
                assert_eq!(answer.payload, event_sent["text"].as_str().unwrap().as_bytes(), "{name}");
                assert_eq!(
                    (answer.request_id, answer.executed_version.as_deref()),
                    (Some(id), Some("$LATEST")),
                    "{name}"
                );
            }
            Is::Failed(kind) => assert_eq!(error_type(&outcome.unwrap()).as_deref(), Some(kind), "{name}"),
            Is::Fault(kind) => {
                let fault = outcome.unwrap_err();
                assert_eq!(fault.kind, kind, "{name}: {fault}");
                assert!(fault.message.starts_with(&format!("POST {}", rie.endpoint())), "{name}: {fault}");
            }
        }
    }
    assert_eq!(rie.most(), 1);
    let unshaped = format!("Rie: {{ Endpoints: [\"{}\"], ErrorShape: false }}", rie.endpoint());
    let unshaped = self::function(&connector, &unshaped).await;
    capacity(&*unshaped, 1).await;
    assert_eq!(unshaped.invoke(event(&says(200, "", python))).await.unwrap().function_error, None);
    let timeout = says(200, "", "Task timed out after 3.00 seconds");
    assert!(unshaped.invoke(event(&timeout)).await.unwrap().function_error.is_some());
}

#[tokio::test]
async fn mappings_share_an_emulator_and_it_has_one_invocation_at_a_time() {
    let rie = Rie::start().await;
    let connector = AwsConnector::new();
    let one = in_one(&connector, &rie, "").await;
    // The same place in other words.
    let port = rie.port();
    let two = function(&connector, &format!("Rie: {{ Endpoints: [\"http://LOCALHOST:{port}\"] }}")).await;
    capacity(&*two, 1).await;
    let slow = json!({"pause_ms": 10});
    let calls = (0..40).map(|number| if number % 2 == 0 { one.invoke(event(&slow)) } else { two.invoke(event(&slow)) });
    for outcome in join_all(calls).await {
        assert_eq!(outcome.unwrap().function_error, None);
    }
    assert_eq!((rie.most(), rie.events().len()), (1, 40));
}

#[tokio::test]
async fn several_at_a_time_where_the_mapping_says_so() {
    let rie = Rie::start().await;
    let connector = AwsConnector::new();
    let options = format!("Rie: {{ Endpoints: [\"{}\"], Concurrency: 3 }}", rie.endpoint());
    let function = function(&connector, &options).await;
    capacity(&*function, 3).await;
    let slow = json!({"pause_ms": 200});
    let invocations: Vec<_> = (0..9).map(|_| event(&slow)).collect();
    let ids: Vec<_> = invocations.iter().map(|invocation| invocation.id()).collect();
    for outcome in join_all(invocations.into_iter().map(|invocation| function.invoke(invocation))).await {
        outcome.unwrap();
    }
    assert_eq!(rie.most(), 3);
    let mut sent = rie.ids();
    sent.sort();
    let mut ids = ids;
    ids.sort();
    assert_eq!(sent, ids);
}

#[tokio::test]
async fn an_emulator_is_busy_until_it_has_answered_whatever_became_of_the_caller() {
    let rie = Rie::start().await;
    let connector = AwsConnector::new();
    let function = in_one(&connector, &rie, "Timeout: 1s,").await;
    let answer = function.invoke(event(&json!({"pause_ms": 3000}))).await.unwrap();
    assert_eq!(error_type(&answer).as_deref(), Some("Sandbox.Timedout"));
    capacity(&*function, 0).await;
    // It waits for the one before, and that is not its own time.
    function.invoke(event(&json!({"pause_ms": 0}))).await.unwrap();
    capacity(&*function, 1).await;
    let abandoned = tokio::spawn({
        let function = Arc::clone(&function);
        async move { function.invoke(event(&json!({"pause_ms": 600}))).await }
    });
    eventually(SOON, "it is at work", async || (rie.busy() == 1).then_some(())).await;
    abandoned.abort();
    function.invoke(event(&json!({"pause_ms": 0}))).await.unwrap();
    assert_eq!((rie.most(), rie.events().len()), (1, 4));
}

#[tokio::test]
async fn an_emulator_that_died_is_left_alone_until_it_is_back() {
    let rie = Rie::start().await;
    let connector = AwsConnector::new();
    let function = in_one(&connector, &rie, "").await;
    let fault = function.invoke(event(&json!({"do": "die"}))).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    capacity(&*function, 0).await;
    let fault = function.invoke(event(&json!({}))).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    assert!(fault.message.contains(&rie.endpoint()), "{fault}");
    let described = function.describe().await.unwrap_err();
    assert!(described.message.contains("refused"), "{described}");
    assert_eq!(rie.events().len(), 1);
    rie.revive().await;
    capacity(&*function, 1).await;
    function.describe().await.unwrap();
    function.invoke(event(&json!({}))).await.unwrap();
    // The caller that waits for an emulator which dies does not wait on.
    let outcomes =
        join_all([json!({"do": "die", "pause_ms": 300}), json!({})].iter().map(|it| function.invoke(event(it))));
    assert!(outcomes.await.iter().all(|outcome| outcome.as_ref().is_err_and(|it| it.kind == FaultKind::Transient)));
}

#[tokio::test]
async fn several_emulators_take_turns() {
    let (one, two, three) = (Rie::start().await, Rie::start().await, Rie::start().await);
    let nobody = free_port();
    let connector = AwsConnector::new();
    let endpoints = [one.endpoint(), two.endpoint(), three.endpoint(), format!("http://127.0.0.1:{nobody}")];
    let function = function(&connector, &format!("Rie: {{ Endpoints: {} }}", json!(endpoints))).await;
    capacity(&*function, 3).await;
    for _ in 0..6 {
        function.invoke(event(&json!({}))).await.unwrap();
    }
    for rie in [&one, &two, &three] {
        assert_eq!(rie.events().len(), 2, "the one that rested longest is next");
    }
    let slow = json!({"pause_ms": 300});
    join_all((0..3).map(|_| function.invoke(event(&slow)))).await;
    for rie in [&one, &two, &three] {
        assert_eq!((rie.events().len(), rie.most()), (3, 1));
    }
}

#[tokio::test]
async fn emulators_are_found_by_a_name() {
    let rie = Rie::start().await;
    let connector = AwsConnector::new();
    let dns = |name: &str| {
        format!("Rie: {{ Endpoints: {{ Dns: {name}, Port: {}, ResolveEvery: 1s }}, Exclusive: true }}", rie.port())
    };
    // It may have a second address, on which nobody listens.
    let found = function(&connector, &dns("localhost")).await;
    // What was not looked at so far is waited for.
    found.invoke(event(&json!({}))).await.unwrap();
    let lost = function(&connector, &dns("nothing.invalid")).await;
    let fault = lost.invoke(event(&json!({}))).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.contains("nothing.invalid has no address"), "{fault}");
    assert_eq!(*lost.capacity().unwrap().borrow(), 0);
}

#[tokio::test]
async fn an_event_that_would_be_cut_off_is_not_sent() {
    let rie = Rie::start().await;
    let connector = AwsConnector::new();
    let function = in_one(&connector, &rie, "").await;
    let of = |length: usize| Invocation::first(format!("\"{}\"", "x".repeat(length - 2)));
    let fault = function.invoke(of(6_291_557)).await.unwrap_err();
    assert_eq!((fault.kind, rie.lengths()), (FaultKind::TooLarge, vec![]));
    function.invoke(of(6_291_556)).await.unwrap();
    assert_eq!(rie.lengths(), [6_291_556]);
}
