//! What is rendered of what happens.

use std::sync::Arc;
use std::time::Duration;

use super::MappingState;
use crate::machine::{
    Checkpoint, Condition, Event, FaultKind, FlushReason, Health, HeartbeatResult, Invariant, InvokeEnd, Undecided,
};
use crate::mapping::SourceKind;
use crate::telemetry::Metrics;

const NOW: u64 = 1_800_000_000_000;

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
}

#[test]
fn every_event_shows_in_its_series() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let orders = metrics.mapping("orders", SourceKind::Sqs);
    orders.set_state(MappingState::Enabled);
    orders.set_in_flight(2);
    orders.limiter_waited(Duration::from_millis(20));
    for event in [
        Event::Polled { records: 10 },
        Event::Flushed { records: 10, bytes: 900, reason: FlushReason::Size },
        Event::InvokeStarted { records: 10, attempt: 1 },
        Event::InvokeEnded {
            end: InvokeEnd::FunctionError,
            records: 10,
            failed: 10,
            took: Duration::from_millis(40),
            problem: None,
        },
        Event::MalformedResponse { reason: "an item has no identifier" },
        Event::Screened { filtered_out: 3, undecided: Undecided { records: 2, ..Undecided::default() } },
        Event::Screened { filtered_out: 3, undecided: Undecided::default() },
        Event::OrderKept { records: 4 },
        Event::Exhausted { records: 6, receives: 3 },
        Event::Heartbeat { result: HeartbeatResult::Extended, records: 10 },
        Event::LeaseLost { records: 1, reason: "the receipt is gone" },
        Event::DeleteFailed { records: 3, message: "internal error".into() },
        Event::TooLarge { id: "m-1".into(), bytes: 7_000_000 },
        Event::Scaled { limit: 5 },
        Event::Described { backlog: Some(40), not_visible: Some(7), visibility: Duration::from_secs(30) },
        Event::Health(Health::Degraded { reason: "the function does not exist".into() }),
        Event::Violated(Invariant::FinishedOnce),
    ] {
        orders.observe(&event);
    }
    let text = metrics.render();
    let of = "mapping=\"orders\",source=\"sqs\"";
    has(&text, concat!("forebay_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"));
    for (name, value) in [
        ("events_polled_total", "10"),
        ("events_filtered_total", "6"),
        ("events_undecidable_total", "2"),
        ("events_invoked_total", "10"),
        ("events_failed_total", "10"),
        ("malformed_responses_total", "1"),
        ("events_kept_in_order_total", "4"),
        ("leases_lost_total", "1"),
        ("delete_failures_total", "3"),
        ("oversized_messages_total", "1"),
        ("invokes_in_flight", "2"),
        ("invokes_in_flight_limit", "5"),
        ("events_exhausted_total", "6"),
        ("source_backlog", "40"),
        ("source_not_visible", "7"),
        ("mapping_degraded", "1"),
        ("mapping_failing", "0"),
        ("invoke_duration_seconds_count", "1"),
        ("batch_records_sum", "10.0"),
        ("limiter_wait_seconds_count", "1"),
    ] {
        has(&text, &format!("forebay_{name}{{{of}}} {value}"));
    }
    for (name, label, value) in [
        ("polls_total", "result=\"records\"", "1"),
        ("polls_total", "result=\"denied\"", "0"),
        ("invokes_total", "result=\"function_error\"", "1"),
        ("batch_flushes_total", "reason=\"size\"", "1"),
        ("heartbeats_total", "result=\"extended\"", "10"),
        ("invariant_violations_total", "invariant=\"settles_once\"", "1"),
        ("mapping_state", "state=\"Enabled\"", "1"),
        ("mapping_state", "state=\"Disabled\"", "0"),
    ] {
        has(&text, &format!("forebay_{name}{{{of},{label}}} {value}"));
    }
    assert!(text.contains("forebay_last_poll_timestamp_seconds{"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn a_mapping_is_degraded_or_failing_and_neither_when_it_has_stopped() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let orders = metrics.mapping("orders", SourceKind::Sqs);
    let shows = |degraded: u8, failing: u8| {
        let text = metrics.render();
        has(&text, &format!("forebay_mapping_degraded{{mapping=\"orders\",source=\"sqs\"}} {degraded}"));
        has(&text, &format!("forebay_mapping_failing{{mapping=\"orders\",source=\"sqs\"}} {failing}"));
    };
    let reason = || String::from("function: KeyError: id");
    orders.observe(&Event::Health(Health::Failing { reason: reason() }));
    shows(0, 1);
    orders.observe(&Event::Health(Health::Degraded { reason: reason() }));
    shows(1, 0);
    orders.observe(&Event::Health(Health::Failing { reason: reason() }));
    orders.forget_health();
    shows(0, 0);
}

#[test]
fn every_event_of_a_stream_shows_in_its_series() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let clicks = metrics.mapping("clicks", SourceKind::Kinesis);
    let shard = |n: u32| Arc::<str>::from(format!("shardId-{n}"));
    let condition = Condition::RecordAgeExceeded;
    let (message, retry_in) = (String::from("internal error"), Duration::from_secs(1));
    for event in [
        Event::Polled { records: 10 },
        Event::Screened { filtered_out: 4, undecided: Undecided::default() },
        Event::ShardStarted { shard: shard(1), from: Checkpoint::TrimHorizon },
        Event::ShardStarted { shard: shard(2), from: Checkpoint::TrimHorizon },
        Event::IteratorAge { shard: shard(1), age: Duration::from_millis(2500) },
        Event::IteratorAge { shard: shard(2), age: Duration::ZERO },
        Event::ShardStarted { shard: shard(3), from: Checkpoint::TrimHorizon },
        Event::ShardEnded { shard: shard(3) },
        Event::ShardGone { shard: shard(4) },
        Event::Checkpointed { shard: shard(1), checkpoint: Checkpoint::After("7".into()) },
        Event::Checkpointed { shard: shard(1), checkpoint: Checkpoint::After("8".into()) },
        Event::CheckpointFailed { message: message.clone(), retry_in },
        Event::Trimmed { shard: shard(1) },
        Event::ClockSkew { ahead_ms: -90_500 },
        Event::IteratorExpired { shard: shard(1) },
        Event::ListFailed { kind: FaultKind::Throttled, message: message.clone(), retry_in },
        Event::Bisected { records: 8 },
        Event::Dropped { records: 2, condition },
        Event::DeliveredToDestination { records: 3, condition },
        Event::DestinationFailed { records: 3, kind: FaultKind::Transient, message, retry_in },
    ] {
        clicks.observe(&event);
    }
    let text = metrics.render();
    let of = "mapping=\"clicks\",source=\"kinesis\"";
    for (name, value) in [
        ("events_polled_total", "10"),
        ("events_filtered_total", "4"),
        ("events_undecidable_total", "0"),
        ("events_dropped_total", "2"),
        ("events_delivered_to_destination_total", "3"),
        ("destination_failures_total", "1"),
        ("bisections_total", "1"),
        ("trimmed_total", "1"),
        ("shards_gone_total", "1"),
        ("iterators_expired_total", "1"),
        ("list_failures_total", "1"),
        ("iterator_age_seconds", "2.5"),
        ("checkpoint_age_seconds", "0.0"),
        ("clock_skew_seconds", "-90.5"),
    ] {
        has(&text, &format!("forebay_{name}{{{of}}} {value}"));
    }
    for (name, label, value) in [
        ("checkpoints_total", "result=\"saved\"", "2"),
        ("checkpoints_total", "result=\"failed\"", "1"),
        ("shards", "state=\"reading\"", "2"),
        ("shards", "state=\"ended\"", "1"),
        ("shards", "state=\"waiting\"", "0"),
    ] {
        has(&text, &format!("forebay_{name}{{{of},{label}}} {value}"));
    }
    assert!(!text.contains("shardId-"), "shards are no label:\n{text}");
}

#[test]
fn lag_falls_to_zero_on_an_idle_stream_and_is_not_told_of_one_that_is_not_read() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let clicks = metrics.mapping("clicks", SourceKind::DynamoDb);
    let shows = |line: &str| metrics.render().lines().any(|found| found.starts_with(line));
    let age = "forebay_iterator_age_seconds{mapping=\"clicks\",source=\"dynamodb\"} ";
    assert!(!shows(age), "nothing is read");
    clicks.observe(&Event::ShardStarted { shard: "a".into(), from: Checkpoint::TrimHorizon });
    clicks.observe(&Event::IteratorAge { shard: "a".into(), age: Duration::from_secs(9) });
    assert!(shows(&format!("{age}9.0")));
    clicks.observe(&Event::IteratorAge { shard: "a".into(), age: Duration::ZERO });
    assert!(shows(&format!("{age}0.0")));
    clicks.observe(&Event::ShardEnded { shard: "a".into() });
    assert!(!shows(age));
}

#[test]
fn what_is_not_saved_ages() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let clicks = metrics.mapping("clicks", SourceKind::Kinesis);
    let age = || {
        let text = metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix("forebay_checkpoint_age_seconds{")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(age().abs() < f64::EPSILON);
    clicks.set_unsaved_since(Some(NOW - 40_000));
    assert!((age() - 40.0).abs() < f64::EPSILON, "{}", age());
    clicks.set_unsaved_since(None);
    assert!(age().abs() < f64::EPSILON);
}

#[test]
fn queues_and_streams_have_only_what_they_can_have() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let _queue = metrics.mapping("queue", SourceKind::Sqs);
    let _stream = metrics.mapping("stream", SourceKind::Kinesis);
    let text = metrics.render();
    let has = |name: &str, mapping: &str| text.contains(&format!("forebay_{name}{{mapping=\"{mapping}\""));
    for name in [
        "events_deleted_total",
        "events_kept_in_order_total",
        "leases_lost_total",
        "delete_failures_total",
        "heartbeats_total",
    ] {
        assert!(has(name, "queue") && !has(name, "stream"), "{name} in\n{text}");
    }
    for name in ["events_dropped_total", "bisections_total", "checkpoint_age_seconds", "checkpoints_total", "shards"] {
        assert!(has(name, "stream") && !has(name, "queue"), "{name} in\n{text}");
    }
}

#[test]
fn what_is_not_known_has_no_series() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let _idle = metrics.mapping("idle", SourceKind::Sqs);
    let text = metrics.render();
    for name in ["source_backlog{", "last_poll_timestamp_seconds{", "mapping_state{", "invariant_violations_total{"] {
        assert!(!text.contains(name), "{name} in\n{text}");
    }
    has(&text, "forebay_events_polled_total{mapping=\"idle\",source=\"sqs\"} 0");
}

#[test]
fn every_name_is_documented_and_every_documented_name_exists() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let _queue = metrics.mapping("queue", SourceKind::Sqs);
    let text = metrics.render();
    let mut written: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE forebay_")?.split_once(' '))
        .map(|(name, kind)| match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        })
        .collect();
    let page = include_str!("../../docs/metrics.md");
    let mut documented: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.split('{').next().unwrap_or(name).to_owned())
        .collect();
    written.sort();
    documented.sort();
    assert_eq!(written, documented);
}

#[test]
fn names_are_escaped() {
    let metrics = Metrics::new(Arc::new(|| NOW));
    let _odd = metrics.mapping("a\"b\\c\nd", SourceKind::Sqs);
    assert!(metrics.render().contains("mapping=\"a\\\"b\\\\c\\nd\""), "{}", metrics.render());
}
