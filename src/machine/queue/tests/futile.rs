//! Deletions without effect: every message is processed, and none is deleted.

use super::rig::{Rig, answer, fault, ms, s};
use crate::machine::{Event, FaultKind, Health, QueueOptions, ReceiptAction, ReceiptOutcome};

fn reporting() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(1), report_batch_item_failures: true, ..QueueOptions::default() }
}

/// Ten minutes in which every message is processed and no deletion works: how many receives there were.
fn without_deletions(rig: &mut Rig, outcome: &ReceiptOutcome) -> usize {
    let mut received = 0;
    for _ in 0..6_000 {
        if !rig.polls.is_empty() {
            received += 1;
            rig.bring(1);
        }
        while !rig.invokes.is_empty() {
            rig.finish(answer("null"));
        }
        while let Some(request) = rig.receipts.front() {
            let deletes = request.action == ReceiptAction::Delete;
            rig.answer_receipts_as(if deletes { outcome.clone() } else { ReceiptOutcome::Done });
        }
        rig.pass(ms(100));
    }
    let degraded =
        |event: &Event| matches!(event, Event::Health(Health::Degraded { reason }) if reason.starts_with("deletion: "));
    assert_eq!(rig.saw(degraded), 1, "{outcome:?}");
    received
}

fn last_health(rig: &Rig) -> Option<&Event> {
    rig.events.iter().rev().find(|event| matches!(event, Event::Health(_)))
}

#[test]
fn receipts_that_are_always_refused_show_and_slow_receiving_down_until_a_deletion_works() {
    let mut rig = Rig::new(reporting(), 30);
    let received = without_deletions(&mut rig, &ReceiptOutcome::Gone);
    assert!((5..=30).contains(&received), "{received} receives in ten minutes");
    while rig.polls.is_empty() {
        rig.pass(s(1));
    }
    assert_eq!((rig.polls.len(), rig.polls[0].max), (1, 1));
    rig.bring(1);
    rig.finish(answer("null"));
    rig.pass(ms(10));
    assert_eq!(rig.polls.len(), 0);
    rig.answer_receipts();
    assert_eq!(last_health(&rig), Some(&Event::Health(Health::Ok)));
    assert_eq!(rig.polls[0].max, 10);
}

#[test]
fn nothing_is_received_while_deletions_fail_and_messages_wait_for_them() {
    let mut rig = Rig::new(reporting(), 30);
    let received = without_deletions(&mut rig, &ReceiptOutcome::Failed(fault(FaultKind::Denied)));
    assert!((1..=5).contains(&received), "{received} receives in ten minutes");
    assert_eq!(rig.polls.len(), 0);
    for _ in 0..100 {
        rig.answer_receipts();
        rig.pass(ms(100));
    }
    assert_eq!(last_health(&rig), Some(&Event::Health(Health::Ok)));
    assert_eq!(rig.polls[0].max, 10);
}

#[test]
fn deletions_that_are_refused_are_a_false_alarm_when_their_messages_do_not_come_again() {
    let mut rig = Rig::new(QueueOptions { batch_size: 1, ..QueueOptions::default() }, 30);
    let degraded = |rig: &Rig| matches!(last_health(rig), Some(Event::Health(Health::Degraded { .. })));
    for _ in 0..3 {
        rig.bring(1);
        rig.finish(answer("null"));
        rig.pass(ms(10));
        rig.answer_receipts_as(ReceiptOutcome::Gone);
        rig.pass(s(1));
    }
    assert!(degraded(&rig));
    rig.bring(0);
    assert!(degraded(&rig), "they may be hidden still");
    rig.pass(s(31));
    rig.bring(0);
    rig.pass(s(1));
    rig.bring(0);
    assert!(!degraded(&rig));
}
