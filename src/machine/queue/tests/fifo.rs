//! FIFO queues: batches by message group, and order behind failures.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::rig::{Rig, answer, fault, function_error, s};
use crate::machine::{
    BackoffPolicy, Event, FailedBatch, FaultKind, GroupOrder, MAX_BODY_BYTES, OnFunctionError, QueueAnswer,
    QueueOptions,
};

pub(super) fn fifo() -> QueueOptions {
    QueueOptions { report_batch_item_failures: true, fifo: Some(GroupOrder::Protect), ..QueueOptions::default() }
}

pub(super) fn one_slot() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(1), ..fifo() }
}

impl Rig {
    /// Answers the oldest poll with a message for each letter, which names its group.
    pub(super) fn bring_groups(&mut self, letters: &str) {
        self.bring_groups_sized(letters, |_| 100);
    }

    pub(super) fn bring_groups_sized(&mut self, letters: &str, bytes: impl Fn(usize) -> usize) {
        let mut records = Vec::new();
        for (index, letter) in letters.chars().enumerate() {
            let mut record = self.message(bytes(index));
            record.group = Some(letter.to_string().into());
            records.push(record);
        }
        let poll = self.polls.pop_front().expect("a poll is open").id;
        self.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    }

    pub(super) fn invoked_records(&self) -> Vec<usize> {
        self.invokes.iter().map(|invoke| invoke.records).collect()
    }

    pub(super) fn attempts(&self) -> Vec<Arc<str>> {
        self.polls.iter().filter_map(|poll| poll.attempt.clone()).collect()
    }
}

pub(super) fn failures(numbers: &[u32]) -> &'static str {
    let items: Vec<String> = numbers.iter().map(|number| format!(r#"{{"itemIdentifier":"m-{number}"}}"#)).collect();
    Box::leak(format!(r#"{{"batchItemFailures":[{}]}}"#, items.join(",")).into_boxed_str())
}

#[test]
fn each_group_has_its_own_batch_while_there_are_slots() {
    let mut rig = Rig::new(fifo(), 30);
    rig.bring_groups("abacb");
    assert_eq!(rig.invoked_records(), [2, 2, 1]);
}

#[test]
fn with_one_slot_groups_share_a_batch_and_nothing_is_received_meanwhile() {
    let mut rig = Rig::new(one_slot(), 30);
    rig.bring_groups("abacb");
    assert_eq!(rig.invoked_records(), [5]);
    assert!(rig.polls.is_empty());
    rig.finish(answer("null"));
    assert_eq!(rig.polls.len(), 1);
}

#[test]
fn polls_are_no_more_than_the_groups_that_can_come_free() {
    let mut rig = Rig::new(fifo(), 30);
    for _ in 0..5 {
        rig.bring_groups("aa");
    }
    assert_eq!(rig.polls.len(), 2, "one group is held");
    rig.bring_groups("bcd");
    rig.bring_groups("e");
    assert_eq!(rig.polls.len(), 6);
}

#[test]
fn deletions_do_not_linger() {
    let mut rig = Rig::new(fifo(), 30);
    rig.bring_groups("aa");
    rig.finish(answer("null"));
    assert_eq!(rig.answer_receipts().deleted, ["r-1", "r-2"]);
}

/// What is deleted of a batch whose function answers so, and how many were kept for the order.
fn answered(order: GroupOrder, letters: &str, failed: &[u32]) -> (Vec<String>, usize) {
    let mut rig = Rig::new(QueueOptions { fifo: Some(order), ..one_slot() }, 30);
    rig.bring_groups(letters);
    rig.finish(answer(failures(failed)));
    let answered = rig.answer_receipts();
    assert_eq!((answered.changed, rig.held()), (vec![], 0), "{letters} {failed:?}");
    let kept = rig.events.iter().map(|event| match event {
        Event::OrderKept { records } => *records,
        _ => 0,
    });
    (answered.deleted, kept.sum())
}

#[test]
fn a_careless_partial_response_cannot_break_the_order_unless_it_may() {
    for (letters, failed, protected, kept, as_reported) in [
        ("aaa", vec![2], vec!["r-1"], 1, vec!["r-1", "r-3"]),
        ("aaa", vec![1], vec![], 2, vec!["r-2", "r-3"]),
        ("aaa", vec![3], vec!["r-1", "r-2"], 0, vec!["r-1", "r-2"]),
        ("aaaa", vec![2, 3, 4], vec!["r-1"], 0, vec!["r-1"]),
        ("aaaa", vec![4, 2], vec!["r-1"], 1, vec!["r-1", "r-3"]),
        ("abab", vec![1], vec!["r-2", "r-4"], 1, vec!["r-2", "r-3", "r-4"]),
        ("abcabc", vec![2, 6], vec!["r-1", "r-3", "r-4"], 1, vec!["r-1", "r-3", "r-4", "r-5"]),
    ] {
        let mut expected: Vec<String> = protected.into_iter().map(str::to_owned).collect();
        let (mut deleted, count) = answered(GroupOrder::Protect, letters, &failed);
        deleted.sort();
        expected.sort();
        assert_eq!((deleted, count), (expected, kept), "{letters} {failed:?}");
        let (mut deleted, count) = answered(GroupOrder::AsReported, letters, &failed);
        deleted.sort();
        assert_eq!((deleted, count), (as_reported.into_iter().map(str::to_owned).collect(), 0), "{letters} {failed:?}");
    }
}

#[test]
fn what_is_released_comes_first_to_last_and_backs_off_together() {
    let options = QueueOptions { on_function_error: OnFunctionError::Release, ..one_slot() };
    let mut rig = Rig::new(options, 30);
    rig.bring_groups("aaa");
    rig.finish(answer(failures(&[2])));
    let answered = rig.answer_receipts();
    assert_eq!((answered.deleted, answered.changed), (vec!["r-1".into()], vec![("r-2".into(), 0), ("r-3".into(), 0)]));

    let policy = BackoffPolicy { initial: s(5), maximum: s(60) };
    let mut rig = Rig::new(QueueOptions { on_function_error: OnFunctionError::Backoff(policy), ..one_slot() }, 30);
    let mut records: Vec<_> = (0..4).map(|_| rig.message(10)).collect();
    for (record, (receives, group)) in records.iter_mut().zip([(2, "a"), (1, "b"), (1, "a"), (3, "b")]) {
        (record.receive_count, record.group) = (receives, Some(group.into()));
    }
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    rig.finish(function_error());
    let changed: BTreeSet<(String, u64)> = rig.answer_receipts().changed.into_iter().collect();
    let expected = [("r-1", 10), ("r-2", 5), ("r-3", 10), ("r-4", 5)].map(|(receipt, span)| (receipt.into(), span));
    assert_eq!(changed, expected.into_iter().collect());
}

#[test]
fn a_group_that_failed_goes_alone_until_it_succeeds() {
    let mut rig = Rig::new(one_slot(), 30);
    rig.bring_groups("ab");
    rig.finish(function_error());
    rig.bring_groups("abc");
    assert_eq!(rig.invoked_records(), [1]);
    rig.finish(answer("null"));
    assert_eq!(rig.invoked_records(), [1], "b");
    rig.finish(function_error());
    assert_eq!(rig.invoked_records(), [1], "c");
    rig.finish(answer("null"));
    rig.answer_receipts();
    rig.bring_groups("acb");
    assert_eq!(rig.invoked_records(), [2], "a and c are sound");
}

#[test]
fn throttles_keep_the_group_and_nothing_of_it_passes() {
    let mut rig = Rig::new(fifo(), 30);
    rig.bring_groups("aa");
    rig.finish(Err(fault(FaultKind::Throttled)));
    rig.pass(s(5));
    assert_eq!(rig.invoked_records(), [2]);
    assert_eq!(rig.held(), 2);
    // A second copy, because the queue lost track: it waits for the first.
    rig.bring_groups("a");
    assert_eq!(rig.invoked_records(), [2]);
    rig.finish(answer("null"));
    assert_eq!(rig.invoked_records(), [1]);
}

#[test]
fn an_event_that_is_too_large_goes_in_halves_one_after_the_other() {
    let mut rig = Rig::new(one_slot(), 30);
    rig.bring_groups("aaab");
    rig.finish(Err(fault(FaultKind::TooLarge)));
    assert_eq!(rig.invoked_records(), [2]);
    rig.finish(answer("null"));
    assert_eq!(rig.invoked_records(), [2], "the rest of a, and b");
    rig.finish(answer("null"));
    let deleted: BTreeSet<String> = rig.answer_receipts().deleted.into_iter().collect();
    assert_eq!(deleted, ["r-1", "r-2", "r-3", "r-4"].map(String::from).into());

    let mut rig = Rig::new(fifo(), 30);
    rig.bring_groups("aaaa");
    rig.finish(Err(fault(FaultKind::TooLarge)));
    rig.finish(answer(failures(&[2])));
    assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
    assert_eq!((rig.invokes.len(), rig.held()), (0, 0), "the second half does not go behind a failure");
}

#[test]
fn a_message_that_cannot_be_delivered_stops_its_group_only() {
    let mut rig = Rig::new(fifo(), 30);
    rig.bring_groups_sized("aabaa", |index| if index == 1 { MAX_BODY_BYTES } else { 100 });
    assert_eq!(rig.invoked_records(), [1, 1]);
    rig.finish(answer("null"));
    rig.finish(answer("null"));
    assert_eq!((rig.invokes.len(), rig.held()), (0, 2));
    assert_eq!(rig.answer_receipts().deleted, ["r-1", "r-3"]);
    assert_eq!(rig.saw(|event| matches!(event, Event::TooLarge { .. })), 1);
    assert_eq!(rig.saw(|event| matches!(event, Event::Left { records: 3 })), 1);
}

#[test]
fn only_the_first_failure_of_a_group_counts_for_the_destination() {
    for failed in [&[1_u32][..], &[1, 2, 3]] {
        let mut rig = Rig::new(QueueOptions { on_failure: Some(1), ..one_slot() }, 30);
        rig.bring_groups("aaa");
        rig.finish(answer(failures(failed)));
        assert_eq!((rig.deliveries.len(), rig.held()), (1, 1), "the others are left, not sent to the destination");
        let failure = rig.confirm(Ok(()));
        let FailedBatch::Queue { group, message_id, .. } = &failure.batch else { panic!("{failure:?}") };
        assert_eq!((group.as_deref(), &**message_id), (Some("a"), "m-1"));
        assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
    }
}

#[test]
fn an_error_counts_for_no_message_until_the_messages_have_gone_one_by_one() {
    let mut rig = Rig::new(QueueOptions { on_failure: Some(1), ..one_slot() }, 30);
    rig.bring_groups("aab");
    rig.finish(function_error());
    assert_eq!((rig.deliveries.len(), rig.held()), (0, 0));
    rig.bring_groups("aab");
    assert_eq!(rig.invoked_records(), [1], "the first of a");
    rig.finish(answer("null"));
    assert_eq!(rig.invoked_records(), [1], "b");
    rig.finish(answer("null"));
    assert_eq!(rig.invoked_records(), [1], "the second of a");
    rig.finish(function_error());
    let failure = rig.confirm(Ok(()));
    let FailedBatch::Queue { message_id, .. } = &failure.batch else { panic!("{failure:?}") };
    assert_eq!(&**message_id, "m-5");
    let deleted: BTreeSet<String> = rig.answer_receipts().deleted.into_iter().collect();
    assert_eq!(deleted, ["r-4", "r-5", "r-6"].map(String::from).into());
}

#[test]
fn without_a_failure_destination_a_batch_that_failed_comes_again_whole() {
    let mut rig = Rig::new(one_slot(), 30);
    rig.bring_groups("aaa");
    rig.finish(function_error());
    rig.bring_groups("aaa");
    assert_eq!(rig.invoked_records(), [3]);
}
