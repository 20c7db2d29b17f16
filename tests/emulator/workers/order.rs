//! Workers that crash, hang and report failures, and a forebay that is killed: nothing is lost, and the order is kept.

use std::collections::BTreeSet;
use std::fs;

use super::{ONCE, none_is_left, python};
use crate::harness::Emulator;
use crate::harness::feeds::Kind;
use crate::harness::fifo::{Turns, in_turn};
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, Site, eventually};

#[tokio::test]
async fn groups_of_a_fifo_queue_keep_their_order() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 5).await;
    let site = Site::new(&account);
    let mut ledger = Turns::new(&site, "ledger");
    let handler = ledger.source(
        "
def handler(event, context):
    failed = []
    for record in event['Records']:
        at = group(record) + '-' + str(number(record))
        if at == 'a-2' and once(at):
            os._exit(3)
        if at in ('a-4', 'c-5') and once(at):
            time.sleep(1000)
        if at == 'b-3' and once(at) or any(group(record) == 'b' and group(other) == 'b' for other in failed):
            failed.append(record)
    failed = ids(failed)
    note(event, failed)
    return report(failed)
",
    );
    fs::write(site.path("app.py"), format!("{handler}\n{ONCE}")).unwrap();
    let more = "FunctionResponseTypes: [ReportBatchItemFailures]\nBatchSize: 2";
    site.map("orders", &queue, "orders", &format!("{more}\n{}", python(&site, 3, "4s")));
    let groups = ["a", "b", "c"];
    account.send_groups(&queue, &in_turn(&groups, 8)).await;
    let daemon = site.run().await;
    let hangs = async || site.path("ledger-c-5").exists().then_some(());
    eventually(SOON, "the last group hangs", hangs).await;
    daemon.kill().await;
    none_is_left(&site).await;
    let daemon = site.run().await;
    account.emptied(&queue).await;
    for group in groups {
        let mut done: Vec<usize> =
            ledger.of(group).iter().filter(|(.., done)| *done).map(|(number, ..)| *number).collect();
        assert!(done.is_sorted(), "{group}: {done:?}");
        done.dedup();
        assert_eq!(done, (0..8).collect::<Vec<_>>(), "{group}");
    }
    daemon.stop().await;
    none_is_left(&site).await;
}

async fn records_keep_their_order(kind: Kind) {
    let (account, site) = kind.site().await;
    let feed = kind.feed(&account, "orders").await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    let handler = ledger.source(
        "
def handler(event, context):
    for index, record in enumerate(event['Records']):
        at = data(record)
        if at == '2' and once(at):
            os._exit(3)
        if at in ('4', '6') and once(at):
            time.sleep(1000)
        if at == '8' and once(at):
            note({'Records': event['Records'][:index]})
            return {'batchItemFailures': [{'itemIdentifier': sequence(record)}]}
    note(event)
",
    );
    fs::write(site.path("app.py"), format!("{handler}\n{ONCE}")).unwrap();
    let more = "StartingPosition: TRIM_HORIZON\nFunctionResponseTypes: [ReportBatchItemFailures]\nBatchSize: 3";
    site.map_arn("orders", feed.arn(), "orders", &format!("{more}\n{}", python(&site, 2, "4s")));
    let numbers: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    feed.put(&numbers.iter().map(|number| &**number).collect::<Vec<_>>()).await;
    let daemon = site.run().await;
    let hangs = async || site.path("ledger-6").exists().then_some(());
    eventually(SOON, "the function hangs for the second time", hangs).await;
    daemon.kill().await;
    none_is_left(&site).await;
    let daemon = site.run().await;
    let all = async || (ledger.times().len() == 12).then_some(());
    eventually(SOON, "all are processed", all).await;
    let mut seen = BTreeSet::new();
    for record in ledger.entries().iter().flat_map(|seen| &seen.records) {
        let number: usize = record.data.parse().unwrap();
        assert!(number <= seen.len(), "{number} comes after {seen:?}");
        seen.insert(number);
    }
    daemon.stop().await;
    none_is_left(&site).await;
}

#[tokio::test]
async fn records_of_kinesis_keep_their_order() {
    records_keep_their_order(Kind::Kinesis).await;
}

#[tokio::test]
async fn records_of_dynamodb_keep_their_order() {
    records_keep_their_order(Kind::DynamoDb).await;
}
