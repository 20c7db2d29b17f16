//! Draining.

use super::rig::{Rig, answer, fault, function_error, ms, s};
use crate::machine::{Command, Event, FaultKind, Input, QueueOptions, SettleOutcome};

fn two_at_a_time() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(2), batch_size: 1, ..QueueOptions::default() }
}

#[test]
fn an_idle_machine_gives_its_poll_up_after_the_grace() {
    let mut rig = Rig::new(two_at_a_time(), 30);
    rig.drain(s(25));
    assert_eq!((rig.cancels, rig.done), (0, false));
    rig.pass(ms(500));
    assert_eq!(rig.cancels, 1);
    rig.fail_poll(FaultKind::Cancelled);
    assert!(rig.done);
    assert_eq!(rig.events.last(), Some(&Event::Drained { abandoned: 0, unsaved: Vec::new() }));
}

#[test]
fn messages_that_arrive_during_the_grace_go_back_at_once() {
    let mut rig = Rig::new(two_at_a_time(), 30);
    rig.drain(s(25));
    rig.bring(1);
    assert_eq!(rig.invokes.len(), 0);
    assert_eq!(rig.settle_all().changed, [("r-1".into(), 0)]);
    assert!(rig.done);
}

#[test]
fn what_is_in_flight_is_finished_and_deleted() {
    let mut rig = Rig::new(two_at_a_time(), 30);
    rig.bring(1);
    rig.bring(1);
    rig.drain(s(25));
    rig.pass(s(3));
    rig.finish(answer("null"));
    rig.finish(function_error());
    assert_eq!(rig.settle_all().deleted, ["r-1"]);
    assert!(rig.done && rig.held() == 0);
}

#[test]
fn what_was_never_started_goes_back_at_once() {
    let mut gathering = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 30);
    gathering.bring(3);
    gathering.fail_poll(FaultKind::Transient);
    gathering.drain(s(25));
    assert_eq!(gathering.settle_all().changed.len(), 3);

    let mut throttled = Rig::new(two_at_a_time(), 30);
    throttled.bring(1);
    throttled.finish(Err(fault(FaultKind::Throttled)));
    throttled.drain(s(25));
    assert_eq!(throttled.settle_all().changed, [("r-1".into(), 0)]);

    let mut throttled_while_draining = Rig::new(two_at_a_time(), 30);
    throttled_while_draining.bring(1);
    throttled_while_draining.drain(s(25));
    throttled_while_draining.finish(Err(fault(FaultKind::Throttled)));
    assert_eq!(throttled_while_draining.settle_all().changed, [("r-1".into(), 0)]);
}

#[test]
fn an_open_poll_is_ended_by_one_message_and_takes_no_other() {
    let window = QueueOptions { window: s(60), ..QueueOptions::default() };
    let mut rig = Rig::new(window.clone(), 30);
    rig.bring(3);
    assert_eq!(rig.polls.len(), 1);
    rig.drain(s(25));
    assert_eq!(rig.settle_all().changed, [("r-1".into(), 0)]);
    rig.bring(1);
    let rest = ["r-2", "r-3", "r-4"].map(|receipt| (receipt.into(), 0));
    assert_eq!(rig.settle_all().changed, rest);
    assert_eq!((rig.cancels, rig.done), (0, true));

    let mut silent = Rig::new(window, 30);
    silent.bring(3);
    silent.drain(s(25));
    assert_eq!(silent.settle_all().changed.len(), 1);
    silent.pass(ms(500));
    assert_eq!((silent.cancels, silent.settles.len()), (1, 0));
    silent.fail_poll(FaultKind::Cancelled);
    assert_eq!(silent.settle_all().changed.len(), 2);
    assert!(silent.done && silent.held() == 0);
}

#[test]
fn a_return_waits_for_an_extension_that_is_under_way() {
    let mut rig = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 30);
    rig.bring(1);
    rig.pass(s(15));
    let extension = rig.settles.pop_front().unwrap();
    rig.drain(s(25));
    assert_eq!(rig.settles.len(), 0, "the extension could arrive last and hide the message again");
    rig.feed(Input::Settled { settle: extension.id, result: Ok(vec![SettleOutcome::Done]) });
    assert_eq!(rig.settle_all().changed, [("r-1".into(), 0)]);
}

#[test]
fn the_bound_ends_a_drain_whose_function_does_not_answer() {
    let mut rig = Rig::new(two_at_a_time(), 300);
    rig.bring(1);
    rig.drain(s(25));
    rig.pass(ms(500));
    while !rig.polls.is_empty() {
        rig.fail_poll(FaultKind::Cancelled);
    }
    rig.pass(ms(24_499));
    assert!(!rig.done);
    rig.pass(ms(1));
    assert!(rig.done);
    assert_eq!(rig.events.last(), Some(&Event::Drained { abandoned: 1, unsaved: Vec::new() }));
}

#[test]
fn a_cut_gives_up_the_function_but_not_the_returns() {
    let mut rig = Rig::new(two_at_a_time(), 300);
    rig.bring(1);
    rig.bring(1);
    rig.finish(Err(fault(FaultKind::Throttled)));
    rig.drain(s(25));
    rig.feed(Input::Command(Command::Cut));
    assert!(!rig.done);
    while !rig.polls.is_empty() {
        rig.fail_poll(FaultKind::Cancelled);
    }
    assert_eq!(rig.settle_all().changed, [("r-1".into(), 0)]);
    assert!(rig.done);
    assert_eq!(rig.events.last(), Some(&Event::Drained { abandoned: 1, unsaved: Vec::new() }));
}

#[test]
fn a_second_drain_can_only_shorten_the_first() {
    let mut rig = Rig::new(two_at_a_time(), 300);
    rig.bring(1);
    rig.drain(s(5));
    rig.drain(s(500));
    rig.pass(s(5));
    assert!(rig.done);
}

#[test]
fn a_drain_gives_returns_a_few_tries_and_then_leaves_them() {
    let mut rig = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 30);
    rig.bring(1);
    rig.drain(s(25));
    while !rig.polls.is_empty() {
        rig.fail_poll(FaultKind::Cancelled);
    }
    for _ in 0..5 {
        assert!(!rig.done);
        rig.settle_as(SettleOutcome::Failed(fault(FaultKind::Transient)));
        rig.pass(s(2));
    }
    assert!(rig.done);
    assert_eq!(rig.saw(|event| matches!(event, Event::Left { records: 1 })), 1);
}
