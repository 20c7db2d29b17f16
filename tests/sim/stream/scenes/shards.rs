//! Shards that follow on others, pins, windows, and mappings next to each other.

use std::time::Duration;

use forebay::machine::{Condition, StartingPosition};
use forebay::mapping::SourceKind;

use super::super::plan::{Action, Reshard, mapping};
use super::{KINDS, batches, discarded, orders, passes, scene, stream};

/// Two generations of children, each of them closed and full before anybody reads.
#[test]
fn children_wait_for_their_parents_also_after_a_restart() {
    for kind in KINDS {
        let mut plan = scene(kind, 40, None);
        for (n, put) in plan.puts.iter_mut().enumerate() {
            put.at = 100 * n as u64;
        }
        plan.born = 10_000;
        plan.reshards = vec![(1_000, Reshard::Split), (2_000, Reshard::Rotate), (3_000, Reshard::Merge)];
        plan.consumers[0].function.duration = (900, 1_100);
        orders(&mut plan).batch_size = 3;
        plan.actions = (1..6).map(|n| (10_000 + 4_000 * n, Action::Crash { down: 500 })).collect();
        let outcome = passes(plan);
        assert_eq!(discarded(&outcome), []);
    }
}

/// What comes between the pin and the first read belongs to the mapping, even if the process ends.
#[test]
fn latest_is_pinned_when_the_mapping_begins() {
    for kind in KINDS {
        let mut plan = scene(kind, 10, None);
        for (n, put) in plan.puts.iter_mut().enumerate() {
            put.at = 4_000 * n as u64;
        }
        plan.born = 10_500;
        stream(&mut plan).start = StartingPosition::Latest;
        plan.actions = vec![(11_500, Action::Crash { down: 20_000 })];
        let outcome = passes(plan);
        let first = batches(&outcome)[0][0];
        assert_eq!(first, 4, "{kind:?}: {:?}", batches(&outcome));
    }
}

/// A checkpoint that was trimmed goes on at the oldest record there is.
#[test]
fn a_trimmed_checkpoint_goes_on_at_the_horizon() {
    for kind in KINDS {
        let mut plan = scene(kind, 30, None);
        for (n, put) in plan.puts.iter_mut().enumerate() {
            put.at = 2_000 * n as u64;
        }
        plan.stream.retention = 12_000;
        plan.actions = vec![(10_000, Action::Shutdown { bound: 5_000, cut_after: None, down: 30_000 })];
        let outcome = passes(plan);
        let seen: Vec<usize> = batches(&outcome).concat();
        assert!(seen.contains(&5) && !seen.contains(&8) && seen.contains(&30), "{kind:?}: {seen:?}");
    }
}

/// Each window's records are summed up once, and its final invoke gets the sum.
#[test]
fn tumbling_windows_carry_their_state() {
    for kind in KINDS {
        let mut plan = scene(kind, 20, None);
        for (n, put) in plan.puts.iter_mut().enumerate() {
            put.at = 1_000 * n as u64;
        }
        stream(&mut plan).tumbling_window = Some(Duration::from_secs(5));
        plan.actions = vec![(12_000, Action::Crash { down: 1_000 })];
        let outcome = passes(plan);
        let finals = batches(&outcome).iter().filter(|batch| batch.is_empty()).count();
        assert!(finals >= 4, "{kind:?}: {:?}", batches(&outcome));
    }
}

#[test]
fn one_mapping_knows_nothing_of_anothers_troubles() {
    let mut plan = scene(SourceKind::Kinesis, 20, Some(3));
    stream(&mut plan).maximum_retry_attempts = Some(5);
    let mut other = plan.consumers[0].clone();
    other.mapping = mapping("refunds", SourceKind::Kinesis, StartingPosition::TrimHorizon);
    other.mapping.report_batch_item_failures = true;
    other.mapping.source.stream_mut().unwrap().maximum_retry_attempts = Some(0);
    plan.consumers.push(other);
    let outcome = passes(plan);
    assert_eq!(discarded(&outcome), [(20, 6, Condition::RetryAttemptsExhausted)]);
    assert_eq!(outcome.invokes[1].len(), 2, "{:?}", outcome.invokes[1]);
}
