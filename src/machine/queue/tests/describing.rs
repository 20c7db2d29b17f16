//! What the queue says of itself, and receives that fail.

use super::rig::{Rig, answer, fault, function_error, ms, s};
use super::tables::one_at_a_time;
use crate::machine::{Event, FaultKind, Health, QueueAnswer, QueueOptions};

#[test]
fn nothing_is_received_before_the_queue_has_described_itself() {
    let mut rig = Rig::cold(QueueOptions::default());
    assert_eq!((rig.describes, rig.polls.len()), (1, 0));
    rig.hear(QueueAnswer::Described(Ok(super::rig::attributes(30))));
    let poll = &rig.polls[0];
    assert_eq!((rig.polls.len(), poll.max, poll.wait, poll.visibility), (1, 10, s(0), None));
    rig.bring(0);
    assert_eq!((rig.polls.len(), rig.polls[0].wait), (1, s(20)));
}

#[test]
fn a_queue_that_may_not_be_described_is_polled_with_a_timeout_of_our_own() {
    let mut rig = Rig::cold(QueueOptions::default());
    rig.hear(QueueAnswer::Described(Err(fault(FaultKind::Denied))));
    assert_eq!(rig.polls[0].visibility, Some(s(30)));
    assert_eq!(rig.saw(|event| matches!(event, Event::DescribeFailed { .. })), 1);
}

#[test]
fn a_queue_without_a_timeout_is_polled_with_ours_and_gets_failed_messages_back_at_once() {
    let mut rig = Rig::new(one_at_a_time(), 0);
    assert_eq!(rig.polls[0].visibility, Some(s(30)));
    rig.bring(1);
    rig.finish(function_error());
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 0)]);
}

#[test]
fn a_missing_queue_is_asked_for_again_and_shows_as_degraded() {
    let mut rig = Rig::cold(QueueOptions::default());
    rig.hear(QueueAnswer::Described(Err(fault(FaultKind::Missing))));
    let degraded = Event::Health(Health::Degraded { reason: "source: missing".into() });
    assert!(rig.events.contains(&degraded));
    rig.pass(ms(250));
    assert_eq!((rig.describes, rig.polls.len()), (2, 0));
    rig.hear(QueueAnswer::Described(Ok(super::rig::attributes(30))));
    rig.bring(0);
    assert_eq!(rig.events.last(), Some(&Event::Health(Health::Ok)));
}

#[test]
fn polls_that_fail_are_spaced_and_do_not_spin() {
    let mut rig = Rig::new(one_at_a_time(), 30);
    let mut polls = 0;
    for _ in 0..600 {
        while !rig.polls.is_empty() {
            polls += 1;
            rig.fail_poll(FaultKind::Transient);
        }
        rig.pass(ms(100));
    }
    // A minute: 0.25 s doubling to 10 s, less jitter.
    assert!((8..=16).contains(&polls), "{polls} polls in a minute");
}

#[test]
fn a_queue_made_again_is_described_again() {
    let mut rig = Rig::new(one_at_a_time(), 30);
    rig.fail_poll(FaultKind::Missing);
    rig.pass(s(1));
    rig.bring(0);
    assert_eq!(rig.describes, 2);
}

#[test]
fn a_backlog_that_is_gone_is_not_shown_for_long() {
    let mut rig = Rig::cold(one_at_a_time());
    let full = crate::machine::QueueAttributes { backlog: Some(40), ..super::rig::attributes(30) };
    rig.hear(QueueAnswer::Described(Ok(full)));
    rig.bring(0);
    rig.pass(ms(4_999));
    assert_eq!(rig.describes, 1);
    rig.pass(ms(1));
    assert_eq!(rig.describes, 2);
}

#[test]
fn a_backlog_that_was_processed_is_not_shown_for_long() {
    let mut rig = Rig::cold(one_at_a_time());
    let full = |backlog, hidden| crate::machine::QueueAttributes {
        backlog: Some(backlog),
        in_flight: Some(hidden),
        ..super::rig::attributes(30)
    };
    rig.hear(QueueAnswer::Described(Ok(full(10, 0))));
    rig.pass(s(6));
    assert_eq!(rig.describes, 1, "it has not fallen idle, it has not begun");
    rig.bring(10);
    rig.finish(answer("null"));
    rig.pass(ms(10));
    rig.answer_receipts();
    rig.pass(s(5));
    assert_eq!(rig.describes, 2);
    rig.hear(QueueAnswer::Described(Ok(full(0, 10))));
    let shown = |event: &Event| matches!(event, Event::Described { backlog: Some(0), not_visible: Some(10), .. });
    assert_eq!(rig.saw(shown), 1);
    rig.pass(s(30));
    assert_eq!(rig.describes, 2, "nothing has moved since");
    rig.bring(1);
    rig.finish(answer("null"));
    rig.pass(ms(10));
    rig.answer_receipts();
    rig.pass(s(5));
    assert_eq!(rig.describes, 3);
}
