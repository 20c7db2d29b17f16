//! Replicas come, go, die and freeze, while records flow.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::replicas::{Fleet, Replica};
use crate::harness::amount;
use crate::harness::process::{SOON, eventually};

/// Three replicas that share the mappings, with records in flight.
async fn three() -> (Fleet, [Replica; 3]) {
    let mut fleet = Fleet::new().await;
    let mut replicas = [fleet.replica(), fleet.replica(), fleet.replica()];
    fleet
        .flow(async {
            for replica in &mut replicas {
                replica.run().await;
            }
            replicas[0].balanced(3, 2).await;
        })
        .await;
    (fleet, replicas)
}

/// Waits until something new was seen of every stream: all are read again.
async fn goes_on(fleet: &mut Fleet) {
    let before = fleet.seen();
    eventually(SOON, "records are seen", async || {
        fleet.put().await;
        (fleet.seen() > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn after_kills_the_others_go_on_and_nothing_is_lost() {
    let (mut fleet, mut replicas) = three().await;
    let kills = amount(20, 2);
    let mut pauses = Vec::new();
    for kill in 0..kills {
        let (dead, witness) = (kill % 3, (kill + 1) % 3);
        replicas[dead].kill().await;
        let killed = Instant::now();
        fleet.flow(replicas[witness].balanced(2, 2)).await;
        pauses.push(killed.elapsed());
        goes_on(&mut fleet).await;
        fleet.flow(replicas[dead].run()).await;
        fleet.flow(replicas[witness].balanced(3, 2)).await;
    }
    fleet.all_seen().await;
    pauses.sort();
    println!("{kills} kills: the others had all mappings after {pauses:?}; {} records repeated", fleet.repeated());
    for replica in &mut replicas {
        replica.stop().await;
    }
}

#[tokio::test]
async fn a_rolling_restart_repeats_nothing() {
    let mut fleet = Fleet::new().await;
    let mut replicas = [fleet.replica(), fleet.replica(), fleet.replica()];
    for replica in &mut replicas {
        replica.run_patiently().await;
    }
    fleet.flow(replicas[0].balanced(3, 2)).await;
    for index in 0..3 {
        let witness = (index + 1) % 3;
        fleet.flow(replicas[index].stop()).await;
        fleet.flow(replicas[witness].balanced(2, 2)).await;
        fleet.flow(replicas[index].run_patiently()).await;
        fleet.flow(replicas[witness].balanced(3, 2)).await;
    }
    fleet.all_seen().await;
    assert_eq!(fleet.repeated(), 0, "what was handed over was processed to its end");
    for replica in &mut replicas {
        replica.stop().await;
    }
}

#[tokio::test]
async fn a_replica_that_was_frozen_for_dead_begins_nothing_and_joins_again() {
    let (mut fleet, mut replicas) = three().await;
    let freezes = amount(20, 1);
    for freeze in 0..freezes {
        let (frozen, witness) = (freeze % 3, (freeze + 1) % 3);
        let before = replicas[frozen].own().await;
        let daemon = replicas[frozen].daemon.as_ref().unwrap();
        daemon.signal(Signal::STOP);
        fleet.flow(replicas[witness].balanced(2, 2)).await;
        daemon.signal(Signal::CONT);
        fleet.flow(replicas[witness].balanced(3, 2)).await;
        let after = replicas[frozen].own().await;
        assert_ne!(before["Id"], after["Id"], "the dead do not come back");
        assert_eq!(daemon.probe("/livez").await.0, 200);
    }
    fleet.all_seen().await;
    println!("{freezes} freezes: {} records repeated", fleet.repeated());
    for replica in &mut replicas {
        replica.stop().await;
    }
}

#[tokio::test]
async fn one_replica_alone_begins_at_once_after_a_clean_end_and_shows_what_runs_elsewhere() {
    let mut fleet = Fleet::new().await;
    let (mut first, mut second) = (fleet.replica(), fleet.replica());
    first.run_patiently().await;
    fleet.flow(first.balanced(1, 4)).await;
    fleet.flow(second.run_patiently()).await;
    fleet.flow(first.balanced(2, 2)).await;
    let elsewhere = eventually(SOON, "half of the mappings are elsewhere", async || {
        let listed = first.site.json(&["list"]).await;
        let listed = listed.as_array().unwrap().clone();
        let elsewhere: Vec<_> = listed.into_iter().filter(|mapping| mapping["Elsewhere"] == true).collect();
        (elsewhere.len() == 2).then_some(elsewhere)
    })
    .await;
    assert!(
        elsewhere.iter().all(|mapping| mapping["State"] == "Enabled" && mapping["Health"] == "ok"),
        "{elsewhere:?}"
    );
    let shown = first.site.call(&["status", elsewhere[0]["Name"].as_str().unwrap()]).await;
    assert!(shown.stdout.contains("on another replica"), "{}", shown.stdout);
    let (status, _) = first.daemon.as_ref().unwrap().probe("/readyz").await;
    assert_eq!(status, 200);

    // A stop on one replica is a stop on all, and lasts.
    let stopped = first.site.call(&["stop", "clicks", "orders", "paints", "sales"]).await;
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    for replica in [&first, &second] {
        eventually(SOON, "all are stopped everywhere", async || {
            let listed = replica.site.json(&["list"]).await;
            listed.as_array().unwrap().iter().all(|mapping| mapping["State"] == "Disabled").then_some(())
        })
        .await;
    }
    let started = second.site.call(&["start", "clicks", "orders", "paints", "sales"]).await;
    assert_eq!(started.code, Some(0), "{started:?}");
    first.stop().await;
    second.stop().await;
    fleet.flow(first.run_patiently()).await;
    fleet.flow(first.balanced(1, 4)).await;
    fleet.flow(tokio::time::sleep(Duration::from_secs(1))).await;
    fleet.all_seen().await;
    assert_eq!(fleet.repeated(), 0);
    first.stop().await;
}
