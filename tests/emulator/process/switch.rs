//! What operators do: stop, start, restart, reload.

use aws_sdk_sqs::types::QueueAttributeName;
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

fn bodies(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name} {number}")).collect()
}

/// A queue whose messages go to a function of the same name that notes them.
async fn lane(account: &Account, site: &Site, name: &str) -> (Queue, Ledger) {
    let ledger = Ledger::new(site, &format!("ledger-{name}"));
    account.create_function(name, &ledger.noting()).await;
    // Hidden for as long as a busy machine needs, so that nothing comes twice.
    (account.create_queue(name, &[(QueueAttributeName::VisibilityTimeout, "60")]).await, ledger)
}

/// Waits until a ledger has seen all of these.
async fn noted(ledger: &mut Ledger, bodies: &[String]) {
    eventually(SOON, "the messages are processed", async || {
        let seen = ledger.bodies();
        bodies.iter().all(|body| seen.contains_key(body)).then_some(())
    })
    .await;
}

fn found<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|mapping| mapping["Name"] == name).unwrap()
}

#[tokio::test]
async fn a_stop_outlives_a_restart_and_a_start_makes_it_flow_again() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let (orders, mut ledger) = lane(&account, &site, "orders").await;
    let (other, mut other_ledger) = lane(&account, &site, "other").await;
    site.map("orders", &orders, "orders", "");
    site.map("other", &other, "other", "");
    let daemon = site.run().await;
    let first = bodies("first", 20);
    account.send(&orders, &first).await;
    noted(&mut ledger, &first).await;

    let stopped = site.call(&["stop", "orders", "--wait"]).await;
    assert_eq!((stopped.code, &*stopped.stdout), (Some(0), "orders Disabled\n"), "{stopped:?}");
    daemon.stop().await;

    let daemon = site.run().await;
    let second = bodies("second", 20);
    account.send(&orders, &second).await;
    // That the other one works shows that the process has had its time.
    account.send(&other, &second).await;
    noted(&mut other_ledger, &second).await;
    let list = site.json(&["list"]).await;
    let (stopped, running) = (found(&list, "orders"), found(&list, "other"));
    assert_eq!((&stopped["State"], &stopped["EnabledBy"]), (&"Disabled".into(), &"operator".into()), "{stopped}");
    assert_eq!((&running["State"], &running["EnabledBy"]), (&"Enabled".into(), &"file".into()), "{running}");
    assert_eq!(daemon.metric("forebay_events_polled_total", "orders").await, 0.0);
    assert_eq!(account.messages(&orders).await.len(), second.len());
    assert_eq!(daemon.probe("/readyz").await.0, 200, "a stopped mapping is no reason to be unready");

    let started = site.call(&["start", "orders", "--wait"]).await;
    assert_eq!((started.code, &*started.stdout), (Some(0), "orders Enabled\n"), "{started:?}");
    noted(&mut ledger, &second).await;
    let unknown = site.call(&["stop", "nowhere"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("nowhere"), "{unknown:?}");
    daemon.stop().await;
    assert!(account.messages(&orders).await.is_empty());
}

#[tokio::test]
async fn a_restart_and_a_reload_by_command_lose_nothing() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let (orders, mut ledger) = lane(&account, &site, "orders").await;
    let (added, mut added_ledger) = lane(&account, &site, "added").await;
    site.map("orders", &orders, "orders", "");
    let daemon = site.run().await;
    let first = bodies("first", 40);
    account.send(&orders, &first).await;
    eventually(SOON, "some are processed", async || (!ledger.entries().is_empty()).then_some(())).await;

    let restarted = site.call(&["restart", "orders", "--wait"]).await;
    assert_eq!((restarted.code, &*restarted.stdout), (Some(0), "orders Enabled\n"), "{restarted:?}");
    let states: Vec<String> = daemon.said("state changed").iter().map(|line| text(line, "state")).collect();
    assert_eq!(states[states.len() - 2..], ["Updating", "Enabled"], "{states:?}");
    noted(&mut ledger, &first).await;

    site.map("added", &added, "added", "");
    let reloaded = site.call(&["reload"]).await;
    assert_eq!((reloaded.code, &*reloaded.stdout), (Some(0), "added added\n"), "{reloaded:?}");
    let second = bodies("second", 10);
    account.send(&orders, &second).await;
    account.send(&added, &second).await;
    noted(&mut ledger, &second).await;
    noted(&mut added_ledger, &second).await;
    site.call(&["stop", "added", "--wait"]).await;
    let refused = site.call(&["restart", "added"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("help: start it with `forebay start added`"), "{refused:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_reload_restarts_only_what_changed_and_refuses_what_is_broken() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let (kept, mut kept_ledger) = lane(&account, &site, "kept").await;
    let (changed, mut changed_ledger) = lane(&account, &site, "changed").await;
    let (added, mut added_ledger) = lane(&account, &site, "added").await;
    site.map("kept", &kept, "kept", "");
    site.map("changed", &changed, "changed", "");
    let daemon = site.run().await;
    let first = bodies("first", 30);
    account.send(&kept, &first).await;
    account.send(&changed, &first).await;
    noted(&mut kept_ledger, &first).await;
    noted(&mut changed_ledger, &first).await;
    let (kept_before, changed_before) = (site.status("kept").await, site.status("changed").await);

    site.map("changed", &changed, "changed", "BatchSize: 1");
    site.map("added", &added, "added", "");
    let said = daemon.said("state changed").len();
    daemon.signal(Signal::HUP);
    let reloaded = eventually(SOON, "reloaded", async || daemon.said("reloaded").into_iter().next()).await;
    assert_eq!((&*text(&reloaded, "added"), &*text(&reloaded, "changed")), (r#"["added"]"#, r#"["changed"]"#));
    let second = bodies("second", 30);
    for queue in [&kept, &changed, &added] {
        account.send(queue, &second).await;
    }
    for ledger in [&mut kept_ledger, &mut changed_ledger, &mut added_ledger] {
        noted(ledger, &second).await;
    }
    let singles = changed_ledger.entries().iter().filter(|entry| entry.records[0].1.starts_with("second"));
    assert!(singles.clone().count() == 30 && singles.clone().all(|entry| entry.records.len() == 1));
    let kept_after = site.status("kept").await;
    assert_eq!(kept_after["LastModified"], kept_before["LastModified"], "it was not touched");
    let touched = &daemon.said("state changed")[said..];
    assert!(!touched.iter().any(|line| line["mapping"] == "kept"), "{touched:?}");
    eventually(SOON, "its counters go on", async || {
        let status = site.status("kept").await;
        (status["Counters"]["Deleted"] == 60).then_some(())
    })
    .await;
    let changed_after = site.status("changed").await;
    assert_eq!((&changed_before["BatchSize"], &changed_after["BatchSize"]), (&10.into(), &1.into()));
    // It may have changed before anybody saw it as `Updating`.
    assert_ne!(changed_before["LastModified"], changed_after["LastModified"]);

    site.write("broken.yaml", "Name: broken\nEventSourceArn: nonsense\nFunctionName: work\nBatchSize: 0\n");
    daemon.signal(Signal::HUP);
    eventually(SOON, "not reloaded", async || daemon.said("not reloaded").into_iter().next()).await;
    let log = daemon.log();
    for code in ["FB0205", "FB0201"] {
        let line = log.iter().find(|line| line["code"] == code).unwrap_or_else(|| panic!("no {code}"));
        assert_eq!(line["level"], "ERROR");
        assert!(line["file"].as_str().unwrap().ends_with("broken.yaml"), "{line}");
    }
    let (status, details) = daemon.probe("/readyz?verbose").await;
    assert!(status == 200 && details.contains("files: error"), "{details}");
    let third = bodies("third", 10);
    for (queue, ledger) in [(&kept, &mut kept_ledger), (&changed, &mut changed_ledger), (&added, &mut added_ledger)] {
        account.send(queue, &third).await;
        noted(ledger, &third).await;
    }
    let list = site.json(&["list"]).await;
    assert_eq!(list.as_array().unwrap().len(), 3, "{list}");

    std::fs::remove_file(site.path("mappings/broken.yaml")).unwrap();
    std::fs::remove_file(site.path("mappings/added.yaml")).unwrap();
    daemon.signal(Signal::HUP);
    eventually(SOON, "two mappings are left", async || {
        (site.json(&["list"]).await.as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    assert!(daemon.probe("/readyz?verbose").await.1.contains("files: ok 2 mappings"));
    daemon.stop().await;
}

/// A list as it stands in a log line.
fn text(line: &Value, member: &str) -> String {
    line[member].as_str().unwrap().to_owned()
}
