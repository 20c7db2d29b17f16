//! Batches that fail: retries, splits, partial answers and ages.

use std::time::Duration;

use forebay::machine::{Condition, FaultKind};
use forebay::mapping::SourceKind;

use super::super::plan::Action;
use super::{KINDS, batches, discarded, orders, passes, scene, stream};
use crate::plan::{Outage, SideOf};

/// Recorded on AWS: `[1,2,3,4]`, of which 2 always throws, with one retry.
#[test]
fn a_split_goes_depth_first_and_spends_nothing() {
    for kind in KINDS {
        let mut plan = scene(kind, 4, Some(1));
        stream(&mut plan).maximum_retry_attempts = Some(1);
        stream(&mut plan).bisect = true;
        let outcome = passes(plan);
        let sequence = [vec![1, 2, 3, 4], vec![1, 2], vec![1], vec![2], vec![2], vec![3, 4]];
        assert_eq!(batches(&outcome), sequence);
        assert_eq!(discarded(&outcome), [(1, 2, Condition::RetryAttemptsExhausted)]);
    }
}

/// What the function will never take goes at once: no retry, no split.
#[test]
fn what_has_failed_for_good_is_discarded_at_once() {
    for kind in KINDS {
        let mut plan = scene(kind, 4, Some(1));
        stream(&mut plan).bisect = true;
        plan.consumers[0].faults.terminal = 1.0;
        let outcome = passes(plan);
        assert_eq!(batches(&outcome), [vec![1, 2, 3, 4]]);
        assert_eq!(discarded(&outcome), [(4, 1, Condition::RetryAttemptsExhausted)]);
    }
}

/// Without a split the whole batch goes, after one retry.
#[test]
fn a_batch_that_throws_is_retried_as_it_is_and_discarded_whole() {
    for kind in KINDS {
        let mut plan = scene(kind, 4, Some(1));
        stream(&mut plan).maximum_retry_attempts = Some(1);
        let outcome = passes(plan);
        assert_eq!(batches(&outcome), [vec![1, 2, 3, 4], vec![1, 2, 3, 4]]);
        assert_eq!(discarded(&outcome), [(4, 2, Condition::RetryAttemptsExhausted)]);
    }
}

/// Recorded on AWS: progress resets the count.
#[test]
fn a_partial_answer_moves_on_and_resets_the_budget() {
    for kind in KINDS {
        let mut plan = scene(kind, 4, Some(1));
        orders(&mut plan).report_batch_item_failures = true;
        stream(&mut plan).maximum_retry_attempts = Some(1);
        let outcome = passes(plan);
        assert_eq!(batches(&outcome), [vec![1, 2, 3, 4], vec![2, 3, 4], vec![2, 3, 4]]);
        assert_eq!(discarded(&outcome), [(3, 2, Condition::RetryAttemptsExhausted)]);
    }
}

/// Recorded on AWS for both kinds: of six records the last fails always, in batches of three with three retries.
#[test]
fn the_rest_of_a_partial_answer_has_all_its_retries() {
    for kind in KINDS {
        let mut plan = scene(kind, 6, Some(5));
        orders(&mut plan).report_batch_item_failures = true;
        orders(&mut plan).batch_size = 3;
        stream(&mut plan).maximum_retry_attempts = Some(3);
        let outcome = passes(plan);
        assert_eq!(batches(&outcome), [vec![1, 2, 3], vec![4, 5, 6], vec![6], vec![6], vec![6], vec![6]]);
        assert_eq!(discarded(&outcome), [(1, 4, Condition::RetryAttemptsExhausted)]);
    }
}

/// Recorded on AWS: progress cuts at the failed record, no progress halves.
#[test]
fn splits_and_partial_answers_together() {
    for kind in KINDS {
        let mut plan = scene(kind, 4, Some(1));
        orders(&mut plan).report_batch_item_failures = true;
        stream(&mut plan).maximum_retry_attempts = Some(1);
        stream(&mut plan).bisect = true;
        let outcome = passes(plan);
        assert_eq!(batches(&outcome), [vec![1, 2, 3, 4], vec![2, 3, 4], vec![2], vec![2], vec![3, 4]]);
        assert_eq!(discarded(&outcome), [(1, 2, Condition::RetryAttemptsExhausted)]);
    }
}

/// What is too old goes first and alone, although it was never invoked.
#[test]
fn what_is_too_old_is_cut_off_and_the_rest_is_delivered() {
    let mut plan = scene(SourceKind::Kinesis, 6, None);
    stream(&mut plan).maximum_record_age = Some(Duration::from_secs(60));
    plan.born = 61_000;
    for put in &mut plan.puts[1..] {
        put.at = 60_000;
    }
    let outcome = passes(plan);
    assert_eq!(batches(&outcome), [vec![2, 3, 4, 5, 6]]);
    assert_eq!(discarded(&outcome), [(1, 1, Condition::RecordAgeExceeded)]);
}

#[test]
fn throttles_and_outages_never_spend_a_retry() {
    for kind in [FaultKind::Throttled, FaultKind::Transient, FaultKind::Denied, FaultKind::Missing] {
        let mut plan = scene(SourceKind::Kinesis, 4, None);
        stream(&mut plan).maximum_retry_attempts = Some(0);
        plan.outages = vec![Outage { from: 0, until: 80_000, side: SideOf::Function, kind }];
        let outcome = passes(plan);
        assert!(outcome.invokes[0].len() > 5, "{kind:?}: {:?}", outcome.invokes);
        assert_eq!(discarded(&outcome), []);
    }
}

/// A lane waits for its destination, and nothing of its batch counts as finished before.
#[test]
fn an_unreachable_destination_loses_nothing() {
    let mut plan = scene(SourceKind::Kinesis, 4, Some(1));
    stream(&mut plan).maximum_retry_attempts = Some(0);
    let kind = FaultKind::Transient;
    plan.outages = vec![Outage { from: 0, until: 60_000, side: SideOf::Destination, kind }];
    plan.actions = vec![(30_000, Action::Crash { down: 1_000 })];
    let outcome = passes(plan);
    assert_eq!(discarded(&outcome), [(4, 1, Condition::RetryAttemptsExhausted)]);
    assert_eq!(batches(&outcome), [vec![1, 2, 3, 4], vec![1, 2, 3, 4]]);
}
