//! SIGKILL while records flow: what was processed in the last two seconds may be seen again, and nothing older.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::harness::Emulator;
use crate::harness::kinesis::Kinesis;
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, eventually};

/// In seconds.
const AGAIN: f64 = 2.0;
const KILLS: usize = 3;
const SHARDS: usize = 3;

fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[tokio::test]
async fn after_a_kill_at_most_two_seconds_are_seen_again() {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", i32::try_from(SHARDS).unwrap()).await;
    let site = kinesis.site(&account);
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting(), 60).await;
    let more = "StartingPosition: TRIM_HORIZON\nBatchSize: 20";
    site.map_arn("orders", &stream.arn, "work", more);

    let mut put = 0;
    let mut kills = Vec::new();
    let mut daemon = site.run().await;
    for _ in 0..KILLS {
        // Four seconds of a steady flow: several saves lie in them.
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..40 {
            pace.tick().await;
            let records: Vec<(String, String)> = (put..put + 15).map(|n| (format!("key {n}"), n.to_string())).collect();
            let records: Vec<(&str, &str)> = records.iter().map(|(key, data)| (&**key, &**data)).collect();
            stream.put(&records).await;
            put += records.len();
        }
        kills.push(unix());
        daemon.kill().await;
        daemon = site.run().await;
    }
    eventually(SOON, "all are processed", async || (ledger.times().len() == put).then_some(())).await;
    daemon.stop().await;

    let mut first: BTreeMap<&str, f64> = BTreeMap::new();
    let (mut again, mut oldest) = (0, 0.0_f64);
    for seen in ledger.entries() {
        for record in &seen.records {
            let Some(&at) = first.get(&*record.data) else {
                first.insert(&record.data, seen.at);
                continue;
            };
            let killed = kills.iter().rfind(|&&kill| kill <= seen.at).expect("a repetition without a kill");
            again += 1;
            oldest = oldest.max(killed - at);
        }
    }
    println!("{put} records, {again} seen again, the oldest {oldest:.2} s before the kill");
    assert!(oldest <= AGAIN, "seen again though {oldest:.2} s had passed since");
}
