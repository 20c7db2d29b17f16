//! Deliveries of failure records: retries, refusals, lost leases, backlogs and drains.

use std::sync::Arc;

use super::destinations::{after, bring, message, round, undelivered};
use super::rig::{Rig, fault, function_error, ms, s};
use crate::machine::{Event, FaultKind, Health, Input, QueueCommand, QueueOptions, ReceiptOutcome};

#[test]
fn a_failed_delivery_is_tried_again_with_the_same_record_while_the_lease_is_extended() {
    let mut rig = undelivered();
    let mut records = Vec::new();
    let mut extensions = 0;
    for kind in [FaultKind::Transient, FaultKind::Throttled, FaultKind::Denied, FaultKind::Timeout].repeat(4) {
        let before = rig.now;
        records.push(rig.confirm(Err(fault(kind))));
        while rig.deliveries.is_empty() {
            rig.pass(ms(100));
            let answered = rig.answer_receipts();
            assert_eq!(answered.deleted, [""; 0]);
            extensions += answered.changed.len();
            assert!(rig.now.since(before) <= s(31), "the backoff has an end");
        }
    }
    records.push(rig.confirm(Ok(())));
    assert!(records.iter().all(|record| Arc::ptr_eq(record, &records[0])));
    assert!(extensions > 5 && rig.now.since_epoch() > s(120), "{extensions} extensions");
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1.1"]);
}

#[test]
fn a_service_that_asks_for_a_pause_gets_it() {
    let mut rig = undelivered();
    let mut throttled = fault(FaultKind::Throttled);
    throttled.retry_after = Some(s(9));
    rig.confirm(Err(throttled));
    rig.pass(s(9) - ms(1));
    assert_eq!(rig.deliveries.len(), 0);
    rig.pass(ms(1));
    assert_eq!(rig.deliveries.len(), 1);
}

#[test]
fn what_cannot_be_delivered_for_as_long_as_it_may_be_held_is_left_and_counted_again() {
    let mut rig = Rig::new(QueueOptions { hold_limit: s(60), ..after(2) }, 30);
    round(&mut rig, 1, function_error());
    round(&mut rig, 2, function_error());
    while rig.held() > 0 {
        while !rig.deliveries.is_empty() {
            rig.confirm(Err(fault(FaultKind::Transient)));
        }
        rig.pass(ms(100));
        assert_eq!(rig.answer_receipts().deleted, [""; 0]);
    }
    assert!((25..=60).contains(&rig.now.since_epoch().as_secs()), "{:?}", rig.now);
    assert_eq!(rig.saw(|event| matches!(event, Event::LeaseLost { records: 1, .. })), 1);
    round(&mut rig, 3, function_error());
    assert_eq!((rig.deliveries.len(), rig.held()), (0, 0), "its count starts over");
    round(&mut rig, 4, function_error());
    assert_eq!(rig.deliveries.len(), 1);
}

#[test]
fn what_the_destination_refuses_for_what_it_is_goes_back_to_the_queue() {
    for (kind, tries) in [(FaultKind::TooLarge, 1), (FaultKind::Invalid, 5)] {
        let mut rig = undelivered();
        let mut tried = 0;
        while rig.held() > 0 {
            if !rig.deliveries.is_empty() {
                tried += 1;
                rig.confirm(Err(fault(kind)));
            }
            rig.pass(ms(100));
            rig.answer_receipts();
        }
        assert_eq!(tried, tries, "{kind:?}");
        assert_eq!(rig.saw(|event| *event == Event::Left { records: 1 }), 1);
        let reason = format!("destination: {}", kind.as_str());
        assert_eq!(rig.saw(|event| *event == Event::Health(Health::Degraded { reason: reason.clone() })), 1);
    }
}

#[test]
fn a_destination_that_does_not_answer_is_shown_until_it_does() {
    let mut rig = undelivered();
    for _ in 0..3 {
        rig.confirm(Err(fault(FaultKind::Transient)));
        rig.pass(s(2));
    }
    let health = |rig: &Rig| rig.events.iter().rev().find(|event| matches!(event, Event::Health(_))).cloned();
    assert_eq!(health(&rig), Some(Event::Health(Health::Degraded { reason: "destination: transient".into() })));
    rig.confirm(Ok(()));
    assert_eq!(health(&rig), Some(Event::Health(Health::Ok)));
}

#[test]
fn a_message_that_is_lost_meanwhile_is_not_delivered_again() {
    let mut rig = undelivered();
    let mut slow = fault(FaultKind::Throttled);
    slow.retry_after = Some(s(20));
    rig.confirm(Err(slow));
    rig.pass(s(15));
    rig.answer_receipts_as(ReceiptOutcome::Gone);
    rig.pass(s(10));
    assert_eq!((rig.deliveries.len(), rig.held()), (0, 0));
    assert_eq!(rig.saw(|event| matches!(event, Event::LeaseLost { records: 1, .. })), 1);
}

#[test]
fn what_is_lost_before_its_last_failure_is_sent_to_the_destination_when_its_copy_has_failed() {
    let mut rig = Rig::new(after(1), 30);
    bring(&mut rig, vec![message(1, 1)]);
    rig.pass(s(15));
    rig.answer_receipts_as(ReceiptOutcome::Gone);
    rig.finish(function_error());
    assert_eq!((rig.deliveries.len(), rig.held()), (0, 0), "its deletion would not work");
    bring(&mut rig, vec![message(1, 2)]);
    rig.finish(function_error());
    rig.confirm(Ok(()));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1.2"]);
}

#[test]
fn a_confirmation_of_a_lost_message_still_deletes_it() {
    let mut rig = undelivered();
    rig.pass(s(15));
    rig.answer_receipts_as(ReceiptOutcome::Gone);
    rig.pass(s(5));
    rig.confirm(Ok(()));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1.1"]);
}

#[test]
fn answers_without_a_request_change_nothing() {
    let mut rig = undelivered();
    let request = rig.deliveries[0].clone();
    rig.confirm(Err(fault(FaultKind::Transient)));
    rig.feed(Input::Delivered { delivery: request.id, result: Ok(()) });
    rig.pass(ms(10));
    assert_eq!((rig.receipts.len(), rig.held()), (0, 1), "the delivery was not open");
    rig.pass(s(1));
    rig.confirm(Ok(()));
    rig.feed(Input::Delivered { delivery: request.id, result: Ok(()) });
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1.1"]);
}

#[test]
fn few_deliveries_are_open_at_once_and_a_backlog_stops_receives() {
    let options = QueueOptions { report_batch_item_failures: false, ..after(1) };
    let mut rig = Rig::new(options, 300);
    let mut number = 0;
    while !rig.polls.is_empty() {
        assert!(number < 2_000, "nothing stops the receives");
        let records: Vec<_> = (0..10).map(|at| message(number + at, 1)).collect();
        number += 10;
        bring(&mut rig, records);
        rig.finish(function_error());
        assert!(rig.deliveries.len() <= 16);
    }
    assert_eq!(number, 1_000);
    rig.confirm(Ok(()));
    assert!(!rig.polls.is_empty(), "there is room again");
    while !rig.deliveries.is_empty() {
        rig.confirm(Ok(()));
    }
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted.len(), 1_000);
}

#[test]
fn a_drain_waits_for_open_deliveries_and_leaves_what_they_do_not_take() {
    let mut rig = undelivered();
    rig.drain(s(25));
    rig.fail_polls();
    assert!(!rig.done);
    rig.confirm(Ok(()));
    assert_eq!(rig.answer_receipts().deleted, ["r-1.1"]);
    assert!(rig.done && rig.held() == 0);

    let mut waiting = undelivered();
    waiting.confirm(Err(fault(FaultKind::Transient)));
    waiting.drain(s(25));
    waiting.fail_polls();
    assert_eq!(waiting.deliveries.len(), 1, "one more try");
    waiting.confirm(Err(fault(FaultKind::Transient)));
    assert!(waiting.done && waiting.held() == 0);
    assert_eq!(waiting.saw(|event| *event == Event::Left { records: 1 }), 1);
}

#[test]
fn a_drain_abandons_what_fails_while_it_lasts_but_not_beyond_its_bound() {
    let mut rig = Rig::new(after(1), 30);
    bring(&mut rig, vec![message(1, 1)]);
    rig.drain(s(5));
    rig.fail_polls();
    rig.finish(function_error());
    assert_eq!((rig.deliveries.len(), rig.done), (1, false));
    rig.pass(s(5));
    assert!(rig.done);

    let mut cut = undelivered();
    cut.drain(s(25));
    cut.fail_polls();
    cut.feed(Input::Command(QueueCommand::Cut));
    assert!(cut.done, "a cut waits for no delivery");

    let mut waiting = undelivered();
    waiting.confirm(Err(fault(FaultKind::Transient)));
    waiting.feed(Input::Command(QueueCommand::Cut));
    waiting.fail_polls();
    assert!(waiting.done && waiting.deliveries.is_empty(), "and begins none");
}
