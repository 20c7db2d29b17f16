//! A failure destination of a queue: after its tries a message is told with all that is known, and then deleted.

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use serde_json::{Value, json};

use crate::harness::failures::is_uuid;
use crate::harness::ledger::{Entry, Ledger};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

/// A message that failed comes again at once; nothing else does, however slow the machine is.
fn lines(destination: &Queue, attempts: &str, more: &str) -> String {
    format!(
        "DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}\n\
         Poller: {{ {attempts}Visibility: {{ OnFunctionError: Release }} }}\n{more}",
        destination.arn
    )
}

async fn empty(account: &Account, queue: &Queue) {
    eventually(SOON, "the queue is empty", async || account.messages(queue).await.is_empty().then_some(())).await;
}

/// The deliveries of one message, as the function noted them.
fn receives(entries: &[Entry], body: &str) -> Vec<u32> {
    let records = entries.iter().flat_map(|entry| &entry.records);
    records.filter(|record| record.1 == body).map(|record| record.2).collect()
}

/// The only failure record of a destination, by its members.
async fn told(account: &Account, destination: &Queue) -> Value {
    let messages = account.messages(destination).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_message_that_fails_to_the_end_is_told_with_its_error_and_deleted() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "60")]).await;
    let destination = account.create_queue("orders-failed", &[]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let throws = "
def handler(event, context):
    note(event)
    if event['Records'][0]['body'] == 'poison':
        raise ValueError('no such customer')
";
    let function = account.create_function("work", &ledger.source(throws)).await;
    site.map("orders", &queue, "work", &lines(&destination, "", "BatchSize: 1"));
    account.send(&queue, &["good 1", "poison", "good 2"].map(str::to_owned)).await;
    let daemon = site.run().await;
    empty(&account, &queue).await;

    assert_eq!(receives(ledger.entries(), "poison"), [1, 2, 3], "three tries, unless told otherwise");
    assert_eq!(receives(ledger.entries(), "good 1"), [1]);
    let id = &ledger.entries().iter().flat_map(|entry| &entry.records).find(|record| record.1 == "poison").unwrap().0;
    let mut record = told(&account, &destination).await;
    let payload = record["requestPayload"].take();
    let sent = &payload["Records"][0];
    assert_eq!(payload["Records"].as_array().unwrap().len(), 1);
    assert_eq!((sent["messageId"].as_str(), sent["body"].as_str()), (Some(&**id), Some("poison")));
    assert_eq!(sent["attributes"]["ApproximateReceiveCount"], "3");
    let sent: i64 = sent["attributes"]["SentTimestamp"].as_str().unwrap().parse().unwrap();
    let answer = record["responsePayload"].take();
    assert_eq!(answer["errorMessage"], "no such customer");
    let request = record["requestContext"]["requestId"].take();
    assert!(is_uuid(request.as_str().unwrap()), "{request}");
    let timestamp = record["timestamp"].take();
    assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    let sent = jiff::Timestamp::from_millisecond(sent).unwrap().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let expected = json!({
        "version": "1.0",
        "timestamp": null,
        "requestContext": {
            "requestId": null, "functionArn": function, "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": null,
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "responsePayload": null,
        "SQSMessageInfo": {
            "messageId": id, "queueArn": queue.arn, "approximateReceiveCount": 3, "sentTimestamp": sent,
        },
    });
    assert_eq!(record, expected);
    daemon.reaches("forebay_events_delivered_to_destination_total", "orders", 1.0).await;
    daemon.reaches("forebay_events_deleted_total", "orders", 3.0).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_reported_message_is_told_after_the_tries_that_the_mapping_wants() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 60, 10).await;
    let destination = account.create_queue("orders-failed", &[]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let reports = "
def handler(event, context):
    note(event)
    poison = [record['messageId'] for record in event['Records'] if record['body'] == 'poison']
    return {'batchItemFailures': [{'itemIdentifier': id} for id in poison]}
";
    account.create_function("work", &ledger.source(reports)).await;
    let more = "FunctionResponseTypes: [ReportBatchItemFailures]";
    site.map("orders", &queue, "work", &lines(&destination, "OnFailureAttempts: 2, ", more));
    account.send(&queue, &["good", "poison"].map(str::to_owned)).await;
    let daemon = site.run().await;
    empty(&account, &queue).await;

    assert_eq!(receives(ledger.entries(), "poison"), [1, 2]);
    assert_eq!(receives(ledger.entries(), "good"), [1]);
    let record = told(&account, &destination).await;
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(record["requestPayload"]["Records"][0]["body"], "poison");
    assert_eq!(record["responseContext"]["functionError"], Value::Null);
    assert!(account.messages(&dead).await.is_empty());
    daemon.stop().await;
}
