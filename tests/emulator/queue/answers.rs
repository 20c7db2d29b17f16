//! What a function may answer, end to end: a message is deleted or dead-lettered, never lost and never kept.

use crate::filter::traffic::sorted;
use crate::harness::Emulator;
use crate::harness::process::{SOON, Site, eventually};

/// Does what the body says.
const OBEYS: &str = "
import json, os, time
def handler(event, context):
    record = event['Records'][0]
    verb, _, text = record['body'].partition(' ')
    if verb == 'return':
        return json.loads(text.replace('OWN-ID', record['messageId']))
    if verb == 'huge':
        return 'x' * (7 * 1024 * 1024)
    if verb == 'raise':
        raise KeyError('\\u6f22\\n\"' * 1000)
    if verb == 'exit':
        os._exit(3)
    if verb == 'hang':
        time.sleep(600)
    raise ValueError(verb)
";

const SUCCESSES: &[&str] = &[
    "return null",
    "return {}",
    "return []",
    "return 5",
    "return \"text\"",
    "return true",
    r#"return {"batchItemFailures": []}"#,
    r#"return {"batchItemFailures": null}"#,
    r#"return {"other": {"batchItemFailures": 1}}"#,
];

const FAILURES: &[&str] = &[
    r#"return {"batchItemFailures": [{"itemIdentifier": "OWN-ID"}]}"#,
    r#"return {"batchItemFailures": [{"itemIdentifier": "OWN-ID"}, {"itemIdentifier": "OWN-ID"}]}"#,
    r#"return {"batchItemFailures": [{"itemIdentifier": "nobody"}]}"#,
    r#"return {"batchItemFailures": [{"itemIdentifier": ""}]}"#,
    r#"return {"batchItemFailures": [{"itemIdentifier": null}]}"#,
    r#"return {"batchItemFailures": [{}]}"#,
    r#"return {"batchItemFailures": [null]}"#,
    r#"return {"batchItemFailures": ["OWN-ID"]}"#,
    r#"return {"batchItemFailures": "OWN-ID"}"#,
    r#"return {"batchItemFailures": {}}"#,
    // Larger than Lambda's 6,291,556 bytes: it answers `Function.ResponseSizeTooLarge` itself, an emulator hands it on.
    "huge",
    "raise",
    "exit",
];

/// Fails, too: the only one that takes longer than its function may.
const HANGS: &str = "hang";

const PARTIAL: &str = "BatchSize: 1\nFunctionResponseTypes: [ReportBatchItemFailures]\n\
    Poller: { Visibility: { OnFunctionError: Release } }";

#[tokio::test]
async fn every_kind_of_answer_settles_its_message() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 60, 1).await;
    let (hanging, hung) = account.create_queue_pair("hanging", 60, 1).await;
    let site = Site::new(&account);
    account.create_function("work", OBEYS).await;
    account.create_function_with("hangs", OBEYS, 3).await;
    let sent: Vec<String> = SUCCESSES.iter().chain(FAILURES).map(|body| (*body).to_owned()).collect();
    account.send(&queue, &sent).await;
    account.send(&hanging, &[HANGS.to_owned()]).await;
    site.map("orders", &queue, "work", PARTIAL);
    site.map("hanging", &hanging, "hangs", PARTIAL);
    let daemon = site.run().await;
    let empty = async |queue| account.messages(queue).await.is_empty().then_some(());
    eventually(SOON, "both queues are empty", async || empty(&queue).await.and(empty(&hanging).await)).await;

    let bodies = async |queue| {
        let messages = account.messages(queue).await;
        messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sorted(bodies(&dead).await), sorted(FAILURES.iter().map(|body| (*body).to_owned()).collect()));
    assert_eq!(bodies(&hung).await, [HANGS]);
    daemon.reaches("forebay_events_deleted_total", "orders", SUCCESSES.len() as f64).await;
    daemon.function_failed("orders", FAILURES.len(), 1).await;
    daemon.function_failed("hanging", 1, 1).await;
    let malformed = FAILURES.iter().filter(|body| body.starts_with("return")).count() - 2;
    assert_eq!(daemon.metric("forebay_malformed_responses_total", "orders").await, malformed as f64);
    for name in ["orders", "hanging"] {
        let status = site.status(name).await;
        assert_eq!(status["Health"], "ok", "{status}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn without_batch_item_failures_any_answer_is_a_success() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 60, 1).await;
    let site = Site::new(&account);
    account.create_function("work", OBEYS).await;
    let answers = SUCCESSES.iter().chain(FAILURES).filter(|body| body.starts_with("return"));
    let sent: Vec<String> = answers.map(|body| (*body).to_owned()).collect();
    account.send(&queue, &sent).await;
    site.map("orders", &queue, "work", "BatchSize: 1");
    let daemon = site.run().await;
    let empty = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", empty).await;
    assert!(account.messages(&dead).await.is_empty());
    daemon.reaches("forebay_events_deleted_total", "orders", sent.len() as f64).await;
    daemon.stop().await;
}
