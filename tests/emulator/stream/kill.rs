//! SIGKILL while records flow: what was said to be saved is never seen again. How much is not saved yet, two seconds at
//! most, is for the simulation's clock to show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::harness::Emulator;
use crate::harness::fifo::unix;
use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, Site, eventually};

const KILLS: usize = 3;
const SHARDS: usize = 3;

/// What each shard's checkpoint is, by the shard's name.
type Checkpoints = BTreeMap<String, String>;

async fn checkpoints(site: &Site) -> Checkpoints {
    serde_json::from_value(site.json(&["checkpoint", "get", "orders"]).await["checkpoints"].take()).unwrap()
}

/// The sequence numbers of the records that these checkpoints have passed.
async fn saved(stream: &Stream, checkpoints: &Checkpoints) -> BTreeSet<String> {
    let mut saved = BTreeSet::new();
    for (shard, checkpoint) in checkpoints {
        let sequences = stream.records(shard).await.into_iter().map(|record| record.sequence_number);
        let sequences: Vec<String> = sequences.collect();
        let last =
            checkpoint.strip_prefix("AFTER:").and_then(|at| sequences.iter().position(|sequence| sequence == at));
        saved.extend(sequences.into_iter().take(last.map_or(0, |last| last + 1)));
    }
    saved
}

#[tokio::test]
async fn after_a_kill_nothing_is_seen_again_that_was_saved() {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", i32::try_from(SHARDS).unwrap()).await;
    let site = kinesis.site(&account);
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    let more = "StartingPosition: TRIM_HORIZON\nBatchSize: 20";
    site.map_arn("orders", &stream.arn, "work", more);

    let mut put = 0;
    // When each life was killed, and what it had said to be saved.
    let mut kills = Vec::new();
    let mut daemon = site.run().await;
    let mut before = Checkpoints::new();
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
        before = eventually(SOON, "each shard's checkpoint moves on", async || {
            let now = checkpoints(&site).await;
            let moved = |(shard, at): (&String, &String)| at.starts_with("AFTER:") && before.get(shard) != Some(at);
            (now.iter().filter(|shard| moved(*shard)).count() == SHARDS).then_some(now)
        })
        .await;
        kills.push((unix(), before.clone()));
        daemon.kill().await;
        daemon = site.run().await;
    }
    eventually(SOON, "all are processed", async || (ledger.times().len() == put).then_some(())).await;
    daemon.stop().await;

    let mut never_again = Vec::new();
    for (at, checkpoints) in &kills {
        never_again.push((*at, saved(&stream, checkpoints).await));
    }
    let mut first: BTreeMap<&str, f64> = BTreeMap::new();
    let (mut again, mut oldest) = (0, 0.0_f64);
    for seen in ledger.entries() {
        for record in &seen.records {
            let Some(&at) = first.get(&*record.data) else {
                first.insert(&record.data, seen.at);
                continue;
            };
            let killed = never_again.iter().rfind(|(kill, _)| *kill <= seen.at);
            let (kill, saved) = killed.expect("a repetition without a kill");
            assert!(!saved.contains(&record.sequence), "{record:?} is seen again although it was saved");
            again += 1;
            oldest = oldest.max(kill - at);
        }
    }
    println!("{put} records, {again} seen again, the oldest {oldest:.2} s before the kill");
}
