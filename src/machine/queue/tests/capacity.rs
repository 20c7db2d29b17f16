//! A target that says how many invocations it can have.

use super::rig::{Rig, answer, s};
use crate::machine::{Health, Input, Machine, QueueAnswer, QueueCommand, QueueOptions};

fn capacity(rig: &mut Rig, slots: u32) {
    rig.feed(Input::Capacity(Some(slots)));
}

fn one_by_one() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(5), batch_size: 1, ..QueueOptions::default() }
}

/// A machine that knows the capacity before the queue.
fn rig(slots: u32) -> Rig {
    let mut rig = Rig::cold(one_by_one());
    capacity(&mut rig, slots);
    rig.hear(QueueAnswer::Described(Ok(super::rig::attributes(30))));
    rig
}

#[test]
fn without_a_worker_nothing_is_received() {
    let mut rig = rig(0);
    rig.pass(s(60));
    assert_eq!(rig.polls.len(), 0);
    assert!(rig.machine.cx.health.changed(rig.now).is_none() && rig.machine.cx.health.is_degraded());
    capacity(&mut rig, 1);
    assert_eq!(rig.polls.len(), 1);
    assert_eq!(rig.saw(|event| matches!(event, crate::machine::Event::Health(Health::Ok))), 1);
}

#[test]
fn as_many_batches_are_in_flight_as_there_are_workers() {
    let mut rig = rig(2);
    for _ in 0..4 {
        if rig.polls.is_empty() {
            break;
        }
        rig.bring(1);
    }
    assert_eq!((rig.invokes.len(), rig.polls.len()), (2, 0));
    capacity(&mut rig, 3);
    rig.bring(1);
    assert_eq!((rig.invokes.len(), rig.polls.len()), (3, 0));
    assert_eq!(rig.machine.gauges().limit, 3);
    rig.feed(Input::Capacity(None));
    assert_eq!((rig.polls.len(), rig.machine.gauges().limit), (2, 5), "a target that does not say is no limit");
}

#[test]
fn what_a_receive_brings_when_the_last_worker_has_gone_is_held_until_one_is_back() {
    let mut rig = rig(1);
    capacity(&mut rig, 0);
    rig.bring(1);
    assert_eq!((rig.invokes.len(), rig.held()), (0, 1));
    rig.pass(s(300));
    assert!(rig.receipts.iter().all(|request| request.entries[0].visibility == s(30)), "its lease is extended");
    rig.answer_receipts();
    capacity(&mut rig, 1);
    rig.finish(answer("null"));
    rig.pass(s(1));
    assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
}

#[test]
fn a_drain_gives_back_what_no_worker_takes() {
    let mut rig = rig(1);
    capacity(&mut rig, 0);
    rig.bring(1);
    rig.feed(Input::Command(QueueCommand::Drain { bound: s(25), receives: s(0) }));
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 0)]);
    assert!(rig.done);
}

#[test]
fn a_successor_knows_the_capacity() {
    let mut rig = rig(0);
    rig.hand_over();
    rig.feed(Input::Timeout);
    rig.hear(QueueAnswer::Described(Ok(super::rig::attributes(30))));
    assert_eq!((rig.polls.len(), rig.machine.gauges().limit), (0, 0));
}
