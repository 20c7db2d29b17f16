//! Filters of streams: exactly what matches reaches the function, and the position passes the rest.

use aws_sdk_kinesis::primitives::Blob;
use serde::Deserialize;
use serde_json::Value;

use crate::filter::traffic::{counted, matching, mixed, other, undecidable};
use crate::harness::failures::bodies;
use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::{Line, Notes, StreamLedger};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::tables::Table;
use crate::harness::{Account, Emulator, Queue};

const SHARD: &str = "shardId-000000000000";
const HORIZON: &str = "StartingPosition: TRIM_HORIZON";

/// Orders from 100 on, and whatever has a certain partition key.
const FILTERS: &str = "
FilterCriteria:
  Filters:
    - Pattern: { data: { type: [order], total: [{ numeric: [\">=\", 100] }] } }
    - Pattern: '{\"partitionKey\": [\"every\"], \"eventSource\": [{\"exists\": true}]}'
    - Pattern: { kinesis: { partitionKey: [{ suffix: \"-too\" }], data: { type: [refund] } } }";

/// One invocation: partition key and data of its records, in Base64 as they came.
#[derive(Clone, Debug, Deserialize)]
struct Raw {
    records: Vec<(String, String)>,
}

impl Line for Raw {
    const NOTE: &str = "
def note(event):
    write({'records': [[r['kinesis']['partitionKey'], r['kinesis']['data']] for r in event['Records']]})
";
}

/// Partition key and data of records.
type Given = Vec<(&'static str, Vec<u8>)>;

/// A function of its own, and a mapping of the stream to it.
async fn map(account: &Account, site: &Site, stream: &Stream, name: &str, more: &str) -> Notes<Raw> {
    let notes = Notes::new(site, name);
    account.create_function(name, &notes.noting()).await;
    site.map_arn(name, &stream.arn, name, &format!("{HORIZON}{FILTERS}\n{more}"));
    notes
}

async fn put(stream: &Stream, records: &Given) -> Vec<String> {
    let mut sequences = Vec::new();
    for (key, data) in records {
        let put = stream.client.put_record().stream_name(&stream.name).partition_key(*key);
        sequences.push(put.data(Blob::new(data.clone())).send().await.unwrap().sequence_number);
    }
    sequences
}

/// Waits until these records, and no others, were given to the function, in this order.
async fn noted(notes: &mut Notes<Raw>, expected: &[&(&str, Vec<u8>)]) {
    let all = |notes: &mut Notes<Raw>| notes.entries().iter().flat_map(|raw| raw.records.clone()).collect::<Vec<_>>();
    eventually(SOON, "the records are processed", async || (all(notes).len() >= expected.len()).then_some(())).await;
    let encoded = |(key, data): &&(&str, Vec<u8>)| ((*key).to_owned(), base64_simd::STANDARD.encode_to_string(data));
    assert_eq!(all(notes), expected.iter().map(encoded).collect::<Vec<_>>());
}

/// Where a mapping is in a shard.
async fn position(site: &Site, mapping: &str) -> String {
    site.call(&["checkpoint", "get", mapping, SHARD]).await.stdout.trim().to_owned()
}

/// Waits until a mapping's position is behind a record.
async fn passed(site: &Site, mapping: &str, sequence: &str) {
    let end = format!("AFTER:{sequence}");
    eventually(SOON, &format!("{mapping} is at {end}"), async || (position(site, mapping).await == end).then_some(()))
        .await;
}

#[tokio::test]
async fn kinesis_hands_out_what_any_of_the_patterns_matches() {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", 1).await;
    let site = kinesis.site(&account);
    let failed = account.create_queue("failed", &[]).await;
    let mut dropped = map(&account, &site, &stream, "drops", "").await;
    let mut delivered = map(&account, &site, &stream, "delivers", "Poller: { OnUndecidable: Deliver }").await;
    let destination = format!("DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}", failed.arn);
    let more = format!("{destination}\nPoller: {{ OnUndecidable: Destination, OnFailurePayload: true }}");
    let mut told = map(&account, &site, &stream, "tells", &more).await;

    let binary: Vec<u8> = (0..=255).collect();
    let mut given: Given = mixed().into_iter().map(|data| ("key", data.into_bytes())).collect();
    given.extend([
        ("every", b"no JSON".to_vec()),
        ("every", binary.clone()),
        ("every", Vec::new()),
        ("key", binary),
        ("key", Vec::new()),
        ("me-too", b"{\"type\":\"refund\"}".to_vec()),
        ("Every", b"{\"type\":\"refund\"}".to_vec()),
    ]);
    let sequences = put(&stream, &given).await;
    let data = |bodies: Vec<String>| bodies.into_iter().map(String::into_bytes).collect::<Vec<_>>();
    let orders = data(matching());
    let mut not_json = data(undecidable());
    not_json.extend([(0..=255).collect(), Vec::new()]);
    let matches = |(key, data): &(&str, Vec<u8>)| *key == "every" || *key == "me-too" || orders.contains(data);
    let unclear = |(key, data): &(&str, Vec<u8>)| *key == "key" && not_json.contains(data);
    let matched: Vec<_> = given.iter().filter(|record| matches(record)).collect();
    let not_filtered: Vec<_> = given.iter().filter(|record| matches(record) || unclear(record)).collect();

    let daemon = site.run().await;
    noted(&mut dropped, &matched).await;
    noted(&mut delivered, &not_filtered).await;
    noted(&mut told, &matched).await;
    for mapping in ["drops", "delivers", "tells"] {
        passed(&site, mapping, sequences.last().unwrap()).await;
    }
    let counts = [given.len(), other().len() + 1, not_json.len()];
    assert_eq!(counted(&site, "drops").await, [counts[0], counts[1], counts[2], matched.len()]);
    assert_eq!(counted(&site, "delivers").await, [counts[0], counts[1], counts[2], not_filtered.len()]);
    assert_eq!(daemon.metric("forebay_events_filtered_total", "drops").await, counts[1] as f64);
    assert_eq!(daemon.metric("forebay_events_undecidable_total", "drops").await, counts[2] as f64);
    assert_eq!(told_of(&account, &failed, not_json.len()).await, {
        let unclear = given.iter().zip(&sequences).filter(|(record, _)| unclear(record));
        let mut expected: Vec<_> = unclear.map(|((_, data), sequence)| (sequence.clone(), data.clone())).collect();
        expected.sort();
        expected
    });

    // Nothing comes again, nor is it read again.
    daemon.stop().await;
    let last: Given = vec![("every", b"the last".to_vec())];
    let sequence = put(&stream, &last).await.remove(0);
    let daemon = site.run().await;
    for (notes, before) in [(&mut dropped, &matched), (&mut delivered, &not_filtered), (&mut told, &matched)] {
        noted(notes, &[&before[..], &[&last[0]]].concat()).await;
    }
    for mapping in ["drops", "delivers", "tells"] {
        passed(&site, mapping, &sequence).await;
        assert_eq!(counted(&site, mapping).await, [1, 0, 0, 1], "{mapping}");
    }
    daemon.stop().await;
}

/// Sequence numbers and data of what a destination was told of, each in a record of its own, sorted.
async fn told_of(account: &Account, failed: &Queue, count: usize) -> Vec<(String, Vec<u8>)> {
    let mut told = Vec::new();
    for text in bodies(account, failed, count).await {
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record["requestContext"]["condition"], "FilterUndecidable", "{text}");
        assert_eq!(record["requestContext"]["approximateInvokeCount"], 0, "{text}");
        assert_eq!(record["responseContext"], Value::Null, "{text}");
        let batch = &record["KinesisBatchInfo"];
        assert_eq!((&batch["shardId"], &batch["batchSize"]), (&SHARD.into(), &1.into()), "{text}");
        assert_eq!(batch["startSequenceNumber"], batch["endSequenceNumber"], "{text}");
        let event: Value = serde_json::from_str(record["payload"].as_str().unwrap()).unwrap();
        assert_eq!(event["Records"].as_array().unwrap().len(), 1, "{text}");
        let kinesis = &event["Records"][0]["kinesis"];
        assert_eq!(kinesis["sequenceNumber"], batch["startSequenceNumber"]);
        let data = base64_simd::STANDARD.decode_to_vec(kinesis["data"].as_str().unwrap()).unwrap();
        told.push((batch["startSequenceNumber"].as_str().unwrap().to_owned(), data));
    }
    told.sort();
    told
}

#[tokio::test]
async fn a_stream_of_which_nothing_matches_moves_its_position() {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", 1).await;
    let site = kinesis.site(&account);
    let mut notes = map(&account, &site, &stream, "orders", "ParallelizationFactor: 3").await;
    let records = |count: usize| -> Given { other().into_iter().take(count).map(|data| ("k", data.into())).collect() };
    let sequences = put(&stream, &records(9)).await;
    let daemon = site.run().await;
    passed(&site, "orders", &sequences[8]).await;
    let more = put(&stream, &records(3)).await;
    passed(&site, "orders", &more[2]).await;
    assert_eq!(counted(&site, "orders").await, [12, 12, 0, 0]);
    daemon.stop().await;
    let daemon = site.run().await;
    let match_: Given = vec![("every", Vec::new())];
    put(&stream, &match_).await;
    noted(&mut notes, &[&match_[0]]).await;
    assert_eq!(counted(&site, "orders").await, [1, 0, 0, 1], "what was passed is not read again");
    daemon.stop().await;
}

/// Changes of items whose data begins with `keep`, and removals of those whose data did not.
const CHANGES: &str = "
FilterCriteria:
  Filters:
    - Pattern: { eventName: [INSERT, MODIFY], dynamodb: { NewImage: { data: { S: [{ prefix: keep }] } } } }
    - Pattern: \
     '{\"eventName\":[\"REMOVE\"],\"dynamodb\":{\"OldImage\":{\"data\":{\"S\":[{\"anything-but\":{\"prefix\":\"keep\"}}]}}}}'";

#[tokio::test]
async fn dynamodb_hands_out_the_changes_that_match() {
    let account = Emulator::shared().account().await;
    let table = Table::create(&account, "orders").await;
    let site = Site::new(&account);
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    site.map_arn("orders", &table.arn, "work", &format!("{HORIZON}{CHANGES}"));
    for (id, data) in [("a", "keep 1"), ("b", "drop 1"), ("a", "drop 2"), ("b", "keep 2"), ("c", "Keep"), ("c", "keep")]
    {
        table.put(id, data).await;
    }
    for id in ["a", "b", "c"] {
        table.delete(id).await;
    }
    let daemon = site.run().await;
    let mut expected = vec!["keep 1", "keep 2", "keep", "REMOVE"];
    seen(&mut ledger, &expected).await;
    assert_eq!(ledger.entries().iter().flat_map(|seen| &seen.records).last().unwrap().key, "a");
    let records = table.records().await;
    let last = |number: usize| records[number].dynamodb.as_ref().unwrap().sequence_number.clone().unwrap();
    let end = format!("AFTER:{}", last(8));
    let shard = table.shard().await;
    let at_end = async |end: &str| {
        let at = async || {
            let position = site.call(&["checkpoint", "get", "orders", &shard]).await;
            (position.stdout.trim() == end).then_some(())
        };
        eventually(SOON, &format!("the position is {end}"), at).await;
    };
    at_end(&end).await;
    assert_eq!(counted(&site, "orders").await, [9, 5, 0, 4]);
    daemon.stop().await;

    table.put("d", "drop 3").await;
    table.put("d", "keep 3").await;
    let daemon = site.run().await;
    expected.push("keep 3");
    seen(&mut ledger, &expected).await;
    assert_eq!(counted(&site, "orders").await, [2, 1, 0, 1]);
    table.put("e", "drop 4").await;
    table.put("e", "drop 5").await;
    let sequence = table.records().await.pop().unwrap().dynamodb.unwrap().sequence_number.unwrap();
    at_end(&format!("AFTER:{sequence}")).await;
    assert_eq!(counted(&site, "orders").await, [4, 3, 0, 1]);
    daemon.stop().await;
}

/// Waits until the function has noted exactly these records, in this order, however they were batched.
async fn seen(ledger: &mut StreamLedger, expected: &[&str]) {
    let all = async || (ledger.batches().concat().len() >= expected.len()).then_some(());
    eventually(SOON, &format!("{expected:?} are processed"), all).await;
    assert_eq!(ledger.batches().concat(), expected);
}
