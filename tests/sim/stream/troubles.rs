//! Troubles of a stream's scenario that are drawn after the rest: what it was without them it stays.

use fastrand::Rng;
use forebay::machine::{FaultKind, StartingPosition};
use forebay::mapping::SourceKind;

use super::plan::{Action, ConsumerPlan, Plan};
use crate::plan::{Outage, SideOf};

/// Disks that are full when a process is ordered to end, and have room again soon after.
pub(super) fn full_disks(rng: &mut Rng, actions: &[(u64, Action)]) -> Vec<Outage> {
    let ends = actions.iter().filter_map(|(at, action)| match action {
        Action::Shutdown { bound, .. } => Some((*at, *bound)),
        _ => None,
    });
    let mut full = Vec::new();
    for (at, bound) in ends {
        if rng.bool() {
            let from = at.saturating_sub(rng.u64(0..20_000));
            let until = at + bound + rng.u64(0..5_000);
            full.push(Outage { from, until, side: SideOf::Store, kind: FaultKind::Transient });
        }
    }
    full
}

/// Some hosts have a clock that is wrong, and that is set now and then. Drawn last, as the ends are.
pub(super) fn host(rng: &mut Rng, plan: &mut Plan) {
    if rng.u8(0..5) > 0 {
        return;
    }
    let offset = |rng: &mut Rng| {
        let far = if rng.bool() { rng.i64(1_500..120_000) } else { rng.i64(120_000..10_000_000) };
        if rng.bool() { far } else { -far }
    };
    plan.host.push((0, offset(rng)));
    for _ in 0..rng.u8(0..3) {
        let at = rng.u64(plan.born..plan.fair_at);
        plan.host.push((at, if rng.bool() { 0 } else { offset(rng) }));
    }
    plan.host.sort_unstable();
    for consumer in &mut plan.consumers {
        let stream = consumer.mapping.source.stream_mut().expect("a mapping of a stream");
        if stream.tumbling_window.is_some() {
            // When the end of a window is too old cannot be seen to the second from outside.
            stream.maximum_record_age = None;
        }
    }
    if !plan.consumers.iter().all(ends) {
        plan.puts.iter_mut().for_each(|put| put.poison = false);
    }
}

/// Some streams are disabled, made again, or do not list their new shards for long. Drawn last: other scenarios stay
/// what they were.
pub(super) fn end(rng: &mut Rng, plan: &mut Plan) {
    if rng.u8(0..8) > 0 {
        return;
    }
    if rng.u8(0..4) == 0 {
        // New shards are not listed for minutes.
        plan.stream.lag = (100_000, 200_000);
        // A shard that is not listed yet cannot be read at any rate.
        plan.watch_idle = false;
        return;
    }
    match plan.stream.kind {
        SourceKind::DynamoDb => plan.disabled = Some(rng.u64(0..plan.fair_at)),
        // What LATEST and times mean for a stream that is made again is not distinguished here.
        _ if plan.consumers.iter().all(begins_with_all) => {
            let at = rng.u64(plan.born..plan.fair_at);
            let place = plan.actions.partition_point(|&(when, _)| when <= at);
            let again = Action::Recreate { splits: rng.u32(0..3), down: rng.u64(0..10_000) };
            plan.actions.insert(place, (at, again));
        }
        _ => {}
    }
}

/// What is poisoned must end one day.
pub(super) fn ends(consumer: &ConsumerPlan) -> bool {
    let stream = consumer.mapping.source.stream().expect("a mapping of a stream");
    stream.maximum_retry_attempts.is_some() || stream.maximum_record_age.is_some()
}

fn begins_with_all(consumer: &ConsumerPlan) -> bool {
    consumer.mapping.source.stream().is_some_and(|stream| stream.start == StartingPosition::TrimHorizon)
}

/// In every fourth scenario functions fail everything for a while, and the mappings are looked at meanwhile.
pub(super) fn break_functions(rng: &mut Rng, plan: &mut Plan) {
    if rng.u8(0..4) > 0 {
        return;
    }
    let from = rng.u64(plan.born..plan.fair_at);
    plan.fair_at += 100_000;
    let until = plan.fair_at - rng.u64(1..20_000);
    for consumer in &mut plan.consumers {
        consumer.function.broken = Some((from, until));
    }
    for at in [rng.u64(from..until), until - 1, plan.fair_at] {
        plan.actions.push((at, Action::Look));
    }
    plan.actions.sort_by_key(|(at, _)| *at);
}
