//! Filters of FIFO queues: what does not match is deleted out of its message group, and the rest keeps its order.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::Deserialize;

use crate::filter::traffic::counted;
use crate::harness::ledger::Ledger;
use crate::harness::process::Site;
use crate::harness::{Account, Emulator, Queue};

const GROUPS: [&str; 3] = ["a", "b", "c"];
const EACH: usize = 12;
const FILTER: &str = "FilterCriteria: { Filters: [{ Pattern: { body: { keep: [true] } } }] }";

/// A message's body, as far as it is JSON.
#[derive(Deserialize)]
struct Body {
    group: String,
    number: usize,
}

/// Of three messages in turn the first matches, the second does not, and the third is no JSON.
fn body(group: &str, number: usize) -> String {
    match number % 3 {
        0 => format!(r#"{{"group":"{group}","number":{number},"keep":true}}"#),
        1 => format!(r#"{{"group":"{group}","number":{number},"keep":false}}"#),
        _ => format!("{group} {number}"),
    }
}

/// Sends the messages of all groups in turn.
async fn send(account: &Account, queue: &Queue) {
    for number in 0..EACH {
        let entries = GROUPS.map(|group| {
            let entry = SendMessageBatchRequestEntry::builder().id(group).message_group_id(group);
            entry
                .message_body(body(group, number))
                .message_deduplication_id(format!("{group}{number}"))
                .build()
                .unwrap()
        });
        let request = account.sqs.send_message_batch().queue_url(&queue.url).set_entries(Some(entries.to_vec()));
        assert_eq!(request.send().await.unwrap().successful.len(), GROUPS.len());
    }
}

/// The numbers of each group as the function was given them.
fn by_group(ledger: &mut Ledger) -> BTreeMap<String, Vec<usize>> {
    let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (_, body, _) in ledger.entries().iter().flat_map(|entry| &entry.records) {
        let body: Body = serde_json::from_str(body).unwrap();
        numbers.entry(body.group).or_default().push(body.number);
    }
    numbers
}

#[tokio::test]
async fn what_does_not_match_leaves_its_group_and_the_rest_keeps_its_order() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_fifo_pair("orders", 60, 1).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    send(&account, &queue).await;
    site.map("orders", &queue, "work", FILTER);
    let daemon = site.run().await;
    account.emptied(&queue).await;

    let expected: Vec<usize> = (0..EACH).step_by(3).collect();
    assert_eq!(by_group(&mut ledger), GROUPS.map(|group| (group.to_owned(), expected.clone())).into());
    assert!(account.messages(&dead).await.is_empty());
    let all = GROUPS.len() * EACH;
    assert_eq!(counted(&site, "orders").await, [all, all / 3, all / 3, all / 3]);
    daemon.stop().await;
}

/// Throws when a group's third match is there for the first time.
const THROWS: &str = "
def handler(event, context):
    note(event)
    for record in event['Records']:
        if json.loads(record['body'])['number'] == 6 and record['attributes']['ApproximateReceiveCount'] == '1':
            raise ValueError('no')
";

#[tokio::test]
async fn nothing_that_matches_overtakes_a_failure_across_a_gap() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.source(THROWS)).await;
    send(&account, &queue).await;
    site.map(
        "orders",
        &queue,
        "work",
        &format!("{FILTER}\nBatchSize: 2\nPoller: {{ Visibility: {{ OnFunctionError: Release }} }}"),
    );
    let daemon = site.run().await;
    account.emptied(&queue).await;

    let mut done = BTreeSet::new();
    let mut failures = 0;
    for entry in ledger.entries() {
        let mut with = Vec::new();
        let mut fails = false;
        for (_, body, receives) in &entry.records {
            let Body { group, number } = serde_json::from_str(body).unwrap();
            fails |= number == 6 && *receives == 1;
            let earlier = (0..number).step_by(3).map(|earlier| (group.clone(), earlier));
            for earlier in earlier {
                assert!(done.contains(&earlier) || with.contains(&earlier), "{earlier:?} was passed: {body}");
            }
            with.push((group, number));
        }
        if fails {
            failures += 1;
        } else {
            done.extend(with);
        }
    }
    assert!(failures > 0);
    assert_eq!(done.len(), GROUPS.len() * EACH / 3);
    daemon.stop().await;
}
