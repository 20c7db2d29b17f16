//! Where shards begin and go on: pins, restarts, children, iterators, trims, drains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::rig::{BEGIN, DYNAMODB, Rig, record, returned, shard};
use crate::machine::{
    Checkpoint, Cursor, Event, FaultKind, Fence, Machine, Position, Positions, Record, StartingPosition, StreamOptions,
};

fn latest() -> StreamOptions {
    StreamOptions { start: StartingPosition::Latest, ..StreamOptions::default() }
}

fn kept(checkpoints: &[(&str, Checkpoint)]) -> Positions {
    let checkpoints: BTreeMap<Arc<str>, Checkpoint> =
        checkpoints.iter().map(|(id, checkpoint)| (Arc::from(*id), checkpoint.clone())).collect();
    Positions { fence: Fence(3), begun: !checkpoints.is_empty(), checkpoints }
}

fn after(sequence: &str) -> Position {
    Position::After(sequence.into())
}

#[test]
fn nothing_is_read_before_the_pins_are_kept() {
    let mut rig = Rig::new(latest());
    rig.claimed(kept(&[]));
    rig.listed(&[shard("s0", &[], true), shard("s1", &["s0"], false), shard("s2", &["s0"], false)]);
    assert!(rig.reads.is_empty());
    rig.save_all();
    assert_eq!(
        rig.checkpoints,
        BTreeMap::from([
            ("s0".into(), Checkpoint::End(None)),
            ("s1".into(), Checkpoint::Latest(BEGIN)),
            ("s2".into(), Checkpoint::Latest(BEGIN)),
        ])
    );
    let polled = |rig: &Rig| rig.count(|event| matches!(event, Event::Polled { .. }));
    assert_eq!(rig.read([]).cursor, Cursor::Open(Position::Latest));
    assert_eq!(polled(&rig), 0);
    assert_eq!(rig.read([7]).cursor, Cursor::Open(Position::Latest));
    // Only now everything that arrives is delivered for sure.
    assert_eq!(polled(&rig), 1);
    assert_eq!(rig.invoke().1, [7]);
}

#[test]
fn a_pin_is_opened_by_its_time_after_a_restart() {
    let mut rig = Rig::new(latest());
    rig.claimed(kept(&[("s0", Checkpoint::Latest(BEGIN - 5_500))]));
    rig.listed(&[shard("s0", &[], false)]);
    assert_eq!(rig.read([]).cursor, Cursor::Open(Position::Timestamp(BEGIN - 5_500)));

    let mut rig = Rig::new(StreamOptions { reads: DYNAMODB, ..latest() });
    rig.claimed(kept(&[("s0", Checkpoint::Latest(BEGIN - 5_500))]));
    rig.listed(&[shard("s0", &[], false)]);
    assert_eq!(rig.reads[0].cursor, Cursor::Open(Position::TrimHorizon));
    let arrived = |number, ago| Record { arrived_unix_ms: BEGIN - ago, ..record(number) };
    rig.read_records(vec![arrived(1, 7_000), arrived(2, 6_000), arrived(3, 0)], true);
    assert_eq!(rig.invoke().1, [2, 3]);
}

#[test]
fn a_first_open_that_failed_does_not_move_the_pin() {
    let mut rig = Rig::reading(latest());
    assert_eq!(rig.read_fails(FaultKind::Transient).cursor, Cursor::Open(Position::Latest));
    rig.seconds(1);
    assert_eq!(rig.read([]).cursor, Cursor::Open(Position::Timestamp(BEGIN)));
}

#[test]
fn children_begin_when_all_parents_are_processed() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.read_records(vec![record(1)], false);
    assert!(rig.reads.is_empty());
    assert_eq!(rig.lists, 0);
    let (batch, _) = rig.invoke();
    rig.answer(batch, returned("null"));
    rig.seconds(1);
    rig.listed(&[shard("s0", &[], true), shard("s1", &["s0"], false)]);
    let read = rig.read([2]);
    assert_eq!((&*read.shard, read.cursor), ("s1", Cursor::Open(Position::TrimHorizon)));
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::End(None)));
    assert_eq!(rig.checkpoint("s1"), Some(&Checkpoint::TrimHorizon));
}

#[test]
fn a_closed_shard_with_unread_records_is_drained_after_a_restart() {
    let mut rig = Rig::new(latest());
    rig.claimed(kept(&[("s0", Checkpoint::After("4".into()))]));
    rig.listed(&[shard("s0", &[], true), shard("s1", &["s0"], false)]);
    assert_eq!(rig.reads.len(), 1);
    let read = rig.read_records(vec![record(5)], false);
    assert_eq!((&*read.shard, read.cursor), ("s0", Cursor::Open(after("4"))));
    let (batch, numbers) = rig.invoke();
    assert_eq!(numbers, [5]);
    rig.answer(batch, returned("null"));
    assert_eq!(&*rig.read([]).shard, "s1");
}

#[test]
fn a_shard_without_a_child_is_looked_for_with_growing_pauses() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.read_records(vec![], false);
    let mut listings = 0;
    for _ in 0..600 {
        rig.seconds(1);
        if rig.lists > 0 {
            listings += 1;
            rig.listed(&[shard("s0", &[], true)]);
        }
    }
    assert!((10..=20).contains(&listings), "{listings}");
}

#[test]
fn the_children_of_what_an_earlier_life_finished_are_looked_for() {
    let mut rig = Rig::new(StreamOptions::default());
    rig.claimed(kept(&[("s0", Checkpoint::End(None)), ("t0", Checkpoint::After("4".into()))]));
    rig.listed(&[shard("s0", &[], true), shard("t0", &[], false)]);
    rig.seconds(1);
    rig.listed(&[shard("s0", &[], true), shard("s1", &["s0"], false), shard("t0", &[], false)]);
    assert!(rig.reads.iter().any(|read| &*read.shard == "s1"));
}

#[test]
fn a_child_that_is_listed_late_is_found_soon() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.read_records(vec![], false);
    rig.seconds(1);
    rig.listed(&[shard("s0", &[], true), shard("s1", &["s0"], false)]);
    rig.seconds(5);
    rig.listed(&[shard("s0", &[], true), shard("s1", &["s0"], false), shard("s2", &["s0"], false)]);
    assert!(rig.reads.iter().any(|read| &*read.shard == "s2"));
    rig.seconds(30);
    rig.listed(&[shard("s1", &["s0"], false), shard("s2", &["s0"], false)]);
    rig.seconds(290);
    assert_eq!(rig.lists, 0);
    rig.seconds(15);
    assert_eq!(rig.lists, 1);
}

#[test]
fn an_expired_iterator_is_opened_after_the_last_record_read() {
    let mut rig = Rig::reading(StreamOptions::default());
    rig.read([1, 2]);
    rig.seconds(2);
    assert!(matches!(rig.read_fails(FaultKind::Expired).cursor, Cursor::Iterator(_)));
    assert_eq!(rig.read([3]).cursor, Cursor::Open(after("2")));
    assert_eq!(rig.count(|event| matches!(event, Event::IteratorExpired { .. })), 1);
}

#[test]
fn what_was_trimmed_is_passed_over_loudly() {
    let mut rig = Rig::new(StreamOptions::default());
    rig.claimed(kept(&[("s0", Checkpoint::After("4".into()))]));
    rig.listed(&[shard("s0", &[], false)]);
    rig.read_fails(FaultKind::Trimmed);
    assert_eq!(rig.read([9]).cursor, Cursor::Open(Position::TrimHorizon));
    assert_eq!(rig.count(|event| matches!(event, Event::Trimmed { .. })), 1);
}

#[test]
fn what_was_trimmed_during_an_outage_is_passed_over_at_once() {
    let mut rig = Rig::new(StreamOptions::default());
    rig.claimed(kept(&[("s0", Checkpoint::After("4".into()))]));
    rig.listed(&[shard("s0", &[], false)]);
    for _ in 0..8 {
        rig.read_fails(FaultKind::Transient);
        rig.seconds(30);
    }
    assert_eq!(rig.read_fails(FaultKind::Trimmed).cursor, Cursor::Open(after("4")));
    assert_eq!(rig.read([9]).cursor, Cursor::Open(Position::TrimHorizon));
    assert_eq!(rig.count(|event| matches!(event, Event::Trimmed { .. })), 1);
}

#[test]
fn a_shard_that_the_stream_no_longer_lists_is_over() {
    let mut rig = Rig::new(StreamOptions::default());
    rig.claimed(kept(&[("s0", Checkpoint::After("4".into())), ("s1", Checkpoint::TrimHorizon)]));
    rig.listed(&[shard("s0", &[], true), shard("s1", &[], false)]);
    while let Some(read) = rig.reads.front().cloned() {
        if &*read.shard == "s0" {
            rig.read_fails(FaultKind::Missing);
        } else {
            rig.read([]);
        }
        if rig.lists > 0 {
            break;
        }
    }
    rig.seconds(1);
    rig.listed(&[shard("s1", &[], false), shard("s2", &["s0"], false)]);
    rig.seconds(2);
    assert_eq!(rig.count(|event| matches!(event, Event::ShardGone { .. })), 1);
    assert!(rig.reads.iter().any(|read| &*read.shard == "s2"));
}

#[test]
fn a_caught_up_shard_is_read_at_the_base_rate() {
    for (reads, least, most) in [(StreamOptions::default().reads, 55, 61), (DYNAMODB, 220, 241)] {
        let mut rig = Rig::reading(StreamOptions { reads, ..StreamOptions::default() });
        let mut count = 0;
        for _ in 0..6_000 {
            while !rig.reads.is_empty() {
                count += 1;
                rig.read([]);
            }
            rig.pass(Duration::from_millis(10));
        }
        assert!((least..=most).contains(&count), "{reads:?}: {count}");
    }
}

#[test]
fn more_shards_than_reads_take_turns() {
    let mut rig = Rig::new(StreamOptions::default());
    rig.claimed(kept(&[]));
    let shards: Vec<_> = (0..1_000).map(|number| shard(&format!("s{number:04}"), &[], false)).collect();
    rig.listed(&shards);
    rig.save_all();
    let mut read = std::collections::BTreeSet::new();
    for _ in 0..1_000 {
        assert!((1..=256).contains(&rig.reads.len()));
        // Slower than the base rate asks for: 100 reads a second.
        read.insert(rig.read([]).shard);
        rig.pass(Duration::from_millis(10));
    }
    assert_eq!(read.len(), 1_000);
}

#[test]
fn a_full_answer_is_followed_by_the_next_read() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 10_000, ..StreamOptions::default() });
    assert_eq!(rig.reads[0].max, 1_000);
    rig.read(0..1_000);
    assert_eq!(rig.reads[0].max, 10_000);
    let big = |number| Record { fragment: vec![b'1'; 2048].into(), ..record(number) };
    rig.read_records((0..10_000).map(big).collect(), true);
    rig.seconds(1);
    assert_eq!(rig.reads.len(), 0);
}

#[test]
fn all_shards_together_hold_a_bounded_backlog() {
    let mut rig = Rig::new(StreamOptions { batch_size: 10_000, ..StreamOptions::default() });
    rig.claimed(kept(&[]));
    let shards: Vec<_> = (0..100).map(|number| shard(&format!("s{number:04}"), &[], false)).collect();
    rig.listed(&shards);
    rig.save_all();
    let fragment = bytes::Bytes::from(vec![b'1'; 1024]);
    for _ in 0..1_000 {
        let Some(max) = rig.reads.front().map(|read| read.max) else { break };
        let big = |number| Record { fragment: fragment.clone(), ..record(number) };
        rig.read_records((0..u64::from(max)).map(big).collect(), true);
        let expected: usize = rig.reads.iter().map(|read| read.max as usize * 1024).sum();
        let held = rig.machine.gauges().held * 1024;
        // A shard that holds nothing reads even if the others hold much, but then only a little.
        assert!(held + expected <= (64 + 32 + 10) * 1024 * 1024, "{held} {expected}");
        rig.pass(Duration::from_millis(10));
    }
    assert!(rig.machine.gauges().held >= 50_000);
}

#[test]
fn reading_ahead_is_bounded() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 10, ..StreamOptions::default() });
    let mut number = 0;
    for _ in 0..100 {
        rig.seconds(2);
        if !rig.reads.is_empty() {
            rig.read(number..number + 50);
            number += 50;
        }
    }
    assert!((1_000..=1_100).contains(&number), "{number}");
    let batches = rig.run(|_| returned("null"));
    assert_eq!(batches.concat(), (0..number).collect::<Vec<u64>>());
}
