//! Queues: the SQS adapter against an emulator, and what a real Python function sees of their messages.

use std::time::Duration;

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeNameForSends, QueueAttributeName};
use bytes::Bytes;
use forebay::engine::{Connector as _, SourcePort};
use forebay::function::Invocation;
use forebay::machine::{FaultKind, Message, PollId, PollRequest, ReceiptEntry, ReceiptOutcome};
use forebay::source::{QueueSource, SqsQueue};

use crate::harness::{Account, Emulator, Queue, REGION, mapping};

/// Returns the event as the function sees it, in the same compact form in which it was sent.
pub(crate) const ECHO: &str = "
import json
def handler(event, context):
    return json.dumps(event, separators=(',', ':'), ensure_ascii=False)
";

/// Returns lengths and digests of the bodies, for those that are too large to send back.
const DIGEST: &str = "
import hashlib
def handler(event, context):
    bodies = [record['body'].encode() for record in event['Records']]
    return [[len(body), hashlib.md5(body).hexdigest()] for body in bodies]
";

pub(crate) fn poll(max: u32) -> PollRequest {
    PollRequest { id: PollId(1), max, wait: Duration::from_secs(1), visibility: None, attempt: None }
}

fn event(records: &[Message]) -> Bytes {
    let joined = records.iter().map(|message| &message.record.fragment[..]).collect::<Vec<_>>().join(&b',');
    Bytes::from([&b"{\"Records\":["[..], &joined, b"]}"].concat())
}

async fn open(account: &Account, queue: &Queue) -> SqsQueue {
    account.connector().queue(&mapping(&queue.arn, "work")).await.unwrap()
}

/// Receives until `count` records are there.
async fn receive(source: &SqsQueue, count: usize) -> Vec<Message> {
    let mut records = Vec::new();
    for _ in 0..20 {
        records.extend(source.receive(poll(10)).await.unwrap());
        if records.len() >= count {
            return records;
        }
    }
    panic!("only {} of {count} messages came", records.len());
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
}

#[tokio::test]
async fn a_function_sees_the_very_event_that_was_encoded() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    account.create_function("work", ECHO).await;
    let bodies = [
        "plain".to_owned(),
        "{\"a\": 1.10, \"a\" :2}".to_owned(),
        " \t\r\n\"quoted\" \\ / é 漢字 🦀 \u{2028}".to_owned(),
        "not { json".to_owned(),
    ];
    let mut sent = Vec::new();
    for body in &bodies {
        sent.push(account.sqs.send_message().queue_url(&queue.url).message_body(body).send().await.unwrap());
    }
    let ports = account.connector().connect(&mapping(&queue.arn, "work")).await.unwrap();
    let SourcePort::Queue(source) = ports.source else { panic!("a queue has a queue's port") };
    let mut records = Vec::new();
    while records.len() < bodies.len() {
        records.extend(source.receive(poll(10)).await.unwrap());
    }
    let body = event(&records);
    let answer = ports.function.invoke(Invocation::first(body.clone())).await.unwrap();
    assert_eq!((answer.status, &answer.function_error), (200, &None));
    let seen: String = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(seen.as_bytes(), body, "the function's view is what was sent, byte for byte");

    for (body, sent) in bodies.iter().zip(sent) {
        let id = sent.message_id.unwrap();
        let record = records.iter().find(|message| *message.record.id == id).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&record.record.fragment).unwrap();
        let attributes = &json["attributes"];
        let member = |name: &str| attributes[name].as_str().unwrap().to_owned();
        let expected = format!(
            concat!(
                r#"{{"messageId":{id},"receiptHandle":{handle},"body":{body},"#,
                r#""attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"{sent}","SenderId":"{sender}","#,
                r#""ApproximateFirstReceiveTimestamp":"{first}"}},"messageAttributes":{{}},"md5OfBody":"{md5}","#,
                r#""eventSource":"aws:sqs","eventSourceARN":"{arn}","awsRegion":"{region}"}}"#
            ),
            id = serde_json::to_string(&id).unwrap(),
            handle = serde_json::to_string(record.receipt.as_str()).unwrap(),
            body = serde_json::to_string(body).unwrap(),
            sent = member("SentTimestamp"),
            sender = member("SenderId"),
            first = member("ApproximateFirstReceiveTimestamp"),
            md5 = sent.md5_of_message_body.unwrap(),
            arn = queue.arn,
            region = REGION,
        );
        assert_eq!(record.record.fragment, expected);
        assert_eq!(record.record.arrived_unix_ms.to_string(), member("SentTimestamp"));
    }
}

#[tokio::test]
async fn message_attributes_of_every_kind_reach_the_function() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    account.create_function("work", ECHO).await;
    let binary: Vec<u8> = (0..=255).collect();
    let number = MessageAttributeValue::builder().data_type("Number").string_value("6").build().unwrap();
    let bytes = MessageAttributeValue::builder().data_type("Binary.raw").binary_value(Blob::new(binary.clone()));
    let trace = aws_sdk_sqs::types::MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value("Root=1-5e3d83c1-e6a0db584850d61342823d4c")
        .build()
        .unwrap();
    let sent = account
        .sqs
        .send_message()
        .queue_url(&queue.url)
        .message_body("x")
        .message_attributes("Author", text("John \"J\" Grisham"))
        .message_attributes("Count", number)
        .message_attributes("Raw", bytes.build().unwrap())
        .message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, trace)
        .send()
        .await
        .unwrap();
    let mut mapping = mapping(&queue.arn, "work");
    mapping.window = Duration::from_secs(1);
    let connector = account.connector();
    let source = connector.queue(&mapping).await.unwrap();
    let records = receive(&source, 1).await;
    let answer = connector.function(&mapping).await.unwrap().invoke(Invocation::first(event(&records))).await.unwrap();
    let seen: String = serde_json::from_slice(&answer.payload).unwrap();
    let expected = format!(
        concat!(
            r#""messageAttributes":{{"#,
            r#""Author":{{"stringValue":"John \"J\" Grisham","stringListValues":[],"binaryListValues":[],"dataType":"String"}},"#,
            r#""Count":{{"stringValue":"6","stringListValues":[],"binaryListValues":[],"dataType":"Number"}},"#,
            r#""Raw":{{"binaryValue":"{raw}","stringListValues":[],"binaryListValues":[],"dataType":"Binary.raw"}}}},"#,
            r#""md5OfMessageAttributes":"{md5}","md5OfBody""#
        ),
        raw = base64_simd::STANDARD.encode_to_string(&binary),
        md5 = sent.md5_of_message_attributes.unwrap(),
    );
    assert!(seen.contains(&expected), "{seen}");
    let trace =
        r#""attributes":{"ApproximateReceiveCount":"1","AWSTraceHeader":"Root=1-5e3d83c1-e6a0db584850d61342823d4c","#;
    assert!(seen.contains(trace), "{seen}");
}

#[tokio::test]
async fn a_message_of_one_mebibyte_arrives_whole() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    account.create_function("work", DIGEST).await;
    let body: String = "0123456789abcdef".repeat(1024 * 1024 / 16);
    let sent = account.sqs.send_message().queue_url(&queue.url).message_body(&body).send().await.unwrap();
    let connector = account.connector();
    let mapping = mapping(&queue.arn, "work");
    let records = receive(&connector.queue(&mapping).await.unwrap(), 1).await;
    let answer = connector.function(&mapping).await.unwrap().invoke(Invocation::first(event(&records))).await.unwrap();
    let seen: Vec<(usize, String)> = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(seen, [(1024 * 1024, sent.md5_of_message_body.unwrap())]);
}

#[tokio::test]
async fn settled_messages_are_gone_and_released_ones_come_back() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(QueueAttributeName::VisibilityTimeout, "300")]).await;
    for index in 0..10 {
        account.sqs.send_message().queue_url(&queue.url).message_body(index.to_string()).send().await.unwrap();
    }
    let source = open(&account, &queue).await;
    let records = receive(&source, 10).await;
    let described = source.describe().await.unwrap();
    assert_eq!((described.visibility, described.in_flight), (Duration::from_secs(300), Some(10)));

    let receipts: Vec<_> = records.iter().map(|record| record.receipt.clone()).collect();
    let outcomes = source.delete(receipts[..8].to_vec()).await.unwrap();
    assert_eq!(outcomes, vec![ReceiptOutcome::Done; 8]);
    assert_eq!(account.messages(&queue).await.len(), 2);

    let entries = receipts[8..]
        .iter()
        .zip([0, 600])
        .map(|(receipt, seconds)| ReceiptEntry { receipt: receipt.clone(), visibility: Duration::from_secs(seconds) });
    assert_eq!(source.change_visibility(entries.collect()).await.unwrap(), vec![ReceiptOutcome::Done; 2]);
    let again = receive(&source, 1).await;
    assert_eq!(again.len(), 1, "the other one is still hidden");
    assert_eq!((&again[0].record.id, again[0].receive_count), (&records[8].record.id, 2));
    assert_ne!(again[0].receipt, records[8].receipt);
}

#[tokio::test]
async fn deleting_twice_is_no_fault_and_a_made_up_receipt_is_gone() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    account.sqs.send_message().queue_url(&queue.url).message_body("x").send().await.unwrap();
    let source = open(&account, &queue).await;
    let receipt = receive(&source, 1).await.remove(0).receipt;
    for _ in 0..2 {
        let outcomes = source.delete(vec![receipt.clone()]).await.unwrap();
        assert!(matches!(outcomes[..], [ReceiptOutcome::Done | ReceiptOutcome::Gone]), "{outcomes:?}");
    }
    let entry = ReceiptEntry { receipt, visibility: Duration::from_secs(10) };
    let outcomes = source.change_visibility(vec![entry]).await.unwrap();
    assert_eq!(outcomes, [ReceiptOutcome::Gone]);
}

#[tokio::test]
async fn a_visibility_timeout_that_is_asked_for_replaces_the_queues() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(QueueAttributeName::VisibilityTimeout, "300")]).await;
    account.sqs.send_message().queue_url(&queue.url).message_body("x").send().await.unwrap();
    let source = open(&account, &queue).await;
    let request = PollRequest { visibility: Some(Duration::from_secs(1)), ..poll(10) };
    assert_eq!(source.receive(request).await.unwrap().len(), 1);
    assert_eq!(receive(&source, 1).await[0].receive_count, 2);
}

#[tokio::test]
async fn a_redrive_policy_is_described() {
    let account = Emulator::shared().account().await;
    let dead = account.create_queue("dead", &[]).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":3}}"#, dead.arn);
    let attributes = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
    let queue = account.create_queue("orders", &attributes).await;
    let described = open(&account, &queue).await.describe().await.unwrap();
    assert_eq!((described.max_receive_count, described.backlog), (Some(3), Some(0)));
    assert_eq!(described.retention, Some(Duration::from_secs(345_600)));
}

#[tokio::test]
async fn a_queue_that_is_missing_is_found_when_it_is_there() {
    let account = Emulator::shared().account().await;
    let arn = format!("arn:aws:sqs:{REGION}:{}:later", account.id);
    let source = account.connector().queue(&mapping(&arn, "work")).await.unwrap();
    for _ in 0..2 {
        let fault = source.receive(poll(1)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Missing, "{fault}");
        assert!(fault.message.contains("queue later"), "{fault}");
    }
    let queue = account.create_queue("later", &[]).await;
    account.sqs.send_message().queue_url(&queue.url).message_body("x").send().await.unwrap();
    assert_eq!(receive(&source, 1).await.len(), 1);

    account.sqs.delete_queue().queue_url(&queue.url).send().await.unwrap();
    assert_eq!(source.receive(poll(1)).await.unwrap_err().kind, FaultKind::Missing);
}

#[tokio::test]
async fn a_queue_of_another_account_is_not_taken_for_ours() {
    let emulator = Emulator::shared();
    let account = emulator.account().await;
    account.create_queue("orders", &[]).await;
    let arn = format!("arn:aws:sqs:{REGION}:999999999999:orders");
    let source = account.connector().queue(&mapping(&arn, "work")).await.unwrap();
    let fault = source.receive(poll(1)).await.unwrap_err();
    assert!(fault.kind.needs_operator(), "{fault}");
    assert!(fault.message.contains("account 999999999999"), "{fault}");
}
