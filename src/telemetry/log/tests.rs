//! Which lines events make, at which level.

use std::sync::Mutex;

use super::*;
use crate::machine::{Checkpoint, Condition};

/// The lines that events of an orders mapping make, all levels.
fn lines(source: SourceKind, events: &[Event]) -> Vec<String> {
    use std::io::Write;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let log = EventLog::new("orders".into(), source, Arc::default());
        events.iter().for_each(|event| log.write(event));
    });
    let bytes = sink.0.lock().unwrap().clone();
    let lines: Vec<String> = String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
    assert!(lines.iter().all(|line| line.contains("mapping=\"orders\"")), "{lines:?}");
    lines
}

fn levels(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn levels_and_fields_are_as_promised() {
    let failed = |kind| Event::PollFailed { kind, message: "no route".into(), retry_in: Duration::from_secs(1) };
    let lines = lines(
        SourceKind::Sqs,
        &[
            failed(FaultKind::Transient),
            failed(FaultKind::Denied),
            failed(FaultKind::Denied),
            Event::Health(Health::Degraded { reason: "no route".into() }),
            Event::Health(Health::Ok),
            Event::Polled { records: 1 },
        ],
    );
    assert_eq!(levels(&lines), ["INFO", "DEBUG", "DEBUG", "WARN", "INFO", "DEBUG"], "{lines:?}");
}

#[test]
fn functions_are_quoted_and_their_errors_silenced_each_kind_on_its_own() {
    let ended = |end, problem| Event::InvokeEnded {
        end,
        records: 4,
        failed: 4,
        took: Duration::from_millis(7),
        problem: Some(problem),
    };
    let problem = |kind: &str, message: &str| Problem { kind: kind.into(), message: message.into() };
    let thrown = || ended(InvokeEnd::FunctionError, problem("KeyError", "'id'\nTraceback"));
    let reported = || ended(InvokeEnd::Partial, Problem::all_reported());
    let lines = lines(
        SourceKind::Sqs,
        &[
            thrown(),
            reported(),
            thrown(),
            reported(),
            ended(InvokeEnd::FunctionError, problem("Sandbox.Timedout", "Task timed out")),
            ended(InvokeEnd::FunctionError, problem("Runtime.ExitError", "exit status 3")),
            ended(InvokeEnd::FunctionError, problem("Sandbox.Timedout", "Task timed out")),
            ended(InvokeEnd::Fault(FaultKind::Denied), problem("denied", "may not invoke")),
            ended(InvokeEnd::Fault(FaultKind::Throttled), problem("throttled", "slow down")),
            Event::Health(Health::Failing { reason: "function: KeyError: 'id'".into() }),
            Event::Exhausted { records: 2, receives: 3 },
            Event::Exhausted { records: 1, receives: 3 },
        ],
    );
    let expected = ["WARN", "WARN", "DEBUG", "DEBUG", "WARN", "WARN", "DEBUG", "DEBUG", "DEBUG", "WARN", "WARN"];
    assert_eq!(levels(&lines), expected, "{lines:?}");
    assert!(lines[0].contains(r#"kind="KeyError" error="'id'\nTraceback""#), "{lines:?}");
    assert!(lines[1].contains("invoke failed") && lines[1].contains("BatchItemFailures"), "{lines:?}");
    assert!(lines[9].contains("failing: ") && lines[9].contains("KeyError"), "{lines:?}");
    assert!(lines[10].contains("dead-letter queue") && lines[10].contains("records=2"), "{lines:?}");
}

#[test]
fn a_careless_partial_response_is_said_with_its_remedy_and_then_silenced() {
    let kept = Event::OrderKept { records: 2 };
    let lines = lines(SourceKind::Sqs, &[kept.clone(), kept]);
    assert_eq!(levels(&lines), ["WARN"], "{lines:?}");
    for part in ["delivered again, to keep the order. Return all messages behind", "set Poller.GroupOrder", "records=2"]
    {
        assert!(lines[0].contains(part), "{part} in {lines:?}");
    }
}

#[test]
fn what_cannot_be_decided_is_said_with_what_becomes_of_it_and_then_silenced() {
    let why = "the body is not JSON, and a filter looks into it";
    let screened =
        |records, why, then| Event::Screened { filtered_out: 1, undecided: Undecided { records, why, then } };
    let of = |records| screened(records, why, Screened::Drop);
    let queue = lines(SourceKind::Sqs, &[of(0), of(1), of(2), screened(2, "other", Screened::Release), of(0)]);
    assert_eq!(levels(&queue), ["DEBUG", "WARN", "DEBUG", "WARN", "DEBUG"], "{queue:?}");
    assert!(queue[1].contains(&format!("deleted 1 message: {why} (Poller.OnUndecidable: Drop)")), "{queue:?}");
    assert!(queue[3].contains("released 2 messages: other (Poller.OnUndecidable: Release)"), "{queue:?}");
    assert!(!queue.concat().contains("silenced"), "{queue:?}");
    let stream = lines(SourceKind::Kinesis, &[of(2)]);
    assert!(stream[0].contains("skipped 2 records: the body"), "{stream:?}");
}

#[test]
fn what_streams_lose_is_said_loudly_and_for_each_shard() {
    let trimmed = |shard: &str| Event::Trimmed { shard: shard.into() };
    let lines = lines(
        SourceKind::Kinesis,
        &[
            Event::ShardStarted { shard: "a".into(), from: Checkpoint::After("7".into()) },
            trimmed("a"),
            trimmed("b"),
            trimmed("a"),
            Event::ShardEnded { shard: "a".into() },
            Event::ShardGone { shard: "b".into() },
            Event::ShardGone { shard: "c".into() },
            Event::IteratorExpired { shard: "a".into() },
            Event::IteratorExpired { shard: "b".into() },
        ],
    );
    // The second trim of a, and the second expiry, within the minute are not said.
    assert_eq!(levels(&lines), ["INFO", "WARN", "WARN", "INFO", "WARN", "WARN", "INFO"], "{lines:?}");
    assert!(lines[0].contains("shard=\"a\" from=AFTER:7"), "{lines:?}");
}

#[test]
fn discards_are_logged_and_failed_saves_and_deliveries_are_silenced_while_they_repeat() {
    let retry_in = Duration::from_secs(1);
    let unsaved = || Event::CheckpointFailed { message: "disk full".into(), retry_in };
    let undelivered = |kind| Event::DestinationFailed { records: 2, kind, message: "no".into(), retry_in };
    let unlisted = |kind| Event::ListFailed { kind, message: "no".into(), retry_in };
    let lines = lines(
        SourceKind::DynamoDb,
        &[
            Event::Dropped { records: 2, condition: Condition::RetryAttemptsExhausted },
            Event::Dropped { records: 2, condition: Condition::RecordAgeExceeded },
            Event::Dropped { records: 2, condition: Condition::RecordAgeExceeded },
            Event::DeliveredToDestination { records: 2, condition: Condition::RecordAgeExceeded },
            undelivered(FaultKind::Transient),
            undelivered(FaultKind::Transient),
            undelivered(FaultKind::Missing),
            unsaved(),
            unsaved(),
            unlisted(FaultKind::Throttled),
            unlisted(FaultKind::Denied),
            unlisted(FaultKind::Denied),
            Event::Checkpointed { shard: "a".into(), checkpoint: Checkpoint::End(None) },
            Event::IteratorAge { shard: "a".into(), age: Duration::ZERO },
            Event::Bisected { records: 4 },
        ],
    );
    assert_eq!(
        levels(&lines),
        ["WARN", "WARN", "INFO", "WARN", "WARN", "INFO", "DEBUG", "DEBUG", "DEBUG", "DEBUG", "DEBUG"],
        "{lines:?}"
    );
}
