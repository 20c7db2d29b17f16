//! A function that may run once at a time: throttles cost time, never a receive.

use crate::harness::Emulator;
use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};

/// The last of the batches that begin together waits for longer than the queue hides it: only heartbeats keep it.
const SLOW: &str = "
def handler(event, context):
    note(event)
    time.sleep(1)
";

#[tokio::test]
async fn throttles_spend_no_receive_and_dead_letter_nothing() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 6, 3).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.source(SLOW)).await;
    let reserved = account.lambda.put_function_concurrency().function_name("work").reserved_concurrent_executions(1);
    reserved.send().await.unwrap();
    let bodies: Vec<String> = (0..30).map(|number| format!("order {number}")).collect();
    account.send(&queue, &bodies).await;

    site.map("orders", &queue, "work", "BatchSize: 1");
    let daemon = site.run().await;
    let empty = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", empty).await;

    assert!(account.messages(&dead).await.is_empty());
    let seen = ledger.bodies();
    assert_eq!(seen.len(), bodies.len());
    assert!(seen.values().all(|&times| times == 1), "{seen:?}");
    let receives: Vec<u32> = ledger.entries().iter().flat_map(|entry| &entry.records).map(|record| record.2).collect();
    assert_eq!(receives, [1; 30]);
    let throttles = daemon.metric("forebay_throttles_total", "orders").await;
    assert!(throttles > 0.0, "the function was never busy when it was asked");
    let faults = daemon.faults("orders").await;
    assert_eq!(daemon.metric("forebay_invokes_total", "orders").await, throttles + faults + 30.0);
    assert_eq!(site.status("orders").await["Counters"]["Throttles"], throttles as u64);
    daemon.stop().await;
}
