//! Streams that end, and clocks that are wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use forebay::machine::StartingPosition;
use forebay::mapping::SourceKind;

use super::super::plan::{Action, Reshard};
use super::{KINDS, batches, discarded, passes, scene, stream};

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

/// An END without a sequence number tells no streams apart: that the shard is listed as open does, after a while.
#[test]
fn an_end_without_a_sequence_number_is_not_believed_of_an_open_shard() {
    let mut plan = scene(SourceKind::Kinesis, 40, None);
    for (n, put) in plan.puts.iter_mut().enumerate() {
        (put.at, put.key) = (500 * n as u64, n as u32);
    }
    plan.reshards = vec![(2_000, Reshard::Split)];
    plan.store.plain_ends = true;
    plan.actions = vec![(6_000, Action::Crash { down: 500 }), (10_000, Action::Recreate { splits: 0, down: 3_000 })];
    let outcome = passes(plan);
    let seen = batches(&outcome).concat();
    assert!((30..=40).all(|record| seen.contains(&record)), "{seen:?}");
}

/// A stream that was made again may have been split as the old one was: its shards are closed where END says so.
#[test]
fn a_stream_that_was_made_again_and_split_alike_is_not_taken_for_the_old_one() {
    let mut plan = scene(SourceKind::Kinesis, 12, None);
    for (n, put) in plan.puts.iter_mut().enumerate() {
        // Nothing comes between the split and the deletion: no sequence number distinguishes the streams.
        (put.at, put.key) = (if n < 4 { 400 * n as u64 } else { 8_000 + 1_000 * n as u64 }, n as u32);
    }
    plan.reshards = vec![(2_000, Reshard::Split), (30_000, Reshard::Split)];
    plan.actions = vec![(10_000, Action::Recreate { splits: 0, down: 25_000 })];
    let outcome = passes(plan);
    assert_eq!(batches(&outcome).concat().into_iter().collect::<BTreeSet<_>>(), (1..=12).collect());
}

/// Children that are not listed for long leave nothing to read: shown meanwhile, and over when they are there.
#[test]
fn a_mapping_that_reads_nothing_for_long_says_so() {
    for kind in KINDS {
        let mut plan = scene(kind, 20, None);
        for (n, put) in plan.puts.iter_mut().enumerate() {
            put.at = 400 * n as u64;
        }
        plan.reshards = vec![(3_000, Reshard::Rotate)];
        plan.stream.lag = (400_000, 400_000);
        let outcome = passes(plan);
        assert_eq!(batches(&outcome).concat().len(), 20);
        assert!(outcome.report.lasted > 400_000);
    }
}

/// Fresh records are not too old because the host's clock is ahead, even if it changes meanwhile.
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
            assert_eq!(discarded(&outcome), []);
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
