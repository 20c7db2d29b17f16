//! SIGKILL in the middle of filtered traffic: what matches is processed, and what does not is told, however often.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use serde_json::Value;

use crate::filter::traffic::{Takes, left};
use crate::harness::Emulator;
use crate::harness::kinesis::Kinesis;
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, Site, eventually};

const RECORDS: usize = 300;
const KILLS: usize = 2;

fn body(number: usize) -> String {
    match number % 3 {
        0 => format!(r#"{{"number":{number},"keep":true}}"#),
        1 => format!(r#"{{"number":{number},"keep":false}}"#),
        _ => format!("{number}: no JSON"),
    }
}

/// The bodies of one third.
fn third(rest: usize) -> BTreeSet<String> {
    (rest..RECORDS).step_by(3).map(body).collect()
}

#[tokio::test]
async fn a_queue_loses_nothing_when_the_program_is_killed() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "2")]).await;
    let rest = account.create_queue("rest", &[]).await;
    let site = Site::new(&account);
    let mut takes = Takes::new(&site, "takes");
    let slow = takes.source("def handler(event, context):\n    note(event)\n    time.sleep(0.05)\n");
    account.create_function("work", &slow).await;
    let filter = "FilterCriteria: { Filters: [{ Pattern: { body: { keep: [true] } } }] }";
    let more = format!(
        "{filter}\nScalingConfig: {{ MaximumConcurrency: 2 }}\n\
         Poller: {{ OnFiltered: \"{}\", OnUndecidable: Destination }}",
        rest.arn
    );
    site.map("orders", &queue, "work", &more);
    account.send(&queue, &(0..RECORDS).map(body).collect::<Vec<_>>()).await;
    let mut daemon = site.run().await;
    for kill in 1..=KILLS {
        let at = kill * RECORDS / 3 / (KILLS + 1);
        eventually(SOON, "a flow", async || (takes.from(&queue).len() >= at).then_some(())).await;
        daemon.kill().await;
        daemon = site.run().await;
    }
    eventually(SOON, "the queue is empty", async || left(&account, &queue).await.is_empty().then_some(())).await;

    assert_eq!(takes.from(&queue).into_iter().collect::<BTreeSet<_>>(), third(0));
    let (mut filtered_out, mut undecidable) = (BTreeSet::new(), BTreeSet::new());
    for text in left(&account, &rest).await {
        let record: Value = serde_json::from_str(&text).unwrap();
        let told = match record["requestContext"]["condition"].as_str() {
            Some("FilteredOut") => &mut filtered_out,
            Some("FilterUndecidable") => &mut undecidable,
            other => panic!("{other:?}: {text}"),
        };
        told.insert(record["requestPayload"]["Records"][0]["body"].as_str().unwrap().to_owned());
    }
    assert_eq!((filtered_out, undecidable), (third(1), third(2)));
    daemon.stop().await;
}

#[tokio::test]
async fn a_stream_passes_nothing_that_matches_when_the_program_is_killed() {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", 2).await;
    let site = kinesis.site(&account);
    let mut ledger = StreamLedger::new(&site, "ledger");
    let slow = ledger.source("def handler(event, context):\n    note(event)\n    time.sleep(0.05)\n");
    account.create_function("work", &slow).await;
    let filter = "FilterCriteria: { Filters: [{ Pattern: { data: { keep: [true] } } }] }";
    let more = format!("StartingPosition: TRIM_HORIZON\nBatchSize: 2\nParallelizationFactor: 2\n{filter}");
    site.map_arn("orders", &stream.arn, "work", &more);
    let records: Vec<(String, String)> =
        (0..RECORDS).map(|number| (format!("key {}", number % 10), body(number))).collect();
    let records: Vec<(&str, &str)> = records.iter().map(|(key, data)| (&**key, &**data)).collect();
    stream.put(&records).await;
    let mut daemon = site.run().await;
    for kill in 1..=KILLS {
        let at = kill * RECORDS / 3 / (KILLS + 1);
        eventually(SOON, "a flow", async || (ledger.times().len() >= at).then_some(())).await;
        daemon.kill().await;
        daemon = site.run().await;
    }
    eventually(SOON, "all are processed", async || (ledger.times().len() >= RECORDS / 3).then_some(())).await;
    daemon.stop().await;
    assert_eq!(ledger.times().into_keys().collect::<BTreeSet<_>>(), third(0));
}
