//! Receives that are open when settings change, a mapping is stopped or the process ends: what comes then is neither
//! hidden nor spent. Each queue moves a message to its dead-letter queue when it is received a second time.

use rustix::process::Signal;
use serde_json::json;

use crate::api::site::{Api, Client, uuid};
use crate::harness::ledger::Ledger;
use crate::harness::process::{Daemon, SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

/// A queue whose messages may be received once, its dead-letter queue, and a function that notes what it gets.
struct Stage {
    account: Account,
    site: Site,
    queue: Queue,
    dead: Queue,
    ledger: Ledger,
}

impl Stage {
    async fn new() -> Self {
        let account = Emulator::shared().account().await;
        let mut site = Site::new(&account);
        // Receives last as long as they do where nothing is set.
        site.set_variable("FOREBAY_RECEIVE_WAIT", "20s");
        let (queue, dead) = account.create_queue_pair("orders", 60, 1).await;
        let ledger = Ledger::new(&site, "ledger");
        // No longer than the queue hides messages, or the API refuses the pair.
        account.create_function_with("work", &ledger.noting(), 60).await;
        Self { account, site, queue, dead, ledger }
    }

    async fn run(&self) -> Daemon {
        self.site.map("orders", &self.queue, "work", "");
        let daemon = self.site.run().await;
        self.receives("orders").await;
        daemon
    }

    /// Waits until a long receive is open.
    async fn receives(&self, name: &str) {
        self.site.health(name, "ok", "").await;
        eventually(SOON, "a receive is open", async || {
            (self.site.status(name).await["Queue"]["OpenReceives"] == 1).then_some(())
        })
        .await;
    }

    async fn send(&self) {
        self.account.send(&self.queue, &["order".to_owned()]).await;
    }

    /// The message was processed once, when it was first received, and lies nowhere any more.
    async fn is_processed_once(&mut self) {
        eventually(SOON, "the message is processed and deleted", async || {
            let left = self.account.messages(&self.queue).await.len();
            (left == 0 && !self.ledger.entries().is_empty()).then_some(())
        })
        .await;
        let receives: Vec<u32> = self.ledger.entries().iter().flat_map(|entry| &entry.records).map(|it| it.2).collect();
        assert_eq!(receives, [1]);
        assert!(self.account.messages(&self.dead).await.is_empty(), "nothing is dead-lettered");
    }
}

#[tokio::test]
async fn a_message_that_comes_right_after_a_changed_reload_is_processed_at_once() {
    let mut stage = Stage::new().await;
    let daemon = stage.run().await;
    stage.site.map("orders", &stage.queue, "work", "BatchSize: 5");
    for _ in 0..5 {
        daemon.signal(Signal::HUP);
    }
    eventually(SOON, "it has reloaded", async || daemon.said("reloaded").first().cloned()).await;
    stage.send().await;
    stage.is_processed_once().await;
    assert_eq!(stage.site.status("orders").await["BatchSize"], 5);
    daemon.kill().await;
}

#[tokio::test]
async fn a_message_that_comes_while_the_process_ends_is_processed_once() {
    let mut stage = Stage::new().await;
    let mut daemon = stage.run().await;
    daemon.signal(Signal::TERM);
    let waits = "waiting for 1 receive that is still open (up to 20 s); another signal stops now";
    eventually(SOON, "it says what it waits for", async || daemon.said(waits).first().cloned()).await;
    stage.send().await;
    let (status, _) = daemon.ended(SOON).await;
    assert_eq!(status.code(), Some(0));
    let next = stage.site.run().await;
    stage.is_processed_once().await;
    next.kill().await;
}

#[tokio::test]
async fn a_message_that_comes_after_a_stop_is_there_for_another_consumer_or_processed() {
    let mut stage = Stage::new().await;
    let daemon = stage.run().await;
    let stopped = stage.site.call(&["stop", "orders"]).await;
    assert_eq!((stopped.code, &*stopped.stdout), (Some(0), "orders Disabled\n"), "{stopped:?}");
    assert_eq!(stage.site.status("orders").await["Queue"]["OpenReceives"], 1);
    // The receive that is open takes it; whoever received it then would get it from nowhere.
    stage.send().await;
    stage.is_processed_once().await;

    let stopped = stage.site.call(&["stop", "orders", "--wait"]).await;
    assert_eq!((stopped.code, &*stopped.stdout), (Some(0), "orders Disabled\n"), "{stopped:?}");
    assert_eq!(stage.site.status("orders").await["Queue"]["OpenReceives"], 0);
    stage.send().await;
    let other = stage.account.sqs.receive_message().queue_url(&stage.queue.url).wait_time_seconds(5).send();
    assert_eq!(other.await.unwrap().messages().len(), 1, "another consumer gets it");
    assert_eq!(stage.ledger.entries().len(), 1);
    daemon.kill().await;
}

#[tokio::test]
async fn a_start_soon_after_a_stop_goes_on_with_the_receive_that_is_open() {
    let mut stage = Stage::new().await;
    let daemon = stage.run().await;
    assert_eq!(stage.site.call(&["stop", "orders"]).await.code, Some(0));
    let started = stage.site.call(&["start", "orders", "--wait"]).await;
    assert_eq!((started.code, &*started.stdout), (Some(0), "orders Enabled\n"), "{started:?}");
    stage.send().await;
    stage.is_processed_once().await;
    daemon.kill().await;
}

#[tokio::test]
async fn a_message_that_comes_right_after_an_update_through_the_api_is_processed_at_once() {
    let mut stage = Stage::new().await;
    let site = Site::new(&stage.account);
    let mut api = Api::start(std::mem::replace(&mut stage.site, site), Client::Boto).await;
    let created = api.create(json!({"EventSourceArn": stage.queue.arn, "FunctionName": "work"})).await;
    let uuid = uuid(&created).to_owned();
    api.becomes(&uuid, "Enabled").await;
    eventually(SOON, "a receive is open", async || {
        (api.site.status(&uuid).await["Queue"]["OpenReceives"] == 1).then_some(())
    })
    .await;
    api.update(&uuid, &json!({"BatchSize": 5})).await;
    stage.send().await;
    stage.is_processed_once().await;
    api.becomes(&uuid, "Enabled").await;
    api.kill_and_restart().await;
}
