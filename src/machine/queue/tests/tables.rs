//! Batching and invoking.

use super::rig::{Rig, answer, fault, function_error, ms, s};
use crate::machine::{
    Event, FaultKind, FlushReason, Health, Input, InvokeEnd, Machine as _, QueueAnswer, QueueOptions,
};

pub(super) fn one_at_a_time() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(1), ..QueueOptions::default() }
}

#[test]
fn a_function_that_fails_everything_shows_after_a_minute_by_itself() {
    let reporting = QueueOptions { report_batch_item_failures: true, ..one_at_a_time() };
    let mut rig = Rig::new(reporting, 600);
    let failing = |rig: &Rig| rig.saw(|event| matches!(event, Event::Health(Health::Failing { .. })));
    rig.bring(1);
    rig.finish(function_error());
    for id in ["m-2", "m-3"] {
        rig.bring(1);
        let payload = format!(r#"{{"batchItemFailures":[{{"itemIdentifier":"{id}"}}]}}"#);
        rig.finish(answer(payload.leak()));
    }
    rig.pass(ms(59_999));
    assert_eq!(failing(&rig), 0);
    rig.pass(ms(1));
    assert_eq!(failing(&rig), 1);
    rig.bring(2);
    rig.finish(answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-4"}]}"#));
    assert_eq!(
        rig.events.iter().rev().find(|event| matches!(event, Event::Health(_))),
        Some(&Event::Health(Health::Ok))
    );
}

#[test]
fn without_a_free_slot_nothing_is_received() {
    let mut rig = Rig::new(one_at_a_time(), 30);
    rig.bring(3);
    assert_eq!((rig.invokes.len(), rig.polls.len()), (1, 0));
    rig.finish(answer("null"));
    assert_eq!(rig.polls.len(), 1);
}

#[test]
fn a_receive_is_a_batch_and_asks_for_no_more_than_batch_size() {
    let mut rig = Rig::new(QueueOptions { batch_size: 3, ..one_at_a_time() }, 30);
    assert_eq!(rig.polls[0].max, 3);
    rig.bring(2);
    assert_eq!(rig.invokes[0].records, 2);
    assert_eq!(&rig.invokes[0].body[..12], br#"{"Records":["#);
}

#[test]
fn large_batches_are_gathered_from_receives_of_ten_until_the_window_ends() {
    let options = QueueOptions { batch_size: 25, window: s(2), ..one_at_a_time() };
    let mut rig = Rig::new(options, 30);
    rig.bring(10);
    assert_eq!((rig.invokes.len(), rig.polls[0].wait), (0, s(3)));
    rig.pass(ms(500));
    while !rig.polls.is_empty() && rig.invokes.is_empty() {
        let wanted = rig.polls[0].max.min(4);
        rig.bring(wanted as usize);
    }
    assert_eq!(rig.invokes[0].records, 25);
    rig.finish(answer("null"));
    rig.answer_receipts();
    rig.bring(3);
    rig.pass(ms(1999));
    assert_eq!(rig.invokes.len(), 0);
    rig.pass(ms(1));
    assert_eq!(rig.invokes[0].records, 3);
    let flushed: Vec<FlushReason> = rig
        .events
        .iter()
        .filter_map(|event| if let Event::Flushed { reason, .. } = event { Some(*reason) } else { None })
        .collect();
    assert_eq!(flushed, [FlushReason::Size, FlushReason::Window]);
}

#[test]
fn a_receive_over_six_megabytes_becomes_two_batches_one_after_the_other() {
    let mut rig = Rig::new(one_at_a_time(), 30);
    rig.bring_sized(10, 1024 * 1024);
    assert_eq!((rig.invokes.len(), rig.invokes[0].records, rig.polls.len()), (1, 5, 0));
    rig.finish(answer("null"));
    assert_eq!((rig.invokes[0].records, rig.polls.len()), (5, 0));
}

#[test]
fn a_message_that_fits_into_no_event_is_left_and_said() {
    let mut rig = Rig::new(one_at_a_time(), 30);
    rig.bring_sized(1, 7 * 1024 * 1024);
    assert_eq!((rig.invokes.len(), rig.held()), (0, 0));
    assert_eq!(rig.saw(|event| matches!(event, Event::TooLarge { .. })), 1);
}

#[test]
fn a_refused_size_is_halved_until_it_passes_or_is_one_message() {
    let mut rig = Rig::new(one_at_a_time(), 30);
    rig.bring(3);
    rig.finish(Err(fault(FaultKind::TooLarge)));
    assert_eq!(rig.invokes[0].records, 1);
    rig.finish(Err(fault(FaultKind::TooLarge)));
    assert_eq!(rig.invokes[0].records, 2);
    rig.finish(answer("null"));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-2", "r-3"]);
    assert_eq!(rig.saw(|event| matches!(event, Event::TooLarge { id, .. } if id == "m-1")), 1);
}

#[test]
fn every_fault_of_an_invoke_keeps_the_batch_and_tries_again() {
    use FaultKind::{Denied, Expired, Missing, Throttled, Timeout, Transient};
    for kind in [Throttled, Transient, Timeout, Denied, Missing, Expired] {
        let mut rig = Rig::new(one_at_a_time(), 30);
        rig.bring(2);
        rig.finish(Err(fault(kind)));
        assert_eq!((rig.invokes.len(), rig.polls.len(), rig.held()), (0, 0, 2), "{kind:?}");
        rig.pass(ms(250));
        assert_eq!((rig.invokes[0].attempt, rig.invokes[0].records), (2, 2), "{kind:?}");
        rig.finish(answer("null"));
        rig.pass(ms(10));
        assert_eq!(rig.answer_receipts().deleted.len(), 2, "{kind:?}");
    }
}

#[test]
fn a_pause_that_the_service_asks_for_is_kept() {
    let mut rig = Rig::new(one_at_a_time(), 300);
    rig.bring(1);
    let mut throttled = fault(FaultKind::Throttled);
    throttled.retry_after = Some(s(7));
    rig.finish(Err(throttled));
    rig.pass(ms(6999));
    assert_eq!(rig.invokes.len(), 0);
    rig.pass(ms(1));
    assert_eq!(rig.invokes.len(), 1);
}

#[test]
fn a_request_that_stays_invalid_counts_as_failed_in_the_end() {
    let mut rig = Rig::new(one_at_a_time(), 300);
    rig.bring(1);
    for _ in 0..4 {
        rig.finish(Err(fault(FaultKind::Invalid)));
        rig.pass(s(5));
    }
    rig.finish(Err(fault(FaultKind::Invalid)));
    assert_eq!(rig.held(), 0);
    assert_eq!(rig.saw(|event| matches!(event, Event::Left { records: 1 })), 1);
}

#[test]
fn a_batch_that_the_service_always_refuses_costs_the_others_nothing() {
    let mut rig =
        Rig::new(QueueOptions { maximum_concurrency: Some(10), batch_size: 1, ..QueueOptions::default() }, 30);
    let (mut tries, mut done) = (0, 0);
    let mut refused = None;
    for _ in 0..6_000 {
        while let Some(poll) = rig.polls.pop_front() {
            let record = rig.message(10);
            rig.hear(QueueAnswer::Polled { poll: poll.id, result: Ok(vec![record]) });
        }
        rig.answer_receipts();
        rig.pass(ms(10));
        for _ in 0..rig.invokes.len() {
            let batch = rig.invokes.pop_front().unwrap().batch;
            let is_poison = *refused.get_or_insert(batch) == batch;
            tries += u32::from(is_poison);
            done += u32::from(!is_poison);
            let result = if is_poison { Err(fault(FaultKind::Transient)) } else { answer("null") };
            rig.feed(Input::Invoked { batch, result, took: ms(10) });
        }
    }
    assert_eq!(rig.machine.gauges().lowered, None);
    assert!(done >= 6_000 * 8, "{done} others in a minute");
    assert!((5..20).contains(&tries), "{tries} tries of it in a minute");
}

#[test]
fn while_every_call_fails_one_asks_again_and_again() {
    for slots in [1, 2, 30] {
        let options = QueueOptions { maximum_concurrency: Some(slots), batch_size: 1, ..QueueOptions::default() };
        let mut rig = Rig::new(options, 30);
        let (mut last, mut gaps) = (s(0), Vec::new());
        while rig.now.since_epoch() < s(600) {
            while let Some(poll) = rig.polls.pop_front() {
                let record = rig.message(10);
                rig.hear(QueueAnswer::Polled { poll: poll.id, result: Ok(vec![record]) });
            }
            while !rig.invokes.is_empty() {
                gaps.push(rig.now.since_epoch() - last);
                last = rig.now.since_epoch();
                rig.finish(Err(fault(FaultKind::Transient)));
            }
            rig.answer_receipts();
            rig.pass(ms(50));
        }
        assert!(gaps.iter().all(|gap| *gap <= ms(7_600)), "{slots} slots: {gaps:?}");
        assert!(slots == 1 || rig.machine.gauges().limit == 1, "one call at a time is enough to ask");
        assert!(gaps.len() < 60 * 30, "{} calls in ten minutes", gaps.len());
    }
}

#[test]
fn empty_answers_that_come_at_once_are_asked_for_ever_more_rarely() {
    let mut rig = Rig::new(QueueOptions::default(), 30);
    rig.bring(0);
    let mut polls = 0;
    let hollow = |rig: &mut Rig, span| {
        let until = rig.now + span;
        while rig.now < until {
            while !rig.polls.is_empty() {
                polls += 1;
                rig.bring(0);
            }
            rig.pass(ms(1));
        }
        std::mem::take(&mut polls)
    };
    let mut hollow = hollow;
    let first = hollow(&mut rig, s(2));
    assert!((6..=12).contains(&first), "{first} polls in the first two seconds");
    let later = hollow(&mut rig, s(60));
    assert!((60..=85).contains(&later), "{later} polls in a minute");
    // A message ends it, and so does a poll that waits.
    rig.pass(s(1));
    rig.bring(1);
    rig.finish(answer("null"));
    rig.answer_receipts();
    let again = hollow(&mut rig, s(2));
    assert!((6..=12).contains(&again), "{again} polls in two seconds");
    rig.pass(s(20));
    rig.bring(0);
    assert_eq!(rig.polls.len(), 1, "the next one begins at once");
}

#[test]
fn one_reserved_execution_is_enough_for_thirty_messages() {
    // The most reported case: a function that runs one at a time, and more polls than that.
    let mut rig = Rig::new(QueueOptions { batch_size: 1, ..QueueOptions::default() }, 30);
    let mut waiting = 30_usize;
    let mut running: Option<crate::machine::BatchId> = None;
    let mut done = 0;
    for step in 0..4_000 {
        while let Some(poll) = rig.polls.pop_front() {
            let count = waiting.min(poll.max as usize);
            waiting -= count;
            let records = (0..count).map(|_| rig.message(10)).collect();
            rig.hear(QueueAnswer::Polled { poll: poll.id, result: Ok(records) });
            if count == 0 {
                break;
            }
        }
        if step % 30 == 29
            && let Some(batch) = running.take()
        {
            done += 1;
            rig.feed(Input::Invoked { batch, result: answer("null"), took: s(3) });
        }
        while let Some(invoke) = rig.invokes.pop_front() {
            if running.is_none() {
                running = Some(invoke.batch);
            } else {
                let result = Err(fault(FaultKind::Throttled));
                rig.feed(Input::Invoked { batch: invoke.batch, result, took: ms(1) });
            }
        }
        rig.answer_receipts();
        rig.pass(ms(100));
    }
    assert_eq!((done, rig.held()), (30, 0));
    assert_eq!(rig.saw(|event| matches!(event, Event::Left { .. } | Event::LeaseLost { .. })), 0);
    let throttles = rig.saw(|event| matches!(event, Event::InvokeEnded { end: InvokeEnd::Fault(_), .. }));
    assert!(throttles <= 30, "{throttles} throttles: the limit does not learn");
}
