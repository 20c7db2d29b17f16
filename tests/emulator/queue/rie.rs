//! Queues that feed runtime interface emulators: a failure that is answered with 200 deletes no message.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use serde_json::{Value, json};

use crate::harness::Emulator;
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::rie::Rie;

#[tokio::test]
async fn failures_are_seen_and_two_mappings_share_an_emulator() {
    let account = Emulator::shared().account().await;
    let dead = account.create_queue("dead", &[]).await;
    let site = Site::new(&account);
    let rie = Rie::start().await;
    let target = format!("Rie: {{ Endpoints: [\"{}\"] }}", rie.endpoint());
    let error = json!({"errorType": "ValueError", "errorMessage": "no such customer", "stackTrace": []}).to_string();
    let failing = [
        json!({"do": "say", "text": error}),
        json!({"do": "say", "text": "Task timed out after 3.00 seconds"}),
        json!({"do": "say", "status": 502}),
    ]
    .map(|body| body.to_string());
    let mut queues = Vec::new();
    for name in ["orders", "payments"] {
        let queue = account.create_queue_over(&dead, name, 2, 2).await;
        let hidden = "Visibility: { Timeout: 60s, OnFunctionError: Release }";
        let poller = format!("BatchSize: 1\nPoller: {{ Function: {{ Timeout: 50s, {target} }}, {hidden} }}");
        site.map(name, &queue, "in-an-image", &poller);
        let mut bodies: Vec<String> = (0..20).map(|number| json!({"number": number, "of": name}).to_string()).collect();
        bodies.extend(failing.clone());
        account.send(&queue, &bodies).await;
        queues.push(queue);
    }
    let daemon = site.run().await;
    let dead_lettered = async || (account.messages(&dead).await.len() == 6).then_some(());
    eventually(SOON, "the failed messages are in the dead-letter queue", dead_lettered).await;
    let empty = async || {
        let left = [account.messages(&queues[0]).await, account.messages(&queues[1]).await];
        left.iter().all(Vec::is_empty).then_some(())
    };
    eventually(SOON, "the queues are empty", empty).await;
    let bodies: BTreeSet<String> =
        account.messages(&dead).await.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect();
    assert_eq!(bodies, failing.into_iter().collect());
    let events: BTreeSet<String> =
        rie.events().iter().filter(|event| event["number"].is_u64()).map(Value::to_string).collect();
    assert_eq!((events.len(), rie.most()), (40, 1));
    daemon.stop().await;
}

#[tokio::test]
async fn messages_wait_while_the_emulator_is_away() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "30")]).await;
    let site = Site::new(&account);
    let rie = Rie::start().await;
    let target = format!("Rie: {{ Endpoints: [\"{}\"] }}", rie.endpoint());
    site.map("orders", &queue, "in-an-image", &format!("BatchSize: 1\nPoller: {{ Function: {{ {target} }} }}"));
    account.send(&queue, &[json!({"do": "die once"}).to_string()]).await;
    let daemon = site.run().await;
    let died = async || (!rie.events().is_empty() && rie.busy() == 0).then_some(());
    eventually(SOON, "the emulator has died with the message", died).await;
    account.send(&queue, &["after".to_owned()]).await;
    rie.revive().await;
    let empty = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "both messages are processed", empty).await;
    let events = rie.events();
    assert_eq!(events.iter().filter(|event| event["do"] == "die once").count(), 2, "{events:?}");
    assert_eq!(events.iter().filter(|event| event["Records"][0]["body"] == "after").count(), 1, "{events:?}");
    assert_eq!(rie.most(), 1);
    daemon.stop().await;
}
