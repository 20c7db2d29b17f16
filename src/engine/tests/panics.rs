//! A machine that panics is followed by another one.

use std::time::Duration;

use super::world::{Rig, is_degraded, mapping};
use crate::engine::MappingState;
use crate::machine::fuse;

/// A mapping with an invoke in flight that takes ten seconds.
async fn busy(more: &str) -> Rig {
    let rig = Rig::new(vec![mapping("orders", more)]);
    rig.until_state("orders", MappingState::Enabled).await;
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(10);
    rig.put(0..1);
    rig.until("orders", |status| status.queue.as_ref().unwrap().in_flight == 1).await;
    rig
}

async fn until_burned() {
    while !fuse::is_out() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_successor_goes_on_with_what_is_open_and_held() {
    for steps in [1, 2, 5] {
        let rig = busy("").await;
        fuse::light(steps);
        rig.put(1..2);
        until_burned().await;
        let status = rig.until("orders", is_degraded).await;
        assert_eq!(status.state, MappingState::Enabled);
        let reason = status.health_reason.unwrap();
        assert!(reason.contains("panicked") && reason.ends_with(fuse::WORDS), "{reason}");
        rig.put(2..4);
        // The message that the machine panicked over may be left to its visibility timeout.
        rig.until("orders", |status| status.queue.as_ref().unwrap().held == 0).await;
        let deleted = rig.world.deleted.lock().unwrap().clone();
        for receipt in ["r-0", "r-2", "r-3"] {
            assert_eq!(deleted.iter().filter(|deleted| *deleted == receipt).count(), 1, "{steps}: {deleted:?}");
        }
        let invoked = *rig.world.invoked.lock().unwrap() as usize;
        assert_eq!(invoked, deleted.len(), "no message went to the function twice");
        assert_eq!(*rig.world.connected.lock().unwrap(), 1, "the task is the same");
        assert!(rig.world.released.lock().unwrap().is_empty());
        rig.until("orders", |status| !is_degraded(status)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_panic_within_a_minute_hands_nothing_over() {
    let rig = busy("").await;
    for _ in 0..2 {
        fuse::light(1);
        rig.put(1..2);
        until_burned().await;
    }
    let restarted = |status: &crate::view::MappingStatus| {
        status.health_reason.as_ref().is_some_and(|reason| reason.contains("is started again without what it held"))
    };
    let status = rig.until("orders", restarted).await;
    assert_eq!((status.queue.as_ref().unwrap().held, status.state), (0, MappingState::Enabled));
    rig.until_connected(2).await;
    rig.until("orders", |status| !is_degraded(status)).await;

    // The new task has held for less than a minute, too.
    fuse::light(1);
    rig.put(2..3);
    until_burned().await;
    rig.until_connected(3).await;

    // Later it is a first one.
    tokio::time::sleep(Duration::from_secs(70)).await;
    fuse::light(1);
    rig.put(3..4);
    until_burned().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(*rig.world.connected.lock().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stop_over_which_the_machine_panics_is_a_stop_all_the_same() {
    for steps in 1..5 {
        let rig = busy("").await;
        fuse::light(steps);
        rig.handle.stop("orders").await.unwrap();
        rig.until_state("orders", MappingState::Disabled).await;
        assert!(fuse::is_out());
        assert_eq!(*rig.world.deleted.lock().unwrap(), ["r-0"]);
        assert_eq!(*rig.world.connected.lock().unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_over_which_the_machine_panics_is_taken_over_all_the_same() {
    let rig = busy("").await;
    fuse::light(1);
    rig.handle.reload(vec![mapping("orders", "BatchSize: 4")]).await.unwrap();
    rig.until("orders", |status| fuse::is_out() && status.queue.as_ref().unwrap().in_flight == 0).await;
    rig.put(1..5);
    rig.until_deleted(5).await;
    assert!(*rig.world.invoked.lock().unwrap() < 5, "messages share a batch");
    assert_eq!(*rig.world.connected.lock().unwrap(), 2, "the change has connected, and nothing has started again");
    assert!(rig.world.released.lock().unwrap().is_empty());
}
