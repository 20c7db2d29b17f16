//! Poison: from the function's failure to the dead-letter queue.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::fifo::unix;
use crate::harness::ledger::{Entry, Ledger};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

const RECEIVES: u32 = 3;
/// Long enough for a busy machine to extend it in time.
const VISIBILITY: u32 = 6;

const THROWS: &str = "
def handler(event, context):
    note(event)
    if any(record['body'].startswith('poison') for record in event['Records']):
        raise ValueError('poison')
";

const REPORTS: &str = "
def handler(event, context):
    note(event)
    poison = [record['messageId'] for record in event['Records'] if record['body'].startswith('poison')]
    return {'batchItemFailures': [{'itemIdentifier': id} for id in poison]}
";

fn bodies(messages: &[Value]) -> Vec<&str> {
    in_order(messages.iter().map(|message| message["Body"].as_str().unwrap()).collect())
}

fn in_order(mut bodies: Vec<&str>) -> Vec<&str> {
    bodies.sort_unstable();
    bodies
}

async fn empty(account: &Account, queue: &Queue) {
    eventually(SOON, "the queue is empty", async || account.messages(queue).await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_function_error_makes_the_whole_batch_wait_and_come_back_until_it_is_dead_lettered() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", VISIBILITY, RECEIVES).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.source(THROWS)).await;
    site.map("orders", &queue, "work", "ScalingConfig: { MaximumConcurrency: 1 }");
    let daemon = site.run().await;
    assert_eq!(site.status("orders").await["LastProcessingResult"], "No records processed");
    // The first start of a function takes a while; from then on it notes when it is invoked.
    account.send(&queue, &["first".to_owned()]).await;
    empty(&account, &queue).await;
    // One call, one batch: what stands beside the poison shares its fate, as on AWS.
    let batch = ["good 1", "poison", "good 2"];
    let sent = unix();
    account.send(&queue, &batch.map(str::to_owned)).await;
    let failed = eventually(SOON, "the failure shows", async || {
        let status = site.status("orders").await;
        (status["LastProcessingResult"] != "OK").then_some(status)
    })
    .await;
    assert_eq!(failed["LastProcessingResult"], "PROBLEM: Function call failed");
    assert_eq!(failed["Health"], "ok", "a function that fails is no fault of the mapping");
    let last = &failed["LastError"];
    // The emulator calls each error of a handler so; Lambda names the exception.
    assert_eq!((&last["Type"], &last["Message"]), (&json!("Runtime.HandlerError"), &json!("poison")), "{failed}");
    let others: Vec<String> = (0..20).map(|number| format!("other {number}")).collect();
    account.send(&queue, &others).await;
    empty(&account, &queue).await;

    let entries = ledger.entries();
    let failed: Vec<&Entry> = entries.iter().filter(|entry| entry.bodies().any(|body| body == "poison")).collect();
    assert_eq!(failed[0].bodies().collect::<Vec<_>>(), batch);
    // Others share a later batch with the poison when the machine is so slow that they are still there.
    let mut failures: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (_, body, receives) in failed.iter().flat_map(|entry| &entry.records) {
        failures.entry(body).or_default().push(*receives);
    }
    assert_eq!(failures["poison"], [1, 2, 3]);
    for (times, entry) in (0_u32..).zip(&failed) {
        let waited = entry.at - sent;
        assert!(waited >= f64::from(times * VISIBILITY), "failed {times} times, and here after {waited} s");
    }
    let spent: Vec<&str> = failures.iter().filter(|(_, receives)| receives.len() == 3).map(|(body, _)| *body).collect();
    assert_eq!(bodies(&account.messages(&dead).await), spent);
    // What has not failed to the end was processed, and then does not come again.
    let processed = entries.iter().filter(|entry| !entry.bodies().any(|body| body == "poison"));
    let processed: Vec<&str> = processed.flat_map(Entry::bodies).collect();
    let mut all: Vec<&str> = [&["first"][..], &batch].concat();
    all.extend(others.iter().map(String::as_str));
    all.retain(|body| !spent.contains(body));
    assert_eq!(in_order(processed), in_order(all.clone()));
    daemon.function_failed("orders", failures.values().map(Vec::len).sum(), 10).await;
    assert_eq!(daemon.metric("forebay_events_exhausted_total", "orders").await, spent.len() as f64);
    daemon.reaches("forebay_events_deleted_total", "orders", all.len() as f64).await;
    daemon.stop().await;
}

#[tokio::test]
async fn only_the_reported_messages_come_back_and_are_dead_lettered() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", VISIBILITY, RECEIVES).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.source(REPORTS)).await;
    let name = |number| if number % 10 == 7 { format!("poison {number}") } else { format!("good {number}") };
    account.send(&queue, &(0..30).map(name).collect::<Vec<String>>()).await;
    site.map("orders", &queue, "work", "FunctionResponseTypes: [ReportBatchItemFailures]");
    let daemon = site.run().await;
    empty(&account, &queue).await;

    assert_eq!(bodies(&account.messages(&dead).await), ["poison 17", "poison 27", "poison 7"]);
    let times = ledger.bodies();
    assert_eq!(times.len(), 30);
    for (body, times) in times {
        assert_eq!(times, if body.starts_with("poison") { RECEIVES as usize } else { 1 }, "{body}");
    }
    daemon.function_failed("orders", 9, 10).await;
    assert_eq!(daemon.metric("forebay_events_exhausted_total", "orders").await, 3.0);
    daemon.reaches("forebay_events_deleted_total", "orders", 27.0).await;
    assert_eq!(site.status("orders").await["LastProcessingResult"], "OK");
    daemon.stop().await;
}
