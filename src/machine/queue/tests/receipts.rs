//! What becomes of messages: the decision table, deletions, and visibility.

use super::rig::{Rig, answer, fault, function_error, ms, s};
use crate::machine::{
    BackoffPolicy, Event, FaultKind, HeartbeatResult, OnFunctionError, QueueAnswer, QueueOptions, ReceiptAction,
    ReceiptOutcome,
};

fn reporting() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(1), report_batch_item_failures: true, ..QueueOptions::default() }
}

#[test]
fn the_decision_table() {
    let all = vec!["r-1", "r-2", "r-3"];
    for (flag, result, deleted) in [
        (false, answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#), all.clone()),
        (false, answer("not json"), all.clone()),
        (false, function_error(), vec![]),
        (true, function_error(), vec![]),
        (true, answer(""), all.clone()),
        (true, answer(r#"{"batchItemFailures":[]}"#), all),
        (true, answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-2"}]}"#), vec!["r-1", "r-3"]),
        (true, answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-9"}]}"#), vec![]),
        (true, answer(r#"{"batchItemFailures":[{}]}"#), vec![]),
        (true, answer("not json"), vec![]),
    ] {
        let mut rig = Rig::new(QueueOptions { report_batch_item_failures: flag, ..reporting() }, 30);
        rig.bring(3);
        let shown = format!("flag {flag}, {result:?}");
        rig.finish(result);
        rig.pass(ms(10));
        let answered = rig.answer_receipts();
        assert_eq!(answered.deleted, deleted, "{shown}");
        assert_eq!(answered.changed, [], "{shown}");
        assert_eq!(rig.held(), 0, "{shown}");
    }
}

#[test]
fn malformed_answers_are_counted() {
    let mut rig = Rig::new(reporting(), 30);
    rig.bring(1);
    rig.finish(answer(r#"{"batchItemFailures":[{}]}"#));
    assert_eq!(rig.saw(|event| matches!(event, Event::MalformedResponse { .. })), 1);
}

#[test]
fn messages_that_fail_for_the_last_time_are_counted() {
    let mut rig = Rig::new(reporting(), 30);
    let mut records: Vec<_> = (0..4).map(|_| rig.message(10)).collect();
    for (record, receives) in records.iter_mut().zip([1, 3, 3, 4]) {
        record.receive_count = receives;
    }
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    rig.finish(answer(
        r#"{"batchItemFailures":[{"itemIdentifier":"m-1"},{"itemIdentifier":"m-2"},{"itemIdentifier":"m-4"}]}"#,
    ));
    assert_eq!(rig.saw(|event| *event == Event::Exhausted { records: 2, receives: 3 }), 1);
    rig.bring(1);
    rig.finish(function_error());
    assert_eq!(rig.saw(|event| matches!(event, Event::Exhausted { .. })), 1, "it comes again");
}

#[test]
fn failed_messages_can_be_released_or_backed_off_by_receive_count() {
    let release = QueueOptions { on_function_error: OnFunctionError::Release, ..reporting() };
    let mut rig = Rig::new(release, 30);
    rig.bring(2);
    rig.finish(function_error());
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 0), ("r-2".into(), 0)]);

    let policy = BackoffPolicy { initial: s(5), maximum: s(60) };
    let backoff = QueueOptions { on_function_error: OnFunctionError::Backoff(policy), ..reporting() };
    let mut rig = Rig::new(backoff, 30);
    let mut records: Vec<_> = (0..4).map(|_| rig.message(10)).collect();
    for (record, receives) in records.iter_mut().zip([1, 2, 4, 90]) {
        record.receive_count = receives;
    }
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    rig.finish(function_error());
    let seconds: Vec<u64> = rig.answer_receipts().changed.into_iter().map(|(_, seconds)| seconds).collect();
    assert_eq!(seconds, [5, 10, 40, 60]);
}

#[test]
fn deletions_share_calls_across_batches_and_do_not_linger() {
    let mut rig = Rig::new(QueueOptions { maximum_concurrency: Some(2), batch_size: 4, ..reporting() }, 30);
    rig.bring(4);
    rig.bring(4);
    rig.finish(answer("null"));
    assert_eq!(rig.receipts.len(), 0);
    rig.pass(ms(5));
    rig.finish(answer("null"));
    assert_eq!(rig.receipts.len(), 0);
    rig.pass(ms(5));
    let call = rig.receipts.pop_front().unwrap();
    assert_eq!((call.action, call.entries.len(), rig.receipts.len()), (ReceiptAction::Delete, 8, 0));
}

#[test]
fn failed_deletions_are_tried_again_one_by_one() {
    let mut rig = Rig::new(reporting(), 30);
    rig.bring(3);
    rig.finish(answer("null"));
    rig.pass(ms(10));
    let call = rig.receipts.pop_front().unwrap();
    let outcomes =
        vec![ReceiptOutcome::Done, ReceiptOutcome::Failed(fault(FaultKind::Transient)), ReceiptOutcome::Gone];
    rig.hear(QueueAnswer::Receipts { request: call.id, result: Ok(outcomes) });
    assert_eq!(rig.held(), 1);
    rig.pass(ms(300));
    assert_eq!(rig.answer_receipts().deleted, ["r-2"]);
    assert_eq!(rig.held(), 0);
}

#[test]
fn an_answer_that_leaves_entries_out_deletes_nothing_it_does_not_name() {
    let mut rig = Rig::new(reporting(), 30);
    rig.bring(2);
    rig.finish(answer("null"));
    rig.pass(ms(10));
    let call = rig.receipts.pop_front().unwrap();
    rig.hear(QueueAnswer::Receipts { request: call.id, result: Ok(vec![ReceiptOutcome::Done]) });
    assert_eq!(rig.held(), 1);
}

#[test]
fn deletions_that_never_work_end_with_the_lease_and_stop_new_receives_meanwhile() {
    let mut rig = Rig::new(reporting(), 4);
    rig.bring(1);
    rig.finish(answer("null"));
    for _ in 0..100 {
        while !rig.receipts.is_empty() {
            rig.answer_receipts_as(ReceiptOutcome::Failed(fault(FaultKind::Denied)));
        }
        rig.pass(ms(100));
    }
    assert_eq!(rig.held(), 0);
    assert_eq!(rig.saw(|event| matches!(event, Event::LeaseLost { .. })), 1);
    assert!(rig.saw(|event| matches!(event, Event::Health(_))) > 0, "a denied deletion is shown");
}

#[test]
fn visibility_is_extended_at_its_half_for_what_is_with_the_function() {
    let mut rig = Rig::new(reporting(), 30);
    rig.bring(3);
    rig.pass(ms(14_999));
    assert_eq!(rig.receipts.len(), 0);
    rig.pass(ms(1));
    let answered = rig.answer_receipts();
    assert_eq!(answered.changed, [("r-1".into(), 30), ("r-2".into(), 30), ("r-3".into(), 30)]);
    rig.pass(ms(14_999));
    assert_eq!(rig.receipts.len(), 0);
    rig.pass(ms(1));
    assert_eq!(rig.answer_receipts().changed.len(), 3);
}

#[test]
fn visibility_is_extended_for_what_waits_in_a_window_or_for_another_try() {
    let mut rig = Rig::new(QueueOptions { window: s(300), ..reporting() }, 20);
    rig.bring(1);
    rig.pass(s(10));
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 20)]);

    let mut rig = Rig::new(reporting(), 20);
    rig.bring(1);
    let mut throttled = fault(FaultKind::Throttled);
    throttled.retry_after = Some(s(60));
    rig.finish(Err(throttled));
    rig.pass(s(10));
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 20)]);
}

#[test]
fn a_lease_is_as_long_as_its_poll_asked_for() {
    // The poll's own timeout counts, else the shorter of the queue's timeouts before and after.
    for (before, after, first_beat) in [(None, 22, 15), (Some(80), 30, 15), (Some(30), 80, 15), (Some(30), 30, 15)] {
        let mut rig = Rig::cold(reporting());
        rig.hear(QueueAnswer::Described(match before {
            Some(visibility) => Ok(super::rig::attributes(visibility)),
            None => Err(fault(FaultKind::Denied)),
        }));
        rig.hear(QueueAnswer::Described(Ok(super::rig::attributes(after))));
        rig.bring(1);
        rig.pass(s(first_beat) - ms(1));
        assert_eq!(rig.receipts.len(), 0, "{before:?} then {after}");
        rig.pass(ms(1));
        assert_eq!(rig.receipts.len(), 1, "{before:?} then {after}");
    }
}

#[test]
fn an_extension_that_fails_is_tried_again_before_the_deadline() {
    let mut rig = Rig::new(reporting(), 30);
    rig.bring(1);
    rig.pass(s(15));
    rig.answer_receipts_as(ReceiptOutcome::Failed(fault(FaultKind::Transient)));
    rig.pass(s(5));
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 30)]);
    rig.pass(ms(14_999));
    assert_eq!(rig.receipts.len(), 0, "the new lease counts from the extension that worked");
}

#[test]
fn what_is_lost_before_its_invoke_is_not_invoked() {
    let mut rig = Rig::new(QueueOptions { window: s(60), ..reporting() }, 20);
    rig.bring(2);
    rig.pass(s(10));
    let call = rig.receipts.pop_front().unwrap();
    let outcomes = vec![ReceiptOutcome::Gone, ReceiptOutcome::Done];
    rig.hear(QueueAnswer::Receipts { request: call.id, result: Ok(outcomes) });
    assert_eq!(rig.held(), 1);
    for _ in 0..6 {
        rig.pass(s(10));
        rig.answer_receipts();
    }
    assert_eq!(rig.invokes[0].records, 1);
    assert_eq!(rig.saw(|event| matches!(event, Event::Heartbeat { result: HeartbeatResult::Lost, records: 1 })), 1);
}

#[test]
fn what_is_lost_in_flight_is_left_out_of_the_next_try() {
    let mut rig = Rig::new(reporting(), 20);
    rig.bring(2);
    rig.pass(s(10));
    let call = rig.receipts.pop_front().unwrap();
    let outcomes = vec![ReceiptOutcome::Gone, ReceiptOutcome::Done];
    rig.hear(QueueAnswer::Receipts { request: call.id, result: Ok(outcomes) });
    rig.finish(Err(fault(FaultKind::Throttled)));
    rig.pass(s(5));
    assert_eq!((rig.invokes[0].records, rig.held()), (1, 1));
    rig.finish(answer("null"));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-2"]);
}

#[test]
fn a_batch_whose_visibility_ran_out_while_it_was_held_is_dropped() {
    let mut rig = Rig::new(reporting(), 20);
    rig.bring(2);
    let mut throttled = fault(FaultKind::Throttled);
    throttled.retry_after = Some(s(60));
    rig.finish(Err(throttled));
    for _ in 0..70 {
        rig.pass(s(1));
        while !rig.receipts.is_empty() {
            rig.answer_receipts_as(ReceiptOutcome::Failed(fault(FaultKind::Transient)));
        }
    }
    assert_eq!((rig.invokes.len(), rig.held()), (0, 0));
    assert_eq!(rig.saw(|event| matches!(event, Event::LeaseLost { records: 2, .. })), 1);
}

#[test]
fn holding_ends_at_its_limit() {
    let mut rig = Rig::new(QueueOptions { hold_limit: s(60), ..reporting() }, 30);
    rig.bring(1);
    for _ in 0..600 {
        while !rig.invokes.is_empty() {
            rig.finish(Err(fault(FaultKind::Throttled)));
        }
        rig.answer_receipts();
        rig.pass(ms(100));
        if rig.held() == 0 {
            break;
        }
    }
    assert_eq!(rig.saw(|event| matches!(event, Event::LeaseLost { records: 1, .. })), 1);
    assert!(rig.now.since_epoch() > s(25) && rig.now.since_epoch() <= s(60));
}

#[test]
fn a_late_success_of_a_lost_message_is_still_deleted() {
    let mut rig = Rig::new(reporting(), 20);
    rig.bring(1);
    rig.pass(s(10));
    rig.answer_receipts_as(ReceiptOutcome::Gone);
    rig.pass(s(30));
    assert_eq!(rig.receipts.len(), 0, "what is lost is not extended");
    rig.finish(answer("null"));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
}
