//! Workers that are killed and frozen under load.

use std::fs;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName::{RedrivePolicy, VisibilityTimeout};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{ONCE, none_is_left, python, workers};
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
    let dead = account.create_queue("dead", &[]).await;
    let redrive = json!({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "20"}).to_string();
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "3"), (RedrivePolicy, &redrive)]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let handler = "def handler(event, context):\n    time.sleep(0.02)\n    note(event)\n";
    fs::write(site.path("app.py"), ledger.source(handler)).unwrap();
    let poller = python(&site, 4, "10s").replace("Poller:", "Poller:\n  Visibility: { OnFunctionError: Release }");
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
