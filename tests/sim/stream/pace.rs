//! How much work a stream gets done while the function's service refuses calls, and how soon all of it again after an
//! outage.

use forebay::machine::FaultKind;
use forebay::mapping::SourceKind;

use super::plan::{CallFaults, Plan, Put};
use super::scenes::{orders, passes, scene, stream};
use crate::plan::{Outage, SideOf};

/// Lanes and the run's time (milliseconds).
const LOADS: [(u32, u64); 3] = [(1, 5), (1, 200), (10, 200)];

/// One shard of that many lanes, with records of many keys in batches of one: more than can be worked off.
fn busy(lanes: u32, run: u64, until: u64) -> Plan {
    let mut plan = scene(SourceKind::Kinesis, 0, None);
    let records = u64::from(lanes) * until / run + 200;
    plan.puts = (0..records)
        .map(|n| Put { at: 0, key: u32::try_from(n % 1_000).expect("a small number"), size: 20, poison: false })
        .collect();
    orders(&mut plan).batch_size = 1;
    stream(&mut plan).parallelization = lanes;
    plan.consumers[0].function.duration = (run, run);
    plan.stream.latency = (1, 1);
    (plan.fair_at, plan.watch_idle) = (until, false);
    plan
}

/// Answers a second in a span.
fn rate(served: &[u64], from: u64, until: u64) -> f64 {
    served.iter().filter(|at| (from..until).contains(at)).count() as f64 * 1000.0 / (until - from) as f64
}

fn keeps_pace(loads: &[(u32, u64)], faults: impl Fn(f64) -> CallFaults) {
    for &(lanes, run) in loads {
        let until = 4_000 + 20 * run;
        let quiet = rate(&passes(busy(lanes, run, until)).served, 3_000, until);
        for (errors, least) in [(0.01, 0.9), (0.05, 0.8)] {
            let mut plan = busy(lanes, run, until);
            plan.consumers[0].faults = faults(errors);
            let with_errors = rate(&passes(plan).served, 3_000, until);
            let ratio = with_errors / quiet;
            assert!(
                ratio >= least,
                "{lanes} lanes, runs of {run} ms, {errors} errors: {with_errors:.1}/s of {quiet:.1}/s, {ratio:.2}"
            );
        }
    }
}

#[test]
fn service_errors_now_and_then_cost_little() {
    keeps_pace(&LOADS, |errors| CallFaults { break_before: errors, ..CallFaults::default() });
}

#[test]
fn throttles_now_and_then_cost_little() {
    // Some ask for a pause of seconds, which a lane that is alone spends waiting.
    keeps_pace(&LOADS[2..], |errors| CallFaults { throttle: errors, ..CallFaults::default() });
}

#[test]
fn nine_tenths_are_back_within_fifteen_seconds_after_an_outage_of_any_length() {
    const BEGINS: u64 = 10_000;
    for kind in [FaultKind::Transient, FaultKind::Throttled] {
        for length in [1_000, 600_000] {
            for (lanes, run) in [(1, 200), (10, 400)] {
                let (ends, until) = (BEGINS + length, BEGINS + length + 20_000);
                let mut plan = busy(lanes, run, BEGINS + 20_000);
                plan.fair_at = until;
                plan.outages = vec![Outage { from: BEGINS, until: ends, side: SideOf::Function, kind }];
                let served = passes(plan).served;
                let before = rate(&served, BEGINS - 5_000, BEGINS);
                let back = (ends..until).step_by(250).find(|&from| rate(&served, from, from + 2_000) >= 0.9 * before);
                let after = back.map_or(u64::MAX, |back| back - ends);
                assert!(
                    after <= 15_000,
                    "{kind:?} for {length} ms, {lanes} lanes: {before}/s are back after {after} ms"
                );
            }
        }
    }
}
