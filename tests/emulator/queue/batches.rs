//! Batches over a window, and bodies of every kind, as the function gets them.

use std::time::Duration;

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::harness::fifo::unix;
use crate::harness::ledger::Ledger;
use crate::harness::process::{Daemon, SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

/// In seconds. That a batch goes when its window is over, and not later, is for the simulation's clock to show.
const WINDOW: f64 = 2.0;

/// Notes digests instead of bodies, with the attributes as they came.
const DIGESTS: &str = "
import hashlib
def handler(event, context):
    for record in event['Records']:
        body = record['body'].encode('utf-8', 'surrogatepass')
        seen = [len(body), hashlib.md5(body).hexdigest(), record['md5OfBody'], record['messageAttributes']]
        record['body'] = json.dumps(seen)
    note(event)
";

/// A queue, and a function that notes what it is given.
async fn stage() -> (Account, Site, Queue, Ledger) {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(QueueAttributeName::VisibilityTimeout, "60")]).await;
    let site = Site::new(&account);
    let ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    (account, site, queue, ledger)
}

/// Fails unless so many batches were closed for each reason.
async fn flushed(daemon: &Daemon, expected: [(&str, usize); 4]) {
    let metrics = daemon.probe("/metrics").await.1;
    for (reason, count) in expected {
        let line = format!("{{mapping=\"orders\",source=\"sqs\",reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&format!("forebay_batch_flushes_total{line}")), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn a_batch_gathers_a_hundred_from_receives_of_ten_in_a_window_that_does_not_end() {
    let (account, site, queue, mut ledger) = stage().await;
    account.send(&queue, &(0..200).map(|number| format!("order {number}")).collect::<Vec<_>>()).await;
    site.map("orders", &queue, "work", "BatchSize: 100\nMaximumBatchingWindowInSeconds: 300");
    let daemon = site.run().await;
    eventually(SOON, "all are processed", async || (ledger.bodies().len() == 200).then_some(())).await;
    let sizes: Vec<usize> = ledger.entries().iter().map(|entry| entry.records.len()).collect();
    assert_eq!(sizes, [100, 100]);
    flushed(&daemon, [("size", 2), ("window", 0), ("bytes", 0), ("immediate", 0)]).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_window_takes_in_what_comes_until_it_is_over() {
    let (account, site, queue, mut ledger) = stage().await;
    site.map("orders", &queue, "work", "BatchSize: 100\nMaximumBatchingWindowInSeconds: 2");
    let daemon = site.run().await;

    // One message goes alone when its window is over.
    let begun = unix();
    account.send(&queue, &["alone".to_owned()]).await;
    let alone = eventually(SOON, "the single message", async || {
        ledger.entries().iter().find(|entry| entry.records[0].1 == "alone").cloned()
    })
    .await;
    let waited = alone.at - begun;
    assert!(waited >= WINDOW - 0.1, "{waited} s");
    assert_eq!(alone.records.len(), 1);

    // A trickle: a window that a batch's first message has opened takes in what comes until it is over.
    let begun = unix();
    for number in 0..12 {
        account.send(&queue, &[format!("trickle {number}")]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    eventually(SOON, "the trickle", async || (ledger.bodies().len() == 1 + 12).then_some(())).await;
    let entries = ledger.entries();
    let batches = entries.iter().filter(|entry| entry.records[0].1.starts_with("trickle")).count();
    let lasted = entries.last().unwrap().at - begun;
    assert!(batches as f64 <= lasted / WINDOW + 1.0, "{lasted} s of messages in windows of 2 s make {batches} batches");
    flushed(&daemon, [("size", 0), ("window", 1 + batches), ("bytes", 0), ("immediate", 0)]).await;
    daemon.stop().await;
    assert!(account.messages(&queue).await.is_empty());
}

fn attribute(data_type: &str) -> aws_sdk_sqs::types::builders::MessageAttributeValueBuilder {
    MessageAttributeValue::builder().data_type(data_type)
}

#[tokio::test]
async fn bodies_and_attributes_of_every_kind_arrive_byte_for_byte() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.source(DIGESTS)).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies = [
        " ".to_owned(),
        "\n".to_owned(),
        "0".to_owned(),
        "not { json".to_owned(),
        r#"{"a": 1.10, "a" :2e400, "b": "\u00e9\ud83e\udd80"}"#.to_owned(),
        "\t\r\n\"quoted\" \\ / é 漢字 🦀 e\u{301} \u{202e}\u{2028}\u{fffd}\u{10fff0}".to_owned(),
        "</script>\u{7f}\u{85}".to_owned(),
        "x".repeat(1024 * 1024),
        "漢\"\\\n".repeat(1024 * 1024 / 6),
    ];
    for body in &bodies {
        let mut request = account.sqs.send_message().queue_url(&queue.url).message_body(body);
        if body.len() < 1000 {
            let binary = attribute("Binary.png").binary_value(Blob::new(every_byte.clone())).build().unwrap();
            let text = attribute("String").string_value(body.trim().to_owned() + "é").build().unwrap();
            let number = attribute("Number.int").string_value("0012").build().unwrap();
            request = request.message_attributes("raw", binary).message_attributes("text", text);
            request = request.message_attributes("number", number);
        }
        request.send().await.unwrap();
    }
    site.map("orders", &queue, "work", "BatchSize: 10");
    let daemon = site.run().await;
    let empty = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", empty).await;
    let seen: Vec<Value> = ledger.bodies().keys().map(|noted| serde_json::from_str(noted).unwrap()).collect();
    assert_eq!(seen.len(), bodies.len());
    for body in &bodies {
        let digest: String = Md5::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let found = seen.iter().find(|seen| seen[1] == *digest);
        let found = found.unwrap_or_else(|| panic!("changed on its way: {:.60}", body.escape_debug().to_string()));
        assert_eq!((&found[0], &found[2]), (&json!(body.len()), &json!(digest)));
        let attributes = if body.len() < 1000 {
            let value = |data_type: &str, member: &str, value: &str| {
                json!({"dataType": data_type, member: value,
                "stringListValues": [], "binaryListValues": []})
            };
            json!({
                "raw": value("Binary.png", "binaryValue", &base64_simd::STANDARD.encode_to_string(&every_byte)),
                "text": value("String", "stringValue", &(body.trim().to_owned() + "é")),
                "number": value("Number.int", "stringValue", "0012"),
            })
        } else {
            json!({})
        };
        assert_eq!(found[3], attributes, "{:.60}", body.escape_debug().to_string());
    }
    daemon.reaches("forebay_events_deleted_total", "orders", bodies.len() as f64).await;
    daemon.stop().await;
}
