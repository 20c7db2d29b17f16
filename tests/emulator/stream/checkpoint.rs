//! Positions that an operator looks at and moves, and a store that is lost.

use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{Called, SOON, Site, eventually};
use crate::harness::{Account, Emulator};

const SHARD: &str = "shardId-000000000000";

async fn stage(position: &str) -> (Account, Site, Stream, StreamLedger) {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", 1).await;
    let site = kinesis.site(&account);
    let ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    site.map_arn("orders", &stream.arn, "work", &format!("StartingPosition: {position}"));
    (account, site, stream, ledger)
}

/// Waits until the function has noted exactly these records, in this order, however they were batched.
async fn noted(ledger: &mut StreamLedger, expected: &[&str]) {
    eventually(SOON, &format!("{expected:?} are processed"), async || {
        (ledger.batches().concat().len() >= expected.len()).then_some(())
    })
    .await;
    assert_eq!(ledger.batches().concat(), expected);
}

/// `forebay checkpoint` with these arguments.
async fn checkpoint(site: &Site, arguments: &[&str]) -> Called {
    site.call(&[&["checkpoint"], arguments].concat()).await
}

/// The same, and it must succeed; what it printed.
async fn done(site: &Site, arguments: &[&str]) -> String {
    let called = checkpoint(site, arguments).await;
    assert_eq!(called.code, Some(0), "{arguments:?}: {called:?}");
    called.stdout.trim().to_owned()
}

async fn switch(site: &Site, verb: &str) {
    let called = site.call(&[verb, "orders", "--wait"]).await;
    assert_eq!(called.code, Some(0), "{called:?}");
}

#[tokio::test]
async fn a_stopped_mapping_goes_on_where_it_is_set_to() {
    let (_account, site, stream, mut ledger) = stage("TRIM_HORIZON").await;
    let records = ["0", "1", "2", "3", "4"];
    let numbers = stream.put_all(&records).await;
    let daemon = site.run().await;
    noted(&mut ledger, &records).await;
    let end = format!("AFTER:{}", numbers[4]);
    eventually(SOON, "the end is saved", async || (done(&site, &["get", "orders", SHARD]).await == end).then_some(()))
        .await;

    let middle = format!("AFTER:{}", numbers[2]);
    let refused = checkpoint(&site, &["set", "orders", SHARD, &middle]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("stop"), "{refused:?}");
    switch(&site, "stop").await;
    done(&site, &["set", "orders", SHARD, &middle]).await;
    switch(&site, "start").await;
    let mut expected = [&records[..], &["3", "4"]].concat();
    noted(&mut ledger, &expected).await;

    let exported = done(&site, &["export", "orders"]).await;
    std::fs::write(site.path("exported.json"), &exported).unwrap();
    let last = format!("AFTER:{}", numbers[3]);
    done(&site, &["set", "orders", SHARD, &last, "--force"]).await;
    expected.push("4");
    noted(&mut ledger, &expected).await;

    switch(&site, "stop").await;
    done(&site, &["reset", "orders"]).await;
    switch(&site, "start").await;
    expected.extend(records);
    noted(&mut ledger, &expected).await;

    // What was exported is the end, or a place just before it that was saved then.
    switch(&site, "stop").await;
    done(&site, &["set", "orders", SHARD, "TRIM_HORIZON"]).await;
    done(&site, &["import", site.path("exported.json").to_str().unwrap()]).await;
    let position = done(&site, &["get", "orders", SHARD]).await;
    assert!(exported.contains(&position), "{position}: {exported}");
    done(&site, &["set", "orders", SHARD, &end]).await;
    switch(&site, "start").await;
    stream.put_all(&["5"]).await;
    expected.push("5");
    noted(&mut ledger, &expected).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_mapping_of_the_newest_records_does_not_begin_anew_when_its_store_is_lost() {
    let (_account, site, stream, mut ledger) = stage("LATEST").await;
    let daemon = site.run().await;
    site.health("orders", "ok", "").await;
    stream.put_all(&["first"]).await;
    noted(&mut ledger, &["first"]).await;
    daemon.stop().await;
    stream.put_all(&["while it was down"]).await;
    std::fs::rename(site.path("store.redb"), site.path("kept.redb")).unwrap();

    // Beginning with what comes from now on would skip a record, in silence.
    let daemon = site.run().await;
    let status = site.health("orders", "degraded", "FB0601").await;
    assert!(status["HealthReason"].as_str().unwrap().contains("checkpoint reset orders"), "{status}");
    daemon.stop().await;
    assert_eq!(ledger.batches().concat(), ["first"]);

    std::fs::rename(site.path("kept.redb"), site.path("store.redb")).unwrap();
    let daemon = site.run().await;
    noted(&mut ledger, &["first", "while it was down"]).await;
    daemon.stop().await;
}
