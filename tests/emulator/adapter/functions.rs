//! Functions, roles and endpoints against an emulator that runs real Python functions.

use std::time::Duration;

use forebay::AwsConnector;
use forebay::function::Invocation;
use forebay::machine::FaultKind;
use forebay::source::QueueSource as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::adapter::queues::{ECHO, poll};
use crate::harness::{Emulator, REGION, mapping, sdk_config};

const SLOW: &str = "
import time
def handler(event, context):
    time.sleep(3)
";

/// Lasts until there is a file.
const WAITS: &str = "
import os, time
def handler(event, context):
    while not os.path.exists(ENDED):
        time.sleep(0.05)
";

const THROWS: &str = "
def handler(event, context):
    raise ValueError('no')
";

#[tokio::test]
async fn a_function_that_is_missing_throws_or_is_slow_says_so() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    let connector = account.connector();
    let missing = connector.function(&mapping(&queue.arn, "nowhere")).await.unwrap();
    let fault = missing.invoke(Invocation::first("{}")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Missing, "{fault}");
    assert_eq!(missing.describe().await.unwrap_err().kind, FaultKind::Missing);

    account.create_function_with("throws", THROWS, 10).await;
    let throws = connector.function(&mapping(&queue.arn, "throws")).await.unwrap();
    let answer = throws.invoke(Invocation::first("{}")).await.unwrap();
    assert_eq!((answer.status, answer.function_error.as_deref()), (200, Some("Unhandled")));
    assert_eq!(throws.describe().await.unwrap().timeout, Duration::from_secs(10));

    account.create_function_with("slow", SLOW, 1).await;
    let slow = connector.function(&mapping(&queue.arn, "slow")).await.unwrap();
    let answer = slow.invoke(Invocation::first("{}")).await.unwrap();
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    assert!(String::from_utf8_lossy(&answer.payload).contains("timed out"), "{:?}", answer.payload);
}

#[tokio::test]
async fn reserved_concurrency_throttles_and_asks_for_a_pause() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let ended = folder.path().join("ended");
    account.create_function("slow", &format!("ENDED = {:?}\n{WAITS}", ended.to_str().unwrap())).await;
    account
        .lambda
        .put_function_concurrency()
        .function_name("slow")
        .reserved_concurrent_executions(1)
        .send()
        .await
        .unwrap();
    let slow = account.connector().function(&mapping(&queue.arn, "slow")).await.unwrap();
    assert_eq!(slow.describe().await.unwrap().reserved_concurrency, Some(1));
    let mut invokes: FuturesUnordered<_> = (0..3).map(|_| slow.invoke(Invocation::first("{}"))).collect();
    // While one of them lasts, the other two are refused.
    for _ in 0..2 {
        let fault = invokes.next().await.unwrap().unwrap_err();
        assert_eq!(fault.kind, FaultKind::Throttled, "{fault}");
        assert!(fault.retry_after.is_some(), "{fault:?}");
        assert!(fault.message.contains("reason ReservedFunctionConcurrentInvocationLimitExceeded"), "{fault}");
    }
    std::fs::write(ended, "").unwrap();
    invokes.next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_version_and_a_whole_arn_name_a_function() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    let arn = account.create_function("work", ECHO).await;
    account.lambda.publish_version().function_name("work").send().await.unwrap();
    let connector = account.connector();
    let version = connector.function(&mapping(&queue.arn, "work:1")).await.unwrap();
    let answer = version.invoke(Invocation::first("{}")).await.unwrap();
    assert_eq!(answer.executed_version.as_deref(), Some("1"));

    let mut named = mapping(&queue.arn, "work");
    named.function.text = format!("{arn}:1");
    named.function.qualifier = Some("1".to_owned());
    named.function.region = Some(REGION.to_owned());
    named.function.account = Some(account.id.clone());
    let answer = connector.function(&named).await.unwrap().invoke(Invocation::first("{}")).await.unwrap();
    assert_eq!(answer.executed_version.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_role_is_assumed_before_the_first_call() {
    let emulator = Emulator::shared();
    let account = emulator.account().await;
    let owner = emulator.account().await;
    let queue = owner.create_queue("orders", &[]).await;
    owner.sqs.send_message().queue_url(&queue.url).message_body("x").send().await.unwrap();
    let mut mapping = mapping(&queue.arn, "work");
    mapping.poller.source.role_arn = Some(format!("arn:aws:iam::{}:role/reader", owner.id));
    let source = account.connector().queue(&mapping).await.unwrap();
    assert_eq!(source.receive(poll(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_mappings_own_endpoint_wins_over_the_configured_one() {
    let emulator = Emulator::shared();
    let account = emulator.account().await;
    let queue = account.create_queue("orders", &[]).await;
    account.create_function("work", ECHO).await;
    // The configuration points at a port where nobody is.
    let config = sdk_config("http://127.0.0.1:9", &account.id).await;
    let connector = AwsConnector::with_config(config).unwrap();
    let mut mapping = mapping(&queue.arn, "work");
    let fault = connector.queue(&mapping).await.unwrap().receive(poll(1)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
    for service in ["sqs", "lambda"] {
        mapping.poller.endpoints.insert(service.to_owned(), emulator.endpoint());
    }
    connector.queue(&mapping).await.unwrap().receive(poll(1)).await.unwrap();
    connector.function(&mapping).await.unwrap().invoke(Invocation::first("{}")).await.unwrap();
}
