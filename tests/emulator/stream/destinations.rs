//! Failure records in each kind of destination, as their readers find them.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::harness::failures::{GivenUp, bodies, is_uuid};
use crate::harness::feeds::Kind;
use crate::harness::ledger::Events;
use crate::harness::process::{SOON, eventually};

const GIVEN_UP: [&str; 3] = ["a", "b", "c"];

/// Notes the event, and throws.
const THROWS: &str = "def handler(event, context):\n    note(event)\n    raise ValueError('no')\n";

fn lines(destination: &str, poller: &str) -> String {
    format!(
        "StartingPosition: TRIM_HORIZON\nMaximumRetryAttempts: 1\n\
         DestinationConfig: {{ OnFailure: {{ Destination: \"{destination}\" }} }}\n\
         Poller: {{ RetryBackoff: {{ Initial: 50ms }}{poller} }}"
    )
}

/// Takes the event out of a failure record: the record without it, and the event.
fn apart(record: &str) -> (String, String) {
    let (bare, _) = record.split_once(",\"payload\":").unwrap_or_else(|| panic!("no payload: {record}"));
    let whole: Value = serde_json::from_str(record).unwrap();
    (format!("{bare}}}"), whole["payload"].as_str().expect("the payload is a string").to_owned())
}

/// The event as the function got it, however it writes its numbers.
fn same_event(payload: &str, noted: &str) {
    let parsed = |text| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(parsed(payload), parsed(noted));
}

async fn every_destination(kind: Kind) {
    let (account, site) = kind.site().await;
    let feed = kind.feed(&account, "orders").await;
    feed.put(&GIVEN_UP).await;
    let mut events = Vec::new();
    let mut functions = Vec::new();
    for name in ["to-queue", "to-queue-whole", "to-fifo", "to-topic", "to-bucket"] {
        let ledger = Events::new(&site, name);
        functions.push(account.create_function(name, &ledger.source(THROWS)).await);
        events.push(ledger);
    }

    let queue = account.create_queue("failed", &[]).await;
    site.map_arn("to-queue", feed.arn(), "to-queue", &lines(&queue.arn, ""));
    let whole = account.create_queue("failed-whole", &[]).await;
    site.map_arn("to-queue-whole", feed.arn(), "to-queue-whole", &lines(&whole.arn, ", OnFailurePayload: true"));
    let fifo = account.create_queue("failed.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    site.map_arn("to-fifo", feed.arn(), "to-fifo", &lines(&fifo.arn, ""));
    let sns = aws_sdk_sns::Client::new(&account.config);
    let topic = sns.create_topic().name("failed").send().await.unwrap().topic_arn.unwrap();
    let subscribed = account.create_queue("subscribed", &[]).await;
    sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(&subscribed.arn).send().await.unwrap();
    site.map_arn("to-topic", feed.arn(), "to-topic", &lines(&topic, ""));
    let s3 = aws_sdk_s3::config::Builder::from(&account.config).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);
    let bucket = format!("failed-{}", account.id);
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    site.map_arn("to-bucket", feed.arn(), "to-bucket", &lines(&format!("arn:aws:s3:::{bucket}"), ""));
    let daemon = site.run().await;

    let given_up = GivenUp::exhausted(&GIVEN_UP, 2, Some("Unhandled"));
    given_up.check(&bodies(&account, &queue, 1).await[0], &functions[0], &feed).await;
    let (bare, payload) = apart(&bodies(&account, &whole, 1).await[0]);
    given_up.check(&bare, &functions[1], &feed).await;
    same_event(&payload, &events[1].entries()[0].event);
    given_up.check(&bodies(&account, &fifo, 1).await[0], &functions[2], &feed).await;
    let notification: Value = serde_json::from_str(&bodies(&account, &subscribed, 1).await[0]).unwrap();
    given_up.check(notification["Message"].as_str().unwrap(), &functions[3], &feed).await;

    let key = eventually(SOON, "an object in the bucket", async || {
        let listed = s3.list_objects_v2().bucket(&bucket).send().await.unwrap();
        listed.contents?.pop()?.key
    })
    .await;
    let object = s3.get_object().bucket(&bucket).key(&key).send().await.unwrap();
    assert_eq!(object.content_type(), Some("application/octet-stream"));
    let body = String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap();
    let (bare, payload) = apart(&body);
    given_up.check(&bare, &functions[4], &feed).await;
    same_event(&payload, &events[4].entries()[0].event);

    let status = site.status("to-bucket").await;
    let record: Value = serde_json::from_str(&bare).unwrap();
    let time: jiff::Timestamp = record["timestamp"].as_str().unwrap().parse().unwrap();
    let folder = format!("aws/lambda/{}/{}", status["UUID"].as_str().unwrap(), feed.shard().await);
    let begin = format!("{folder}/{}", time.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S-"));
    let uuid = key.strip_prefix(&begin).unwrap_or_else(|| panic!("{key} does not begin with {begin}"));
    assert!(is_uuid(uuid), "{key}");
    for name in ["to-queue", "to-queue-whole", "to-fifo", "to-topic", "to-bucket"] {
        daemon.reaches("forebay_events_delivered_to_destination_total", name, 3.0).await;
        site.health(name, "ok", "").await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn each_destination_is_told_the_same_on_kinesis() {
    every_destination(Kind::Kinesis).await;
}

#[tokio::test]
async fn each_destination_is_told_the_same_on_dynamodb() {
    every_destination(Kind::DynamoDb).await;
}
