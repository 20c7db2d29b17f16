//! A Kinesis stream from end to end: what the function sees, where a mapping begins, and where it goes on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_kinesis::primitives::Blob;

use crate::harness::key_order::Order;
use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::{Events, StreamLedger};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Emulator, REGION};

const HORIZON: &str = "StartingPosition: TRIM_HORIZON";
const LATEST: &str = "StartingPosition: LATEST";

async fn stage(shards: i32) -> (Account, Site, Stream) {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", shards).await;
    let site = kinesis.site(&account);
    (account, site, stream)
}

/// Waits until the function has noted exactly these records, in this order, however they were batched.
async fn noted(ledger: &mut StreamLedger, expected: &[&str]) {
    eventually(SOON, &format!("{expected:?} are processed"), async || {
        (ledger.batches().concat().len() >= expected.len()).then_some(())
    })
    .await;
    assert_eq!(ledger.batches().concat(), expected);
}

#[tokio::test]
async fn a_function_sees_the_event_that_aws_would_send() {
    let (account, site, stream) = stage(1).await;
    let mut events = Events::new(&site, "ledger");
    account.create_function("work", &events.noting()).await;
    let binary: Vec<u8> = (0..=255).collect();
    let given =
        [("k", b"plain".to_vec()), ("\"é\" \\ 漢字 🦀", "{\"a\": 1.10}".into()), ("b", binary), ("e", Vec::new())];
    for (key, data) in &given {
        let data = Blob::new(data.clone());
        stream.client.put_record().stream_name("orders").partition_key(*key).data(data).send().await.unwrap();
    }
    site.map_arn("orders", &stream.arn, "work", HORIZON);
    let daemon = site.run().await;
    let event = eventually(SOON, "an invocation", async || events.entries().first().cloned()).await.event;
    let records = stream.records("shardId-000000000000").await;
    assert_eq!(records.len(), given.len());
    let expected = records.iter().map(|record| {
        format!(
            concat!(
                r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":{key},"sequenceNumber":"{sequence}","#,
                r#""data":"{data}","approximateArrivalTimestamp":{arrival:?}}},"eventSource":"aws:kinesis","#,
                r#""eventVersion":"1.0","eventID":"shardId-000000000000:{sequence}","eventName":"aws:kinesis:record","#,
                r#""invokeIdentityArn":"arn:aws:iam::{account}:role/work","awsRegion":"{region}","#,
                r#""eventSourceARN":"{arn}"}}"#
            ),
            key = serde_json::to_string(&record.partition_key).unwrap(),
            sequence = record.sequence_number,
            data = base64_simd::STANDARD.encode_to_string(record.data.as_ref()),
            arrival = record.approximate_arrival_timestamp.unwrap().as_secs_f64(),
            account = account.id,
            region = REGION,
            arn = stream.arn,
        )
    });
    assert_eq!(event, format!(r#"{{"Records":[{}]}}"#, expected.collect::<Vec<_>>().join(",")));
    daemon.stop().await;
}

#[tokio::test]
async fn a_stream_is_read_from_its_oldest_record_and_goes_on_after_a_restart() {
    let (account, site, stream) = stage(1).await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stream.put_all(&names[..30]).await;
    site.map_arn("orders", &stream.arn, "work", &format!("{HORIZON}\nBatchSize: 10"));
    let daemon = site.run().await;
    noted(&mut ledger, &names[..30]).await;
    assert!(ledger.batches().iter().all(|batch| batch.len() == 10), "three full batches wait in the stream");
    let status = site.health("orders", "ok", "").await;
    assert_eq!(status["LastProcessingResult"], "OK");
    stream.put_all(&names[30..40]).await;
    noted(&mut ledger, &names[..40]).await;
    daemon.reaches("forebay_events_invoked_total", "orders", 40.0).await;
    daemon.stop().await;

    stream.put_all(&names[40..70]).await;
    let daemon = site.run().await;
    noted(&mut ledger, &names[..70]).await;

    let stopped = site.call(&["stop", "orders", "--wait"]).await;
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    stream.put_all(&names[70..90]).await;
    // Nothing is read while it is stopped, nor after a restart.
    daemon.stop().await;
    let daemon = site.run().await;
    eventually(SOON, "it is disabled", async || (site.status("orders").await["State"] == "Disabled").then_some(()))
        .await;
    stream.put_all(&names[90..]).await;
    assert_eq!(ledger.batches().concat(), &names[..70]);
    let started = site.call(&["start", "orders", "--wait"]).await;
    assert_eq!(started.code, Some(0), "{started:?}");
    noted(&mut ledger, &names).await;
    daemon.stop().await;
    assert_eq!(ledger.batches().concat(), names, "each record once, in order");
}

#[tokio::test]
async fn latest_is_pinned_when_the_mapping_is_first_enabled() {
    let (account, site, stream) = stage(2).await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    stream.put(&[("a", "before"), ("b", "before"), ("c", "before"), ("d", "before")]).await;
    site.map_arn("orders", &stream.arn, "work", LATEST);
    let daemon = site.run().await;
    site.health("orders", "ok", "").await;
    // It has read nothing yet that it could remember: the place itself must be kept.
    daemon.stop().await;
    stream.put(&[("a", "while it was down")]).await;
    let daemon = site.run().await;
    noted(&mut ledger, &["while it was down"]).await;

    stream.put(&[("a", "while it ran")]).await;
    noted(&mut ledger, &["while it was down", "while it ran"]).await;
    assert_eq!(site.call(&["stop", "orders", "--wait"]).await.code, Some(0));
    stream.put(&[("a", "while it was stopped")]).await;
    assert_eq!(site.call(&["start", "orders", "--wait"]).await.code, Some(0));
    noted(&mut ledger, &["while it was down", "while it ran", "while it was stopped"]).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_mapping_can_begin_at_a_time() {
    let (account, site, stream) = stage(1).await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    stream.put_all(&["too old"]).await;
    // The parameter counts in seconds here: the records stand on two sides of a whole one.
    let unix = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let whole = unix().as_secs() + 1;
    tokio::time::sleep(Duration::from_secs(whole).saturating_sub(unix()) + Duration::from_millis(20)).await;
    stream.put_all(&["first", "second"]).await;
    let more = format!("StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: {whole}");
    site.map_arn("orders", &stream.arn, "work", &more);
    let daemon = site.run().await;
    noted(&mut ledger, &["first", "second"]).await;
    stream.put_all(&["third"]).await;
    noted(&mut ledger, &["first", "second", "third"]).await;
    daemon.stop().await;
}

#[tokio::test]
async fn batches_of_a_shard_follow_one_another() {
    let (account, site, stream) = stage(1).await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    let slow = ledger.source("def handler(event, context):\n    note(event)\n    time.sleep(1)\n");
    account.create_function("work", &slow).await;
    site.map_arn("orders", &stream.arn, "work", &format!("{HORIZON}\nBatchSize: 10"));
    let daemon = site.run().await;
    site.health("orders", "ok", "").await;
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stream.put_all(&names[..10]).await;
    stream.put_all(&names[10..]).await;
    noted(&mut ledger, &names).await;
    let entries = ledger.entries();
    assert_eq!(entries.len(), 2);
    let gap = entries[1].at - entries[0].at;
    assert!(gap >= 1.0, "the second begins {gap:.2} s after the first, which lasts a second");
    daemon.stop().await;
}

/// Lets 600 records of 24 keys flow through five lives of forebay, each but the last ended by SIGTERM in the middle.
async fn drained_again_and_again(more: &str) -> Order {
    const RECORDS: usize = 600;
    const KEYS: usize = 24;
    let (account, site, stream) = stage(3).await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    let slow = ledger.source("def handler(event, context):\n    note(event)\n    time.sleep(0.05)\n");
    account.create_function("work", &slow).await;
    let record = |number: usize| (format!("key {}", number % KEYS), (number / KEYS).to_string());
    let records: Vec<(String, String)> = (0..RECORDS).map(record).collect();
    for call in records.chunks(300) {
        stream.put(&call.iter().map(|(key, data)| (&**key, &**data)).collect::<Vec<_>>()).await;
    }
    site.map_arn("orders", &stream.arn, "work", &format!("{HORIZON}\nBatchSize: 7\n{more}"));
    let mut order = Order::default();
    for part in 1..=5 {
        let daemon = site.run().await;
        eventually(SOON, "a flow", async || {
            order.follow(&mut ledger);
            (order.delivered() >= part * RECORDS / 5).then_some(())
        })
        .await;
        daemon.stop().await;
    }
    order.follow(&mut ledger);
    assert_eq!(order.delivered(), RECORDS);
    order
}

#[tokio::test]
async fn a_drain_in_the_middle_of_a_flow_keeps_every_place() {
    let order = drained_again_and_again("").await;
    assert_eq!(order.repeated(), 0, "what is in flight ends, and is remembered as done");
}

#[tokio::test]
async fn a_drain_of_many_lanes_keeps_every_place() {
    let order = drained_again_and_again("ParallelizationFactor: 3").await;
    assert_eq!(order.repeated(), 0, "slow lanes catch up with the fast ones, so that one mark stands for all");
}
