//! Generated lives: any interleaving of answers, faults and time keeps the invariants, which the
//! machine asserts itself, and ends clean.

use proptest::prelude::*;

use super::rig::{Rig, answer, fault, function_error, ms, s};
use crate::machine::{Command, FaultKind, Input, OnFunctionError, QueueOptions, SettleOutcome};

#[derive(Clone, Debug)]
enum Step {
    Bring { messages: usize, bytes: usize },
    FailPoll(FaultKind),
    Succeed,
    Partial,
    Malformed,
    FunctionError,
    Fault(FaultKind),
    Settle,
    SettleFails,
    SettleGone,
    Confirm,
    FailDelivery(FaultKind),
    Pass(u64),
    Spurious,
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
        4 => Just(Step::Settle),
        1 => Just(Step::SettleFails),
        1 => Just(Step::SettleGone),
        2 => Just(Step::Confirm),
        1 => kinds().prop_map(Step::FailDelivery),
        4 => (1..40_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Spurious),
    ]
}

fn options() -> impl Strategy<Value = QueueOptions> {
    let failures = prop::sample::select(vec![
        OnFunctionError::Wait,
        OnFunctionError::Release,
        OnFunctionError::Backoff(crate::machine::BackoffPolicy::default()),
    ]);
    let destination = prop::option::of(1..3_u32);
    (1..40_u32, 0..20_u64, prop::option::of(1..6_u32), any::<bool>(), any::<u64>(), failures, destination).prop_map(
        |(batch_size, window, maximum_concurrency, report_batch_item_failures, seed, on_function_error, on_failure)| {
            QueueOptions {
                batch_size,
                window: s(if batch_size > 10 { window.max(1) } else { window }),
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

fn take(rig: &mut Rig, step: &Step) {
    match step {
        Step::Bring { messages, bytes } if !rig.polls.is_empty() => {
            let wanted = rig.polls[0].max as usize;
            rig.bring_sized((*messages).min(wanted), *bytes);
        }
        Step::FailPoll(kind) if !rig.polls.is_empty() => rig.fail_poll(*kind),
        Step::Succeed if !rig.invokes.is_empty() => rig.finish(answer("null")),
        Step::Partial if !rig.invokes.is_empty() => {
            rig.finish(answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#));
        }
        Step::Malformed if !rig.invokes.is_empty() => rig.finish(answer("[{")),
        Step::FunctionError if !rig.invokes.is_empty() => rig.finish(function_error()),
        Step::Fault(kind) if !rig.invokes.is_empty() => rig.finish(Err(fault(*kind))),
        Step::Settle => drop(rig.settle_all()),
        Step::SettleFails if !rig.settles.is_empty() => {
            rig.settle_as(SettleOutcome::Failed(fault(FaultKind::Transient)));
        }
        Step::SettleGone if !rig.settles.is_empty() => drop(rig.settle_as(SettleOutcome::Gone)),
        Step::Confirm if !rig.deliveries.is_empty() => drop(rig.confirm(Ok(()))),
        Step::FailDelivery(kind) if !rig.deliveries.is_empty() => drop(rig.confirm(Err(fault(*kind)))),
        Step::Pass(span) => rig.pass(ms(*span)),
        Step::Spurious => rig.feed(Input::Timeout),
        _ => {}
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
        let limit = options.maximum_concurrency;
        let mut rig = Rig::new(options, visibility);
        for step in &steps {
            take(&mut rig, step);
            prop_assert!(limit.is_none_or(|limit| rig.invokes.len() <= limit as usize));
            prop_assert!(rig.polls.iter().all(|poll| (1..=10).contains(&poll.max)));
        }
        // A fair world from here on: everything settles.
        for _ in 0..200 {
            while !rig.invokes.is_empty() {
                rig.finish(answer("null"));
            }
            while !rig.deliveries.is_empty() {
                rig.confirm(Ok(()));
            }
            rig.settle_all();
            while !rig.polls.is_empty() && rig.polls[0].wait.is_zero() {
                rig.bring(0);
            }
            rig.pass(s(1));
        }
        prop_assert_eq!(rig.held(), 0);
        prop_assert!(!rig.polls.is_empty(), "an idle machine polls");
        rig.feed(Input::Command(Command::Drain { bound: s(25), receives: s(0) }));
        while !rig.polls.is_empty() {
            rig.fail_poll(FaultKind::Cancelled);
        }
        prop_assert!(rig.done);
    }
}
