//! Message groups while the ground moves: the queue cannot be reached for longer than a lease, or the mapping changes
//! again and again.

use rustix::process::Signal;

use crate::harness::Emulator;
use crate::harness::fifo::{Numbers, Turns, in_turn, unix};
use crate::harness::group_order::{History, Tally};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::proxy::Proxy;

const GROUPS: usize = 30;
const EACH: usize = 30;

/// Every twentieth message fails when it comes first, with what is behind it.
const CAREFUL: &str = "
def handler(event, context):
    began = time.time()
    time.sleep(0.2)
    failed, stopped = [], set()
    for record in event['Records']:
        if group(record) in stopped or (number(record) % 20 == 13 and receives(record) == 1):
            stopped.add(group(record))
            failed.append(record['messageId'])
    note(event, failed, began)
    return report(failed)
";

fn sent() -> Vec<(String, usize)> {
    let names: Vec<String> = (0..GROUPS).map(|index| format!("group {index}")).collect();
    in_turn(&names.iter().map(|name| &**name).collect::<Vec<_>>(), EACH)
}

/// All were processed, in their order.
fn complete(turns: &mut Turns, disturbed: &[f64]) -> Tally {
    let tally = History { turns: turns.entries(), kills: disturbed, dead: &Numbers::new() }.check().unwrap();
    assert_eq!(tally.processed.len(), GROUPS);
    assert!(tally.processed.values().all(|processed| *processed == (0..EACH).collect()), "{:?}", tally.processed);
    tally
}

#[tokio::test]
async fn groups_keep_their_order_when_the_queue_is_out_of_reach_for_longer_than_their_leases() {
    let emulator = Emulator::shared();
    let account = emulator.account().await;
    let queue = account.create_fifo_queue("orders", 10).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(CAREFUL)).await;
    account.send_groups(&queue, &sent()).await;
    let proxy = Proxy::start(&emulator.endpoint()).await;
    let more = format!(
        "FunctionResponseTypes: [ReportBatchItemFailures]\nScalingConfig: {{ MaximumConcurrency: 4 }}\n\
         Poller: {{ Endpoints: {{ sqs: \"{}\" }} }}",
        proxy.endpoint()
    );
    site.map("orders", &queue, "work", &more);
    let daemon = site.run().await;
    let mut cuts = Vec::new();
    for done in [100, 300, 500] {
        eventually(SOON, "it flows", async || (turns.done() >= done).then_some(())).await;
        cuts.push(unix());
        let refused = proxy.refused();
        proxy.shut();
        // For longer than a lease, and than the first tries to extend it.
        eventually(SOON, "every lease is over", async || {
            let left = account.messages(&queue).await;
            let visible = left.iter().all(|message| message["IsVisible"] == true);
            (visible && proxy.refused() > refused + 2).then_some(())
        })
        .await;
        proxy.reopen();
        cuts.push(unix());
    }
    account.emptied(&queue).await;
    site.health("orders", "ok", "").await;
    daemon.stop().await;
    let tally = complete(&mut turns, &cuts);
    println!("{} processed again", tally.repeated);
    assert!(proxy.refused() > 0);
}

#[tokio::test]
async fn a_mapping_that_changes_under_load_processes_nothing_twice_and_nothing_out_of_order() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(CAREFUL)).await;
    account.send_groups(&queue, &sent()).await;
    let map = |batch_size: usize| {
        let more = format!(
            "BatchSize: {batch_size}\nFunctionResponseTypes: [ReportBatchItemFailures]\n\
             ScalingConfig: {{ MaximumConcurrency: 4 }}\nPoller: {{ Visibility: {{ OnFunctionError: Release }} }}"
        );
        site.map("orders", &queue, "work", &more);
    };
    map(10);
    let daemon = site.run().await;
    for (reload, batch_size) in [3, 10, 7, 5, 10].into_iter().enumerate() {
        eventually(SOON, "it flows", async || (turns.done() >= 50 + 120 * reload).then_some(())).await;
        map(batch_size);
        daemon.signal(Signal::HUP);
        eventually(SOON, "reloaded", async || (daemon.said("reloaded").len() > reload).then_some(())).await;
    }
    account.emptied(&queue).await;
    daemon.stop().await;
    assert_eq!(complete(&mut turns, &[]).repeated, 0);
}
