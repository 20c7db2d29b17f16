//! Deliveries against scripted answers: what is sent, once, and in which class every refusal ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forebay::AwsConnector;
use forebay::aws::CallBounds;
use forebay::destination::Destination;
use forebay::engine::Connector as _;
use forebay::machine::FaultKind;
use forebay::mapping::{DestinationKind, Mapping};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::adapter::destinations::{
    BUCKET_KEY, DELIVERY, FAILURE_RECORD, on_failure, queue_failure, stream_failure, with_payload,
};
use crate::harness::scripted::{Action, Scripted, Seen};
use crate::harness::{mapping, sdk_config};

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
const SOURCE_QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:failed";
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:failed";
const BUCKET: &str = "arn:aws:s3:::failed";

pub(super) const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
                         <MessageId>1</MessageId></PublishResult></PublishResponse>";

fn stream_mapping(kind: DestinationKind, arn: &str) -> Mapping {
    on_failure(mapping(STREAM, "work"), kind, arn)
}

pub(super) fn sqs() -> Mapping {
    stream_mapping(DestinationKind::Sqs { fifo: false }, QUEUE)
}

pub(super) fn sns() -> Mapping {
    stream_mapping(DestinationKind::Sns { fifo: false }, TOPIC)
}

pub(super) fn s3() -> Mapping {
    stream_mapping(DestinationKind::S3, BUCKET)
}

async fn connector(server: &Scripted) -> AwsConnector {
    bounded_connector(server, Duration::from_secs(2)).await
}

async fn bounded_connector(server: &Scripted, call: Duration) -> AwsConnector {
    let bounds = CallBounds { call, ..CallBounds::default() };
    let config = sdk_config(server.endpoint(), "000000000000").await;
    AwsConnector::with_config(config).unwrap().with_bounds(bounds)
}

pub(super) async fn open(server: &Scripted, mapping: &Mapping) -> Arc<dyn Destination> {
    connector(server).await.destination(mapping).await.unwrap().unwrap()
}

/// A server that takes everything.
async fn taking() -> Scripted {
    let server = Scripted::start().await;
    server.on("SendMessage", [Action::Sent]);
    server.on("Publish", [Action::text(200, PUBLISHED)]);
    server.on("PutObject", [Action::text(200, "").header("etag", "\"1\"")]);
    server
}

/// The members of a form.
fn form(seen: &Seen) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    let body = std::str::from_utf8(&seen.body).unwrap();
    body.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (decode(key), decode(value))).collect()
}

/// The region and service that a call was signed for.
fn scope(seen: &Seen) -> String {
    let credential = seen.headers["authorization"].split("Credential=").nth(1).unwrap().split(',').next().unwrap();
    credential.split('/').skip(2).take(2).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_record_is_sent_as_it_is_and_once() {
    let server = taking().await;
    for mapping in [sqs(), sns(), s3()] {
        open(&server, &mapping).await.deliver(Arc::new(stream_failure())).await.unwrap();
    }
    let record = FAILURE_RECORD.replace("ACCOUNT", "000000000000");

    let asked: Vec<Value> = server.seen("GetQueueUrl").iter().map(Seen::json).collect();
    assert_eq!(asked, [json!({"QueueName": "failed", "QueueOwnerAWSAccountId": "000000000000"})]);
    let sent: Vec<Value> = server.seen("SendMessage").iter().map(Seen::json).collect();
    let url = "http://queue.invalid:1/000000000000/orders";
    assert_eq!(sent, [json!({"QueueUrl": url, "MessageBody": record})]);

    let published: Vec<_> = server.seen("Publish").iter().map(form).collect();
    let members = [("Action", "Publish"), ("Version", "2010-03-31"), ("TopicArn", TOPIC), ("Message", &record)];
    let members: BTreeMap<_, _> = members.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(published, [members]);

    let put = server.seen("PutObject");
    assert_eq!(put.len(), 1);
    assert_eq!(put[0].target, format!("PUT /failed/{BUCKET_KEY}?x-id=PutObject"), "the bucket is in the path");
    assert_eq!(put[0].headers["content-type"], "application/octet-stream");
    assert_eq!(std::str::from_utf8(&put[0].body).unwrap(), with_payload(&record));
    assert!(put[0].headers.contains_key("x-amz-checksum-crc32"), "{:?}", put[0].headers);
    assert!(!put[0].headers.contains_key("content-encoding"), "not in chunks, which some stores do not know");
}

#[tokio::test]
async fn fifo_queues_and_topics_are_told_the_group_and_the_deliverys_name() {
    let server = taking().await;
    let fifo = [
        (DestinationKind::Sqs { fifo: true }, format!("{QUEUE}.fifo")),
        (DestinationKind::Sns { fifo: true }, format!("{TOPIC}.fifo")),
    ];
    for (kind, arn) in fifo {
        open(&server, &stream_mapping(kind, &arn)).await.deliver(Arc::new(stream_failure())).await.unwrap();
        let mapping = on_failure(mapping(SOURCE_QUEUE, "work"), kind, &arn);
        open(&server, &mapping).await.deliver(Arc::new(queue_failure())).await.unwrap();
    }
    let queue = server.seen("SendMessage").iter().map(Seen::json).collect::<Vec<_>>();
    let topic = server.seen("Publish").iter().map(form).collect::<Vec<_>>();
    for (index, group) in ["shardId-000000000001", "059f36b4-87a3-44ab-83d2-661975830a7d"].into_iter().enumerate() {
        assert_eq!(queue[index]["MessageGroupId"], group);
        assert_eq!(queue[index]["MessageDeduplicationId"], DELIVERY);
        assert_eq!(topic[index]["MessageGroupId"], group);
        assert_eq!(topic[index]["MessageDeduplicationId"], DELIVERY);
    }
}

#[tokio::test]
async fn only_an_answer_with_the_records_id_is_a_confirmation() {
    let table = [
        (sqs(), "SendMessage", Action::json(200, &json!({})), "a message id"),
        (sqs(), "SendMessage", Action::json(200, &json!({"MessageId": "1"})), "the checksum"),
        (
            sqs(),
            "SendMessage",
            Action::json(200, &json!({"MessageId": "1", "MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592"})),
            "the checksum",
        ),
        (sns(), "Publish", Action::text(200, "<PublishResponse><PublishResult/></PublishResponse>"), "a message id"),
        (s3(), "PutObject", Action::text(200, "<html>Please log in</html>"), "the ETag of the object"),
    ];
    let server = Scripted::start().await;
    for (mapping, operation, action, lacking) in table {
        server.on(operation, [action]);
        let fault = open(&server, &mapping).await.deliver(Arc::new(stream_failure())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
        assert!(fault.message.contains(&format!("the answer lacks {lacking}")), "{fault}");
    }
    for (mapping, operation) in [(sqs(), "SendMessage"), (sns(), "Publish"), (s3(), "PutObject")] {
        for status in [201, 202, 204, 206] {
            server.on(operation, [Action::text(status, "").header("etag", "\"1\"")]);
            let fault = open(&server, &mapping).await.deliver(Arc::new(stream_failure())).await.unwrap_err();
            assert_eq!(fault.kind, FaultKind::Transient, "{fault}");
            assert!(fault.message.contains(&format!("HTTP {status} is no answer of this service")), "{fault}");
        }
        server.on(operation, [Action::Endless]);
        // What SQS may answer at most takes a busy machine its time.
        let patient = bounded_connector(&server, Duration::from_secs(60)).await;
        let fault = patient
            .destination(&mapping)
            .await
            .unwrap()
            .unwrap()
            .deliver(Arc::new(stream_failure()))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid, "{fault}");
    }
}

#[tokio::test]
async fn the_queues_url_is_asked_for_again_after_the_queue_was_missing() {
    let server = taking().await;
    let destination = open(&server, &sqs()).await;
    let missing = Action::sqs_error(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "gone");
    let sent = Action::Sent;
    server.on("SendMessage", [sent.clone(), sent.clone(), missing.clone(), sent]);
    for _ in 0..2 {
        destination.deliver(Arc::new(stream_failure())).await.unwrap();
    }
    assert_eq!(server.seen("GetQueueUrl").len(), 1);
    assert_eq!(destination.deliver(Arc::new(stream_failure())).await.unwrap_err().kind, FaultKind::Missing);
    let found = Action::json(200, &json!({"QueueUrl": "http://queue.invalid:1/000000000000/again"}));
    server.on("GetQueueUrl", [missing, Action::json(200, &json!({})), found]);
    assert_eq!(destination.deliver(Arc::new(stream_failure())).await.unwrap_err().kind, FaultKind::Missing);
    assert_eq!(destination.deliver(Arc::new(stream_failure())).await.unwrap_err().kind, FaultKind::Transient);
    assert_eq!(server.seen("SendMessage").len(), 3);
    destination.deliver(Arc::new(stream_failure())).await.unwrap();
    let last = server.seen("SendMessage").pop().unwrap();
    assert_eq!(last.json()["QueueUrl"], "http://queue.invalid:1/000000000000/again");
    assert_eq!(last.target, "POST /", "the URL's host is never called");
}

#[tokio::test]
async fn what_is_too_large_goes_without_the_event_and_a_queues_message_not_at_all() {
    let server = taking().await;
    let mut failure = stream_failure();
    failure.payload = format!("{{\"Records\":[\"{}\"]}}", "x".repeat(300 << 10)).into();
    for (mut mapping, operation) in [(sqs(), "SendMessage"), (sns(), "Publish")] {
        mapping.poller.on_failure_payload = true;
        open(&server, &mapping).await.deliver(Arc::new(failure.clone())).await.unwrap();
        let text = match operation {
            "Publish" => form(&server.seen(operation)[0])["Message"].clone(),
            _ => server.seen(operation)[0].json()["MessageBody"].as_str().unwrap().to_owned(),
        };
        let record: Value = serde_json::from_str(&text).unwrap();
        let there = operation == "SendMessage";
        assert_eq!(record.get("payload").is_some(), there, "300 KiB fit into 1 MiB, but not into 256 KiB");
        assert_eq!(record.get("payloadOmitted"), (!there).then_some(&json!(true)));
    }

    let mut failure = queue_failure();
    failure.payload = format!("{{\"Records\":[\"{}\"]}}", "x".repeat(1 << 20)).into();
    for (kind, arn) in [(DestinationKind::Sqs { fifo: false }, QUEUE), (DestinationKind::Sns { fifo: false }, TOPIC)] {
        let before = server.seen("SendMessage").len() + server.seen("Publish").len();
        let mapping = on_failure(mapping(SOURCE_QUEUE, "work"), kind, arn);
        let fault = open(&server, &mapping).await.deliver(Arc::new(failure.clone())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::TooLarge, "{fault}");
        assert!(fault.message.contains("use an S3 bucket"), "{fault}");
        assert_eq!(server.seen("SendMessage").len() + server.seen("Publish").len(), before, "nothing is sent");
    }
    let mapping = on_failure(mapping(SOURCE_QUEUE, "work"), DestinationKind::S3, BUCKET);
    open(&server, &mapping).await.deliver(Arc::new(failure.clone())).await.unwrap();
    let object: Value = serde_json::from_slice(&server.seen("PutObject")[0].body).unwrap();
    assert_eq!(object["requestPayload"]["Records"][0].as_str().unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn a_queues_own_smaller_limit_is_learned_from_its_refusal() {
    let server = taking().await;
    let mut mapping = sqs();
    mapping.poller.on_failure_payload = true;
    let destination = open(&server, &mapping).await;
    let text = "One or more parameters are invalid. Reason: Message must be shorter than 1500 bytes.";
    let refusal = Action::sqs_error(400, "InvalidParameterValue", "InvalidParameterValue", text);
    server.on("SendMessage", [refusal, Action::Sent]);
    let mut failure = stream_failure();
    failure.payload = format!("{{\"Records\":[\"{}\"]}}", "x".repeat(2000)).into();
    let fault = destination.deliver(Arc::new(failure.clone())).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::TooLarge, "{fault}");
    destination.deliver(Arc::new(failure)).await.unwrap();
    let bodies: Vec<String> =
        server.seen("SendMessage").iter().map(|seen| seen.json()["MessageBody"].as_str().unwrap().to_owned()).collect();
    assert!(bodies[0].contains("\"payload\":") && bodies[1].ends_with("\"payloadOmitted\":true}"), "{bodies:?}");
}

#[tokio::test]
async fn region_role_and_endpoint_are_the_destinations_own() {
    let server = taking().await;
    let elsewhere = taking().await;
    for (mut mapping, operation, service, own) in [
        (sqs(), "SendMessage", "sqs", "us-west-2"),
        (sns(), "Publish", "sns", "us-west-2"),
        (s3(), "PutObject", "s3", ""),
    ] {
        mapping.on_failure.as_mut().unwrap().arn.region = own.to_owned();
        mapping.poller.source.region = Some("eu-west-3".to_owned());
        open(&server, &mapping).await.deliver(Arc::new(stream_failure())).await.unwrap();
        let expected = if own.is_empty() { "us-east-1" } else { own };
        assert_eq!(scope(&server.seen(operation)[0]), format!("{expected}/{service}"));

        mapping.poller.destination.region = Some("ap-south-1".to_owned());
        mapping.poller.endpoints.insert(service.to_owned(), elsewhere.endpoint().to_owned());
        open(&server, &mapping).await.deliver(Arc::new(stream_failure())).await.unwrap();
        assert_eq!(server.seen(operation).len(), 1, "{operation} went to the mapping's own endpoint");
        assert_eq!(scope(&elsewhere.seen(operation)[0]), format!("ap-south-1/{service}"));

        mapping.poller.endpoints.insert(service.to_owned(), "localhost:4566".to_owned());
        let fault = connector(&server).await.destination(&mapping).await.err().unwrap();
        assert_eq!(fault.kind, FaultKind::Invalid, "{fault}");
    }
    let role = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
                <AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    server.on("AssumeRole", [Action::text(200, role)]);
    let mut mapping = sns();
    mapping.poller.destination.role_arn = Some("arn:aws:iam::000000000000:role/failures".to_owned());
    open(&server, &mapping).await.deliver(Arc::new(stream_failure())).await.unwrap();
    let last = server.seen("Publish").pop().unwrap();
    assert!(last.headers["authorization"].contains("Credential=ROLE/"), "{:?}", last.headers);
}

#[tokio::test]
async fn only_mappings_with_a_destination_have_one() {
    let server = taking().await;
    let connector = connector(&server).await;
    let plain = mapping(SOURCE_QUEUE, "work");
    assert!(connector.destination(&plain).await.unwrap().is_none());
    assert!(connector.connect(&plain).await.unwrap().destination.is_none());
    let ports = connector.connect(&on_failure(plain, DestinationKind::S3, BUCKET)).await.unwrap();
    ports.destination.unwrap().deliver(Arc::new(queue_failure())).await.unwrap();
    assert_eq!(server.seen("PutObject").len(), 1);
}
