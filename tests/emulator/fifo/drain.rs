//! SIGTERM: what was not begun of message groups is visible again at once, and goes on in order.

use rustix::process::Signal;

use crate::harness::Emulator;
use crate::harness::fifo::{Numbers, Turns, in_turn};
use crate::harness::group_order::History;
use crate::harness::process::{SOON, Site, eventually};

const GROUPS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const EACH: usize = 20;

#[tokio::test]
async fn what_was_not_begun_is_visible_again_at_once_and_in_order() {
    let account = Emulator::shared().account().await;
    // Hidden for longer than any test lasts, unless they are given back.
    let queue = account.create_fifo_queue("orders", 600).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    let source = "def handler(event, context):\n    time.sleep(0.7)\n    note(event)\n";
    account.create_function("work", &turns.source(source)).await;
    account.send_groups(&queue, &in_turn(&GROUPS, EACH)).await;
    site.map("orders", &queue, "work", "BatchSize: 3\nScalingConfig: { MaximumConcurrency: 2 }");
    let mut daemon = site.run().await;
    eventually(SOON, "the load is there", async || (turns.entries().len() >= 4).then_some(())).await;

    daemon.signal(Signal::TERM);
    let (status, took) = daemon.ended(SOON).await;
    assert_eq!(status.code(), Some(0), "after {took:?}");
    let left = account.messages(&queue).await;
    assert!(left.iter().all(|message| message["IsVisible"] == true), "{left:?}");
    assert_eq!(turns.done() + left.len(), GROUPS.len() * EACH, "what is done is deleted, once");
    assert!(left.len() > EACH, "the drain went on receiving: {} are left", left.len());
    let again: u64 = left.iter().map(|message| message["ReceiveCount"].as_u64().unwrap()).max().unwrap();
    assert!(again <= 2, "the drain's own polls took messages that it had given back, up to {again} times");

    // The rest by another life, from where the first one stopped.
    account.create_function("rest", &turns.noting()).await;
    site.map("orders", &queue, "rest", "");
    let daemon = site.run().await;
    account.emptied(&queue).await;
    daemon.stop().await;
    let tally = History { turns: turns.entries(), kills: &[], dead: &Numbers::new() }.check().unwrap();
    assert_eq!(tally.repeated, 0);
    assert_eq!(tally.processed, GROUPS.iter().map(|group| ((*group).to_owned(), (0..EACH).collect())).collect());
}
