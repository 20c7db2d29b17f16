//! Calls that panic are answers like any other.

use super::world::{Rig, mapping};

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_a_fault_and_nothing_is_lost() {
    let rig = Rig::new(vec![]);
    rig.world.panics.lock().unwrap().extend(["receive", "invoke", "delete"]);
    rig.put(0..5);
    rig.handle.reload(vec![mapping("orders", "")]).await.unwrap();
    rig.until_deleted(5).await;
    assert!(rig.world.panics.lock().unwrap().is_empty(), "each of them did panic");
    let status = rig.status("orders").await;
    assert_eq!((status.counters.failed, status.queue.unwrap().held), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_rate_limit_spaces_invokes_and_the_wait_is_measured() {
    let rig = Rig::new(vec![mapping("orders", "Poller: { RateLimit: 2 }")]);
    rig.put(0..10);
    let begun = tokio::time::Instant::now();
    rig.until_deleted(10).await;
    let took = begun.elapsed().as_secs_f64();
    assert!((4.4..5.5).contains(&took), "ten invokes at two a second took {took} s");
    assert!(rig.metrics.render().contains("forebay_limiter_wait_seconds_count{mapping=\"orders\",source=\"sqs\"} 10"));
}
