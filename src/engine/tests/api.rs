//! Mappings of the AWS API: how they come and change, next to those of files.

use std::sync::Arc;
use std::time::Duration;

use super::world::{Rig, api, is_degraded, mapping, stream};
use crate::engine::MappingState::{Creating, Disabled, Disabling, Enabled, Enabling, Updating};
use crate::engine::{CheckpointChange, EngineError, Kept, ReloadSummary};
use crate::machine::Checkpoint;
use crate::mapping::{Mapping, Origin};
use crate::store::MemoryStore;
use crate::view::MappingStatus;

#[tokio::test(start_paused = true)]
async fn a_mapping_joins_those_of_files() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    let put = rig.handle.put(api("made", "BatchSize: 3")).await.unwrap();
    assert_eq!((put.state, put.enabled, put.mapping.batch_size), (Creating, true, 3));
    assert_eq!(
        (put.last_processing_result.as_str(), put.modified_unix_ms),
        ("No records processed", 1_800_000_000_000)
    );
    assert_eq!(rig.states_until("made", Enabled).await, [Creating, Enabled]);
    rig.until_state("orders", Enabled).await;
    let all = rig.handle.overviews().await.unwrap();
    assert_eq!(all.iter().map(|one| one.mapping.name.as_str()).collect::<Vec<_>>(), ["made", "orders"]);
    assert_eq!(rig.handle.overview("made").await.unwrap(), all[0]);
    assert_eq!(all[1].mapping.origin, Origin::File("orders.yaml".into()));
    let [made, orders] = rig.handle.list().await.unwrap().try_into().unwrap();
    let [made, orders] = [MappingStatus::from(&made), MappingStatus::from(&orders)];
    assert_eq!((made.origin.as_str(), made.file.as_str(), made.enabled_by.as_str()), ("api", "", "api"));
    assert_eq!(
        (orders.origin.as_str(), orders.file.as_str(), orders.enabled_by.as_str()),
        ("file", "orders.yaml", "file")
    );
    rig.put(0..3);
    rig.until_deleted(3).await;
    for name in ["nope", ""] {
        assert!(matches!(rig.handle.overview(name).await, Err(EngineError::Unknown(unknown)) if unknown == name));
    }
}

#[tokio::test(start_paused = true)]
async fn each_change_shows_its_way() {
    let rig = Rig::new(vec![]);
    let (on, off) = (api("made", ""), api("made", "Enabled: false"));
    let put = rig.handle.put(off.clone()).await.unwrap();
    assert_eq!((put.state, put.enabled), (Disabled, false), "there is nothing to create");
    let put = rig.handle.put(on.clone()).await.unwrap();
    assert_eq!((put.state, put.enabled), (Enabling, true), "it was created before");
    assert_eq!(rig.states_until("made", Enabled).await, [Enabling, Enabled]);
    let put = rig.handle.put(off.clone()).await.unwrap();
    assert_eq!((put.state, put.enabled), (Disabling, false));
    rig.states_until("made", Disabled).await;
    assert_eq!(rig.handle.put(on.clone()).await.unwrap().state, Enabling);
    rig.states_until("made", Enabled).await;
    let larger = api("made", "BatchSize: 2");
    let put = rig.handle.put(larger.clone()).await.unwrap();
    assert_eq!((put.state, put.mapping.batch_size), (Updating, 2), "what was asked for is shown at once");
    rig.states_until("made", Enabled).await;
    assert_eq!(rig.handle.put(larger).await.unwrap().state, Enabled, "nothing has changed");
    let larger_and_off = api("made", "BatchSize: 3\nEnabled: false");
    assert_eq!(rig.handle.put(larger_and_off).await.unwrap().state, Updating);
    assert_eq!(rig.states_until("made", Disabled).await, [Updating, Disabled]);
    assert_eq!(rig.handle.put(off).await.unwrap().state, Disabled, "there is nothing to drain");
}

#[tokio::test(start_paused = true)]
async fn a_reload_of_a_changed_file_shows_the_same() {
    let rig = Rig::new(vec![mapping("orders", "Enabled: false")]);
    rig.handle.reload(vec![mapping("orders", "")]).await.unwrap();
    assert_eq!(rig.states_until("orders", Enabled).await, [Enabling, Enabled]);
    rig.handle.reload(vec![mapping("orders", "Poller: { RateLimit: 9 }")]).await.unwrap();
    rig.until("orders", |status| status.state == Enabled).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_finishes_what_is_in_flight_and_keeps_what_was_counted() {
    let rig = Rig::new(vec![]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.put(0..1);
    rig.until_deleted(1).await;
    rig.put(1..2);
    rig.until("made", |status| status.queue.unwrap().in_flight == 1).await;
    rig.handle.put(api("made", "BatchSize: 7")).await.unwrap();
    rig.states_until("made", Enabled).await;
    let status = rig.until("made", |status| status.counters.deleted == 2).await;
    assert_eq!((status.batch_size, status.counters.invokes), (7, 2));
    assert_eq!((status.last_processing_result.as_str(), rig.world.released.lock().unwrap().len()), ("OK", 0));
}

#[tokio::test(start_paused = true)]
async fn a_change_during_a_change_counts() {
    let rig = Rig::new(vec![]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.handle.put(api("made", "")).await.unwrap();
    // Each begins while a batch is in flight: more of them, then off, then back to what it was.
    let ways: [&[&str]; 4] = [
        &["BatchSize: 2", "BatchSize: 3"],
        &["BatchSize: 2", "BatchSize: 2\nEnabled: false"],
        &["", "BatchSize: 5", ""],
        &["BatchSize: 4", "Enabled: false", "BatchSize: 6"],
    ];
    for (round, way) in ways.into_iter().enumerate() {
        let round = round as u64;
        rig.handle.put(api("made", "BatchSize: 9")).await.unwrap();
        rig.states_until("made", Enabled).await;
        rig.put(round..round + 1);
        rig.until("made", |status| status.queue.unwrap().in_flight == 1).await;
        for more in way {
            let put = rig.handle.put(api("made", more)).await.unwrap();
            // With nothing changed but `Enabled`, the way leads there.
            let state = if more == &"BatchSize: 2\nEnabled: false" { Disabling } else { Updating };
            assert_eq!(put.state, state, "{way:?}: {more}");
            assert_eq!(*put.mapping, api("made", more));
        }
        let last = api("made", way[way.len() - 1]);
        let rest = if last.enabled { Enabled } else { Disabled };
        rig.states_until("made", rest).await;
        let status = rig.until("made", |status| status.counters.deleted == round + 1).await;
        assert_eq!((status.batch_size, status.state), (last.batch_size, rest), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_taken_back_ends_where_it_began() {
    let rig = Rig::new(vec![]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.put(0..1);
    rig.until("made", |status| status.queue.unwrap().in_flight == 1).await;
    rig.handle.put(api("made", "BatchSize: 2")).await.unwrap();
    assert_eq!(rig.handle.put(api("made", "")).await.unwrap().state, Updating);
    rig.states_until("made", Enabled).await;
    assert_eq!(rig.status("made").await.batch_size, 1);
    rig.put(1..2);
    rig.until_deleted(2).await;
}

#[tokio::test(start_paused = true)]
async fn tags_and_metrics_restart_nothing_and_are_shown_at_once() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    rig.handle.put(api("made", "")).await.unwrap();
    for name in ["made", "orders"] {
        rig.until_state(name, Enabled).await;
    }
    let connected = *rig.world.connected.lock().unwrap();
    let shown = "Tags: { a: b }\nMetricsConfig: { Metrics: [EventCount] }";
    let put = rig.handle.put(api("made", shown)).await.unwrap();
    assert_eq!((put.state, put.mapping.tags["a"].as_str(), put.mapping.metrics.len()), (Enabled, "b", 1));
    let summary = rig.handle.reload(vec![mapping("orders", shown)]).await.unwrap();
    assert_eq!(summary, ReloadSummary { unchanged: 1, ..ReloadSummary::default() });
    assert_eq!(rig.handle.overview("orders").await.unwrap().mapping.tags["a"], "b");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(*rig.world.connected.lock().unwrap(), connected);

    // After another change, too.
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.handle.stop("orders").await.unwrap();
    rig.until("orders", |status| status.queue.unwrap().open_receives == 0).await;
    rig.put(0..1);
    rig.until("made", |status| status.queue.unwrap().in_flight == 1).await;
    rig.handle.put(api("made", "BatchSize: 2")).await.unwrap();
    let put = rig.handle.put(api("made", "BatchSize: 2\nTags: { c: d }")).await.unwrap();
    assert_eq!((put.state, put.mapping.tags["c"].as_str()), (Enabled, "d"));
    rig.until_state("made", Enabled).await;
    let overview = rig.handle.overview("made").await.unwrap();
    assert_eq!((overview.mapping.batch_size, overview.mapping.tags["c"].as_str()), (2, "d"));
}

#[tokio::test(start_paused = true)]
async fn a_file_and_the_api_do_not_take_each_others_mappings() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.until_state("made", Enabled).await;
    let connected = *rig.world.connected.lock().unwrap();
    let refused = rig.handle.put(api("orders", "BatchSize: 2")).await.unwrap_err();
    assert_eq!(refused.to_string(), "the mapping \"orders\" comes from the file orders.yaml");
    assert_eq!(refused.help().as_deref(), Some("change the file, then run `forebay reload`"));
    assert!(matches!(rig.handle.remove("orders").await, Err(EngineError::OfFile(name, _)) if name == "orders"));
    for files in [vec![], vec![mapping("made", "BatchSize: 2")], vec![mapping("made", ""), mapping("other", "")]] {
        let added = files.len().saturating_sub(1);
        let summary = rig.handle.reload(files).await.unwrap();
        assert_eq!((summary.added.len(), summary.changed.len(), summary.unchanged), (added, 0, 0));
        let status = rig.status("made").await;
        assert_eq!((status.state, status.batch_size, status.origin.as_str()), (Enabled, 1, "api"));
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(rig.handle.status("orders").await.is_err(), "what is gone from the files is gone");
    assert_eq!(*rig.world.connected.lock().unwrap(), connected + 1, "only the other one was started");
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_a_restart_shows_no_change() {
    let rig = Rig::restoring(
        Arc::default(),
        Arc::new(MemoryStore::new()),
        vec![mapping("made", "BatchSize: 2"), mapping("orders", "")],
        vec![api("made", ""), api("off", "Enabled: false")],
    );
    let shown: Vec<_> = rig.handle.overviews().await.unwrap().into_iter().map(|one| one.state).collect();
    assert_eq!(shown, [Enabled, Disabled, Creating]);
    assert!(!rig.handle.readiness().await.unwrap().ready, "it has not polled");
    assert_eq!(rig.status("made").await.batch_size, 1, "the file of that name is left out");
    rig.until_state("orders", Enabled).await;
    assert!(rig.handle.readiness().await.unwrap().ready);
    assert_eq!(rig.handle.put(api("off", "")).await.unwrap().state, Enabling);
    assert_eq!(rig.handle.put(api("made", "BatchSize: 3")).await.unwrap().state, Updating);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_starts_again_by_itself_shows_no_change() {
    let rig = Rig::new(vec![]);
    rig.world.connects.lock().unwrap().push_back(None);
    rig.handle.put(api("broken", "")).await.unwrap();
    rig.until("broken", is_degraded).await;
    assert_eq!(rig.status("broken").await.state, Enabled, "it has come as far as it may");
    rig.until("broken", |status| !is_degraded(status)).await;
    assert_eq!(rig.status("broken").await.state, Enabled);

    let clicks = Mapping { origin: Origin::Api, ..stream("clicks") };
    rig.handle.put(clicks.clone()).await.unwrap();
    rig.until_state("clicks", Enabled).await;
    let connected = *rig.world.connected.lock().unwrap();
    rig.handle.change_checkpoint("clicks", CheckpointChange::Reset, true).await.unwrap();
    for _ in 0..1_000 {
        assert_eq!(rig.status("clicks").await.state, Enabled);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(*rig.world.connected.lock().unwrap(), connected + 1, "it has begun again");
    rig.until_kept("clicks").await;
    // Another process takes the checkpoints over: the mapping ends and comes back after a pause.
    rig.store.claim("clicks", clicks.source.id(), true).await.unwrap();
    rig.put(1..2);
    for _ in 0..5_000 {
        assert_eq!(rig.status("clicks").await.state, Enabled);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(*rig.world.connected.lock().unwrap(), connected + 2, "it has come back");
}

#[tokio::test(start_paused = true)]
async fn checkpoints_of_the_apis_streams_are_seen_kept_and_changed() {
    let rig = Rig::new(vec![]);
    let clicks = |batch_size| Mapping { origin: Origin::Api, batch_size, ..stream("clicks") };
    rig.handle.put(clicks(10)).await.unwrap();
    rig.until_state("clicks", Enabled).await;
    rig.put(1..4);
    let kept = |checkpoint: Checkpoint| Kept {
        source: clicks(1).source.id().to_owned(),
        checkpoints: [("shardId-0".into(), checkpoint)].into(),
    };
    let expected = kept(Checkpoint::After("3".into()));
    for _ in 0..6_000 {
        if rig.handle.checkpoint("clicks").await.unwrap() == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    rig.handle.put(clicks(20)).await.unwrap();
    rig.states_until("clicks", Enabled).await;
    assert_eq!(rig.handle.checkpoint("clicks").await.unwrap(), expected, "its position survives a change");
    let change = CheckpointChange::Replace(kept(Checkpoint::TrimHorizon));
    let refused = rig.handle.change_checkpoint("clicks", change.clone(), false).await.unwrap_err();
    assert!(matches!(refused, EngineError::Running { .. }), "{refused}");
    rig.handle.stop("clicks").await.unwrap();
    rig.until_state("clicks", Disabled).await;
    rig.handle.change_checkpoint("clicks", change, false).await.unwrap();
    assert_eq!(rig.handle.checkpoint("clicks").await.unwrap(), kept(Checkpoint::TrimHorizon));
}
