//! Shards are split and merged while records flow: every record is delivered, and the order of a key is never broken.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::harness::key_order::Order;
use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, Site};
use crate::harness::{Emulator, amount};

const KEYS: usize = 500;
/// Kinesis takes so many in a call.
const CALL: usize = 500;
/// The emulator of Kinesis takes time for a put that grows with the records in a shard: there are many shards.
const SHARDS: i32 = 48;
const SPLITS: usize = 5;
/// So many records wait at a time: fewer than come between two kills, so that no flow ends before the last.
const WAITING: usize = 1_500;
/// Few reads leave the emulator more time for the puts.
const MAPPING: &str = "StartingPosition: TRIM_HORIZON\nPoller: { ReadsPerSecond: 2 }";

/// How many records there are.
fn records() -> usize {
    amount(50_000, 15_000)
}

/// Puts all records, ten times split or merged by turns, evenly over the run.
async fn produce(stream: &Stream, rng: &mut fastrand::Rng, delivered: &Cell<usize>) {
    let keys: Vec<String> = (0..KEYS).map(|key| format!("key-{key}")).collect();
    let calls = records() / CALL;
    let every = calls / (2 * SPLITS);
    for call in 0..calls {
        // Each key once in a call, so the call's number is the place in the key.
        let data = call.to_string();
        let mut records: Vec<(&str, &str)> = keys.iter().map(|key| (&**key, &*data)).collect();
        rng.shuffle(&mut records);
        while (call + 1) * CALL > delivered.get() + WAITING {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stream.put(&records).await;
        if call % every == every / 2 {
            // The rest of the records goes on flowing while the shards change.
            let open = stream.open_shards().await;
            let which = rng.usize(0..open.len() - 1);
            if (call / every).is_multiple_of(2) {
                stream.split(&open[which]).await;
            } else {
                stream.merge(&open[which], &open[which + 1]).await;
            }
        }
    }
    stream.active().await;
    assert_eq!(stream.shards().await.len(), SHARDS as usize + 3 * SPLITS, "five splits and five merges");
}

/// Lets all records flow through a mapping whose forebay is killed so often.
#[expect(clippy::print_stdout, reason = "the seed and the figures of a test, shown when it fails")]
async fn flow(kills: usize, more: &str) {
    let seed = std::env::var("FOREBAY_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("FOREBAY_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::start();
    let stream = kinesis.create_stream(&account, "orders", SHARDS).await;
    let site = kinesis.site(&account);
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    site.map_arn("orders", &stream.arn, "work", &format!("{MAPPING}\n{more}"));
    let mut producing = rng.fork();
    let began = Instant::now();
    let delivered = Cell::new(0);
    let consuming = consume(&site, &mut ledger, kills, &mut rng, &delivered);
    let (order, ()) = tokio::join!(consuming, produce(&stream, &mut producing, &delivered));
    let took = began.elapsed().as_secs_f64();
    println!("{} records, {kills} kills, {} delivered again, {took:.0} s", records(), order.repeated());
}

/// Follows the flow to its end.
async fn consume(
    site: &Site,
    ledger: &mut StreamLedger,
    kills: usize,
    rng: &mut fastrand::Rng,
    delivered: &Cell<usize>,
) -> Order {
    let records = records();
    // A kill in each part of the run, so that all of them meet a flow, however fast the machine is.
    let part = records / (kills + 1);
    let kills: Vec<usize> = (0..kills).map(|kill| kill * part + rng.usize(0..part)).collect();
    let mut order = Order::default();
    let mut killed = 0;
    let mut daemon = site.run().await;
    let (mut moved, mut last) = (Instant::now(), 0);
    while order.delivered() < records {
        order.follow(ledger);
        if order.delivered() > last {
            (moved, last) = (Instant::now(), order.delivered());
            delivered.set(last);
        }
        assert!(moved.elapsed() < SOON, "{last} of {records} after {killed} kills, and no more");
        if kills.get(killed).is_some_and(|&at| order.delivered() >= at) {
            tokio::time::sleep(Duration::from_millis(rng.u64(0..80))).await;
            daemon.kill().await;
            killed += 1;
            daemon = site.run().await;
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    order.follow(ledger);
    assert_eq!(killed, kills.len());
    if killed == 0 {
        // A call that fails on a busy machine is a reason to deliver its records again; nothing else is one.
        let failed = daemon.metric("forebay_events_failed_total", "orders").await;
        assert!(order.repeated() as f64 <= failed, "{} delivered again, {failed} failed", order.repeated());
    }
    daemon.stop().await;
    order.follow(ledger);
    order
}

#[tokio::test]
async fn resharding_under_load_loses_nothing_and_keeps_every_order() {
    flow(0, "BatchSize: 500").await;
}

#[tokio::test]
async fn resharding_under_load_survives_being_killed_again_and_again() {
    flow(amount(20, 8), "BatchSize: 200\nParallelizationFactor: 2").await;
}
