//! Mappings of the AWS API that are deleted, and what may come in between.

use std::time::Duration;

use super::world::{Rig, api, is_degraded, mapping};
use crate::engine::MappingState::{Deleting, Disabled, Enabled};
use crate::engine::{EngineError, MappingState};

const BOUND: Duration = Duration::from_secs(25);

/// A rig whose mapping `made` has a batch in flight for five seconds.
async fn busy() -> Rig {
    let rig = Rig::new(vec![mapping("orders", "Enabled: false")]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.put(0..1);
    rig.until("made", |status| status.queue.unwrap().in_flight == 1).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_mapping_drains_before_it_is_gone_and_leaves_nothing() {
    let rig = busy().await;
    let gone = rig.handle.remove("made").await.unwrap();
    assert_eq!(rig.handle.overview("made").await.unwrap().state, Deleting);
    gone.await.unwrap();
    assert_eq!(*rig.world.deleted.lock().unwrap(), ["r-0"], "what was in flight has ended");
    assert!(matches!(rig.handle.overview("made").await, Err(EngineError::Unknown(name)) if name == "made"));
    assert!(matches!(rig.handle.remove("made").await, Err(EngineError::Unknown(_))));
    assert!(!rig.metrics.render().contains("mapping=\"made\""));
    rig.put(1..2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(*rig.world.invoked.lock().unwrap(), 1);
    // The name is free again.
    assert_eq!(rig.handle.put(api("made", "")).await.unwrap().state, MappingState::Creating);
    rig.until_deleted(2).await;
}

#[tokio::test(start_paused = true)]
async fn everyone_who_asks_learns_when_it_is_gone() {
    let rig = busy().await;
    let first = rig.handle.remove("made").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = rig.handle.remove("made").await.unwrap();
    drop(rig.handle.remove("made").await.unwrap());
    first.await.unwrap();
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_so_it_is_gone_at_once() {
    let rig = Rig::new(vec![]);
    rig.handle.put(api("made", "Enabled: false")).await.unwrap();
    let mut gone = rig.handle.remove("made").await.unwrap();
    gone.try_recv().unwrap();
    assert!(rig.handle.overviews().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_being_deleted_takes_no_change() {
    let rig = busy().await;
    let gone = rig.handle.remove("made").await.unwrap();
    for more in ["", "BatchSize: 2", "Enabled: false"] {
        let refused = rig.handle.put(api("made", more)).await.unwrap_err();
        assert_eq!(refused.to_string(), "the mapping \"made\" is being deleted");
    }
    for refused in [rig.handle.start("made").await, rig.handle.stop("made").await] {
        assert!(matches!(refused, Err(EngineError::Deleting(name)) if name == "made"));
    }
    assert_eq!(rig.store.desired("made").await.unwrap(), None, "no desired state is left behind");
    let summary = rig.handle.reload(vec![mapping("made", "")]).await.unwrap();
    assert!(summary.added.is_empty() && summary.changed.is_empty(), "{summary:?}");
    assert_eq!(rig.handle.overview("made").await.unwrap().state, Deleting);
    gone.await.unwrap();
    let summary = rig.handle.reload(vec![mapping("made", "")]).await.unwrap();
    assert_eq!(summary.added, ["made"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_under_way_does_not_hold_it_up() {
    let rig = busy().await;
    rig.handle.put(api("made", "BatchSize: 2")).await.unwrap();
    let gone = rig.handle.remove("made").await.unwrap();
    assert_eq!(rig.handle.overview("made").await.unwrap().state, Deleting);
    gone.await.unwrap();

    // And one whose stop is under way.
    rig.handle.put(api("made", "")).await.unwrap();
    rig.put(1..2);
    rig.until("made", |status| status.queue.unwrap().in_flight == 1).await;
    rig.handle.put(api("made", "Enabled: false")).await.unwrap();
    rig.handle.remove("made").await.unwrap().await.unwrap();
    assert_eq!(*rig.world.deleted.lock().unwrap(), ["r-0", "r-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_cannot_keep_it() {
    // In the pause after a panic.
    let rig = Rig::new(vec![]);
    rig.world.connects.lock().unwrap().push_back(None);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.until("made", is_degraded).await;
    let mut gone = rig.handle.remove("made").await.unwrap();
    gone.try_recv().unwrap();
    // While the task is about to panic.
    for _ in 0..20 {
        rig.world.connects.lock().unwrap().push_back(None);
        rig.handle.put(api("made", "")).await.unwrap();
        rig.handle.remove("made").await.unwrap().await.unwrap();
        assert!(rig.handle.overviews().await.unwrap().is_empty());
        rig.world.connects.lock().unwrap().clear();
    }
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(rig.handle.overviews().await.unwrap().is_empty());
    assert_eq!(*rig.world.connected.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_cannot_connect_is_gone_at_once() {
    use crate::machine::{Fault, FaultKind};
    let rig = Rig::new(vec![]);
    let faults = (0..100).map(|_| Some(Fault::new(FaultKind::Invalid, "no region is set")));
    rig.world.connects.lock().unwrap().extend(faults);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.until("made", is_degraded).await;
    let begun = tokio::time::Instant::now();
    rig.handle.remove("made").await.unwrap().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "it took {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_wait_with_an_error() {
    let rig = busy().await;
    let gone = rig.handle.remove("made").await.unwrap();
    rig.handle.shutdown(BOUND).await.unwrap();
    assert!(gone.await.is_err());
    assert_eq!(*rig.world.deleted.lock().unwrap(), ["r-0"], "what was in flight has ended all the same");
    assert!(matches!(rig.handle.put(api("other", "")).await, Err(EngineError::Closing)));

    let rig = busy().await;
    let gone = rig.handle.remove("made").await.unwrap();
    rig.task.abort();
    assert!(gone.await.is_err(), "nor does a crash");
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_or_goes_during_a_shutdown() {
    let rig = busy().await;
    let handle = rig.handle.clone();
    let shutdown = tokio::spawn(async move { handle.shutdown(BOUND).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(matches!(rig.handle.put(api("made", "BatchSize: 2")).await, Err(EngineError::Closing)));
    assert!(matches!(rig.handle.remove("made").await, Err(EngineError::Closing)));
    assert_eq!(rig.handle.overviews().await.unwrap().len(), 2, "what there is can still be asked");
    shutdown.await.unwrap().unwrap();
    assert!(matches!(rig.handle.overviews().await, Err(EngineError::Closing)));
}

#[tokio::test(start_paused = true)]
async fn many_come_and_go_without_a_trace() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    rig.until_state("orders", Enabled).await;
    let names: Vec<String> = (0..200).map(|number| format!("made-{number}")).collect();
    let mut waiting = Vec::new();
    for (number, name) in names.iter().enumerate() {
        rig.handle.put(api(name, if number % 3 == 0 { "Enabled: false" } else { "" })).await.unwrap();
        if number % 2 == 0 {
            waiting.push(rig.handle.remove(name).await.unwrap());
        }
    }
    for name in names.iter().skip(1).step_by(2) {
        let state = rig.handle.overview(name).await.unwrap().state;
        assert!(matches!(state, MappingState::Creating | Enabled | Disabled), "{state:?}");
        waiting.push(rig.handle.remove(name).await.unwrap());
    }
    for gone in waiting {
        gone.await.unwrap();
    }
    let left = rig.handle.overviews().await.unwrap();
    assert_eq!(left.iter().map(|one| one.mapping.name.as_str()).collect::<Vec<_>>(), ["orders"]);
    assert!(!rig.metrics.render().contains("made-"));
}
