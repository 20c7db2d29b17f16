//! Checkpoints on their way to the store, drains, cuts, and fences.

use std::sync::Arc;
use std::time::Duration;

use super::rig::{Rig, fault, record, returned};
use crate::machine::{Checkpoint, Event, FaultKind, Input, StreamAnswer, StreamCommand, StreamOptions};

#[test]
fn a_drain_finishes_what_is_in_flight_and_saves_the_last_checkpoint() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 2, ..StreamOptions::default() });
    rig.read(1..=6);
    let (batch, _) = rig.invoke();
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(25) }));
    rig.answer(batch, returned("null"));
    assert!(rig.invokes.is_empty() && !rig.done);
    rig.save_all();
    assert!(rig.done);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("2".into())));
}

#[test]
fn a_drain_lets_lanes_that_lag_catch_up_so_that_nothing_is_repeated() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 1, parallelization: 2, ..StreamOptions::default() });
    rig.read([1, 3, 5, 2, 4, 7]);
    let (first, second) = (rig.invoke(), rig.invoke());
    let (odd, even) = if first.1 == [1] { (first, second) } else { (second, first) };
    assert_eq!((odd.1, even.1), (vec![1], vec![2]));
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(25) }));
    rig.answer(even.0, returned("null"));
    // 2 is done, so 3 and 5, which stand before it, are to be done as well; 4 and 7 are not.
    rig.answer(odd.0, returned("null"));
    for expected in [3, 5] {
        let (batch, numbers) = rig.invoke();
        assert_eq!(numbers, [expected]);
        rig.answer(batch, returned("null"));
    }
    assert!(rig.invokes.is_empty());
    rig.save_all();
    assert!(rig.done);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("2".into())));
}

#[test]
fn a_shard_that_ends_in_a_drain_asks_for_no_listing() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.read_records(vec![record(1)], false);
    let (batch, _) = rig.invoke();
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(25) }));
    rig.answer(batch, returned("null"));
    let saves = std::mem::take(&mut rig.saves);
    rig.seconds(5);
    assert!(!rig.done && rig.lists == 0);
    rig.saves = saves;
    rig.save_all();
    assert!(rig.done);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::End(None)));
}

#[test]
fn a_store_that_fails_in_a_drain_is_not_pressed() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.seconds(5);
    rig.read([1]);
    let (batch, _) = rig.invoke();
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(10) }));
    rig.answer(batch, returned("null"));
    let mut tries = 0;
    while !rig.done {
        while let Some(save) = rig.saves.pop_front() {
            tries += 1;
            rig.hear(StreamAnswer::Saved { save: save.id, result: Err(fault(FaultKind::Transient)) });
        }
        rig.now += Duration::from_millis(10);
        rig.feed(Input::Timeout);
    }
    assert!((50..=101).contains(&tries), "{tries}");
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::TrimHorizon));
    assert_eq!(unsaved(&rig), [("s0".into(), Checkpoint::After("1".into()))]);
}

/// What the machine said at its end was not saved.
fn unsaved(rig: &Rig) -> Vec<(Arc<str>, Checkpoint)> {
    let said = rig.events.iter().find_map(|event| match event {
        Event::Drained { unsaved, .. } => Some(unsaved.clone()),
        _ => None,
    });
    said.expect("the drain has ended")
}

#[test]
fn a_drain_says_what_the_store_has_not_confirmed_and_nothing_else() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 1, parallelization: 2, ..StreamOptions::default() });
    rig.seconds(5);
    rig.read([1, 3, 2]);
    let (first, second) = (rig.invoke(), rig.invoke());
    let (odd, even) = if first.1 == [1] { (first, second) } else { (second, first) };
    rig.answer(odd.0, returned("null"));
    rig.save_all();
    // 3 is finished behind 2, which is not: the checkpoint stays where it was saved.
    let (batch, _) = rig.invoke();
    rig.answer(batch, returned("null"));
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(4) }));
    rig.pass(Duration::from_secs(5));
    assert!(rig.done && even.1 == [2]);
    assert_eq!(unsaved(&rig), []);

    let mut rig = Rig::reading(StreamOptions::default());
    rig.seconds(5);
    rig.read_records(vec![record(1)], false);
    let (batch, _) = rig.invoke();
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(2) }));
    rig.answer(batch, returned("null"));
    // The write is never answered.
    rig.saves.clear();
    while !rig.done {
        rig.now += Duration::from_millis(100);
        rig.feed(Input::Timeout);
    }
    assert_eq!(unsaved(&rig), [("s0".into(), Checkpoint::End(None))]);

    let mut rig = Rig::new(StreamOptions::default());
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(1) }));
    rig.seconds(2);
    assert_eq!(unsaved(&rig), [], "it has done nothing");
}

#[test]
fn a_drain_keeps_its_bound_and_its_last_write() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 2, parallelization: 2, ..StreamOptions::default() });
    rig.read(1..=4);
    let (first, numbers) = rig.invoke();
    rig.invoke();
    rig.feed(Input::Command(StreamCommand::Drain { bound: Duration::from_secs(10) }));
    rig.answer(first, returned("null"));
    rig.pass(Duration::from_secs(10));
    assert!(rig.done, "{numbers:?}");
    assert_eq!(rig.count(|event| matches!(event, Event::Drained { abandoned: 1, .. })), 1);
}

#[test]
fn a_cut_waits_for_nothing_but_the_last_write() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.read([1]);
    rig.invoke();
    rig.feed(Input::Command(StreamCommand::Cut));
    assert!(rig.done);
}

#[test]
fn checkpoints_are_saved_about_once_a_second() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 1, ..StreamOptions::default() });
    rig.seconds(5);
    rig.events.clear();
    rig.read(0..100);
    for _ in 0..100 {
        let (batch, _) = rig.invoke();
        rig.answer(batch, returned("null"));
        rig.save_all();
        rig.pass(Duration::from_millis(100));
    }
    let saves = rig.count(|event| matches!(event, Event::Checkpointed { .. }));
    assert!((9..=12).contains(&saves), "{saves}");
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("99".into())));
}

#[test]
fn a_store_that_fails_is_tried_again_and_a_fence_ends_the_machine() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.seconds(5);
    rig.read([1]);
    let (batch, _) = rig.invoke();
    rig.answer(batch, returned("null"));
    let save = rig.saves.pop_front().unwrap();
    rig.hear(StreamAnswer::Saved { save: save.id, result: Err(fault(FaultKind::Transient)) });
    rig.seconds(1);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("1".into())));
    rig.seconds(3);
    rig.read([2]);
    let (batch, _) = rig.invoke();
    rig.answer(batch, returned("null"));
    let save = rig.saves.pop_front().unwrap();
    rig.hear(StreamAnswer::Saved { save: save.id, result: Err(fault(FaultKind::Fenced)) });
    assert!(rig.done);
}
