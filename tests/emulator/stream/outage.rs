//! A failure destination that is down for a minute: nothing is lost, everybody is told, and afterwards all goes on.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Emulator;
use crate::harness::failures::GivenUp;
use crate::harness::feeds::Feed;
use crate::harness::kinesis::Kinesis;
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, eventually};
use crate::harness::proxy::Proxy;

const DOWN: Duration = Duration::from_secs(60);

const THROWS: &str = "
def handler(event, context):
    note(event)
    if any(data(record).startswith('bad') for record in event['Records']):
        raise ValueError('bad')
";

/// How far each shard is settled and saved, in the order of the shards.
fn positions(status: &Value) -> Vec<String> {
    let mut shards = status["Shards"].as_array().unwrap().clone();
    shards.sort_by_key(|shard| shard["ShardId"].as_str().unwrap().to_owned());
    shards.iter().map(|shard| shard["Position"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
#[ignore = "lasts longer than a minute: `make test-slow`"]
async fn a_destination_that_is_down_for_a_minute_loses_nothing() {
    let emulator = Emulator::shared();
    let account = emulator.account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", 2).await;
    let keys = stream.key_of_each_shard().await;
    let (bad, free) = (&*keys[0], &*keys[1]);
    let site = kinesis.site(&account);
    let mut ledger = StreamLedger::new(&site, "ledger");
    let function = account.create_function("work", &ledger.source(THROWS)).await;
    let destination = account.create_queue("failed", &[]).await;
    let proxy = Proxy::start(&emulator.endpoint()).await;
    let more = format!(
        "StartingPosition: TRIM_HORIZON\nBatchSize: 1\nMaximumRetryAttempts: 1\n\
         DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}\nPoller:\n  \
         Endpoints: {{ sqs: \"{}\" }}\n  RetryBackoff: {{ Initial: 100ms, Maximum: 5s }}",
        destination.arn,
        proxy.endpoint()
    );
    site.map_arn("orders", &stream.arn, "work", &more);

    proxy.shut();
    let began = Instant::now();
    let first = stream.put(&[(bad, "good 1"), (bad, "bad 1"), (bad, "good 2"), (bad, "bad 2"), (free, "free 1")]).await;
    let daemon = site.run().await;
    let status = site.health("orders", "degraded", "destination").await;
    assert!(!status["HealthReason"].as_str().unwrap().contains("works again"), "{status}");
    assert_eq!(daemon.metric("forebay_mapping_degraded", "orders").await, 1.0);
    assert!(daemon.metric("forebay_destination_failures_total", "orders").await >= 1.0);
    let (_, details) = daemon.probe("/readyz?verbose").await;
    assert!(details.lines().any(|line| line.starts_with("mapping orders: degraded: ")), "{details}");
    let last_free = stream.put(&[(free, "free 2")]).await.remove(0);
    eventually(SOON, "the other shard goes on", async || ledger.times().contains_key("free 2").then_some(())).await;
    // What is not confirmed is not passed, and what is before it is.
    let standing = [format!("AFTER:{}", first[0]), format!("AFTER:{last_free}")];
    eventually(SOON, "the marks stand before what is not told", async || {
        (positions(&site.status("orders").await) == standing).then_some(())
    })
    .await;

    // Killed in the middle, it finds its place and its duty again.
    tokio::time::sleep((DOWN / 2).saturating_sub(began.elapsed())).await;
    daemon.kill().await;
    let refused = proxy.refused();
    let daemon = site.run().await;
    site.health("orders", "degraded", "destination").await;
    eventually(SOON, "deliveries are tried", async || (proxy.refused() > refused).then_some(())).await;
    tokio::time::sleep(DOWN.saturating_sub(began.elapsed())).await;
    assert_eq!(positions(&site.status("orders").await), standing);
    assert!(account.messages(&destination).await.is_empty());

    proxy.reopen();
    let last = stream.put(&[(bad, "good 3")]).await.remove(0);
    eventually(SOON, "all records are told", async || (account.messages(&destination).await.len() >= 2).then_some(()))
        .await;
    site.health("orders", "ok", "").await;
    let through = [format!("AFTER:{last}"), format!("AFTER:{last_free}")];
    eventually(SOON, "the marks have gone on", async || {
        (positions(&site.status("orders").await) == through).then_some(())
    })
    .await;
    assert_eq!(daemon.metric("forebay_mapping_degraded", "orders").await, 0.0);
    assert_eq!(daemon.metric("forebay_events_delivered_to_destination_total", "orders").await, 2.0);
    let feed = Feed::Kinesis(stream);
    let told = account.messages(&destination).await;
    assert_eq!(told.len(), 2, "{told:?}");
    // Each is tried again in its own time: they come in any order.
    let mut told: Vec<&str> = told.iter().map(|told| told["Body"].as_str().unwrap()).collect();
    told.sort_by_key(|told| told.contains(&first[3]));
    for (told, data) in told.into_iter().zip(["bad 1", "bad 2"]) {
        GivenUp::exhausted(&[data], 2, Some("Unhandled")).check(told, &function, &feed).await;
    }
    let seen = ledger.times();
    assert!(["good 1", "free 1", "free 2", "good 3"].iter().all(|data| seen[*data] == 1), "{seen:?}");
    // What came after the undelivered record was not remembered when it was killed.
    assert!((1..=2).contains(&seen["good 2"]), "{seen:?}");
    daemon.stop().await;
}
