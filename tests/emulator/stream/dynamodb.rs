//! The stream of a DynamoDB table from end to end.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::harness::ledger::{Events, StreamLedger};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::tables::{Table, text};
use crate::harness::{Account, Emulator, REGION};

async fn stage() -> (Account, Site, Table) {
    let account = Emulator::shared().account().await;
    let table = Table::create(&account, "orders").await;
    let site = Site::new(&account);
    (account, site, table)
}

/// Fails unless the names stand in a text in this order.
fn in_order(text: &str, names: &[&str]) {
    let places: Vec<usize> =
        names.iter().map(|name| text.find(name).unwrap_or_else(|| panic!("{name}? {text}"))).collect();
    assert!(places.is_sorted(), "{names:?} stand at {places:?} in {text}");
}

#[tokio::test]
async fn a_function_sees_inserts_changes_and_removals_with_their_images() {
    let (account, site, table) = stage().await;
    let mut events = Events::new(&site, "ledger");
    account.create_function("work", &events.noting()).await;
    let attributes = [
        ("number", AttributeValue::N("1.1".into())),
        ("binary", AttributeValue::B(Blob::new("foobar"))),
        ("truth", AttributeValue::Bool(true)),
        ("none", AttributeValue::Null(true)),
        ("list", AttributeValue::L(vec![text("é"), AttributeValue::N("2".into())])),
        ("map", AttributeValue::M(HashMap::from([("inner".to_owned(), text("\"quoted\""))]))),
        ("strings", AttributeValue::Ss(vec!["x".into()])),
        ("numbers", AttributeValue::Ns(vec!["3".into()])),
        ("binaries", AttributeValue::Bs(vec![Blob::new("foobar")])),
    ];
    let mut put = table.client.put_item().table_name("orders").item("id", text("rich"));
    for (name, value) in attributes {
        put = put.item(name, value);
    }
    put.send().await.unwrap();
    table.put("a", "one").await;
    table.put("a", "two").await;
    // The same again is no change.
    table.put("a", "two").await;
    table.delete("a").await;
    site.map_arn("orders", &table.arn, "work", "StartingPosition: TRIM_HORIZON");
    let daemon = site.run().await;
    let event = eventually(SOON, "an invocation", async || events.entries().first().cloned()).await.event;

    let rich = json!({
        "id": {"S": "rich"}, "number": {"N": "1.1"}, "binary": {"B": "Zm9vYmFy"}, "truth": {"BOOL": true},
        "none": {"NULL": true}, "list": {"L": [{"S": "é"}, {"N": "2"}]}, "map": {"M": {"inner": {"S": "\"quoted\""}}},
        "strings": {"SS": ["x"]}, "numbers": {"NS": ["3"]}, "binaries": {"BS": ["Zm9vYmFy"]},
    });
    let (one, two) = (json!({"id": {"S": "a"}, "data": {"S": "one"}}), json!({"id": {"S": "a"}, "data": {"S": "two"}}));
    let expected = [
        ("INSERT", "rich", Some(&rich), None),
        ("INSERT", "a", Some(&one), None),
        ("MODIFY", "a", Some(&two), Some(&one)),
        ("REMOVE", "a", None, Some(&two)),
    ];
    let records = table.records().await;
    let expected = records.iter().zip(expected).map(|(record, (name, id, new, old))| {
        let change = record.dynamodb.as_ref().unwrap();
        let mut dynamodb = json!({
            "ApproximateCreationDateTime": change.approximate_creation_date_time.unwrap().as_secs_f64(),
            "Keys": {"id": {"S": id}},
            "SequenceNumber": change.sequence_number,
            "SizeBytes": change.size_bytes,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        });
        for (member, image) in [("NewImage", new), ("OldImage", old)] {
            if let Some(image) = image {
                dynamodb[member] = image.clone();
            }
        }
        json!({
            "eventID": record.event_id, "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": REGION, "dynamodb": dynamodb, "eventSourceARN": table.arn,
        })
    });
    let expected: Vec<Value> = expected.collect();
    assert_eq!(expected.len(), 4);
    assert_eq!(serde_json::from_str::<Value>(&event).unwrap(), json!({ "Records": expected }));
    let modified = &event[event.find("\"MODIFY\"").unwrap()..event.find("\"REMOVE\"").unwrap()];
    in_order(modified, &["eventVersion", "eventSource\"", "awsRegion", "\"dynamodb\"", "eventSourceARN"]);
    in_order(
        modified,
        &[
            "ApproximateCreationDateTime",
            "Keys",
            "NewImage",
            "OldImage",
            "SequenceNumber",
            "SizeBytes",
            "StreamViewType",
        ],
    );
    let time = modified.split_once("\"ApproximateCreationDateTime\":").unwrap().1.split(',').next().unwrap();
    assert!(time.ends_with(".0") && time.parse::<f64>().is_ok(), "not a float of whole seconds: {time}");
    daemon.stop().await;
}

#[tokio::test]
async fn changes_of_an_item_come_in_order_and_once_over_restarts() {
    const ITEMS: usize = 20;
    const CHANGES: usize = 15;
    let (account, site, table) = stage().await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    let slow = ledger.source("def handler(event, context):\n    note(event)\n    time.sleep(0.02)\n");
    account.create_function("work", &slow).await;
    site.map_arn("orders", &table.arn, "work", "StartingPosition: LATEST\nBatchSize: 5");
    table.put("0", "before it was enabled").await;
    // A place that must be found again is known by its second, and what stands in the same second is delivered.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut daemon = site.run().await;
    site.health("orders", "ok", "").await;
    for change in 0..CHANGES {
        if change % 5 == 4 {
            // Also what is written while it is away.
            daemon.stop().await;
            for item in 0..ITEMS {
                table.put(&item.to_string(), &change.to_string()).await;
            }
            daemon = site.run().await;
        } else {
            for item in 0..ITEMS {
                table.put(&item.to_string(), &change.to_string()).await;
            }
        }
    }
    for item in 0..ITEMS {
        table.delete(&item.to_string()).await;
    }
    let all = ITEMS * (CHANGES + 1);
    eventually(SOON, "all are processed", async || (ledger.batches().concat().len() >= all).then_some(())).await;
    daemon.stop().await;
    let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for record in ledger.entries().iter().flat_map(|seen| &seen.records) {
        seen.entry(&record.key).or_default().push(&record.data);
    }
    let mut expected: Vec<String> = (0..CHANGES).map(|change| change.to_string()).collect();
    expected.push("REMOVE".to_owned());
    assert_eq!(seen.len(), ITEMS);
    for (item, data) in seen {
        assert_eq!(data, expected, "item {item}");
    }
}

#[tokio::test]
async fn a_stream_that_is_switched_off_and_on_is_shown_with_the_new_one() {
    let (account, site, table) = stage().await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.source("def handler(event, context):\n    note(event)\n")).await;
    site.map_arn("orders", &table.arn, "work", "StartingPosition: TRIM_HORIZON\nMaximumRetryAttempts: 3");
    let daemon = site.run().await;
    site.health("orders", "ok", "").await;
    table.put("a", "one").await;
    table.stream(false).await;
    site.health("orders", "degraded", "FB0611").await;
    // The emulator, like AWS, tells streams of a table apart by the time.
    let newest = eventually(SOON, "a new stream", async || {
        table.stream(false).await;
        table.stream(true).await.filter(|arn| *arn != table.arn)
    });
    let newest = newest.await;
    site.health("orders", "degraded", &newest).await;
    eventually(SOON, "what it held is processed", async || (!ledger.batches().is_empty()).then_some(())).await;
    let folder = site.path("mappings");
    let checked = site.call(&["validate", "-f", folder.to_str().unwrap(), "--online", "-o", "json"]).await;
    assert!(
        checked.code == Some(2) && checked.stdout.contains("FB0520") && checked.stdout.contains(&newest),
        "{checked:?}"
    );
    daemon.stop().await;
}
