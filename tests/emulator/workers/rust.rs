//! Workers with AWS's own runtime for Rust: this executable again, in another role.

use std::collections::BTreeSet;

use super::{mark, none_is_left};
use crate::harness::Emulator;
use crate::harness::failures::bodies;
use crate::harness::process::{SOON, Site, eventually};

/// Not a test: what the tests start.
#[test]
#[ignore = "a process of other tests"]
fn worker() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        crate::worker::work().unwrap();
    }
}

/// `Poller` with these workers; they carry the site's mark.
fn rust(site: &Site, workers: u32, timeout: &str) -> String {
    let (program, mark) = (std::env::current_exe().unwrap(), mark(site));
    format!(
        "Poller:\n  Function:\n    Timeout: {timeout}\n    RuntimeApi:\n      Command: [{program:?}, \
         'workers::rust::worker', --exact, --ignored, --nocapture]\n      Workers: {workers}\n      \
         KillAfter: 1s\n      RestartBackoff: {{ Initial: 100ms }}\n      Environment: {{ MARK: {mark:?} }}"
    )
}

#[tokio::test]
async fn they_answer_fail_panic_and_hang() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 2, 2).await;
    let site = Site::new(&account);
    let released = "Poller:\n  Visibility: { Timeout: 60s, OnFunctionError: Release }";
    let poller = rust(&site, 2, "5s").replace("Poller:", released);
    site.map("orders", &queue, "orders", &format!("BatchSize: 1\n{poller}"));
    let failing = ["throws", "panics", "hangs"];
    let mut orders: Vec<String> = (0..20).map(|number| format!("order-{number}")).collect();
    orders.extend(failing.map(str::to_owned));
    account.send(&queue, &orders).await;
    let daemon = site.run().await;
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", gone).await;
    let found: BTreeSet<_> = bodies(&account, &dead, failing.len()).await.into_iter().collect();
    assert_eq!(found, failing.map(str::to_owned).into());
    daemon.stop().await;
    none_is_left(&site).await;
}
