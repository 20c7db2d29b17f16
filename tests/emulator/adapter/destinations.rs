//! Failure destinations of an emulator: what was delivered is read back as its readers would.

use std::sync::Arc;
use std::time::Instant;

use aws_sdk_s3::types::ChecksumMode;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use bytes::Bytes;
use forebay::destination::Destination;
use forebay::machine::{Condition, FailedBatch, FailedResponse, FailedSpan, Failure, FaultKind};
use forebay::mapping::{Arn, DestinationKind, FailureDestination, Mapping};

use crate::harness::process::SOON;
use crate::harness::{Account, Emulator, Queue, REGION, mapping};

/// The name of the deliveries below.
pub(crate) const DELIVERY: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// The key of the object of [`stream_failure`].
pub(crate) const BUCKET_KEY: &str = "aws/lambda/6c6fdcd6-8a1a-4d34-9d05-3a7bd47b2a8f/shardId-000000000001/2019/11/14/\
                                     2019-11-14T00.38.06-0f8fad5b-d9cb-469f-a165-70867728950e";

/// The record of [`stream_failure`] from the stream `clicks` of an account.
pub(crate) const FAILURE_RECORD: &str = concat!(
    r#"{"requestContext":{"requestId":"c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5","#,
    r#""functionArn":"arn:aws:lambda:us-east-1:ACCOUNT:function:work","#,
    r#""condition":"RetryAttemptsExhausted","approximateInvokeCount":2},"#,
    r#""responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"#,
    r#""version":"1.0","timestamp":"2019-11-14T00:38:06.021Z","#,
    r#""KinesisBatchInfo":{"shardId":"shardId-000000000001","startSequenceNumber":"4960118","#,
    r#""endSequenceNumber":"4960119","approximateArrivalOfFirstRecord":"2019-11-14T00:38:04.835Z","#,
    r#""approximateArrivalOfLastRecord":"2019-11-14T00:38:05.580Z","batchSize":2,"#,
    r#""streamArn":"arn:aws:kinesis:us-east-1:ACCOUNT:stream/clicks"}}"#,
);

/// A record of a stream with the event of [`stream_failure`] in it.
pub(crate) fn with_payload(record: &str) -> String {
    format!(r#"{},"payload":"{{\"Records\":[\"é &+%<\\n\"]}}"}}"#, record.strip_suffix('}').unwrap())
}

/// A batch of two records of a shard on which the function threw.
pub(crate) fn stream_failure() -> Failure {
    Failure {
        uuid: 0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e,
        request_id: "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5".into(),
        condition: Condition::RetryAttemptsExhausted,
        invokes: 2,
        response: Some(FailedResponse {
            status: 200,
            executed_version: Some("$LATEST".into()),
            function_error: Some("Unhandled".into()),
            payload: Bytes::from_static(b"{\"errorMessage\":\"no\"}"),
        }),
        unix_ms: 1_573_691_886_021,
        batch: FailedBatch::Stream {
            shard: Arc::from("shardId-000000000001"),
            span: Some(FailedSpan {
                start: Arc::from("4960118"),
                end: Arc::from("4960119"),
                first_unix_ms: 1_573_691_884_835,
                last_unix_ms: 1_573_691_885_580,
                records: 2,
            }),
            window: None,
        },
        payload: Bytes::from_static("{\"Records\":[\"é &+%<\\n\"]}".as_bytes()),
    }
}

/// A message of a queue on which the function threw.
pub(crate) fn queue_failure() -> Failure {
    Failure {
        invokes: 3,
        batch: FailedBatch::Queue {
            group: None,
            message_id: Arc::from("059f36b4-87a3-44ab-83d2-661975830a7d"),
            receive_count: 3,
            sent_unix_ms: 1_573_691_880_007,
        },
        payload: Bytes::from_static("{\"Records\":[{\"body\":\"é \\/ 1.0\"}]}".as_bytes()),
        ..stream_failure()
    }
}

/// The same mapping with a failure destination.
pub(crate) fn on_failure(mut mapping: Mapping, kind: DestinationKind, arn: &str) -> Mapping {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, service, region, account, resource] = parts[..] else { panic!("not an ARN: {arn}") };
    let arn = Arn {
        text: arn.into(),
        partition: partition.into(),
        service: service.into(),
        region: region.into(),
        account: account.into(),
        resource: resource.into(),
    };
    mapping.on_failure = Some(FailureDestination { kind, arn });
    mapping
}

async fn open(account: &Account, kind: DestinationKind, arn: &str) -> Arc<dyn Destination> {
    let source = format!("arn:aws:kinesis:{REGION}:{}:stream/clicks", account.id);
    account.connector().destination(&on_failure(mapping(&source, "work"), kind, arn)).await.unwrap().unwrap()
}

/// The one message of a queue.
async fn receive(account: &Account, queue: &Queue) -> Message {
    let patience = Instant::now() + SOON;
    while Instant::now() < patience {
        let request = account.sqs.receive_message().queue_url(&queue.url).wait_time_seconds(1);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        if let Some(message) = request.send().await.unwrap().messages.unwrap_or_default().pop() {
            return message;
        }
    }
    panic!("no message came into {}", queue.arn);
}

fn record(account: &Account) -> String {
    FAILURE_RECORD.replace("ACCOUNT", &account.id)
}

#[tokio::test]
async fn a_queue_takes_the_record() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("failed", &[]).await;
    let destination = open(&account, DestinationKind::Sqs { fifo: false }, &queue.arn).await;
    destination.deliver(Arc::new(stream_failure())).await.unwrap();
    assert_eq!(receive(&account, &queue).await.body.unwrap(), record(&account));
}

#[tokio::test]
async fn a_fifo_queue_takes_a_repeated_delivery_once() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("failed.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    let destination = open(&account, DestinationKind::Sqs { fifo: true }, &queue.arn).await;
    let failure = Arc::new(stream_failure());
    for _ in 0..3 {
        destination.deliver(Arc::clone(&failure)).await.unwrap();
    }
    assert_eq!(account.messages(&queue).await.len(), 1);
    let message = receive(&account, &queue).await;
    assert_eq!(message.body.unwrap(), record(&account));
    let attributes = message.attributes.unwrap();
    assert_eq!(attributes[&MessageSystemAttributeName::MessageGroupId], "shardId-000000000001");
    assert_eq!(attributes[&MessageSystemAttributeName::MessageDeduplicationId], DELIVERY);
}

#[tokio::test]
async fn a_topic_hands_the_record_to_its_subscribers() {
    let account = Emulator::shared().account().await;
    let sns = aws_sdk_sns::Client::new(&account.config);
    for (name, fifo) in [("failed", false), ("failed.fifo", true)] {
        let attribute = fifo.then(|| [("FifoTopic".to_owned(), "true".to_owned())].into());
        let topic = sns.create_topic().name(name).set_attributes(attribute).send().await.unwrap().topic_arn.unwrap();
        let attributes = [(QueueAttributeName::FifoQueue, "true")];
        let queue = account.create_queue(&format!("reads-{name}"), if fifo { &attributes } else { &[] }).await;
        sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(&queue.arn).send().await.unwrap();
        open(&account, DestinationKind::Sns { fifo }, &topic).await.deliver(Arc::new(stream_failure())).await.unwrap();
        let notification = receive(&account, &queue).await.body.unwrap();
        let notification: serde_json::Value = serde_json::from_str(&notification).unwrap();
        assert_eq!(notification["Message"], record(&account), "{name}");
        assert_eq!(notification["TopicArn"], topic);
    }
}

#[tokio::test]
async fn a_bucket_keeps_one_object_for_all_tries() {
    let account = Emulator::shared().account().await;
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&account.config).force_path_style(true).build(),
    );
    let bucket = format!("failed-{}", account.id);
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let destination = open(&account, DestinationKind::S3, &format!("arn:aws:s3:::{bucket}")).await;
    let failure = Arc::new(stream_failure());
    for _ in 0..2 {
        destination.deliver(Arc::clone(&failure)).await.unwrap();
    }
    let listed = s3.list_objects_v2().bucket(&bucket).send().await.unwrap().contents.unwrap();
    let keys: Vec<&str> = listed.iter().filter_map(|object| object.key.as_deref()).collect();
    assert_eq!(keys, [BUCKET_KEY]);
    let read = s3.get_object().bucket(&bucket).key(BUCKET_KEY).checksum_mode(ChecksumMode::Enabled);
    let object = read.send().await.unwrap();
    assert_eq!(object.content_type(), Some("application/octet-stream"));
    assert!(object.checksum_crc32().is_some(), "the checksum was taken");
    let body = object.body.collect().await.unwrap().into_bytes();
    assert_eq!(std::str::from_utf8(&body).unwrap(), with_payload(&record(&account)));
}

#[tokio::test]
async fn a_bucket_takes_the_largest_event() {
    let account = Emulator::shared().account().await;
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&account.config).force_path_style(true).build(),
    );
    let bucket = format!("large-{}", account.id);
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let destination = open(&account, DestinationKind::S3, &format!("arn:aws:s3:::{bucket}")).await;
    let payload = Bytes::from(format!("{{\"Records\":[\"{}\"]}}", "x".repeat(6 << 20)));
    destination.deliver(Arc::new(Failure { payload: payload.clone(), ..stream_failure() })).await.unwrap();
    let object = s3.get_object().bucket(&bucket).key(BUCKET_KEY).send().await.unwrap();
    let object: serde_json::Value = serde_json::from_slice(&object.body.collect().await.unwrap().into_bytes()).unwrap();
    assert!(object["payload"].as_str().unwrap().as_bytes() == &payload[..]);
}

#[tokio::test]
async fn a_message_of_a_queue_is_delivered_with_its_event_and_error() {
    let account = Emulator::shared().account().await;
    let source = format!("arn:aws:sqs:{REGION}:{}:orders", account.id);
    let queue = account.create_queue("failed", &[]).await;
    let mapping = on_failure(mapping(&source, "work"), DestinationKind::Sqs { fifo: false }, &queue.arn);
    let destination = account.connector().destination(&mapping).await.unwrap().unwrap();
    destination.deliver(Arc::new(queue_failure())).await.unwrap();
    let expected = concat!(
        r#"{"version":"1.0","timestamp":"2019-11-14T00:38:06.021Z","#,
        r#""requestContext":{"requestId":"c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5","#,
        r#""functionArn":"arn:aws:lambda:us-east-1:ACCOUNT:function:work","#,
        r#""condition":"RetryAttemptsExhausted","approximateInvokeCount":3},"#,
        r#""requestPayload":{"Records":[{"body":"é \/ 1.0"}]},"#,
        r#""responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"#,
        r#""responsePayload":{"errorMessage":"no"},"#,
        r#""SQSMessageInfo":{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","#,
        r#""queueArn":"arn:aws:sqs:us-east-1:ACCOUNT:orders","approximateReceiveCount":3,"#,
        r#""sentTimestamp":"2019-11-14T00:38:00.007Z"}}"#,
    );
    assert_eq!(receive(&account, &queue).await.body.unwrap(), expected.replace("ACCOUNT", &account.id));
}

#[tokio::test]
async fn a_destination_that_is_made_later_is_found() {
    let account = Emulator::shared().account().await;
    let arn = format!("arn:aws:sqs:{REGION}:{}:later", account.id);
    let topic = format!("arn:aws:sns:{REGION}:{}:later", account.id);
    let bucket = format!("later-{}", account.id);
    let queue = open(&account, DestinationKind::Sqs { fifo: false }, &arn).await;
    let topic = open(&account, DestinationKind::Sns { fifo: false }, &topic).await;
    let bucket_of = open(&account, DestinationKind::S3, &format!("arn:aws:s3:::{bucket}")).await;
    let failure = Arc::new(stream_failure());
    for destination in [&queue, &topic, &bucket_of] {
        let fault = destination.deliver(Arc::clone(&failure)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Missing, "{fault}");
    }
    account.create_queue("later", &[]).await;
    aws_sdk_sns::Client::new(&account.config).create_topic().name("later").send().await.unwrap();
    let s3 = aws_sdk_s3::config::Builder::from(&account.config).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(s3).create_bucket().bucket(&bucket).send().await.unwrap();
    for destination in [&queue, &topic, &bucket_of] {
        destination.deliver(Arc::clone(&failure)).await.unwrap();
    }
}

#[tokio::test]
async fn a_queue_that_takes_little_gets_the_record_without_the_event() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("small", &[(QueueAttributeName::MaximumMessageSize, "2048")]).await;
    let source = format!("arn:aws:kinesis:{REGION}:{}:stream/clicks", account.id);
    let mut mapping = on_failure(mapping(&source, "work"), DestinationKind::Sqs { fifo: false }, &queue.arn);
    mapping.poller.on_failure_payload = true;
    let destination = account.connector().destination(&mapping).await.unwrap().unwrap();
    let failure = Arc::new(Failure { payload: vec![b'x'; 4096].into(), ..stream_failure() });
    assert_eq!(destination.deliver(Arc::clone(&failure)).await.unwrap_err().kind, FaultKind::TooLarge);
    destination.deliver(failure).await.unwrap();
    let shorter = format!("{},\"payloadOmitted\":true}}", record(&account).strip_suffix('}').unwrap());
    assert_eq!(receive(&account, &queue).await.body.unwrap(), shorter);
}
