//! Draining.

use super::rig::{Rig, answer, fault, function_error, ms, s};
use crate::machine::{
    Event, FaultKind, Input, MAX_BODY_BYTES, Machine, Message, QueueAnswer, QueueCommand, QueueOptions, ReceiptOutcome,
    Screened, Screening, ScreeningPolicy,
};

fn two_at_a_time() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(2), batch_size: 1, ..QueueOptions::default() }
}

#[test]
fn an_open_receive_is_waited_for_and_nothing_is_abandoned() {
    let mut rig = Rig::new(two_at_a_time(), 30);
    rig.drain(s(25));
    rig.pass(s(20));
    assert_eq!((rig.cancels, rig.done), (0, false));
    let gauges = rig.machine.gauges();
    assert!(gauges.quiet, "nothing is invoked any more");
    assert_eq!(gauges.receiving, 1);
    rig.bring(0);
    assert!(rig.done);
    assert_eq!(rig.events.last(), Some(&Event::Drained { abandoned: 0, unsaved: Vec::new() }));
}

#[test]
fn what_an_open_receive_brings_goes_back_at_once() {
    let mut rig = Rig::new(two_at_a_time(), 30);
    rig.drain(s(25));
    rig.bring(1);
    assert_eq!(rig.invokes.len(), 0);
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 0)]);
    assert!(rig.done);
}

#[test]
fn a_stop_waits_for_receives_beyond_the_bound_of_what_is_in_flight() {
    let drain = |bound| Input::Command(QueueCommand::Drain { bound: s(bound), receives: s(30) });
    let mut rig = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 300);
    rig.bring(2);
    rig.feed(drain(5));
    rig.pass(s(20));
    assert_eq!((rig.cancels, rig.done, rig.receipts.len()), (0, false, 0));
    rig.bring(0);
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 0), ("r-2".into(), 0)]);
    assert!(rig.done);

    let mut busy = Rig::new(QueueOptions { maximum_concurrency: Some(1), ..QueueOptions::default() }, 300);
    busy.bring(1);
    busy.feed(drain(5));
    busy.pass(s(5));
    assert!(busy.done, "an invoke is waited for as long as the bound says");
}

#[test]
fn an_invoke_that_outlasts_the_bound_does_not_end_the_wait_for_receives() {
    let mut rig = Rig::new(two_at_a_time(), 300);
    rig.bring(1);
    assert_eq!((rig.invokes.len(), rig.polls.len()), (1, 1));
    rig.feed(Input::Command(QueueCommand::Drain { bound: s(5), receives: s(30) }));
    rig.pass(s(5));
    let gauges = rig.machine.gauges();
    assert_eq!((rig.done, gauges.quiet, gauges.in_flight, gauges.receiving), (false, true, 0, 1));
    rig.finish(answer("null"));
    assert!(rig.receipts.is_empty(), "its answer comes too late");
    rig.bring(1);
    assert_eq!(rig.answer_receipts().changed, [("r-2".into(), 0)]);
    assert!(rig.done);
    assert_eq!(rig.events.last(), Some(&Event::Drained { abandoned: 1, unsaved: Vec::new() }));
}

#[test]
fn what_is_lost_while_it_waits_to_be_released_is_not_begun_when_the_drain_is_taken_back() {
    let mut rig = Rig::new(QueueOptions { window: s(20), ..QueueOptions::default() }, 30);
    rig.bring(2);
    rig.drain(s(25));
    rig.pass(s(15));
    let request = rig.receipts.pop_front().expect("both are extended");
    let result = Ok(vec![ReceiptOutcome::Gone, ReceiptOutcome::Done]);
    rig.hear(QueueAnswer::Receipts { request: request.id, result });
    rig.feed(Input::Command(QueueCommand::Resume));
    rig.pass(s(5));
    assert_eq!(rig.in_flight(), [["m-2".into()]]);
}

#[test]
fn what_would_be_dead_lettered_when_it_is_given_back_is_processed() {
    let mut rig = Rig::new(QueueOptions { window: s(60), ..two_at_a_time() }, 30);
    rig.drain(s(25));
    let last = Message { receive_count: 3, ..rig.message(100) };
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(vec![last]) });
    assert_eq!((rig.invokes.len(), rig.machine.gauges().quiet), (1, false));
    rig.finish(Err(fault(FaultKind::Throttled)));
    rig.pass(s(5));
    rig.finish(answer("null"));
    assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
    assert!(rig.done);
}

#[test]
fn what_is_gathered_and_at_its_last_receive_goes_at_once() {
    let mut rig = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 30);
    let last = Message { receive_count: 3, ..rig.message(100) };
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(vec![last]) });
    rig.drain(s(25));
    assert_eq!(rig.invokes.len(), 1);
}

#[test]
fn a_drain_that_is_taken_back_goes_on_with_what_it_held() {
    for window in [0, 60] {
        let options = QueueOptions { window: s(window), maximum_concurrency: Some(2), ..QueueOptions::default() };
        let mut rig = Rig::new(options, 300);
        rig.bring(3);
        if window == 0 {
            rig.finish(Err(fault(FaultKind::Throttled)));
        }
        rig.pass(s(10));
        rig.drain(s(25));
        rig.feed(Input::Command(QueueCommand::Resume));
        assert!(!rig.machine.gauges().quiet);
        rig.pass(s(50));
        assert_eq!(rig.invokes[0].records, 3);
        assert!(rig.receipts.is_empty(), "nothing was given back");
    }
}

#[test]
fn what_came_during_a_drain_that_is_taken_back_meets_the_filters_first() {
    let screening = ScreeningPolicy { filtered_out: Screened::Drop, ..ScreeningPolicy::default() };
    let mut rig = Rig::new(QueueOptions { screening, maximum_concurrency: Some(4), ..QueueOptions::default() }, 300);
    rig.bring(10);
    assert_eq!(rig.polls.len(), 2);
    rig.drain(s(25));
    let mut filtered = rig.message(100);
    filtered.record.screening = Screening::FilteredOut;
    let large = rig.message(MAX_BODY_BYTES);
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(vec![filtered, large]) });
    rig.feed(Input::Command(QueueCommand::Resume));
    assert_eq!(rig.invokes.len(), 1, "neither can be processed");
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-11"]);
    assert_eq!(rig.saw(|event| *event == Event::Left { records: 1 }), 1);
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
    assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
    assert!(rig.done && rig.held() == 0);
}

#[test]
fn what_was_never_started_goes_back_at_once() {
    let mut gathering = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 30);
    gathering.bring(3);
    gathering.drain(s(25));
    gathering.fail_polls();
    assert_eq!(gathering.answer_receipts().changed.len(), 3);

    let mut throttled = Rig::new(two_at_a_time(), 30);
    throttled.bring(1);
    throttled.finish(Err(fault(FaultKind::Throttled)));
    throttled.drain(s(25));
    throttled.fail_polls();
    assert_eq!(throttled.answer_receipts().changed, [("r-1".into(), 0)]);

    let mut throttled_while_draining = Rig::new(two_at_a_time(), 30);
    throttled_while_draining.bring(1);
    throttled_while_draining.drain(s(25));
    throttled_while_draining.fail_polls();
    throttled_while_draining.finish(Err(fault(FaultKind::Throttled)));
    assert_eq!(throttled_while_draining.answer_receipts().changed, [("r-1".into(), 0)]);
}

#[test]
fn what_was_never_started_waits_until_no_receive_of_our_own_can_take_it() {
    let mut rig = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 30);
    rig.bring(3);
    assert_eq!(rig.polls.len(), 1);
    rig.drain(s(25));
    assert_eq!(rig.receipts.len(), 0);
    rig.pass(s(18));
    let extended = rig.answer_receipts().changed;
    assert!(extended.iter().all(|(_, span)| *span == 30) && extended.len() == 3, "{extended:?}");
    rig.bring(1);
    let all = ["r-1", "r-2", "r-3", "r-4"].map(|receipt| (receipt.into(), 0));
    assert_eq!(rig.answer_receipts().changed, all);
    assert_eq!((rig.cancels, rig.done), (0, true));

    let mut silent = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 300);
    silent.bring(3);
    silent.drain(s(5));
    silent.pass(s(4));
    assert_eq!((silent.cancels, silent.receipts.len()), (1, 0), "its bound is all but over");
    silent.fail_poll(FaultKind::Cancelled);
    assert_eq!(silent.answer_receipts().changed.len(), 3);
    assert!(silent.done && silent.held() == 0);
}

#[test]
fn a_return_waits_for_an_extension_that_is_under_way() {
    let mut rig = Rig::new(QueueOptions { window: s(60), ..QueueOptions::default() }, 30);
    rig.bring(1);
    rig.pass(s(15));
    let extension = rig.receipts.pop_front().unwrap();
    rig.drain(s(25));
    rig.fail_polls();
    assert_eq!(rig.receipts.len(), 0, "the extension could arrive last and hide the message again");
    rig.hear(QueueAnswer::Receipts { request: extension.id, result: Ok(vec![ReceiptOutcome::Done]) });
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 0)]);
}

#[test]
fn the_bound_ends_a_drain_whose_function_does_not_answer() {
    let mut rig = Rig::new(two_at_a_time(), 300);
    rig.bring(1);
    rig.drain(s(25));
    rig.fail_polls();
    rig.pass(ms(24_999));
    assert!(!rig.done);
    rig.pass(ms(1));
    assert!(rig.done);
    assert_eq!(rig.events.last(), Some(&Event::Drained { abandoned: 1, unsaved: Vec::new() }));
}

#[test]
fn a_cut_abandons_the_function_but_not_the_returns() {
    let mut rig = Rig::new(two_at_a_time(), 300);
    rig.bring(1);
    rig.bring(1);
    rig.finish(Err(fault(FaultKind::Throttled)));
    rig.drain(s(25));
    rig.feed(Input::Command(QueueCommand::Cut));
    assert!(!rig.done);
    rig.fail_polls();
    assert_eq!(rig.answer_receipts().changed, [("r-1".into(), 0)]);
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
    rig.fail_polls();
    for _ in 0..5 {
        assert!(!rig.done);
        rig.answer_receipts_as(ReceiptOutcome::Failed(fault(FaultKind::Transient)));
        rig.pass(s(2));
    }
    assert!(rig.done);
    assert_eq!(rig.saw(|event| matches!(event, Event::Left { records: 1 })), 1);
}
