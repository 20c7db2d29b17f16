//! Poison: from the function's failure to the dead-letter queue.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

const RECEIVES: u32 = 3;
const VISIBILITY: u32 = 2;

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
    let mut bodies: Vec<&str> = messages.iter().map(|message| message["Body"].as_str().unwrap()).collect();
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
    account.create_function("work", &ledger.source(THROWS), 10).await;
    site.map("orders", &queue, "work", "ScalingConfig: { MaximumConcurrency: 1 }");
    let daemon = site.run().await;
    assert_eq!(site.status("orders").await["LastProcessingResult"], "No records processed");
    // The first start of a function takes a while; from then on it notes when it is invoked.
    account.send(&queue, &["first".to_owned()]).await;
    empty(&account, &queue).await;
    // One call, one batch: what stands beside the poison shares its fate, as on AWS.
    let batch = ["good 1", "poison", "good 2"];
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

    let moved = account.messages(&dead).await;
    assert_eq!(bodies(&moved), ["good 1", "good 2", "poison"]);
    let mut times: BTreeMap<&str, Vec<(u32, f64)>> = BTreeMap::new();
    let entries = ledger.entries();
    for entry in entries {
        for (_, body, receives) in &entry.records {
            times.entry(body).or_default().push((*receives, entry.at));
        }
    }
    for body in batch {
        let receives: Vec<u32> = times[body].iter().map(|time| time.0).collect();
        assert_eq!(receives, [1, 2, 3], "{body}");
        let gaps: Vec<f64> = times[body].windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
        let (least, most) = (f64::from(VISIBILITY) - 0.3, f64::from(VISIBILITY) + 4.0);
        assert!(gaps.iter().all(|gap| (least..most).contains(gap)), "{body}: {gaps:?}");
    }
    assert!(others.iter().all(|body| times[&**body].len() == 1), "{times:?}");
    assert_eq!(daemon.metric("forebay_events_failed_total", "orders").await, 9.0);
    assert_eq!(daemon.metric("forebay_events_exhausted_total", "orders").await, 3.0);
    daemon.reaches("forebay_events_deleted_total", "orders", 21.0).await;
    daemon.stop().await;
}

#[tokio::test]
async fn only_the_reported_messages_come_back_and_are_dead_lettered() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", VISIBILITY, RECEIVES).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.source(REPORTS), 10).await;
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
    assert_eq!(daemon.metric("forebay_events_failed_total", "orders").await, 9.0);
    assert_eq!(daemon.metric("forebay_events_exhausted_total", "orders").await, 3.0);
    daemon.reaches("forebay_events_deleted_total", "orders", 27.0).await;
    assert_eq!(site.status("orders").await["LastProcessingResult"], "OK");
    daemon.stop().await;
}
