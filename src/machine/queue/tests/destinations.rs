//! Messages that the function fails too often: what counts as a failure, and what their failure records say.

use bytes::Bytes;

use super::rig::{Rig, UNIX_MS, answer, fault, function_error, ms, s};
use crate::machine::{
    Condition, Event, FailedBatch, FailedResponse, FaultKind, FunctionAnswer, InvokeResult, Message, QueueAnswer,
    QueueOptions, Receipt, Record, Screening,
};

pub(super) fn after(attempts: u32) -> QueueOptions {
    QueueOptions {
        maximum_concurrency: Some(1),
        report_batch_item_failures: true,
        on_failure: Some(attempts),
        ..QueueOptions::default()
    }
}

/// The message `m-{number}`, received for the `receives`-th time.
pub(super) fn message(number: u32, receives: u32) -> Message {
    let record = Record {
        id: format!("m-{number}").into(),
        fragment: Bytes::from(format!(r#"{{"messageId":"m-{number}"}}"#)),
        arrived_unix_ms: 1_759_999_999_000,
        screening: Screening::Passes,
    };
    Message { record, receipt: Receipt::new(format!("r-{number}.{receives}")), receive_count: receives, group: None }
}

pub(super) fn bring(rig: &mut Rig, records: Vec<Message>) {
    let poll = rig.polls.pop_front().expect("a poll is open").id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(records) });
}

/// One message comes and the function answers; then its deletions and changes of visibility are carried out.
pub(super) fn round(rig: &mut Rig, receives: u32, result: InvokeResult) {
    bring(rig, vec![message(1, receives)]);
    rig.finish(result);
    rig.pass(ms(20));
    rig.answer_receipts();
}

fn item_failure() -> InvokeResult {
    answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#)
}

pub(super) fn undelivered() -> Rig {
    let mut rig = Rig::new(after(1), 30);
    bring(&mut rig, vec![message(1, 1)]);
    rig.finish(function_error());
    assert_eq!((rig.deliveries.len(), rig.held()), (1, 1));
    rig
}

#[test]
fn without_a_destination_nothing_is_discarded() {
    let mut rig = Rig::new(QueueOptions { on_failure: None, ..after(1) }, 30);
    for receives in 1..20 {
        round(&mut rig, receives, function_error());
        assert_eq!((rig.deliveries.len(), rig.held()), (0, 0));
    }
}

#[test]
fn after_so_many_failures_a_message_is_delivered_and_only_then_deleted() {
    let mut rig = Rig::new(after(3), 30);
    round(&mut rig, 1, function_error());
    round(&mut rig, 2, answer("not json"));
    assert_eq!((rig.deliveries.len(), rig.held()), (0, 0));
    round(&mut rig, 3, item_failure());
    assert_eq!((rig.deliveries.len(), rig.held()), (1, 1));
    rig.pass(s(5));
    assert_eq!(rig.receipts.len(), 0, "nothing is deleted before the destination has confirmed");
    let failure = rig.confirm(Ok(()));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1.3"]);
    assert_eq!(rig.held(), 0);
    let condition = Condition::RetryAttemptsExhausted;
    assert_eq!(rig.saw(|event| *event == Event::DeliveredToDestination { records: 1, condition }), 1);
    assert_eq!((failure.condition, failure.invokes, failure.unix_ms), (condition, 3, UNIX_MS));
    assert_eq!(failure.payload, r#"{"Records":[{"messageId":"m-1"}]}"#);
    assert_eq!(
        failure.batch,
        FailedBatch::Queue { group: None, message_id: "m-1".into(), receive_count: 3, sent_unix_ms: 1_759_999_999_000 }
    );
}

#[test]
fn a_message_that_the_function_has_failed_for_good_is_delivered_at_once() {
    let terminal = || function_error().map(|answer| FunctionAnswer { is_terminal: true, ..answer });
    let mut rig = Rig::new(after(3), 30);
    round(&mut rig, 1, terminal());
    assert_eq!((rig.deliveries.len(), rig.held()), (1, 1));
    assert_eq!(rig.confirm(Ok(())).invokes, 1);
    // Without a destination it goes back, as after any error.
    let mut rig = Rig::new(QueueOptions { on_failure: None, ..after(3) }, 30);
    round(&mut rig, 1, terminal());
    assert_eq!((rig.deliveries.len(), rig.held()), (0, 0));
}

#[test]
fn a_failure_record_shows_the_last_answer() {
    let mut rig = Rig::new(after(1), 30);
    bring(&mut rig, vec![message(1, 1)]);
    rig.finish(Ok(FunctionAnswer {
        status: 200,
        function_error: Some("Unhandled".into()),
        executed_version: Some("7".into()),
        request_id: Some("11111111-2222-4333-8444-555555555555".into()),
        payload: Bytes::from_static(b"{}"),
        is_terminal: false,
    }));
    let failure = rig.confirm(Ok(()));
    assert_eq!(failure.request_id, "11111111-2222-4333-8444-555555555555");
    assert_eq!(
        failure.response,
        Some(FailedResponse {
            status: 200,
            executed_version: Some("7".into()),
            function_error: Some("Unhandled".into()),
            payload: Bytes::from_static(b"{}"),
        })
    );
    let mut unnamed = undelivered();
    let failure = unnamed.confirm(Ok(()));
    assert_eq!((failure.request_id.len(), failure.uuid >> 76 & 0xf), (36, 4), "random UUIDs stand in");
}

#[test]
fn only_what_failed_in_a_batch_is_sent_to_the_destination() {
    let mut rig = Rig::new(after(1), 30);
    bring(&mut rig, vec![message(1, 1), message(2, 1)]);
    rig.finish(item_failure());
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-2.1"]);
    let failure = rig.confirm(Ok(()));
    assert_eq!(failure.payload, r#"{"Records":[{"messageId":"m-1"}]}"#, "the event of that message alone");
}

#[test]
fn throttles_faults_and_drains_are_no_attempts() {
    use FaultKind::{Cancelled, Denied, Invalid, Missing, Throttled, Timeout, Transient};
    for kind in [Throttled, Transient, Timeout, Denied, Missing, Invalid, Cancelled] {
        let mut rig = Rig::new(after(2), 30);
        round(&mut rig, 1, function_error());
        bring(&mut rig, vec![message(1, 2)]);
        for _ in 0..5 {
            rig.finish(Err(fault(kind)));
            rig.pass(s(5));
            rig.answer_receipts();
            if rig.invokes.is_empty() {
                break;
            }
        }
        if !rig.invokes.is_empty() {
            rig.drain(s(5));
            rig.finish(Err(fault(kind)));
        }
        assert_eq!(rig.deliveries.len(), 0, "{kind:?}");
    }
}

#[test]
fn a_receive_is_no_attempt() {
    let mut rig = Rig::new(after(3), 30);
    round(&mut rig, 90, function_error());
    round(&mut rig, 91, function_error());
    assert_eq!(rig.deliveries.len(), 0);
    round(&mut rig, 95, function_error());
    assert_eq!(rig.deliveries.len(), 1);
}

#[test]
fn a_success_ends_the_count() {
    let mut rig = Rig::new(after(2), 30);
    round(&mut rig, 1, function_error());
    round(&mut rig, 2, answer("null"));
    round(&mut rig, 3, function_error());
    assert_eq!(rig.deliveries.len(), 0);
    round(&mut rig, 4, function_error());
    assert_eq!(rig.deliveries.len(), 1);
}

#[test]
fn a_message_that_stands_twice_in_a_batch_has_failed_once() {
    let mut rig = Rig::new(after(2), 30);
    bring(&mut rig, vec![message(1, 1), message(1, 2)]);
    rig.finish(function_error());
    assert_eq!(rig.deliveries.len(), 0);
    bring(&mut rig, vec![message(1, 3), message(1, 4)]);
    rig.finish(function_error());
    assert_eq!((rig.deliveries.len(), rig.held()), (1, 1));
}

#[test]
fn what_no_invoke_can_hold_is_sent_to_the_destination_without_an_answer() {
    let mut unfit = Rig::new(after(1), 30);
    unfit.bring_sized(1, 7_000_000);
    assert_eq!(unfit.confirm(Ok(())).response, None);
    let mut refused = Rig::new(after(1), 30);
    bring(&mut refused, vec![message(1, 1)]);
    refused.finish(Err(fault(FaultKind::TooLarge)));
    let failure = refused.confirm(Ok(()));
    assert_eq!((failure.response.clone(), failure.invokes), (None, 1));
    refused.pass(ms(10));
    assert_eq!(refused.answer_receipts().deleted, ["r-1.1"]);
}
