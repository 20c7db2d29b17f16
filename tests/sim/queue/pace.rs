//! How much work gets done while the function's service refuses calls, and how soon all of it again after an outage.

use forebay::machine::FaultKind;

use crate::plan::{Outage, SideOf, queue_mut};
use crate::queue::plan::{Faults, SubjectPlan};
use crate::queue::scenes::{passes, plan, subject};
use crate::seeds::asks_for_more;

/// Batches of one message whose runs all take the same time (milliseconds), with more messages than can be worked off.
fn busy(slots: Option<u32>, run: u64, until: u64) -> SubjectPlan {
    let slots_or_grown = slots.map_or(5 + until / 400, u64::from);
    let messages = slots_or_grown * until / run + 100;
    let mut subject = subject(usize::try_from(messages).expect("a number that fits"));
    subject.mapping.batch_size = 1;
    queue_mut(&mut subject.mapping).maximum_concurrency = slots;
    subject.queue.max_receive_count = None;
    subject.queue.latency = (1, 1);
    subject.function.duration = (run, run);
    subject
}

/// When the function answered, in milliseconds.
fn served(subject: SubjectPlan, until: u64) -> Vec<u64> {
    let mut plan = plan(vec![subject], Vec::new());
    (plan.fair_at, plan.watch_idle) = (until, false);
    passes(plan).served
}

/// Answers a second in a span.
fn rate(served: &[u64], from: u64, until: u64) -> f64 {
    served.iter().filter(|at| (from..until).contains(at)).count() as f64 * 1000.0 / (until - from) as f64
}

/// Slots, the run's time, and how long it is watched.
type Load = (u32, u64, u64);
const FEW_SLOTS: [Load; 2] = [(1, 5, 8_000), (2, 5, 6_000)];
const MANY_SLOTS: [Load; 3] = [(30, 200, 10_000), (5, 20, 8_000), (108, 200, 5_000)];

/// All rows of a table when time does not matter, else the first ones.
fn rows<T>(table: &[T], first: usize) -> &[T] {
    if asks_for_more() { table } else { &table[..first] }
}

fn keeps_pace(loads: &[Load], faults: impl Fn(f64) -> Faults) {
    for &(slots, run, until) in loads {
        let quiet = rate(&served(busy(Some(slots), run, until), until), 1_000, until);
        // With few slots and quick runs, a batch that is refused again and again waits for longer than all others take.
        let at_worst = if slots < 30 { 0.05 } else { 0.4 };
        for (errors, least) in [(0.01, 0.9), (0.05, 0.8), (0.2, at_worst)] {
            let mut subject = busy(Some(slots), run, until);
            subject.faults = faults(errors);
            let with_errors = rate(&served(subject, until), 1_000, until);
            let ratio = with_errors / quiet;
            assert!(
                ratio >= least,
                "{slots} slots, runs of {run} ms, {errors} errors: {with_errors:.1}/s of {quiet:.1}/s, {ratio:.2}"
            );
        }
    }
}

#[test]
fn service_errors_now_and_then_cost_little() {
    for loads in [rows(&FEW_SLOTS, 1), rows(&MANY_SLOTS, 1)] {
        keeps_pace(loads, |errors| Faults { break_before: errors, ..Faults::default() });
    }
}

#[test]
fn throttles_now_and_then_cost_little() {
    // Some ask for a pause of seconds, which one of very few slots spends waiting.
    keeps_pace(rows(&MANY_SLOTS, 2), |errors| Faults { throttle: errors, ..Faults::default() });
}

/// How soon nine tenths of the work are done again after an outage of this kind and length (milliseconds).
fn back_after(kind: FaultKind, length: u64, slots: Option<u32>, run: u64) {
    const BEGINS: u64 = 20_000;
    let (ends, until) = (BEGINS + length, BEGINS + length + 20_000);
    let mut subject = busy(slots, run, BEGINS + 20_000);
    subject.outages = vec![Outage { from: BEGINS, until: ends, side: SideOf::Function, kind }];
    let served = served(subject, until);
    let before = rate(&served, BEGINS - 2_000, BEGINS);
    let back = (ends..until).step_by(250).find(|&from| rate(&served, from, from + 2_000) >= 0.9 * before);
    let after = back.map_or(u64::MAX, |back| back - ends);
    assert!(after <= 15_000, "{kind:?} for {length} ms, {slots:?} slots: {before}/s are back after {after} ms");
}

#[test]
fn nine_tenths_are_back_within_fifteen_seconds_after_an_outage_of_any_length() {
    const LOADS: [(Option<u32>, u64); 5] =
        [(Some(1), 200), (Some(30), 400), (None, 1_000), (Some(2), 200), (Some(108), 1_000)];
    for &(length, first) in rows(&[(1_000, 2), (600_000, 3), (20_000, 5)], 2) {
        for &(slots, run) in rows(&LOADS, first) {
            back_after(FaultKind::Transient, length, slots, run);
        }
    }
    for &length in rows(&[600_000, 1_000, 20_000], 1) {
        back_after(FaultKind::Throttled, length, Some(30), 400);
    }
    back_after(FaultKind::Transient, 7_200_000, Some(2), 400);
}

/// The function takes fewer at once than the mapping may have in flight: nearly all that it takes is used, and few
/// calls are made in vain.
#[test]
fn a_reserved_concurrency_is_used_and_seldom_exceeded() {
    const UNTIL: u64 = 60_000;
    const LOADS: [(u32, Option<u32>, u64); 4] =
        [(1, Some(2), 2_000), (1, None, 500), (3, Some(30), 200), (20, Some(30), 200)];
    for &(reserved, slots, run) in rows(&LOADS, 3) {
        let mut subject = busy(Some(reserved), run, UNTIL);
        queue_mut(&mut subject.mapping).maximum_concurrency = slots;
        subject.function.reserved = Some(reserved);
        let mut plan = plan(vec![subject], Vec::new());
        (plan.fair_at, plan.watch_idle) = (UNTIL, false);
        let outcome = passes(plan);
        let (used, possible) = (rate(&outcome.served, 5_000, UNTIL), f64::from(reserved) * 1000.0 / run as f64);
        let refused = outcome.refused.iter().filter(|at| (5_000..UNTIL).contains(at)).count() as f64 / 55.0;
        assert!(used >= 0.85 * possible, "{reserved} of {slots:?}: {used:.2}/s of {possible:.2}/s");
        assert!(refused <= 1.0 + 0.1 * possible, "{reserved} of {slots:?}: {refused:.2} refusals a second");
    }
}
