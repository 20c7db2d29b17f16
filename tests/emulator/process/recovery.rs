//! What is missing or refused degrades one mapping, says why, and recovers by itself.

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use serde_json::Value;

use crate::harness::ledger::Ledger;
use crate::harness::process::{Daemon, SOON, Site, eventually};
use crate::harness::scripted::{Action, Scripted};
use crate::harness::{Account, Emulator, Queue, REGION};

/// A queue that is not there yet.
fn promised(account: &Account, name: &str) -> Queue {
    Queue { url: String::new(), arn: format!("arn:aws:sqs:{REGION}:{}:{name}", account.id) }
}

async fn recreate(account: &Account, name: &str) -> Queue {
    account.create_queue(name, &[(VisibilityTimeout, "2")]).await
}

/// Sends one message and waits until the function has noted it.
async fn flows(account: &Account, queue: &Queue, ledger: &mut Ledger, body: &str) {
    account.send(queue, &[body.to_owned()]).await;
    noted(ledger, body).await;
}

async fn noted(ledger: &mut Ledger, body: &str) {
    eventually(SOON, &format!("{body} is processed"), async || ledger.bodies().contains_key(body).then_some(())).await;
}

/// The process is ready, whatever one mapping lacks, and the details tell of it.
async fn ready_but_degraded(daemon: &Daemon, name: &str, why: &str) {
    let (code, details) = daemon.probe("/readyz?verbose").await;
    let line = details.lines().find(|line| line.starts_with(&format!("mapping {name}: degraded: ")));
    assert!(code == 200 && line.is_some_and(|line| line.contains(why)), "{code} {details}");
    assert_eq!(daemon.metric("forebay_mapping_degraded", name).await, 1.0);
}

fn reason(status: &Value) -> &str {
    status["HealthReason"].as_str().unwrap()
}

#[tokio::test]
async fn a_queue_that_is_missing_or_vanishes_is_polled_as_soon_as_it_is_there() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    let missing = promised(&account, "orders");
    let good = account.create_queue("good", &[]).await;
    let mut good_ledger = Ledger::new(&site, "good-ledger");
    account.create_function("good-work", &good_ledger.noting()).await;
    site.map("orders", &missing, "work", "");
    site.map("good", &good, "good-work", "");
    let daemon = site.run().await;

    let status = site.health("orders", "degraded", "queue orders").await;
    assert!(reason(&status).starts_with("source: "), "{status}");
    assert!(reason(&status).contains("create the queue, or correct EventSourceArn"), "{status}");
    flows(&account, &good, &mut good_ledger, "beside a missing queue").await;
    ready_but_degraded(&daemon, "orders", "create the queue").await;

    let queue = recreate(&account, "orders").await;
    flows(&account, &queue, &mut ledger, "first").await;
    let status = site.health("orders", "ok", "").await;
    assert_eq!(status.get("HealthReason"), None, "{status}");

    account.sqs.delete_queue().queue_url(&queue.url).send().await.unwrap();
    let status = site.health("orders", "degraded", "queue orders").await;
    assert!(reason(&status).contains("create the queue"), "{status}");
    flows(&account, &good, &mut good_ledger, "beside a deleted queue").await;
    let queue = recreate(&account, "orders").await;
    flows(&account, &queue, &mut ledger, "second").await;
    site.health("orders", "ok", "").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_function_that_is_missing_or_vanishes_gets_its_messages_once_it_is_there() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let (queue, dead) = account.create_queue_pair("orders", 6, 2).await;
    let good = account.create_queue("good", &[]).await;
    let mut good_ledger = Ledger::new(&site, "good-ledger");
    account.create_function("good-work", &good_ledger.noting()).await;
    // Held for longer than the queue hides it, the message would be spent without the heartbeat.
    site.map("orders", &queue, "work", "Poller: { RetryBackoff: { Maximum: 8s } }");
    site.map("good", &good, "good-work", "");
    let daemon = site.run().await;

    account.send(&queue, &["first".to_owned()]).await;
    let status = site.health("orders", "degraded", "function work").await;
    assert!(reason(&status).contains("create the function, or correct FunctionName"), "{status}");
    flows(&account, &good, &mut good_ledger, "beside a missing function").await;
    ready_but_degraded(&daemon, "orders", "create the function").await;
    let extended = async || (daemon.metric("forebay_heartbeats_total", "orders").await >= 2.0).then_some(());
    eventually(SOON, "the message is kept", extended).await;
    account.create_function("work", &ledger.noting()).await;
    noted(&mut ledger, "first").await;
    site.health("orders", "ok", "").await;

    account.lambda.delete_function().function_name("work").send().await.unwrap();
    account.send(&queue, &["second".to_owned()]).await;
    site.health("orders", "degraded", "function work").await;
    flows(&account, &good, &mut good_ledger, "beside a deleted function").await;
    account.create_function("work", &ledger.noting()).await;
    noted(&mut ledger, "second").await;
    site.health("orders", "ok", "").await;

    let receives: Vec<u32> = ledger.entries().iter().flat_map(|entry| &entry.records).map(|record| record.2).collect();
    assert_eq!(receives, [1, 1], "waiting for a function spends no receive");
    eventually(SOON, "the queue is empty", async || account.messages(&queue).await.is_empty().then_some(())).await;
    assert!(account.messages(&dead).await.is_empty());
    daemon.stop().await;
}

#[tokio::test]
async fn refused_credentials_are_told_and_harm_no_other_mapping() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let server = Scripted::start().await;
    let (expired, denied) = ("The security token included in the request is expired", "The token is invalid");
    let expired = Action::sqs_error(403, "ExpiredToken", "ExpiredToken", expired);
    let denied = Action::sqs_error(403, "InvalidClientTokenId", "InvalidClientTokenId", denied);
    server.on("GetQueueAttributes", [expired.clone()]);
    server.on("ReceiveMessage", [expired.clone()]);
    let good = account.create_queue("good", &[]).await;
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    let elsewhere = format!("Poller: {{ Endpoints: {{ sqs: \"{}\" }} }}", server.endpoint());
    site.map("refused", &promised(&account, "orders"), "work", &elsewhere);
    site.map("good", &good, "work", "");
    let daemon = site.run().await;

    let status = site.health("refused", "degraded", "ExpiredToken").await;
    assert!(reason(&status).contains("renew the AWS credentials"), "{status}");
    flows(&account, &good, &mut ledger, "beside expired credentials").await;
    ready_but_degraded(&daemon, "refused", "renew the AWS credentials").await;

    server.on("GetQueueAttributes", [denied.clone()]);
    server.on("ReceiveMessage", [denied]);
    let status = site.health("refused", "degraded", "InvalidClientTokenId").await;
    assert!(reason(&status).contains("check the credentials, and allow them sqs:"), "{status}");
    flows(&account, &good, &mut ledger, "beside wrong credentials").await;

    let attributes = serde_json::json!({"Attributes": {"VisibilityTimeout": "30"}});
    server.on("GetQueueAttributes", [Action::json(200, &attributes)]);
    server.on("ReceiveMessage", [Action::json(200, &serde_json::json!({})), Action::Hang]);
    site.health("refused", "ok", "").await;
    let list = site.json(&["list"]).await;
    assert!(list.as_array().unwrap().iter().all(|mapping| mapping["Health"] == "ok"), "{list}");
    daemon.stop().await;
}
