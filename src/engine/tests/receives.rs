//! Receives that are open when something changes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::world::{Rig, is_degraded, mapping};
use crate::engine::MappingState;
use crate::machine::{Fault, FaultKind};

const SECOND: Duration = Duration::from_secs(1);

/// A mapping with a long receive open.
async fn receiving() -> Rig {
    let rig = Rig::new(vec![mapping("orders", "")]);
    rig.until_state("orders", MappingState::Enabled).await;
    rig.until("orders", |status| status.queue.unwrap().open_receives == 1).await;
    sleep(SECOND).await;
    rig
}

fn connected(rig: &Rig) -> usize {
    *rig.world.connected.lock().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_changed_mapping_goes_on_with_the_receive_that_is_open() {
    let rig = receiving().await;
    let summary = rig.handle.reload(vec![mapping("orders", "BatchSize: 7")]).await.unwrap();
    assert_eq!(summary.changed, ["orders"]);
    let begun = Instant::now();
    rig.until("orders", |status| status.state == MappingState::Enabled && status.batch_size == 7).await;
    rig.put(0..1);
    rig.until_deleted(1).await;
    assert!(begun.elapsed() < SECOND, "nothing has drained");
    assert!(rig.world.released.lock().unwrap().is_empty());
    assert_eq!(connected(&rig), 2, "with ports of its own");
}

#[tokio::test(start_paused = true)]
async fn the_old_settings_work_on_while_the_new_ones_cannot_be_had() {
    let rig = receiving().await;
    rig.world.connects.lock().unwrap().push_back(Some(Fault::new(FaultKind::Invalid, "no such role")));
    rig.handle.reload(vec![mapping("orders", "BatchSize: 7")]).await.unwrap();
    rig.until("orders", is_degraded).await;
    rig.put(0..1);
    rig.until_deleted(1).await;
    rig.until("orders", |status| !is_degraded(status) && status.state == MappingState::Enabled).await;
    assert_eq!(connected(&rig), 2);
}

#[tokio::test(start_paused = true)]
async fn another_queue_waits_for_the_receives_of_the_one_before() {
    let rig = receiving().await;
    let mut moved = mapping("orders", "");
    moved.source.queue_mut().unwrap().arn.text.push_str("-2");
    rig.handle.reload(vec![moved]).await.unwrap();
    assert_eq!(rig.status("orders").await.state, MappingState::Updating);
    rig.put(0..1);
    sleep(SECOND).await;
    assert_eq!(*rig.world.released.lock().unwrap(), ["r-0"], "what it still brought is given back at once");
    rig.until_state("orders", MappingState::Enabled).await;
    assert_eq!(connected(&rig), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_reached_while_a_receive_is_open_and_a_start_goes_on_with_it() {
    let rig = receiving().await;
    rig.handle.stop("orders").await.unwrap();
    let begun = Instant::now();
    let stopped = rig.until_state("orders", MappingState::Disabled).await;
    assert!(begun.elapsed() < SECOND);
    assert_eq!(stopped.queue.unwrap().open_receives, 1);
    rig.handle.start("orders").await.unwrap();
    rig.put(0..1);
    rig.until_deleted(1).await;
    assert!(begun.elapsed() < SECOND && rig.world.released.lock().unwrap().is_empty());

    rig.until("orders", |status| status.queue.unwrap().open_receives == 1).await;
    rig.handle.stop("orders").await.unwrap();
    rig.until_state("orders", MappingState::Disabled).await;
    rig.put(1..2);
    rig.until("orders", |status| status.queue.unwrap().open_receives == 0).await;
    sleep(SECOND).await;
    assert_eq!(*rig.world.released.lock().unwrap(), ["r-1"]);
    assert_eq!(connected(&rig), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_receives() {
    let rig = receiving().await;
    let begun = Instant::now();
    rig.handle.shutdown(Duration::from_secs(25)).await.unwrap();
    let took = begun.elapsed();
    assert!(took > 15 * SECOND && took < 21 * SECOND, "{took:?}");

    let cut = receiving().await;
    let handle = cut.handle.clone();
    let shutdown = tokio::spawn(async move { handle.shutdown(Duration::from_secs(25)).await });
    sleep(SECOND).await;
    let begun = Instant::now();
    cut.handle.cut().await;
    shutdown.await.unwrap().unwrap();
    assert!(begun.elapsed() < SECOND, "a second signal cuts it short");
}
