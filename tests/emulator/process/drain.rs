//! SIGTERM: in flight is finished, in hand is given back at once, and the bound is kept.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use rustix::process::Signal;

use crate::harness::ledger::Ledger;
use crate::harness::process::{Daemon, NEVER, SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

const DRAINING: &str = "draining; another signal cuts it short";

/// A function that takes so many seconds hangs for as long as any test waits.
const HANG: u32 = 300;

/// Notes, and then takes so many seconds.
fn lasting(ledger: &Ledger, seconds: u32) -> String {
    ledger.source(&format!("def handler(event, context):\n    note(event)\n    time.sleep({seconds})\n"))
}

fn bodies(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("order {number}")).collect()
}

/// A queue whose messages stay hidden for longer than any test lasts, unless they are given back.
async fn hiding_queue(account: &Account) -> Queue {
    account.create_queue("orders", &[(VisibilityTimeout, "600")]).await
}

/// Waits until so many messages are in forebay's hands.
async fn holds(site: &Site, count: u64) {
    eventually(SOON, &format!("{count} messages are held"), async || {
        (site.status("orders").await["Queue"]["Held"] == count).then_some(())
    })
    .await;
}

/// Everything in the queue can be received at once.
async fn all_visible(account: &Account, queue: &Queue) -> BTreeSet<String> {
    let left = account.messages(queue).await;
    assert!(left.iter().all(|message| message["IsVisible"] == true), "{left:?}");
    left.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

async fn terminated(mut daemon: Daemon) -> Duration {
    daemon.signal(Signal::TERM);
    let (status, took) = daemon.ended(SOON).await;
    assert_eq!(status.code(), Some(0), "after {took:?}");
    took
}

#[tokio::test]
async fn a_drain_under_load_finishes_what_is_in_flight_and_hides_nothing() {
    let account = Emulator::shared().account().await;
    let queue = hiding_queue(&account).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &lasting(&ledger, 1)).await;
    let sent = bodies(300);
    account.send(&queue, &sent).await;
    site.map("orders", &queue, "work", "ScalingConfig: { MaximumConcurrency: 4 }");
    let daemon = site.run_with(&["--drain-timeout", NEVER]).await;
    eventually(SOON, "the load is there", async || (ledger.entries().len() >= 6).then_some(())).await;

    terminated(daemon).await;
    let left = all_visible(&account, &queue).await;
    let done = ledger.bodies();
    assert!(done.values().all(|&times| times == 1), "{done:?}");
    assert!(left.len() >= 100, "the drain goes on receiving: only {} messages are left", left.len());
    assert!(done.keys().all(|body| !left.contains(body)), "what is done is deleted");
    assert_eq!(done.len() + left.len(), sent.len());
}

#[tokio::test]
async fn messages_that_wait_in_a_window_are_visible_again_at_once() {
    let account = Emulator::shared().account().await;
    let queue = hiding_queue(&account).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    let sent = bodies(25);
    account.send(&queue, &sent).await;
    site.map("orders", &queue, "work", "BatchSize: 100\nMaximumBatchingWindowInSeconds: 300");
    let daemon = site.run_with(&["--drain-timeout", NEVER]).await;
    holds(&site, 25).await;

    terminated(daemon).await;
    assert_eq!(all_visible(&account, &queue).await, sent.into_iter().collect());
    assert!(ledger.entries().is_empty());
    let left = account.messages(&queue).await;
    let again: u64 = left.iter().map(|message| message["ReceiveCount"].as_u64().unwrap() - 1).sum();
    assert!(again <= 5, "the drain's own polls took messages that it had given back: {again} times");
}

#[tokio::test]
async fn batches_that_were_throttled_are_visible_again_at_once() {
    let account = Emulator::shared().account().await;
    let queue = hiding_queue(&account).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    let reserved = account.lambda.put_function_concurrency().function_name("work").reserved_concurrent_executions(0);
    reserved.send().await.unwrap();
    let sent = bodies(30);
    account.send(&queue, &sent).await;
    site.map("orders", &queue, "work", "ScalingConfig: { MaximumConcurrency: 2 }");
    let daemon = site.run_with(&["--drain-timeout", NEVER]).await;
    eventually(SOON, "throttles", async || {
        (daemon.metric("forebay_throttles_total", "orders").await >= 3.0).then_some(())
    })
    .await;

    terminated(daemon).await;
    assert_eq!(all_visible(&account, &queue).await, sent.into_iter().collect());
    assert!(ledger.entries().is_empty());
}

#[tokio::test]
async fn a_function_that_hangs_is_not_waited_for_beyond_the_bound() {
    let account = Emulator::shared().account().await;
    let queue = hiding_queue(&account).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &lasting(&ledger, HANG)).await;
    account.send(&queue, &bodies(1)).await;
    site.map("orders", &queue, "work", "");
    let daemon = site.run_with(&["--drain-timeout", "2s"]).await;
    eventually(SOON, "the function hangs", async || (ledger.entries().len() == 1).then_some(())).await;

    let took = terminated(daemon).await;
    assert!(took > Duration::from_millis(1900), "{took:?}");
    let left = account.messages(&queue).await;
    assert_eq!(left.len(), 1, "not processed, not lost");
}

#[tokio::test]
async fn a_second_signal_cuts_the_drain_short() {
    let account = Emulator::shared().account().await;
    let queue = hiding_queue(&account).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &lasting(&ledger, HANG)).await;
    account.send(&queue, &bodies(1)).await;
    site.map("orders", &queue, "work", "");
    let mut daemon = site.run_with(&["--drain-timeout", NEVER]).await;
    eventually(SOON, "the function hangs", async || (ledger.entries().len() == 1).then_some(())).await;

    daemon.signal(Signal::TERM);
    eventually(SOON, "it drains", async || (!daemon.said(DRAINING).is_empty()).then_some(())).await;
    eventually(SOON, "it says so", async || (daemon.probe("/readyz").await.0 == 503).then_some(())).await;
    assert_eq!(daemon.probe("/livez").await.0, 200, "a drain is no reason for an orchestrator to kill it");
    daemon.signal(Signal::TERM);
    let (status, _) = daemon.ended(SOON).await;
    assert_eq!(status.code(), Some(1), "what is cut short is not clean");
    assert_eq!(account.messages(&queue).await.len(), 1, "not processed, not lost");
}

#[tokio::test]
async fn an_interrupt_drains_too_and_shows_in_the_exit_code() {
    let account = Emulator::shared().account().await;
    let queue = hiding_queue(&account).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &lasting(&ledger, 1)).await;
    account.send(&queue, &bodies(1)).await;
    site.map("orders", &queue, "work", "");
    let mut daemon = site.run().await;
    eventually(SOON, "the function works", async || (ledger.entries().len() == 1).then_some(())).await;
    daemon.signal(Signal::INT);
    let (status, _) = daemon.ended(SOON).await;
    assert_eq!(status.code(), Some(130));
    assert!(account.messages(&queue).await.is_empty(), "processed and deleted");
    assert!(!site.path("socket").exists(), "the socket goes with its process");
    let called = site.call(&["list"]).await;
    assert_eq!(called.code, Some(1), "{called:?}");
    assert!(called.stderr.contains(site.path("socket").to_str().unwrap()), "{called:?}");
}
