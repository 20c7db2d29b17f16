//! Generated lives: any interleaving of answers, faults and time keeps the invariants, which the
//! machine asserts itself, and ends clean.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::rig::{Rig, answer, fault, function_error, ms, s};
use crate::machine::queue::message::Stage;
use crate::machine::{
    FaultKind, GroupOrder, Input, Message, OnFunctionError, QueueAnswer, QueueCommand, QueueOptions, ReceiptOutcome,
    fuse,
};

#[derive(Clone, Debug)]
enum Step {
    Bring {
        messages: usize,
        bytes: usize,
    },
    FailPoll(FaultKind),
    Succeed,
    Partial,
    Malformed,
    FunctionError,
    Fault(FaultKind),
    Receipts,
    ReceiptsFail,
    ReceiptsGone,
    Confirm,
    FailDelivery(FaultKind),
    Pass(u64),
    Spurious,
    /// The machine panics after so many steps.
    Panic(u32),
}

fn kinds() -> impl Strategy<Value = FaultKind> {
    use FaultKind::{Cancelled, Denied, Expired, Invalid, Missing, Throttled, Timeout, TooLarge, Transient};
    prop::sample::select(vec![Throttled, Transient, Timeout, Denied, Missing, Expired, TooLarge, Invalid, Cancelled])
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..=10_usize, prop::sample::select(vec![10, 10, 10, 100_000, 1_100_000]))
            .prop_map(|(messages, bytes)| Step::Bring { messages, bytes }),
        1 => kinds().prop_map(Step::FailPoll),
        4 => Just(Step::Succeed),
        1 => Just(Step::Partial),
        1 => Just(Step::Malformed),
        1 => Just(Step::FunctionError),
        2 => kinds().prop_map(Step::Fault),
        4 => Just(Step::Receipts),
        1 => Just(Step::ReceiptsFail),
        1 => Just(Step::ReceiptsGone),
        2 => Just(Step::Confirm),
        1 => kinds().prop_map(Step::FailDelivery),
        4 => (1..40_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Spurious),
        1 => (1..40_u32).prop_map(Step::Panic),
    ]
}

fn options() -> impl Strategy<Value = QueueOptions> {
    let failures = prop::sample::select(vec![
        OnFunctionError::Wait,
        OnFunctionError::Release,
        OnFunctionError::Backoff(crate::machine::BackoffPolicy::default()),
    ]);
    let destination = prop::option::of(1..3_u32);
    let order = prop::option::of(prop::sample::select(vec![GroupOrder::Protect, GroupOrder::AsReported]));
    (1..40_u32, 0..20_u64, prop::option::of(1..6_u32), any::<(bool, u64)>(), order, failures, destination).prop_map(
        |(
            batch_size,
            window,
            maximum_concurrency,
            (report_batch_item_failures, seed),
            fifo,
            on_function_error,
            on_failure,
        )| {
            QueueOptions {
                batch_size,
                window: s(if fifo.is_some() {
                    0
                } else if batch_size > 10 {
                    window.max(1)
                } else {
                    window
                }),
                fifo,
                maximum_concurrency,
                report_batch_item_failures,
                on_function_error,
                on_failure,
                seed,
                ..QueueOptions::default()
            }
        },
    )
}

/// What is seen of a life from outside.
#[derive(Default)]
struct Seen {
    /// Messages in the order of their receipt, with their groups.
    brought: Vec<(Arc<str>, Option<Arc<str>>)>,
    processed: BTreeSet<Arc<str>>,
}

impl Seen {
    /// What was processed is never invoked again, and of a FIFO queue nothing is invoked before what came before it.
    fn look(&mut self, rig: &Rig) {
        let flights = rig.in_flight();
        for id in flights.iter().flatten() {
            assert!(!self.processed.contains(id), "{id} was processed, and is invoked again");
        }
        let messages = &rig.machine.messages;
        let deleting: Vec<u64> = messages.tokens(|held| matches!(held.stage, Stage::Deleting(_))).into_iter().collect();
        self.processed.extend(messages.of(&deleting).map(|held| Arc::clone(&held.message.record.id)));
        if rig.machine.cx.options.fifo.is_none() {
            return;
        }
        for flight in &flights {
            for id in flight {
                let at = self.brought.iter().position(|(brought, _)| brought == id).expect("it was brought");
                let (before, group) = (&self.brought[..at], &self.brought[at].1);
                let passed = before.iter().find(|(earlier, of)| {
                    of == group && !flight.contains(earlier) && !self.processed.contains(earlier)
                });
                assert!(passed.is_none(), "{id} has passed {passed:?}");
            }
        }
    }
}

fn take(rig: &mut Rig, step: &Step, seen: &mut Seen) {
    match step {
        Step::Bring { messages, bytes } if !rig.polls.is_empty() => {
            let wanted = rig.polls[0].max as usize;
            let mut records: Vec<Message> = (0..(*messages).min(wanted)).map(|_| rig.message(*bytes)).collect();
            // SQS hands nothing out of a group that has hidden messages: each receive brings two other groups.
            let first = records.first().map(|record| Arc::clone(&record.record.id)).unwrap_or_default();
            for (index, record) in records.iter_mut().enumerate() {
                record.group = Some(format!("{first}-{}", index % 2).into());
            }
            seen.brought.extend(records.iter().map(|record| (Arc::clone(&record.record.id), record.group.clone())));
            let poll = rig.polls.pop_front().expect("a poll is open").id;
            rig.hear(QueueAnswer::Polled { poll, result: Ok(records) });
        }
        Step::FailPoll(kind) if !rig.polls.is_empty() => rig.fail_poll(*kind),
        Step::Succeed if !rig.invokes.is_empty() => rig.finish(answer("null")),
        Step::Partial if !rig.invokes.is_empty() => {
            rig.finish(answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#));
        }
        Step::Malformed if !rig.invokes.is_empty() => rig.finish(answer("[{")),
        Step::FunctionError if !rig.invokes.is_empty() => rig.finish(function_error()),
        Step::Fault(kind) if !rig.invokes.is_empty() => rig.finish(Err(fault(*kind))),
        Step::Receipts => drop(rig.answer_receipts()),
        Step::ReceiptsFail if !rig.receipts.is_empty() => {
            rig.answer_receipts_as(ReceiptOutcome::Failed(fault(FaultKind::Transient)));
        }
        Step::ReceiptsGone if !rig.receipts.is_empty() => drop(rig.answer_receipts_as(ReceiptOutcome::Gone)),
        Step::Confirm if !rig.deliveries.is_empty() => drop(rig.confirm(Ok(()))),
        Step::FailDelivery(kind) if !rig.deliveries.is_empty() => drop(rig.confirm(Err(fault(*kind)))),
        Step::Pass(span) => rig.pass(ms(*span)),
        Step::Spurious => rig.feed(Input::Timeout),
        Step::Panic(steps) => fuse::light(*steps),
        _ => {}
    }
}

/// Lives a life to its end, in a fair world at last.
fn live(options: QueueOptions, visibility: u64, steps: &[Step]) {
    let limit = options.maximum_concurrency;
    fuse::light(0);
    let mut seen = Seen::default();
    let mut rig = Rig::new(options, visibility);
    for step in steps {
        take(&mut rig, step, &mut seen);
        seen.look(&rig);
        assert!(limit.is_none_or(|limit| rig.invokes.len() <= limit as usize));
        assert!(rig.polls.iter().all(|poll| (1..=10).contains(&poll.max)));
    }
    // A fair world from here on: everything finishes.
    fuse::light(0);
    for _ in 0..200 {
        while !rig.invokes.is_empty() {
            rig.finish(answer("null"));
        }
        while !rig.deliveries.is_empty() {
            rig.confirm(Ok(()));
        }
        rig.answer_receipts();
        seen.look(&rig);
        while !rig.polls.is_empty() && rig.polls[0].wait.is_zero() {
            rig.bring(0);
        }
        rig.pass(s(1));
    }
    assert_eq!(rig.held(), 0);
    assert!(!rig.polls.is_empty(), "an idle machine polls");
    rig.feed(Input::Command(QueueCommand::Drain { bound: s(25), receives: s(0) }));
    while !rig.polls.is_empty() {
        rig.fail_poll(FaultKind::Cancelled);
    }
    assert!(rig.done);
}

#[test]
fn a_panic_while_leases_are_extended_keeps_the_order_of_groups() {
    let bring = |messages| Step::Bring { messages, bytes: 10 };
    let options = QueueOptions {
        batch_size: 7,
        maximum_concurrency: Some(1),
        fifo: Some(GroupOrder::Protect),
        ..QueueOptions::default()
    };
    for after in 0..40 {
        let steps = [
            bring(7),
            Step::Succeed,
            bring(5),
            Step::Panic(after),
            Step::Receipts,
            Step::Pass(19_500),
            Step::Fault(FaultKind::Denied),
            Step::ReceiptsGone,
        ];
        live(options.clone(), 39, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_life_keeps_the_invariants_and_ends_clean(
        options in options(),
        visibility in 0..60_u64,
        steps in prop::collection::vec(steps(), 1..120),
    ) {
        live(options, visibility, &steps);
    }
}
