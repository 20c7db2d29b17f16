//! `MaximumRecordAgeInSeconds`: what is too old is cut off and told, before it is invoked or while it is tried again.
//!
//! The least that AWS allows is a minute, and so long does it last.

use std::time::Duration;

use crate::harness::failures::{GivenUp, bodies};
use crate::harness::feeds::Kind;
use crate::harness::fifo::unix;
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, eventually};

/// A little more than the minute.
const AGED: Duration = Duration::from_secs(61);

fn lines(destination: &str, more: &str) -> String {
    format!(
        "StartingPosition: TRIM_HORIZON\nMaximumRecordAgeInSeconds: 60\n\
         DestinationConfig: {{ OnFailure: {{ Destination: \"{destination}\" }} }}\n{more}"
    )
}

/// One record waits a minute for the mapping; five come just before it.
async fn expired_before_it_is_invoked(kind: Kind) {
    let (account, site) = kind.site().await;
    let feed = kind.feed(&account, "orders").await;
    feed.put(&["old"]).await;
    let destination = account.create_queue("failed", &[]).await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    let function = account.create_function("work", &ledger.noting()).await;
    site.map_arn("orders", feed.arn(), "work", &lines(&destination.arn, ""));
    // The record's age is the emulator's clock, which only time moves.
    tokio::time::sleep(AGED).await;
    feed.put(&["1", "2", "3", "4", "5"]).await;

    let daemon = site.run().await;
    let told = bodies(&account, &destination, 1).await;
    GivenUp::expired(&["old"], 1).check(&told[0], &function, &feed).await;
    eventually(SOON, "the others are invoked", async || {
        (ledger.entries().iter().map(|seen| seen.records.len()).sum::<usize>() == 5).then_some(())
    })
    .await;
    assert_eq!(ledger.batches(), [["1", "2", "3", "4", "5"]]);
    assert_eq!(account.messages(&destination).await.len(), 1);
    daemon.reaches("forebay_events_delivered_to_destination_total", "orders", 1.0).await;
    daemon.stop().await;
}

/// Retries without end, until the record is a minute old; then the next one has its turn.
async fn expired_while_it_is_tried_again(kind: Kind) {
    let (account, site) = kind.site().await;
    let feed = kind.feed(&account, "orders").await;
    let destination = account.create_queue("failed", &[]).await;
    let mut ledger = StreamLedger::new(&site, "ledger");
    let throws = "def handler(event, context):\n    note(event)\n    if data(event['Records'][0]) == 'bad':\n        \
        raise ValueError('bad')\n";
    let function = account.create_function("work", &ledger.source(throws)).await;
    site.map_arn("orders", feed.arn(), "work", &lines(&destination.arn, "BatchSize: 1"));
    let daemon = site.run().await;
    site.health("orders", "ok", "").await;
    let asked = unix();
    feed.put(&["bad"]).await;
    eventually(SOON, "the record is told", async || (!account.messages(&destination).await.is_empty()).then_some(()))
        .await;
    feed.put(&["good"]).await;
    eventually(SOON, "the good record has its turn", async || ledger.times().contains_key("good").then_some(())).await;
    let told = bodies(&account, &destination, 1).await;
    assert_eq!(told.len(), 1);
    let tries = ledger.times()["bad"];
    // Without jitter: at 0, ¼, ¾, 1¾, 3¾, 7¾, 15¾ and 31¾ seconds, which are eight; the next pause ends after the
    // minute.
    assert!((2..=12).contains(&tries), "{tries} tries");
    GivenUp::expired(&["bad"], u32::try_from(tries).unwrap()).check(&told[0], &function, &feed).await;
    let entries = ledger.entries();
    // Arrivals may be told in whole seconds.
    let age = entries.last().unwrap().at - asked;
    assert!(age >= 58.0, "given up after {age} s");
    daemon.stop().await;
}

/// In one test, because each of them only waits.
#[tokio::test]
#[ignore = "lasts longer than a minute: `make test-slow`"]
async fn a_record_is_told_when_it_is_a_minute_old_whether_it_was_invoked_or_not() {
    tokio::join!(
        expired_before_it_is_invoked(Kind::Kinesis),
        expired_before_it_is_invoked(Kind::DynamoDb),
        expired_while_it_is_tried_again(Kind::Kinesis),
        expired_while_it_is_tried_again(Kind::DynamoDb),
    );
}
