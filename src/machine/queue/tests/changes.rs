//! Changes of settings while the machine runs.

use std::sync::Arc;

use super::rig::{Rig, answer, fault, s};
use crate::machine::{FaultKind, GroupOrder, Input, Message, PollId, QueueAnswer, QueueCommand, QueueOptions};

fn with(batch_size: u32, window: u64) -> QueueOptions {
    QueueOptions { batch_size, window: s(window), maximum_concurrency: Some(4), ..QueueOptions::default() }
}

fn change(rig: &mut Rig, options: QueueOptions) {
    rig.feed(Input::Command(QueueCommand::Change(Box::new(options))));
}

fn sizes(rig: &Rig) -> Vec<usize> {
    rig.invokes.iter().map(|invoke| invoke.records).collect()
}

#[test]
fn what_is_gathered_is_gathered_under_the_new_limits_from_its_receipt_on() {
    let mut rig = Rig::new(with(100, 60), 300);
    rig.bring(7);
    rig.pass(s(10));
    change(&mut rig, with(100, 30));
    rig.pass(s(19));
    assert!(rig.invokes.is_empty());
    rig.pass(s(1));
    assert_eq!(sizes(&rig), [7]);

    let mut smaller = Rig::new(with(100, 60), 300);
    smaller.bring(7);
    change(&mut smaller, with(3, 60));
    assert_eq!(sizes(&smaller), [3, 3]);
    change(&mut smaller, with(3, 0));
    assert_eq!(sizes(&smaller), [3, 3, 1]);
    assert_eq!(smaller.cancels + smaller.receipts.len(), 0, "nothing was abandoned or returned");
}

#[test]
fn open_receives_stay_open_and_bring_into_the_new_batches() {
    let mut rig = Rig::new(with(10, 0), 30);
    let open: Vec<PollId> = rig.polls.iter().map(|poll| poll.id).collect();
    change(&mut rig, with(2, 0));
    assert_eq!(rig.polls.iter().map(|poll| poll.id).collect::<Vec<_>>(), open);
    rig.bring(5);
    assert_eq!(sizes(&rig), [2, 2, 1]);
}

#[test]
fn a_throttled_batch_keeps_its_pause_and_attempts_and_is_split_to_the_new_size() {
    let mut rig = Rig::new(with(10, 0), 300);
    rig.bring(5);
    rig.finish(Err(fault(FaultKind::Throttled)));
    change(&mut rig, with(2, 0));
    assert!(rig.invokes.is_empty(), "it waits as before");
    rig.pass(s(10));
    let invokes: Vec<(usize, u32)> = rig.invokes.iter().map(|invoke| (invoke.records, invoke.attempt)).collect();
    assert_eq!(invokes[..1], [(2, 2)]);
    for _ in 0..3 {
        rig.finish(answer("null"));
    }
    rig.pass(s(1));
    assert_eq!(rig.answer_receipts().deleted.len(), 5);
}

#[test]
fn a_batch_that_is_throttled_after_the_change_is_split_then() {
    let mut rig = Rig::new(with(10, 0), 300);
    rig.bring(5);
    change(&mut rig, with(3, 0));
    rig.finish(Err(fault(FaultKind::Throttled)));
    rig.pass(s(10));
    rig.finish(answer("null"));
    rig.finish(answer("null"));
    rig.pass(s(1));
    assert_eq!(rig.answer_receipts().deleted.len(), 5);
}

#[test]
fn an_invoke_is_judged_as_it_was_begun() {
    let reports = QueueOptions { report_batch_item_failures: true, ..with(10, 0) };
    let report = r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#;
    let mut rig = Rig::new(reports.clone(), 30);
    rig.bring(2);
    change(&mut rig, with(10, 0));
    rig.finish(answer(report));
    rig.pass(s(1));
    assert_eq!(rig.answer_receipts().deleted, ["r-2"]);

    let mut silent = Rig::new(with(10, 0), 30);
    silent.bring(2);
    change(&mut silent, reports);
    silent.finish(answer(report));
    silent.pass(s(1));
    assert_eq!(silent.answer_receipts().deleted, ["r-1", "r-2"]);
}

#[test]
fn another_visibility_timeout_counts_for_the_receives_that_follow() {
    let mut rig = Rig::new(with(10, 0), 30);
    change(&mut rig, QueueOptions { visibility: Some(s(90)), ..with(10, 0) });
    rig.bring(1);
    assert_eq!(rig.polls.back().unwrap().visibility, Some(s(90)));
    rig.pass(s(15));
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 90)], "the lease was of 30 s");
}

#[test]
fn a_lower_maximum_begins_nothing_until_there_is_room() {
    let mut rig = Rig::new(QueueOptions { batch_size: 1, ..with(1, 0) }, 30);
    for _ in 0..3 {
        rig.bring(1);
    }
    change(&mut rig, QueueOptions { maximum_concurrency: Some(1), ..with(1, 0) });
    rig.bring(1);
    assert_eq!(rig.invokes.len(), 3);
    for _ in 0..3 {
        assert!(rig.invokes.len() <= 3);
        rig.finish(answer("null"));
    }
    assert_eq!(rig.invokes.len(), 1);
}

#[test]
fn groups_keep_their_order_when_a_batch_of_theirs_is_split() {
    let fifo = |size| QueueOptions { fifo: Some(GroupOrder::Protect), maximum_concurrency: Some(1), ..with(size, 0) };
    let mut rig = Rig::new(fifo(10), 300);
    let of = |rig: &mut Rig, group: &str| Message { group: Some(Arc::from(group)), ..rig.message(100) };
    let records = vec![of(&mut rig, "a"), of(&mut rig, "a"), of(&mut rig, "a"), of(&mut rig, "b")];
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    assert_eq!(sizes(&rig), [4]);
    rig.finish(Err(fault(FaultKind::Throttled)));
    change(&mut rig, fifo(2));
    let mut deleted = Vec::new();
    for _ in 0..3 {
        rig.pass(s(10));
        assert!(rig.invokes.iter().all(|invoke| invoke.records <= 2));
        if !rig.invokes.is_empty() {
            rig.finish(answer("null"));
        }
        deleted.extend(rig.answer_receipts().deleted);
    }
    assert_eq!(deleted.len(), 4);
    deleted.retain(|receipt| receipt != "r-4");
    assert_eq!(deleted, ["r-1", "r-2", "r-3"]);
}
