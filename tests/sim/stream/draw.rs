//! Draws a stream's scenario from a seed.

use std::num::NonZeroU32;
use std::time::Duration;

use fastrand::Rng;
use forebay::machine::{BackoffPolicy, FaultKind, StartingPosition};
use forebay::mapping::SourceKind;

use super::plan::{
    Action, CallFaults, ConsumerPlan, Plan, Put, Reshard, Retune, StorePlan, StreamFaults, StreamPlan, mapping,
};
use super::shards::unix;
use super::troubles::{break_functions, end, ends, full_disks, host};
use crate::plan::{FunctionPlan, Outage, SideOf, Temper, destination};
use crate::workers;

/// The scenario that belongs to `seed`.
pub(crate) fn plan(seed: u64) -> Plan {
    let rng = &mut Rng::with_seed(seed);
    let temper = Temper::draw(rng);
    let kind = if rng.u8(0..5) < 3 { SourceKind::Kinesis } else { SourceKind::DynamoDb };
    // Once in a while iterators live to their end.
    let long = rng.u8(0..40) == 0;
    let born = if rng.bool() { 0 } else { rng.u64(0..40_000) };
    let fair_at = born + if long { rng.u64(400_000..1_000_000) } else { rng.u64(8_000..75_000) };
    let big = rng.u8(0..15) == 0;
    let count = if rng.u8(0..6) == 0 { 2 } else { 1 };
    let consumers: Vec<ConsumerPlan> = (0..count).map(|index| consumer(rng, index, temper, kind, born)).collect();
    let may_poison = temper != Temper::Calm && consumers.iter().all(ends);
    let actions = if rng.u8(0..3) == 0 { Vec::new() } else { actions(rng, &consumers, born, fair_at) };
    let mut plan = Plan {
        seed,
        stream: stream_plan(rng, kind),
        puts: puts(rng, born, fair_at, big, may_poison),
        reshards: reshards(rng, kind, fair_at),
        disabled: None,
        host: Vec::new(),
        faults: stream_faults(rng, temper),
        outages: if temper == Temper::Calm { Vec::new() } else { outages(rng, born, fair_at) },
        store: store(rng, temper),
        born,
        actions,
        fair_at,
        watch_idle: rng.u8(0..8) == 0,
        consumers,
    };
    end(rng, &mut plan);
    host(rng, &mut plan);
    if temper != Temper::Calm {
        plan.outages.extend(full_disks(rng, &plan.actions));
        // These are drawn apart, so that the rest of a scenario is the same with them and without.
        break_functions(&mut Rng::with_seed(seed ^ 0x0bad_0bad_0bad_0bad), &mut plan);
        let others = &mut Rng::with_seed(seed ^ 0x0a77_0a77_0a77_0a77);
        plan.consumers.iter_mut().for_each(|consumer| consumer.function.attached = workers::draw(others, fair_at));
        let others = &mut Rng::with_seed(seed ^ 0x0e4d_0e4d_0e4d_0e4d);
        plan.consumers.iter_mut().for_each(|consumer| consumer.faults.terminal = workers::terminal(others));
    }
    plan
}

fn stream_plan(rng: &mut Rng, kind: SourceKind) -> StreamPlan {
    let fastest = rng.u64(0..20);
    StreamPlan {
        kind,
        shards: if rng.bool() { 1 } else { rng.usize(2..=4) },
        retention: if rng.u8(0..6) == 0 { rng.u64(10_000..60_000) } else { 24 * 3_600_000 },
        lag: if rng.bool() { (0, 0) } else { (0, rng.u64(1..8_000)) },
        latency: (fastest, fastest + rng.u64(0..60)),
        // Numbers grow by a digit while the stream flows: they are no texts to be compared.
        first_sequence: 10_u64.pow(rng.u32(3..18)) - rng.u64(0..400),
        most: if rng.bool() { 10_000 } else { rng.usize(1..40) },
    }
}

fn consumer(rng: &mut Rng, index: usize, temper: Temper, kind: SourceKind, born: u64) -> ConsumerPlan {
    let start = match rng.u8(0..8) {
        0..=4 => StartingPosition::TrimHorizon,
        5 | 6 => StartingPosition::Latest,
        _ if kind == SourceKind::Kinesis => StartingPosition::Timestamp(unix(rng.u64(0..=born))),
        _ => StartingPosition::TrimHorizon,
    };
    let mut mapping = mapping(if index == 0 { "orders" } else { "refunds" }, kind, start);
    let tumbles = rng.u8(0..10) == 0;
    let stream = mapping.source.stream_mut().expect("a mapping of a stream");
    stream.maximum_retry_attempts = if rng.bool() { None } else { Some(rng.u32(0..=5)) };
    stream.maximum_record_age = (rng.u8(0..4) == 0).then(|| Duration::from_secs(rng.u64(60..90)));
    stream.bisect = rng.bool();
    stream.tumbling_window = tumbles.then(|| Duration::from_secs(rng.u64(1..30)));
    mapping.report_batch_item_failures = rng.bool();
    if rng.bool() {
        mapping.on_failure = Some(destination(rng.bool()));
    }
    retune(rng).apply(&mut mapping);
    if rng.bool() {
        let initial = Duration::from_millis(rng.u64(50..1_000));
        mapping.poller.retry_backoff = BackoffPolicy { initial, maximum: initial * rng.u32(1..20) };
    }
    mapping.poller.drain_timeout = (rng.u8(0..5) == 0).then(|| Duration::from_secs(rng.u64(1..15)));
    mapping.poller.rate_limit = (rng.u8(0..12) == 0).then(|| rng.u32(2..20)).and_then(NonZeroU32::new);
    let longest = match rng.u8(0..4) {
        0 | 1 => rng.u64(1..60),
        2 => rng.u64(60..1_500),
        _ => rng.u64(1_500..8_000),
    };
    let function = FunctionPlan {
        timeout: longest + rng.u64(500..8_000),
        duration: (rng.u64(0..=longest), longest),
        reserved: (temper != Temper::Calm && rng.u8(0..4) == 0).then(|| rng.u32(1..=4)),
        ..FunctionPlan::default()
    };
    ConsumerPlan { mapping, function, faults: call_faults(rng, temper) }
}

/// Numbers for a mapping.
fn retune(rng: &mut Rng) -> Retune {
    Retune {
        batch_size: match rng.u8(0..4) {
            0 => 100,
            1 => rng.u32(1..=3),
            2 => rng.u32(3..=20),
            _ => rng.u32(1..=200),
        },
        window: if rng.u8(0..3) == 0 { rng.u64(1..=5) } else { 0 },
        parallelization: match rng.u8(0..8) {
            0..=2 => 1,
            7 => 100,
            _ => rng.u32(2..=10),
        },
    }
}

fn call_faults(rng: &mut Rng, temper: Temper) -> CallFaults {
    let mut rate = || temper.rate(rng, 0.06, 0.3);
    CallFaults {
        throttle: rate(),
        break_before: rate(),
        break_after: rate(),
        function_error: rate(),
        terminal: 0.0,
        function_timeout: rate() / 2.0,
        hang: rate() / 8.0,
        partial: rate(),
        malformed: rate(),
        big_state: rate() / 4.0,
        deliver_error: rate(),
        deliver_lost: rate() / 2.0,
    }
}

fn stream_faults(rng: &mut Rng, temper: Temper) -> StreamFaults {
    let mut rate = || temper.rate(rng, 0.06, 0.3);
    StreamFaults {
        list_error: rate(),
        read_error: rate(),
        read_lost: rate() / 4.0,
        read_empty: rate(),
        read_partial: rate(),
        expired: rate(),
    }
}

fn store(rng: &mut Rng, temper: Temper) -> StorePlan {
    let bad = rng.u8(0..3) == 0;
    let mut rate = || if bad { temper.rate(rng, 0.06, 0.3) } else { 0.0 };
    let (fails, lost) = (rate(), rate());
    let slow = rng.u8(0..5) == 0;
    StorePlan { latency: (0, if slow { rng.u64(100..1_500) } else { rng.u64(0..30) }), fails, lost, plain_ends: false }
}

fn outages(rng: &mut Rng, born: u64, fair_at: u64) -> Vec<Outage> {
    let kinds = [FaultKind::Throttled, FaultKind::Transient, FaultKind::Denied, FaultKind::Missing, FaultKind::Timeout];
    (0..rng.usize(0..3))
        .map(|_| {
            let from = rng.u64(born..fair_at);
            let side = match rng.u8(0..5) {
                0 => SideOf::Source,
                1 | 2 => SideOf::Function,
                3 => SideOf::Destination,
                _ => SideOf::Store,
            };
            let kind = kinds[rng.usize(0..kinds.len())];
            Outage { from, until: from + rng.u64(500..60_000), side, kind }
        })
        .collect()
}

fn puts(rng: &mut Rng, born: u64, fair_at: u64, big: bool, may_poison: bool) -> Vec<Put> {
    let most = if big { 12 } else { 70 };
    let keys = if rng.bool() { rng.u32(1..4) } else { rng.u32(4..30) };
    let poison = if may_poison && rng.bool() { rng.f64() * 0.15 } else { 0.0 };
    let mut puts = Vec::new();
    for _ in 0..rng.usize(1..5) {
        // Some come just when the mapping begins.
        let from = if rng.u8(0..4) == 0 { born } else { rng.u64(0..fair_at) };
        let span = match rng.u8(0..3) {
            0 => 1,
            1 => rng.u64(1..5_000),
            _ => rng.u64(1..=fair_at),
        };
        for _ in 0..rng.usize(0..most) {
            let size = if big { rng.usize(200_000..=1_048_576) } else { rng.usize(0..200) };
            let at = (from + rng.u64(0..span)).min(fair_at - 1);
            puts.push(Put { at, key: rng.u32(0..keys), size, poison: rng.f64() < poison });
        }
    }
    puts.sort_by_key(|put| put.at);
    puts
}

fn reshards(rng: &mut Rng, kind: SourceKind, fair_at: u64) -> Vec<(u64, Reshard)> {
    if rng.u8(0..5) < 2 {
        return Vec::new();
    }
    let mut changes: Vec<(u64, Reshard)> = (0..rng.usize(1..6))
        .map(|_| {
            let change = match (kind, rng.u8(0..4)) {
                (SourceKind::DynamoDb, 0..=2) => Reshard::Rotate,
                (SourceKind::DynamoDb, _) | (_, 0 | 1) => Reshard::Split,
                _ => Reshard::Merge,
            };
            (rng.u64(0..fair_at), change)
        })
        .collect();
    changes.sort_by_key(|(at, _)| *at);
    changes
}

fn actions(rng: &mut Rng, consumers: &[ConsumerPlan], born: u64, fair_at: u64) -> Vec<(u64, Action)> {
    let mut actions: Vec<(u64, Action)> = Vec::new();
    for _ in 0..rng.usize(1..5) {
        let at = if rng.u8(0..5) == 0 { born + rng.u64(0..2_000) } else { rng.u64(born..fair_at) };
        let consumer = rng.usize(0..consumers.len());
        let down = rng.u64(0..10_000);
        match rng.u8(0..12) {
            0..=2 => {
                actions.push((at, Action::Stop(consumer)));
                if rng.u8(0..4) > 0 {
                    actions.push((at + rng.u64(0..20_000), Action::Start(consumer)));
                }
            }
            3 => actions.push((at, Action::Start(consumer))),
            4..=6 => actions.push((at, Action::Crash { down })),
            7 | 8 => {
                let bound = rng.u64(0..20_000);
                let cut_after = (rng.u8(0..4) == 0).then(|| rng.u64(0..=bound));
                actions.push((at, Action::Shutdown { bound, cut_after, down }));
            }
            9 => actions.push((at, Action::Reload(None))),
            _ => actions.push((at, Action::Reload(Some((consumer, retune(rng)))))),
        }
    }
    actions.sort_by_key(|(at, _)| *at);
    actions
}
