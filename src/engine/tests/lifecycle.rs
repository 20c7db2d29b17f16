//! Starting, stopping, reloading, restarting, shutting down.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::world::{Rig, is_degraded, mapping};
use crate::engine::{EngineError, MappingState};
use crate::machine::{Fault, FaultKind};
use crate::mapping::Origin;
use crate::view::MappingStatus;

#[tokio::test(start_paused = true)]
async fn a_mapping_is_enabled_with_its_first_poll_and_ready() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    assert_eq!(rig.status("orders").await.state, MappingState::Creating);
    assert!(!rig.handle.readiness().await.unwrap().ready);
    let status = rig.until_state("orders", MappingState::Enabled).await;
    assert_eq!((status.last_processing_result.as_str(), status.batch_size), ("No records processed", 1));
    assert!(rig.handle.readiness().await.unwrap().ready);
    rig.put(0..3);
    rig.until_deleted(3).await;
    assert_eq!(rig.status("orders").await.last_processing_result, "OK");
    assert_eq!(rig.status("orders").await.counters.deleted, 3);
}

#[tokio::test(start_paused = true)]
async fn a_state_is_shown_without_a_request() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let enabled = r#"forebay_mapping_state{mapping="orders",source="sqs",state="Enabled"} 1"#;
    let shown = rig.metrics.render();
    assert!(shown.contains(enabled), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_kept_for_the_next_process_until_a_start_or_a_change_of_the_file() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    rig.until_state("orders", MappingState::Enabled).await;
    let answered = MappingStatus::from(&rig.handle.stop("orders").await.unwrap());
    assert_eq!((answered.state, answered.enabled_by.as_str()), (MappingState::Disabling, "operator"));
    rig.until_state("orders", MappingState::Disabled).await;
    rig.put(0..1);
    rig.task.abort();

    let next = Rig::over(Arc::clone(&rig.world), Arc::clone(&rig.store), vec![mapping("orders", "")]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(next.status("orders").await.state, MappingState::Disabled);
    assert_eq!(*next.world.invoked.lock().unwrap(), 0);
    next.handle.start("orders").await.unwrap();
    next.until_deleted(1).await;
    assert_eq!(next.status("orders").await.enabled_by, "file");

    next.handle.stop("orders").await.unwrap();
    let disabled_in_the_file = mapping("orders", "Enabled: false");
    next.handle.reload(vec![disabled_in_the_file]).await.unwrap();
    let status = next.until_state("orders", MappingState::Disabled).await;
    assert_eq!(status.enabled_by, "file");
}

#[tokio::test(start_paused = true)]
async fn a_mapping_disabled_in_its_file_waits_for_a_start() {
    let rig = Rig::new(vec![mapping("orders", "Enabled: false")]);
    assert_eq!(rig.status("orders").await.state, MappingState::Disabled);
    assert!(rig.handle.readiness().await.unwrap().ready, "what shall not run holds nothing up");
    rig.handle.start("orders").await.unwrap();
    rig.until_state("orders", MappingState::Enabled).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_during_a_stop_takes_the_drain_back() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.put(0..1);
    rig.until("orders", |status| status.counters.invokes == 0 && status.queue.unwrap().in_flight == 1).await;
    rig.handle.stop("orders").await.unwrap();
    assert_eq!(rig.handle.start("orders").await.unwrap().state, MappingState::Enabled);
    rig.until_deleted(1).await;
    rig.until_state("orders", MappingState::Enabled).await;
    rig.put(1..2);
    rig.until_deleted(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_drains_first_and_starts_again_what_is_wanted() {
    let rig = Rig::new(vec![mapping("orders", ""), mapping("off", "Enabled: false")]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.put(0..1);
    rig.until("orders", |status| status.queue.unwrap().in_flight == 1).await;
    assert!(rig.handle.readiness().await.unwrap().ready);
    let connected = *rig.world.connected.lock().unwrap();
    for _ in 0..2 {
        // The second finds it on its way, and changes nothing.
        assert_eq!(rig.handle.restart("orders").await.unwrap().state, MappingState::Updating);
    }
    assert!(rig.handle.readiness().await.unwrap().ready, "a process that was ready stays so");
    rig.until_state("orders", MappingState::Enabled).await;
    assert_eq!(rig.world.deleted.lock().unwrap().len(), 1, "what was in flight has ended");
    assert_eq!(*rig.world.connected.lock().unwrap(), connected + 1);
    rig.put(1..2);
    rig.until_deleted(2).await;

    let refused = rig.handle.restart("off").await.unwrap_err();
    assert_eq!(refused.to_string(), "\"off\" is stopped");
    assert_eq!(refused.help().as_deref(), Some("start it with `forebay start off`"));
    assert_eq!(rig.status("off").await.state, MappingState::Disabled);
    rig.handle.start("off").await.unwrap();
    rig.until_state("off", MappingState::Enabled).await;
    let restarted = MappingStatus::from(&rig.handle.restart("off").await.unwrap());
    assert_eq!((restarted.state, restarted.enabled_by.as_str()), (MappingState::Updating, "operator"));
    rig.until_state("off", MappingState::Enabled).await;
    rig.handle.stop("orders").await.unwrap();
    assert!(matches!(rig.handle.restart("orders").await, Err(EngineError::Stopped(_))), "it drains for a stop");
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_wait_for_the_pause_after_a_panic() {
    let rig = Rig::new(vec![mapping("orders", "Poller: { ReceiveWait: 1s }")]);
    rig.until_state("orders", MappingState::Enabled).await;
    rig.world.connects.lock().unwrap().extend([None, None, None, None, None]);
    rig.handle.restart("orders").await.unwrap();
    // The drain takes a second or two, and the pauses grow with each panic: 1, 2, 4, 8 seconds.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(is_degraded(&rig.status("orders").await));
    let connected = *rig.world.connected.lock().unwrap();
    rig.handle.restart("orders").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(*rig.world.connected.lock().unwrap(), connected + 1);
}

#[tokio::test(start_paused = true)]
async fn unknown_names_are_refused() {
    let rig = Rig::new(vec![]);
    for refused in [
        rig.handle.start("nope").await,
        rig.handle.stop("nope").await,
        rig.handle.restart("nope").await,
        rig.handle.status("nope").await,
    ] {
        assert!(matches!(refused, Err(EngineError::Unknown(name)) if name == "nope"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_touches_only_what_changed() {
    let rig = Rig::new(vec![mapping("a", ""), mapping("b", ""), mapping("c", "")]);
    for name in ["a", "b", "c"] {
        rig.until_state(name, MappingState::Enabled).await;
    }
    let mut moved = mapping("a", "");
    moved.origin = Origin::File("elsewhere.yaml".into());
    let changed = mapping("b", "MaximumBatchingWindowInSeconds: 1");
    let summary = rig.handle.reload(vec![moved, changed, mapping("d", "")]).await.unwrap();
    assert_eq!(summary.added, ["d"]);
    assert_eq!(summary.changed, ["b"]);
    assert_eq!(summary.removed, ["c"]);
    assert_eq!(summary.unchanged, 1);
    assert_eq!(rig.status("a").await.state, MappingState::Enabled);
    assert!(rig.handle.readiness().await.unwrap().ready, "a process that was ready stays so");
    let updated = rig.until_state("b", MappingState::Enabled).await;
    assert_eq!(updated.maximum_batching_window_in_seconds, 1);
    rig.until_state("d", MappingState::Enabled).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(rig.handle.status("c").await.is_err(), "what is gone from the files is gone");
    assert!(!rig.metrics.render().contains("mapping=\"c\""));
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_comes_back_while_it_leaves_is_not_lost() {
    let rig = Rig::new(vec![mapping("a", "")]);
    rig.until_state("a", MappingState::Enabled).await;
    rig.handle.reload(vec![]).await.unwrap();
    assert_eq!(rig.status("a").await.state, MappingState::Deleting);
    let summary = rig.handle.reload(vec![mapping("a", "")]).await.unwrap();
    assert_eq!(summary.changed, ["a"]);
    rig.until_state("a", MappingState::Enabled).await;
}

#[tokio::test(start_paused = true)]
async fn shutting_down_finishes_what_is_in_flight() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.put(0..1);
    rig.until("orders", |status| status.queue.unwrap().in_flight == 1).await;
    rig.handle.shutdown(Duration::from_secs(25)).await.unwrap();
    assert_eq!(*rig.world.deleted.lock().unwrap(), ["r-0"]);
    rig.task.await.unwrap();
    assert!(matches!(rig.handle.list().await, Err(EngineError::Closing)));
}

#[tokio::test(start_paused = true)]
async fn shutting_down_is_bounded_and_can_be_cut() {
    for (cut, bound) in [(false, 10), (true, 2)] {
        let rig = Rig::new(vec![mapping("orders", "ScalingConfig: { MaximumConcurrency: 1 }")]);
        *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(900);
        rig.put(0..1);
        rig.until("orders", |status| status.queue.unwrap().in_flight == 1).await;
        let begun = Instant::now();
        let (handle, closing) = (rig.handle.clone(), rig.handle.clone());
        let shutdown = tokio::spawn(async move { closing.shutdown(Duration::from_secs(10)).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        if cut {
            handle.cut().await;
        }
        shutdown.await.unwrap().unwrap();
        let took = begun.elapsed();
        assert!(took <= Duration::from_secs(bound) + Duration::from_millis(10), "cut {cut}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_handles_are_gone_drains_and_ends() {
    let rig = Rig::new(vec![mapping("orders", "")]);
    rig.until_state("orders", MappingState::Enabled).await;
    drop(rig.handle);
    rig.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn clients_that_cannot_be_made_are_tried_again() {
    let rig = Rig::new(vec![]);
    let fault = Fault::new(FaultKind::Invalid, "no region is set");
    rig.world.connects.lock().unwrap().push_back(Some(fault));
    rig.handle.reload(vec![mapping("orders", "")]).await.unwrap();
    let status = rig.until("orders", is_degraded).await;
    assert_eq!(status.health_reason.as_deref(), Some("connecting: no region is set"));
    assert!(rig.handle.readiness().await.unwrap().ready, "one broken mapping does not make the process unready");
    rig.until("orders", |status| !is_degraded(status)).await;
    rig.put(0..1);
    rig.until_deleted(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_mapping_is_shown_and_the_mapping_is_started_again() {
    let rig = Rig::new(vec![]);
    rig.world.connects.lock().unwrap().push_back(None);
    rig.handle.reload(vec![mapping("broken", "")]).await.unwrap();
    let status = rig.until("broken", is_degraded).await;
    assert!(status.health_reason.unwrap().contains("panicked"), "the reason says so");
    rig.until("broken", |status| !is_degraded(status)).await;
    rig.put(0..1);
    rig.until_deleted(1).await;
}
