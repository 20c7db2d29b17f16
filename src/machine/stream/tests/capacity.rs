//! A target that says how many invocations it can have.

use super::rig::{Rig, fault, returned};
use crate::machine::{FaultKind, Health, Input, Machine, StreamOptions};

/// Four lanes, and a function that takes one record at a time.
fn rig(slots: u32) -> Rig {
    let mut rig = Rig::reading(StreamOptions { parallelization: 4, batch_size: 1, ..StreamOptions::default() });
    rig.feed(Input::Capacity(Some(slots)));
    rig
}

#[test]
fn lanes_take_turns_at_what_the_target_can_have() {
    let mut rig = rig(1);
    rig.read(1..=8);
    let mut order = Vec::new();
    for _ in 0..8 {
        assert_eq!((rig.invokes.len(), rig.machine.gauges().in_flight), (1, 1));
        let (batch, numbers) = rig.invoke();
        order.extend(numbers);
        rig.answer(batch, returned("null"));
    }
    assert_eq!(order, [4, 1, 2, 3, 8, 5, 6, 7], "each lane in turn");
    assert_eq!(rig.machine.gauges().held, 0);
}

#[test]
fn nothing_is_invoked_without_a_worker_and_all_of_it_when_there_are_enough() {
    let mut rig = rig(0);
    rig.read(1..=4);
    rig.seconds(30);
    assert_eq!((rig.invokes.len(), rig.machine.gauges().limit), (0, 0));
    assert!(
        matches!(rig.health(), Some(Health::Degraded { reason }) if reason.contains("nothing can take an invocation"))
    );
    rig.feed(Input::Capacity(Some(3)));
    assert_eq!((rig.invokes.len(), rig.machine.gauges().limit), (3, 3));
    assert!(matches!(rig.health(), Some(Health::Ok)));
    rig.feed(Input::Capacity(None));
    assert_eq!((rig.invokes.len(), rig.machine.gauges().limit), (4, 4));
}

#[test]
fn a_batch_whose_pause_is_over_waits_for_its_turn_like_the_others() {
    let mut rig = rig(1);
    rig.read([4, 1]);
    let (batch, _) = rig.invoke();
    rig.answer(batch, Err(fault(FaultKind::Throttled)));
    let (batch, numbers) = rig.invoke();
    assert_eq!(numbers, [1]);
    rig.seconds(60);
    assert_eq!(rig.invokes.len(), 0);
    rig.answer(batch, returned("null"));
    let (batch, numbers) = rig.invoke();
    assert_eq!(numbers, [4]);
    rig.answer(batch, returned("null"));
    assert_eq!(rig.machine.gauges().held, 0);
}
