//! Workers that are killed and frozen under load.

use std::fs;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use rustix::process::{Pid, Signal, kill_process};

use super::{ONCE, guards, none_is_left, python, workers};
use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Emulator, amount};

fn signal(id: i32, signal: Signal) {
    // It may have ended.
    kill_process(Pid::from_raw(id).unwrap(), signal).ok();
}

#[tokio::test]
async fn workers_that_are_killed_at_random_lose_nothing() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 3, 20).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let handler = "def handler(event, context):\n    time.sleep(0.02)\n    note(event)\n";
    fs::write(site.path("app.py"), ledger.source(handler)).unwrap();
    let poller = python(&site, 10, "10s").replace("Poller:", "Poller:\n  Visibility: { OnFunctionError: Release }");
    site.map("orders", &queue, "orders", &format!("BatchSize: 5\n{poller}"));
    let daemon = site.run().await;
    let (mut sent, mut kills) = (0, 0);
    let until = Instant::now() + Duration::from_secs(amount(600, 12) as u64);
    while Instant::now() < until {
        let bodies: Vec<String> = (sent..sent + 20).map(|number| format!("order-{number}")).collect();
        account.send(&queue, &bodies).await;
        sent += bodies.len();
        tokio::time::sleep(Duration::from_millis(250)).await;
        let alive = workers(&site);
        if let Some(id) = fastrand::choice(&alive) {
            signal(*id, Signal::KILL);
            kills += 1;
        }
    }
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", gone).await;
    println!("{sent} messages, {kills} kills, {} handed over", ledger.bodies().values().sum::<usize>());
    assert!(kills > 5, "{kills} kills");
    assert_eq!(ledger.bodies().len(), sent, "after {kills} kills");
    assert!(account.messages(&dead).await.is_empty());
    daemon.stop().await;
    none_is_left(&site).await;
}

#[tokio::test]
async fn a_frozen_worker_costs_its_own_invocation_only() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "3")]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let handler = ledger.source(
        "
def handler(event, context):
    if event['Records'][0]['body'] == 'frozen' and once('frozen'):
        with open(LEDGER + '-id', 'w') as file:
            file.write(str(os.getpid()) + '\\n')
        time.sleep(1000)
    note(event)
",
    );
    fs::write(site.path("app.py"), format!("{handler}\n{ONCE}")).unwrap();
    let poller = python(&site, 2, "20s").replace("Poller:", "Poller:\n  Visibility: { OnFunctionError: Release }");
    site.map("orders", &queue, "orders", &format!("BatchSize: 1\n{poller}"));
    account.send(&queue, &["frozen".to_owned()]).await;
    let daemon = site.run().await;
    let id = eventually(SOON, "it is at work", async || {
        fs::read_to_string(site.path("ledger-id")).ok()?.strip_suffix('\n')?.parse().ok()
    })
    .await;
    signal(id, Signal::STOP);
    let bodies: Vec<String> = (0..20).map(|number| format!("order-{number}")).collect();
    account.send(&queue, &bodies).await;
    let others = async || (ledger.bodies().len() == bodies.len()).then_some(());
    eventually(SOON, "the others are processed", others).await;
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the message of the frozen one is processed, too", gone).await;
    let seen = ledger.bodies();
    assert_eq!((seen.len(), seen["frozen"]), (bodies.len() + 1, 1));
    eventually(SOON, "it is ended", async || (!workers(&site).contains(&id)).then_some(())).await;
    daemon.stop().await;
    none_is_left(&site).await;
}

#[tokio::test]
async fn a_frozen_guard_leaves_no_mapping_without_a_worker_and_no_process_behind() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "30")]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    fs::write(site.path("app.py"), ledger.noting()).unwrap();
    let poller = python(&site, 1, "20s").replace("KillAfter: 1s", "KillAfter: 1s\n      InitTimeout: 12s");
    site.map("orders", &queue, "orders", &format!("BatchSize: 1\n{poller}"));
    account.send(&queue, &["first".to_owned()]).await;
    let daemon = site.run().await;
    eventually(SOON, "the worker works", async || (ledger.bodies().len() == 1).then_some(())).await;
    let (guard, worker) = (guards(&site)[0], workers(&site)[0]);
    signal(guard, Signal::STOP);
    signal(worker, Signal::KILL);
    account.send(&queue, &["second".to_owned()]).await;
    let next = async || (ledger.bodies().len() == 2 && !guards(&site).contains(&guard)).then_some(());
    eventually(SOON, "another worker works", next).await;
    // Its successor is frozen when forebay ends.
    signal(guards(&site)[0], Signal::STOP);
    daemon.stop().await;
    none_is_left(&site).await;
}
