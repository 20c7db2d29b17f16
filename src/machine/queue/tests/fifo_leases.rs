//! FIFO queues: leases of a group, receives that are made again, and what a drain gives back.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fifo::{failures, fifo, one_slot};
use super::rig::{Rig, answer, fault, ms, s};
use crate::machine::{Event, FaultKind, HeartbeatResult, QueueAnswer, QueueOptions, ReceiptAction, ReceiptOutcome};

#[test]
fn messages_of_a_group_are_extended_together() {
    let mut rig = Rig::new(QueueOptions { maximum_concurrency: Some(1), ..fifo() }, 30);
    rig.bring_groups("aab");
    rig.pass(s(15));
    let call = rig.receipts.pop_front().unwrap();
    assert_eq!((call.action, call.entries.len()), (ReceiptAction::ChangeVisibility, 3));
    let failed = ReceiptOutcome::Failed(fault(FaultKind::Transient));
    let result = Ok(vec![ReceiptOutcome::Done, failed, ReceiptOutcome::Done]);
    rig.hear(QueueAnswer::Receipts { request: call.id, result });
    rig.pass(s(5));
    let call = rig.receipts.pop_front().unwrap();
    let receipts: Vec<&str> = call.entries.iter().map(|entry| entry.receipt.as_str()).collect();
    assert_eq!(receipts, ["r-1", "r-2"], "the whole group again, and no other");
}

#[test]
fn a_lost_receipt_ends_the_work_on_its_group() {
    let mut rig = Rig::new(one_slot(), 30);
    rig.bring_groups("aabb");
    rig.finish(Err(fault(FaultKind::Denied)));
    rig.pass(s(15));
    let call = loop {
        let call = rig.receipts.pop_front().expect("extensions");
        if call.entries.len() == 4 {
            break call;
        }
    };
    rig.finish(Err(fault(FaultKind::Denied)));
    let mut outcomes = vec![ReceiptOutcome::Done; 4];
    outcomes[0] = ReceiptOutcome::Gone;
    rig.hear(QueueAnswer::Receipts { request: call.id, result: Ok(outcomes) });
    assert_eq!(rig.saw(|event| matches!(event, Event::Heartbeat { result: HeartbeatResult::Lost, records: 1 })), 1);
    assert_eq!(rig.answer_receipts().changed, [("r-2".into(), 0)], "the second may not go without the first");
    rig.pass(s(60));
    assert_eq!(rig.invoked_records(), [2], "b goes on");
}

#[test]
fn a_receipt_that_is_lost_in_flight_is_not_begun_again_and_neither_is_its_group() {
    for kind in [FaultKind::Throttled, FaultKind::TooLarge] {
        let mut rig = Rig::new(one_slot(), 30);
        rig.bring_groups("aabb");
        rig.pass(s(15));
        let call = rig.receipts.pop_front().expect("extensions");
        let mut outcomes = vec![ReceiptOutcome::Done; 4];
        outcomes[0] = ReceiptOutcome::Gone;
        rig.hear(QueueAnswer::Receipts { request: call.id, result: Ok(outcomes) });
        rig.finish(Err(fault(kind)));
        rig.pass(s(5));
        assert_eq!(rig.answer_receipts().changed, [("r-2".into(), 0)], "{kind:?}");
        assert_eq!((rig.invoked_records(), rig.held()), (vec![2], 2), "{kind:?}: b goes on");
    }
}

#[test]
fn a_receive_whose_answer_was_lost_is_made_again_under_its_name() {
    let mut rig = Rig::new(one_slot(), 30);
    let first = rig.attempts();
    assert_eq!(first.len(), 1);
    for (kind, again) in [(FaultKind::Timeout, true), (FaultKind::Transient, true), (FaultKind::Throttled, false)] {
        let before = rig.attempts();
        rig.fail_poll(kind);
        rig.pass(s(20));
        assert_eq!(rig.attempts() == before, again, "{kind:?}");
    }
    rig.fail_poll(FaultKind::Timeout);
    let before = rig.attempts();
    rig.pass(s(20));
    assert_ne!(rig.attempts(), before, "it is open again");
    let kept = rig.attempts();
    rig.pass(s(300));
    rig.fail_poll(FaultKind::Timeout);
    rig.pass(s(20));
    assert_ne!(rig.attempts(), kept, "SQS has forgotten it by now");
    let names: BTreeSet<Arc<str>> = rig.attempts().into_iter().collect();
    rig.bring_groups("a");
    rig.finish(answer("null"));
    assert!(rig.attempts().iter().all(|name| !names.contains(name)), "an answered receive is over");
}

#[test]
fn standard_queues_know_neither_groups_nor_names_of_receives() {
    let mut rig = Rig::new(QueueOptions { fifo: None, ..one_slot() }, 30);
    assert!(rig.attempts().is_empty());
    rig.bring_groups("aaa");
    rig.finish(answer(failures(&[2])));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1", "r-3"], "fair queues have groups without an order");
}

#[test]
fn a_drain_gives_back_what_waits_in_groups() {
    let mut rig = Rig::new(fifo(), 30);
    rig.bring_groups("aaaa");
    rig.finish(Err(fault(FaultKind::TooLarge)));
    rig.drain(s(10));
    rig.fail_polls();
    assert_eq!(rig.answer_receipts().changed, [("r-3".into(), 0), ("r-4".into(), 0)]);
    rig.finish(answer("null"));
    assert_eq!(rig.answer_receipts().deleted, ["r-1", "r-2"]);
    assert!(rig.done);
}
