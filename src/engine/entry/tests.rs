//! When a task that has ended is started again.

use super::running::RESTART;
use super::*;
use crate::engine::tests::world::stream;
use crate::telemetry::Metrics;

fn entry() -> Entry {
    let mapping = stream("clicks");
    let clock = Clock::new(Arc::new(|| 1_800_000_000_000));
    let metrics = Metrics::new(Arc::new(|| 1_800_000_000_000)).mapping(&mapping.name, mapping.source.kind());
    let live = Live::new(metrics, clock.clone(), Arc::default());
    Entry::new(mapping, None, live, clock, MappingState::Creating)
}

fn run(entry: &mut Entry) -> mpsc::Receiver<Order> {
    let (orders, receiver) = mpsc::channel(8);
    entry.running = Some(Running::new(Arc::clone(&entry.wanted.mapping), orders));
    receiver
}

fn pause(entry: &Entry) -> Option<Duration> {
    entry.restart_at().map(|at| at - Instant::now())
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_on_its_own_is_started_again_after_a_growing_pause() {
    let mut entry = entry();
    for seconds in [1, 2, 4] {
        let _commands = run(&mut entry);
        entry.ended(None);
        assert_eq!(pause(&entry), Some(Duration::from_secs(seconds)));
        assert!(!entry.may_start(Instant::now()) && entry.may_start(Instant::now() + Duration::from_secs(seconds)));
    }
    let _commands = run(&mut entry);
    tokio::time::advance(RESTART.maximum * 2).await;
    entry.ended(None);
    assert_eq!(pause(&entry), Some(Duration::from_secs(1)), "it was well for long");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_ordered_to_begin_again_does_so_at_once() {
    let mut entry = entry();
    let mut commands = run(&mut entry);
    entry.begin_again();
    assert_eq!(commands.try_recv(), Ok(Order::Cut));
    entry.ended(None);
    assert!(entry.may_start(Instant::now()));
    // A save that was refused has ended the task before the command came.
    drop(run(&mut entry));
    entry.begin_again();
    entry.ended(None);
    assert!(entry.may_start(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_draining_task_is_left_to_its_drain() {
    let mut entry = entry();
    let mut commands = run(&mut entry);
    entry.wanted.goal = Goal::Stop;
    entry.stop_if_unwanted(Duration::from_secs(25));
    commands.try_recv().unwrap();
    entry.begin_again();
    assert!(commands.try_recv().is_err());
    assert!(entry.may_save(), "a drain saves at its end");
    entry.ended(None);
    assert!(!entry.may_save() && !entry.may_start(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn nothing_wakes_up_for_a_mapping_that_is_stopped_in_its_pause() {
    let mut entry = entry();
    let _commands = run(&mut entry);
    entry.ended(Some("a panic".into()));
    assert!(entry.restart_at().is_some());
    entry.wanted.goal = Goal::Stop;
    assert_eq!(entry.restart_at(), None);
}
