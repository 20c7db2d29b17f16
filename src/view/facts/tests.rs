//! What a snapshot is shown as.

use std::sync::Arc;

use super::*;
use crate::engine::{Counters, Described, MappingState, Shard};
use crate::machine::{Checkpoint, Gauges, Lowered};
use crate::mapping::parse;

const NOW: u64 = 1_800_000_000_000;

fn snapshot(gauges: Gauges) -> Snapshot {
    let text = "Name: orders\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: work\n";
    let mapping = parse(std::path::Path::new("orders.yaml"), text, &|_| None).mappings.remove(0);
    Snapshot {
        elsewhere: false,
        mapping: Arc::new(mapping),
        state: MappingState::Enabled,
        modified_unix_ms: NOW,
        by_operator: false,
        health: Health::Ok,
        since_unix_ms: NOW,
        last_result: "OK".into(),
        last_error: None,
        failed_in_a_row: 0,
        counters: Counters::default(),
        gauges,
        capacity: None,
        parts: Vec::new(),
        described: Described::default(),
        iterator_age: None,
        clock_ahead_ms: 0,
        shards: [].into(),
        taken_unix_ms: NOW,
    }
}

#[test]
fn a_lowered_limit_is_shown_until_it_is_back() {
    let lowered = Some(Lowered { goal: 30, since_unix_ms: NOW - 90_500 });
    let queue = QueueStatus::new(&snapshot(Gauges { limit: 3, lowered, ..Gauges::default() }));
    assert_eq!((queue.concurrency, queue.lowered), (3, Some(LoweredStatus { from: 30, seconds: 90 })));
    let queue = QueueStatus::new(&snapshot(Gauges { limit: 30, ..Gauges::default() }));
    assert_eq!((queue.concurrency, queue.lowered), (30, None));
}

#[test]
fn a_stream_is_shown_with_its_ages_and_its_shards() {
    let gauges =
        Gauges { held: 7, in_flight: 2, limit: 10, unsaved_since_unix_ms: Some(NOW - 1_500), ..Gauges::default() };
    let age = Some(Duration::from_secs(3));
    let shard = Shard { state: ShardState::Reading, position: Checkpoint::After("41".into()), age };
    let shards = [("a".into(), shard)].into();
    let snapshot = Snapshot { iterator_age: age, clock_ahead_ms: -90_000, shards, ..snapshot(gauges) };
    let expected = StreamStatus {
        iterator_age_seconds: Some(3.0),
        checkpoint_age_seconds: 1.5,
        held: 7,
        in_flight: 2,
        concurrency: 10,
        clock_ahead_seconds: Some(-90.0),
    };
    assert_eq!(StreamStatus::new(&snapshot), expected);
    let shard = ShardStatus {
        shard_id: "a".into(),
        position: "AFTER:41".into(),
        iterator_age_seconds: Some(3.0),
        state: ShardState::Reading,
    };
    assert_eq!(ShardStatus::all(&snapshot), [shard]);
}

#[test]
fn times_are_shown_to_the_second() {
    assert_eq!(rfc3339(NOW + 2_000), "2027-01-15T08:00:02Z");
}
