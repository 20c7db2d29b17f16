//! A store that takes nothing when the process is told to end: the exit code and the log say so, and what is repeated
//! is what was said.

use std::fs;

use rustix::process::Signal;

use crate::harness::Emulator;
use crate::harness::kinesis::Kinesis;
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, eventually};

const UNSAVED: &str = "the last checkpoints were not saved: records after the saved checkpoints of these shards will \
    be delivered again";

#[tokio::test]
async fn a_drain_that_could_not_save_its_last_checkpoints_is_no_clean_end() {
    let account = Emulator::shared().account().await;
    let kinesis = Kinesis::shared();
    let stream = kinesis.create_stream(&account, "orders", 1).await;
    let site = kinesis.site(&account);
    let mut ledger = StreamLedger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    site.map_arn("orders", &stream.arn, "work", "StartingPosition: TRIM_HORIZON\nBatchSize: 1");
    let mut daemon = site.run_with(&["--drain-timeout", "3s"]).await;
    let kept = stream.put_all(&["kept"]).await.remove(0);
    eventually(SOON, "the checkpoint is saved", async || {
        (site.status("orders").await["Shards"][0]["Position"] == format!("AFTER:{kept}")).then_some(())
    })
    .await;

    fs::rename(site.path("store.redb"), site.path("aside.redb")).unwrap();
    site.health("orders", "degraded", "FB0603: ").await;
    let lost = stream.put_all(&["not kept"]).await.remove(0);
    eventually(SOON, "records go on", async || ledger.times().contains_key("not kept").then_some(())).await;
    daemon.signal(Signal::TERM);
    let (status, _) = daemon.ended(SOON).await;
    assert_eq!(status.code(), Some(1));
    let said = daemon.said(UNSAVED);
    assert_eq!(said.len(), 1, "{:?}", daemon.log());
    assert_eq!((&said[0]["level"], &said[0]["mapping"]), (&"WARN".into(), &"orders".into()));
    assert!(said[0]["shards"].as_str().unwrap().contains(&format!("up to AFTER:{lost}")), "{said:?}");
    assert!(daemon.said("drained").is_empty());

    fs::rename(site.path("aside.redb"), site.path("store.redb")).unwrap();
    let daemon = site.run().await;
    eventually(SOON, "what was not kept is repeated", async || (ledger.times()["not kept"] == 2).then_some(())).await;
    daemon.stop().await;
    assert_eq!(ledger.times()["kept"], 1);
}
