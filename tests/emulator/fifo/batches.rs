//! What becomes of the messages of a group in one batch: reported rightly, carelessly, and in an event as at AWS.

use serde_json::{Value, json};

use crate::harness::Emulator;
use crate::harness::fifo::{Turns, in_turn, unix};
use crate::harness::ledger::Events;
use crate::harness::process::{SOON, Site, eventually};

/// Long enough for a busy machine to extend it in time.
const VISIBILITY: u32 = 6;
const REPORTS: &str = "FunctionResponseTypes: [ReportBatchItemFailures]";

/// Says of number 1 alone that it failed, when it comes first; what is behind it is said to be processed.
const CARELESS: &str = "
def handler(event, context):
    failed = ids(r for r in event['Records'] if number(r) == 1 and receives(r) == 1)
    note(event, failed)
    return report(failed)
";

#[tokio::test]
async fn what_a_careless_function_processed_too_early_comes_again_behind_what_failed() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_fifo_pair("orders", VISIBILITY, 5).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(CARELESS)).await;
    account.send_groups(&queue, &in_turn(&["a"], 4)).await;
    site.map("orders", &queue, "work", REPORTS);
    let daemon = site.run().await;
    account.emptied(&queue).await;

    let first = [(0, 1, true), (1, 1, false), (2, 1, true), (3, 1, true)];
    let second = [(1, 2, true), (2, 2, true), (3, 2, true)];
    assert_eq!(turns.of("a"), [&first[..], &second[..]].concat());
    assert_eq!(turns.entries().len(), 2);
    assert_eq!(daemon.metric("forebay_events_kept_in_order_total", "orders").await, 2.0);
    daemon.reaches("forebay_events_deleted_total", "orders", 4.0).await;
    assert!(account.messages(&dead).await.is_empty());
    daemon.stop().await;
}

#[tokio::test]
async fn as_reported_deletes_what_stands_behind_a_failure_as_aws_does() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", VISIBILITY).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(CARELESS)).await;
    account.send_groups(&queue, &in_turn(&["a"], 4)).await;
    site.map("orders", &queue, "work", &format!("{REPORTS}\nPoller: {{ GroupOrder: AsReported }}"));
    let daemon = site.run().await;
    account.emptied(&queue).await;

    let first = [(0, 1, true), (1, 1, false), (2, 1, true), (3, 1, true)];
    assert_eq!(turns.of("a"), [&first[..], &[(1, 2, true)]].concat());
    assert_eq!(daemon.metric("forebay_events_kept_in_order_total", "orders").await, 0.0);
    daemon.reaches("forebay_events_deleted_total", "orders", 4.0).await;
    daemon.stop().await;
}

/// As it was recorded at AWS: of four messages the last three are reported, then only the last.
const RECORDED: &str = "
def handler(event, context):
    failed = ids(r for r in event['Records'] if number(r) > 0 and receives(r) == 1 or number(r) == 3)
    note(event, failed)
    return report(failed)
";

#[tokio::test]
async fn reported_messages_come_again_together_and_the_last_one_is_dead_lettered() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_fifo_pair("orders", VISIBILITY, 2).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(RECORDED)).await;
    site.map("orders", &queue, "work", &format!("BatchSize: 4\n{REPORTS}"));
    let daemon = site.run().await;
    // The first start of a function takes a while; from then on it notes when it is invoked.
    account.send_groups(&queue, &in_turn(&["first"], 1)).await;
    account.emptied(&queue).await;
    let sent = unix();
    account.send_groups(&queue, &in_turn(&["a"], 4)).await;
    account.emptied(&queue).await;

    let first = [(0, 1, true), (1, 1, false), (2, 1, false), (3, 1, false)];
    let second = [(1, 2, true), (2, 2, true), (3, 2, false)];
    assert_eq!(turns.of("a"), [&first[..], &second[..]].concat());
    let entries = turns.entries();
    assert_eq!(entries.len(), 3);
    let waited = entries[2].began - sent;
    assert!(waited >= f64::from(VISIBILITY), "{waited} s");
    assert_eq!(account.numbers(&dead).await, [("a".to_owned(), [3].into())].into());
    assert_eq!(daemon.metric("forebay_events_kept_in_order_total", "orders").await, 0.0);
    daemon.reaches("forebay_events_deleted_total", "orders", 4.0).await;
    daemon.stop().await;
}

/// Number 0 of group a fails twice.
const ONE_GROUP_FAILS: &str = "
def handler(event, context):
    failed = ids(r for r in event['Records'] if group(r) == 'a' and number(r) == 0 and receives(r) <= 2)
    note(event, failed)
    return report(failed)
";

#[tokio::test]
async fn a_failure_leaves_the_other_groups_of_its_batch_alone() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", VISIBILITY).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(ONE_GROUP_FAILS)).await;
    account.send_groups(&queue, &in_turn(&["a", "b", "c"], 3)).await;
    // One slot for three groups: they share a batch.
    site.map("orders", &queue, "work", &format!("{REPORTS}\nScalingConfig: {{ MaximumConcurrency: 1 }}"));
    let daemon = site.run().await;
    account.emptied(&queue).await;

    let together = [(0, 1, true), (1, 1, true), (2, 1, true)];
    assert_eq!((turns.of("b"), turns.of("c")), (together.to_vec(), together.to_vec()));
    let numbers: Vec<(usize, u32)> = turns.of("a").iter().map(|dealt| (dealt.0, dealt.1)).collect();
    assert_eq!(numbers, [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2), (0, 3), (1, 3), (2, 3)]);
    let shared = turns.entries().iter().filter(|turn| turn.records.iter().any(|dealt| dealt.group == "b"));
    assert!(
        shared.clone().any(|turn| turn.records.len() > 3),
        "groups share a batch: {:?}",
        shared.collect::<Vec<_>>()
    );
    daemon.reaches("forebay_events_deleted_total", "orders", 9.0).await;
    daemon.stop().await;
}

/// Number 1 of group a fails whenever it comes.
const POISON: &str = "
def handler(event, context):
    failed = ids(r for r in event['Records'] if group(r) == 'a' and number(r) == 1)
    note(event, failed)
    return report(failed)
";

#[tokio::test]
async fn a_group_goes_on_behind_a_message_that_its_failure_destination_took() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_fifo_pair("orders", VISIBILITY, 20).await;
    let failed = account.create_queue("orders-failed", &[]).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(POISON)).await;
    account.send_groups(&queue, &in_turn(&["a"], 4)).await;
    let more = format!(
        "{REPORTS}\nDestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}\n\
         Poller: {{ OnFailureAttempts: 3, Visibility: {{ OnFunctionError: Release }} }}",
        failed.arn
    );
    site.map("orders", &queue, "work", &more);
    let daemon = site.run().await;
    account.emptied(&queue).await;

    let told = account.messages(&failed).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let record: Value = serde_json::from_str(told[0]["Body"].as_str().unwrap()).unwrap();
    let message = &record["requestPayload"]["Records"][0];
    assert_eq!((&message["body"], &message["attributes"]["MessageGroupId"]), (&json!("1"), &json!("a")));
    let dealt = turns.of("a");
    let tries = |number: usize| dealt.iter().filter(|dealt| dealt.0 == number).count();
    assert_eq!((tries(0), tries(1)), (1, 3), "{dealt:?}");
    // What is said to be processed behind it is not believed while it may come again, and processed once it is gone.
    let last: Vec<usize> = dealt.iter().rev().take(2).map(|dealt| dealt.0).collect();
    assert_eq!(last, [3, 2], "{dealt:?}");
    assert!(account.messages(&dead).await.is_empty());
    daemon.stop().await;
}

/// Stops a group at its first failure, and reports the rest of the group with it, as AWS advises.
const CAREFUL: &str = "
def handler(event, context):
    failed, stopped = [], set()
    for record in event['Records']:
        if group(record) in stopped or number(record) == 1:
            stopped.add(group(record))
            failed.append(record['messageId'])
    note(event, failed)
    return report(failed)
";

#[tokio::test]
async fn what_a_careful_function_left_alone_is_not_given_up_with_what_failed() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", VISIBILITY).await;
    let failed = account.create_queue("orders-failed", &[]).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(CAREFUL)).await;
    account.send_groups(&queue, &in_turn(&["a", "b"], 4)).await;
    let more = format!(
        "{REPORTS}\nDestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}\n\
         Poller: {{ OnFailureAttempts: 2, Visibility: {{ OnFunctionError: Release }} }}",
        failed.arn
    );
    site.map("orders", &queue, "work", &more);
    let daemon = site.run().await;
    account.emptied(&queue).await;

    assert_eq!(account.messages(&failed).await.len(), 2, "number 1 of each group, and nothing behind it");
    for group in ["a", "b"] {
        let done: Vec<usize> = turns.of(group).iter().filter(|dealt| dealt.2).map(|dealt| dealt.0).collect();
        assert_eq!(done, [0, 2, 3], "{group}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn the_function_sees_group_order_and_deduplication_of_its_messages() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let site = Site::new(&account);
    let mut events = Events::new(&site, "events");
    account.create_function("work", &events.noting()).await;
    let mut sent = Vec::new();
    for (group, body) in [("a \"1\"", "first"), ("a \"1\"", "second")] {
        let message = account.sqs.send_message().queue_url(&queue.url).message_body(body).message_group_id(group);
        sent.push(message.message_deduplication_id(format!("id of {body}")).send().await.unwrap());
    }
    site.map("orders", &queue, "work", "");
    let daemon = site.run().await;
    let event = eventually(SOON, "the event", async || events.entries().first().cloned()).await.event;
    let parsed: Value = serde_json::from_str(&event).unwrap();
    let records = parsed["Records"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    for ((record, sent), body) in records.iter().zip(&sent).zip(["first", "second"]) {
        assert_eq!(record["messageId"], json!(sent.message_id));
        let of = |name: &str| record["attributes"][name].as_str().unwrap().to_owned();
        let expected = format!(
            concat!(
                r#""body":"{body}","attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"{time}","#,
                r#""SequenceNumber":"{sequence}","MessageGroupId":"a \"1\"","SenderId":"{sender}","#,
                r#""MessageDeduplicationId":"id of {body}","ApproximateFirstReceiveTimestamp":"{first}"}},"messageAttributes":{{}}"#
            ),
            body = body,
            time = of("SentTimestamp"),
            sequence = sent.sequence_number.as_ref().unwrap(),
            sender = of("SenderId"),
            first = of("ApproximateFirstReceiveTimestamp"),
        );
        assert!(event.contains(&expected), "{expected}\n{event}");
        assert_eq!(record["eventSourceARN"], json!(queue.arn));
    }
    account.emptied(&queue).await;
    daemon.stop().await;
}
