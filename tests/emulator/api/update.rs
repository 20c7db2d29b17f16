//! Changes through the API while records flow: nothing is lost, nothing comes twice, and the order stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::life::Stage;
use crate::api::site::{Client, uuid};
use crate::api::sources::{Journal, Kind, merge};
use crate::harness::process::{SOON, eventually};

const KEYS: usize = 5;

/// The changes of a mapping of each kind, one after the other; each of them makes it start anew.
fn changes(kind: Kind) -> Vec<Value> {
    let mut changes = vec![
        json!({"BatchSize": 3}),
        json!({"FilterCriteria": kind.keeping()}),
        json!({"FunctionName": "work:1"}),
        json!({"Enabled": false}),
        json!({"Enabled": true}),
        json!({"FilterCriteria": {}, "FunctionName": "work"}),
    ];
    match kind {
        Kind::Standard => changes.extend([
            json!({"ScalingConfig": {"MaximumConcurrency": 2}}),
            json!({"BatchSize": 50, "MaximumBatchingWindowInSeconds": 1}),
            json!({"ScalingConfig": {}, "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}),
        ]),
        Kind::Fifo => {
            changes.extend([json!({"ScalingConfig": {"MaximumConcurrency": 2}}), json!({"ScalingConfig": {}})]);
        }
        Kind::Kinesis | Kind::DynamoDb => changes.extend([
            json!({"ParallelizationFactor": 3, "MaximumBatchingWindowInSeconds": 1}),
            json!({"ParallelizationFactor": 1, "MaximumBatchingWindowInSeconds": 0, "MaximumRetryAttempts": 2}),
        ]),
    }
    changes
}

/// How often each number of each key was told, and whether the keys were told in order.
struct Tally {
    times: BTreeMap<(String, usize), usize>,
    in_order: bool,
}

fn tally(journal: &mut Journal) -> Tally {
    let mut tally = Tally { times: BTreeMap::new(), in_order: true };
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for text in journal.texts() {
        let [_, key, number] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text:?}") };
        let (key, number) = (key.to_owned(), number.parse::<usize>().unwrap());
        let next = next.entry(key.clone()).or_default();
        tally.in_order &= number <= *next;
        *next = (*next).max(number + 1);
        *tally.times.entry((key, number)).or_default() += 1;
    }
    tally
}

#[expect(clippy::print_stdout, reason = "a test tells how much it has seen")]
async fn flow_through_changes(kind: Kind) {
    let Stage { account, source, api, mut journal, .. } = Stage::new(kind, Client::Boto).await;
    let mut arguments = json!({"EventSourceArn": source.arn(), "FunctionName": "work", "BatchSize": 10});
    merge(&mut arguments, &kind.start());
    let created = api.create(arguments).await;
    let uuid = uuid(&created);
    let (account, enough) = (Arc::new(account), Arc::new(AtomicBool::new(false)));
    let traffic = tokio::spawn({
        let (account, enough) = (Arc::clone(&account), Arc::clone(&enough));
        async move {
            let mut pace = tokio::time::interval(Duration::from_millis(100));
            let mut rounds = 0;
            while !enough.load(Ordering::Relaxed) {
                pace.tick().await;
                let keys: Vec<String> = (0..KEYS).map(|key| format!("key-{key}")).collect();
                let records: Vec<(&str, String)> =
                    keys.iter().map(|key| (&**key, format!("keep {key} {rounds}"))).collect();
                source.put(&account, &records).await;
                rounds += 1;
            }
            rounds
        }
    });
    let mut disabled = false;
    for change in changes(kind) {
        if !disabled {
            // The change meets a flow.
            let told = journal.texts().len();
            let flow = async || (journal.texts().len() > told + KEYS).then_some(());
            eventually(SOON, "records flow", flow).await;
        }
        api.changes(uuid, &change).await;
        disabled = change["Enabled"] == false;
    }
    enough.store(true, Ordering::Relaxed);
    let rounds: usize = traffic.await.unwrap();
    eventually(SOON, "all are told", async || (tally(&mut journal).times.len() >= rounds * KEYS).then_some(())).await;
    let expected = (0..KEYS).flat_map(|key| (0..rounds).map(move |number| (format!("key-{key}"), number)));
    let told = tally(&mut journal);
    assert!(told.times.keys().cloned().eq(expected), "something is lost, or was never sent");
    assert!(told.in_order || kind == Kind::Standard, "out of order");
    let repeated: Vec<_> = told.times.iter().filter(|(_, times)| **times > 1).collect();
    println!(
        "{kind:?}: {} records through {} changes, {} came again",
        rounds * KEYS,
        changes(kind).len(),
        repeated.len()
    );
    assert!(repeated.is_empty(), "what is in flight ends before a change: {repeated:?}");
    let versions: Vec<String> = journal.entries().iter().map(|told| told.version.clone()).collect();
    assert!(versions.iter().any(|version| version == "one"), "the function's version never changed");
    api.stop().await;
}

#[tokio::test]
async fn a_queue_goes_on_through_changes() {
    flow_through_changes(Kind::Standard).await;
}

#[tokio::test]
async fn message_groups_keep_their_order_through_changes() {
    flow_through_changes(Kind::Fifo).await;
}

#[tokio::test]
async fn a_kinesis_stream_keeps_its_place_and_order_through_changes() {
    flow_through_changes(Kind::Kinesis).await;
}

#[tokio::test]
async fn the_stream_of_a_table_keeps_its_place_and_order_through_changes() {
    flow_through_changes(Kind::DynamoDb).await;
}
