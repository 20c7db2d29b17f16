//! Streams' lives made by hand, for what must hold in so many words.

use std::time::Duration;

use forebay::machine::{Condition, FailedBatch, FaultKind, StartingPosition};
use forebay::mapping::{Mapping, SourceKind, StreamParameters};

use super::life::{StreamOutcome, run};
use super::plan::{
    Action, CallFaults, ConsumerPlan, FunctionPlan, Put, Reshard, SideOf, StorePlan, StreamFaults, StreamOutage,
    StreamPlan, WaterPlan, destination, mapping,
};

/// Both kinds of streams keep the same rules.
const KINDS: [SourceKind; 2] = [SourceKind::Kinesis, SourceKind::DynamoDb];

/// One shard with `records` in it before anything starts, all of one key; `poison` fails always.
pub(super) fn scene(kind: SourceKind, records: usize, poison: Option<usize>) -> StreamPlan {
    let put = |n| Put { at: 0, key: 1, size: 20, poison: poison == Some(n) };
    let mut orders = mapping("orders", kind, StartingPosition::TrimHorizon);
    orders.on_failure = Some(destination(false));
    StreamPlan {
        seed: 7,
        stream: WaterPlan {
            kind,
            shards: 1,
            retention: 24 * 3_600_000,
            lag: (0, 0),
            latency: (2, 8),
            first_sequence: 998,
            most: 10_000,
        },
        consumers: vec![ConsumerPlan {
            mapping: orders,
            function: FunctionPlan { timeout: 10_000, duration: (20, 100), reserved: None, broken: None },
            faults: CallFaults::default(),
        }],
        puts: (0..records).map(put).collect(),
        reshards: Vec::new(),
        disabled: None,
        host: Vec::new(),
        faults: StreamFaults::default(),
        outages: Vec::new(),
        store: StorePlan { latency: (0, 10), fails: 0.0, lost: 0.0 },
        born: 1_000,
        actions: Vec::new(),
        fair_at: 100_000,
        watch_idle: true,
    }
}

pub(super) fn orders(plan: &mut StreamPlan) -> &mut Mapping {
    &mut plan.consumers[0].mapping
}

pub(super) fn stream(plan: &mut StreamPlan) -> &mut StreamParameters {
    orders(plan).stream.as_mut().expect("a stream mapping")
}

pub(super) fn passes(plan: StreamPlan) -> StreamOutcome {
    let outcome = run(plan, false);
    let told = &outcome.told;
    assert!(told.violation.is_none(), "{}\n{}", told.violation.as_deref().unwrap_or_default(), told.tail.join("\n"));
    outcome
}

/// The batches of the first mapping in the order of their invokes; records count from 1.
fn batches(outcome: &StreamOutcome) -> Vec<Vec<usize>> {
    outcome.invokes[0].iter().map(|(records, _)| records.iter().map(|record| record + 1).collect()).collect()
}

/// What its destination was told: how many records, after how many invokes, and why.
fn given_up(outcome: &StreamOutcome) -> Vec<(usize, u32, Condition)> {
    let size = |batch: &FailedBatch| match batch {
        FailedBatch::Stream { span, .. } => span.as_ref().map_or(0, |span| span.records),
        FailedBatch::Queue { .. } => panic!("a queue in a stream"),
    };
    outcome.kept[0].iter().map(|failure| (size(&failure.batch), failure.invokes, failure.condition)).collect()
}

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
        assert_eq!(given_up(&outcome), [(1, 2, Condition::RetryAttemptsExhausted)]);
    }
}

/// Without a split the whole batch goes, after one retry.
#[test]
fn a_batch_that_throws_is_tried_as_it_is_and_given_up_whole() {
    for kind in KINDS {
        let mut plan = scene(kind, 4, Some(1));
        stream(&mut plan).maximum_retry_attempts = Some(1);
        let outcome = passes(plan);
        assert_eq!(batches(&outcome), [vec![1, 2, 3, 4], vec![1, 2, 3, 4]]);
        assert_eq!(given_up(&outcome), [(4, 2, Condition::RetryAttemptsExhausted)]);
    }
}

/// Recorded on AWS: progress begins the count anew.
#[test]
fn a_partial_answer_moves_on_and_resets_the_budget() {
    for kind in KINDS {
        let mut plan = scene(kind, 4, Some(1));
        orders(&mut plan).report_batch_item_failures = true;
        stream(&mut plan).maximum_retry_attempts = Some(1);
        let outcome = passes(plan);
        assert_eq!(batches(&outcome), [vec![1, 2, 3, 4], vec![2, 3, 4], vec![2, 3, 4]]);
        assert_eq!(given_up(&outcome), [(3, 2, Condition::RetryAttemptsExhausted)]);
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
        assert_eq!(given_up(&outcome), [(1, 4, Condition::RetryAttemptsExhausted)]);
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
        assert_eq!(given_up(&outcome), [(1, 2, Condition::RetryAttemptsExhausted)]);
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
    assert_eq!(given_up(&outcome), [(1, 1, Condition::RecordAgeExceeded)]);
}

#[test]
fn throttles_and_outages_never_spend_a_retry() {
    for kind in [FaultKind::Throttled, FaultKind::Transient, FaultKind::Denied, FaultKind::Missing] {
        let mut plan = scene(SourceKind::Kinesis, 4, None);
        stream(&mut plan).maximum_retry_attempts = Some(0);
        plan.outages = vec![StreamOutage { from: 0, until: 80_000, side: SideOf::Function, kind }];
        let outcome = passes(plan);
        assert!(outcome.invokes[0].len() > 5, "{kind:?}: {:?}", outcome.invokes);
        assert_eq!(given_up(&outcome), []);
    }
}

/// A lane waits for its destination, and nothing of its batch counts as settled before.
#[test]
fn an_unreachable_destination_loses_nothing() {
    let mut plan = scene(SourceKind::Kinesis, 4, Some(1));
    stream(&mut plan).maximum_retry_attempts = Some(0);
    let kind = FaultKind::Transient;
    plan.outages = vec![StreamOutage { from: 0, until: 60_000, side: SideOf::Destination, kind }];
    plan.actions = vec![(30_000, Action::Crash { down: 1_000 })];
    let outcome = passes(plan);
    assert_eq!(given_up(&outcome), [(4, 1, Condition::RetryAttemptsExhausted)]);
    assert_eq!(batches(&outcome), [vec![1, 2, 3, 4], vec![1, 2, 3, 4]]);
}

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
        assert_eq!(given_up(&outcome), []);
    }
}

/// What comes between the pin and the first read belongs to the mapping, whatever happens to the process.
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
    other.mapping.stream.as_mut().unwrap().maximum_retry_attempts = Some(0);
    plan.consumers.push(other);
    let outcome = passes(plan);
    assert_eq!(given_up(&outcome), [(20, 6, Condition::RetryAttemptsExhausted)]);
    assert_eq!(outcome.invokes[1].len(), 2, "{:?}", outcome.invokes[1]);
}

/// What a table's stream still holds is read, and then the mapping says that nothing follows, and what took its place.
#[test]
fn a_stream_that_was_disabled_is_read_to_its_end_and_shown() {
    for start in [StartingPosition::TrimHorizon, StartingPosition::Latest] {
        for at in [500, 5_000] {
            let mut plan = scene(SourceKind::DynamoDb, 20, None);
            for (n, put) in plan.puts.iter_mut().enumerate() {
                put.at = 400 * n as u64;
            }
            stream(&mut plan).start = start;
            plan.disabled = Some(at);
            let outcome = passes(plan);
            let seen = batches(&outcome).concat();
            assert_eq!(seen.is_empty(), at == 500 && start == StartingPosition::Latest, "{start:?} {at}: {seen:?}");
        }
    }
}

/// An old END makes the new stream's first shard count as processed, and old sequence numbers lead nowhere.
#[test]
fn a_stream_that_was_made_again_is_not_taken_for_the_old_one() {
    for (reshards, splits) in [(vec![(2_000, Reshard::Split)], 0), (vec![(2_000, Reshard::Split)], 1), (vec![], 0)] {
        let mut plan = scene(SourceKind::Kinesis, 40, None);
        for (n, put) in plan.puts.iter_mut().enumerate() {
            (put.at, put.key) = (500 * n as u64, n as u32);
        }
        plan.reshards = reshards;
        plan.actions = vec![(10_000, Action::Recreate { splits, down: 3_000 })];
        let outcome = passes(plan);
        let seen = batches(&outcome).concat();
        assert!((22..=40).all(|record| seen.contains(&record)), "{seen:?}");
    }
}

/// Children that are not listed for long leave nothing to read: shown meanwhile, and over when they are there.
#[test]
fn whoever_reads_nothing_for_long_says_so() {
    for kind in KINDS {
        let mut plan = scene(kind, 20, None);
        for (n, put) in plan.puts.iter_mut().enumerate() {
            put.at = 400 * n as u64;
        }
        plan.reshards = vec![(3_000, Reshard::Rotate)];
        plan.stream.lag = (400_000, 400_000);
        let outcome = passes(plan);
        assert_eq!(batches(&outcome).concat().len(), 20);
        assert!(outcome.told.lasted > 400_000);
    }
}

/// Fresh records are not too old because the host's clock is ahead, whatever it does meanwhile.
#[test]
fn ages_go_by_the_clock_of_the_stream() {
    for kind in KINDS {
        for host in [vec![(0, 90_000)], vec![(0, -90_000)], vec![(0, 0), (2_000, 7_200_000), (4_000, -7_200_000)]] {
            let mut plan = scene(kind, 10, None);
            for (n, put) in plan.puts.iter_mut().enumerate() {
                put.at = 1_500 + 500 * n as u64;
            }
            stream(&mut plan).maximum_record_age = Some(Duration::from_secs(60));
            plan.host = host;
            let outcome = passes(plan);
            assert_eq!(batches(&outcome).concat(), (1..=10).collect::<Vec<_>>(), "{kind:?}");
            assert_eq!(given_up(&outcome), []);
        }
    }
}

/// A pin that was made while the host's clock was wrong is right all the same, also when the clock is set.
#[test]
fn latest_is_pinned_by_the_clock_of_the_stream() {
    for kind in KINDS {
        for ahead in [7_200_000, -7_200_000] {
            for host in [vec![(0, ahead)], vec![(0, ahead), (20_000, 0)]] {
                let mut plan = scene(kind, 10, None);
                for (n, put) in plan.puts.iter_mut().enumerate() {
                    put.at = 4_000 * n as u64;
                }
                plan.born = 10_500;
                stream(&mut plan).start = StartingPosition::Latest;
                plan.actions = vec![(11_500, Action::Crash { down: 20_000 })];
                plan.host = host;
                let outcome = passes(plan);
                assert_eq!(batches(&outcome).concat(), (4..=10).collect::<Vec<_>>(), "{kind:?} {ahead}");
            }
        }
    }
}
