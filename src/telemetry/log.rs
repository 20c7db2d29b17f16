//! One event, at most one log line: WARN is worth waking someone, INFO is a change of health or
//! state, all else is DEBUG. A fault that repeats is said again when it changes, or each minute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::drought::Drought;
use super::repeats::{Repeats, Silenced, Topic};
use crate::machine::{Event, FaultKind, Health, InvokeEnd, Mark, Screened, Undecided};
use crate::mapping::SourceKind;

/// So many shards are named in one line.
const SHOWN_SHARDS: usize = 20;

/// A log line about a mapping.
macro_rules! tell {
    ($level:ident, $log:expr, $($rest:tt)*) => {
        tracing::$level!(target: "forebay::mapping", mapping = &*$log.mapping, source = $log.source, $($rest)*)
    };
}

/// Writes the log lines of one mapping.
#[derive(Debug)]
pub(super) struct EventLog {
    mapping: Arc<str>,
    source: &'static str,
    repeats: Repeats,
    drought: Drought,
}

impl EventLog {
    pub(super) const fn new(mapping: Arc<str>, source: SourceKind) -> Self {
        Self { mapping, source: source.as_str(), repeats: Repeats::new(), drought: Drought::new() }
    }

    pub(super) fn write(&self, event: &Event) {
        match event {
            Event::PollFailed { kind, message, retry_in } => self.poll_failed(*kind, message, *retry_in),
            Event::DescribeFailed { kind, message } => self.warn(Topic::Describe, kind.as_str(), |silenced| {
                tell!(
                    warn,
                    self,
                    kind = kind.as_str(),
                    error = message,
                    silenced,
                    "the source's attributes cannot be read: going on without them"
                );
            }),
            Event::InvokeEnded { end, records, failed, took, message } => {
                self.invoke_ended(*end, *records, *failed, *took, message.as_deref());
            }
            Event::MalformedResponse { reason } => self.warn(Topic::Malformed, reason, |silenced| {
                tell!(warn, self, reason, silenced, "malformed answer: the whole batch counts as failed");
            }),
            Event::Screened { filtered_out, undecided } => self.screened(*filtered_out, *undecided),
            Event::InvokeStarted { .. } => {
                if self.drought.passed(Instant::now) {
                    tell!(info, self, "records pass the filters again");
                } else {
                    tell!(debug, self, ?event, "event");
                }
            }
            Event::OrderKept { records } => self.warn(Topic::Order, "", |silenced| {
                tell!(
                    warn,
                    self,
                    records,
                    silenced,
                    "the function reported messages as processed although an earlier one of their group failed: they will \
                     come again behind it; return all that are behind the first failure, or set Poller.GroupOrder"
                );
            }),
            Event::DeleteFailed { records, message } => self.warn(Topic::Delete, "", |silenced| {
                tell!(warn, self, records, error = message, silenced, "messages could not be deleted, trying again");
            }),
            Event::LeaseLost { records, reason } => self.warn(Topic::Lease, reason, |silenced| {
                tell!(
                    warn,
                    self,
                    records,
                    reason,
                    silenced,
                    "lost before they were settled: they will be delivered again"
                );
            }),
            Event::TooLarge { id, bytes } => self.warn(Topic::TooLarge, "", |silenced| {
                tell!(warn, self, id, bytes, silenced, "a record is too large for any invoke");
            }),
            Event::Violated(invariant) => self.warn(Topic::Invariant, invariant.as_str(), |silenced| {
                tell!(
                    error,
                    self,
                    invariant = invariant.as_str(),
                    silenced,
                    "an invariant was violated: please report this"
                );
            }),
            Event::Health(Health::Ok) => {
                tell!(info, self, "healthy");
            }
            Event::Health(Health::Degraded { reason }) => {
                tell!(warn, self, reason, "degraded");
            }
            Event::Drained { abandoned, unsaved } => self.drained(*abandoned, unsaved),
            Event::Polled { .. }
            | Event::Flushed { .. }
            | Event::Held { .. }
            | Event::Deleted { .. }
            | Event::Left { .. }
            | Event::Released { .. }
            | Event::Heartbeat { .. }
            | Event::Scaled { .. }
            | Event::IteratorAge { .. }
            | Event::Checkpointed { .. }
            | Event::Bisected { .. }
            | Event::Described { .. } => {
                tell!(debug, self, ?event, "event");
            }
            Event::ClockSkew { ahead_ms: 0 } => {
                tell!(info, self, "the host's clock agrees with the source's again");
            }
            Event::ClockSkew { ahead_ms } => {
                let ahead_seconds = ahead_ms / 1000;
                tell!(warn, self, ahead_seconds, "the host's clock differs from the source's, which counts: set it by NTP");
            }
            Event::ShardStarted { .. }
            | Event::ShardEnded { .. }
            | Event::ShardGone { .. }
            | Event::PinMoved { .. }
            | Event::Trimmed { .. }
            | Event::IteratorExpired { .. } => self.shard(event),
            Event::CheckpointFailed { .. }
            | Event::ListFailed { .. }
            | Event::Dropped { .. }
            | Event::DeliveredToDestination { .. }
            | Event::DestinationFailed { .. } => self.stream(event),
        }
    }

    /// How a drain has ended, and what is repeated.
    fn drained(&self, abandoned: usize, unsaved: &[(Arc<str>, Mark)]) {
        if abandoned > 0 {
            tell!(warn, self, abandoned, "drain cut short: abandoned batches will be delivered again");
        }
        if !unsaved.is_empty() {
            let mut shards: Vec<String> =
                unsaved.iter().take(SHOWN_SHARDS).map(|(shard, mark)| format!("{shard} up to {mark}")).collect();
            if unsaved.len() > SHOWN_SHARDS {
                shards.push(format!("and {} more", unsaved.len() - SHOWN_SHARDS));
            }
            tell!(
                warn,
                self,
                shards = shards.join(", "),
                "the last checkpoints were not saved: the records of these shards from their last saved checkpoint on will \
                 be delivered again"
            );
        }
        if abandoned == 0 && unsaved.is_empty() {
            tell!(info, self, "drained");
        }
    }

    /// What the filters stopped.
    fn screened(&self, filtered_out: usize, undecided: Undecided) {
        let now = Instant::now();
        let Undecided { records: undecidable, why, then } = undecided;
        let said = if undecidable > 0 { self.repeats.admit(Topic::Undecidable, why, now) } else { None };
        let dry = self.drought.filtered(filtered_out, now, said.is_none());
        match (said, dry) {
            (Some(silenced), _) => {
                let done = self.done(then, undecidable);
                tell!(warn, self, silenced, "{done}: {why} (Poller.OnUndecidable: {})", then.as_str());
            }
            (None, Some((dry, filtered))) => {
                tell!(
                    warn,
                    self,
                    filtered,
                    nothing_passed_for = ?Duration::from_secs(dry.as_secs()),
                    "the filters let nothing pass: try FilterCriteria with `forebay filter`"
                );
            }
            (None, None) => {
                tell!(debug, self, filtered_out, undecidable, "filtered");
            }
        }
    }

    /// What becomes of records that the filters cannot be applied to.
    fn done(&self, then: Screened, records: usize) -> String {
        let queue = self.source == SourceKind::Sqs.as_str();
        let noun = if queue { "message" } else { "record" };
        let what = if records == 1 { format!("1 {noun}") } else { format!("{records} {noun}s") };
        match then {
            Screened::Drop if queue => format!("deleted {what}"),
            Screened::Drop => format!("skipped {what}"),
            Screened::Deliver => format!("delivered {what} unfiltered"),
            Screened::Release => format!("released {what}"),
            Screened::Destination => format!("sent {what} to the destination"),
        }
    }

    /// What happens to one shard. A loss is said for each shard: another one's does not silence it.
    fn shard(&self, event: &Event) {
        match event {
            Event::ShardStarted { shard, from } => {
                tell!(info, self, shard = &**shard, %from, "a shard is read");
            }
            Event::PinMoved { shard, from, to } => {
                tell!(
                    warn,
                    self,
                    shard = &**shard,
                    %from,
                    %to,
                    "a shard was pinned at a time that is still to come, by a clock that was wrong: it is pinned at this time"
                );
            }
            Event::ShardEnded { shard } => {
                self.repeats.forget(shard);
                tell!(info, self, shard = &**shard, "a closed shard was processed to its end");
            }
            Event::ShardGone { shard } => {
                self.repeats.forget(shard);
                tell!(
                    warn,
                    self,
                    shard = &**shard,
                    "the stream no longer lists a shard: what was not read of it is lost"
                );
            }
            Event::Trimmed { shard } => {
                if let Some(silenced) = self.repeats.admit_of(shard, Topic::Trimmed, "", Instant::now()) {
                    tell!(
                        warn,
                        self,
                        shard = &**shard,
                        silenced,
                        "records were trimmed before they were read: they are lost, going on with the oldest"
                    );
                }
            }
            Event::IteratorExpired { shard } => {
                if let Some(silenced) = self.repeats.admit(Topic::IteratorExpired, "", Instant::now()) {
                    tell!(info, self, shard = &**shard, silenced, "an iterator has expired: opening the shard again");
                }
            }
            _ => {}
        }
    }

    /// What happens to a stream's marks and to records that are given up.
    fn stream(&self, event: &Event) {
        match event {
            Event::CheckpointFailed { message, retry_in } => self.warn(Topic::Checkpoint, "", |silenced| {
                tell!(warn, self, error = message, ?retry_in, silenced, "checkpoint failed, trying again");
            }),
            Event::ListFailed { kind, message, retry_in } => self.list_failed(*kind, message, *retry_in),
            Event::Dropped { records, condition } => self.warn(Topic::Dropped, condition.as_str(), |silenced| {
                let condition = condition.as_str();
                tell!(warn, self, records, condition, silenced, "records were given up, and there is no destination");
            }),
            Event::DeliveredToDestination { records, condition } => {
                let condition = condition.as_str();
                if let Some(silenced) = self.repeats.admit(Topic::Delivered, condition, Instant::now()) {
                    tell!(
                        info,
                        self,
                        records,
                        condition,
                        silenced,
                        "records were given up and told to the destination"
                    );
                }
            }
            Event::DestinationFailed { records, kind, message, retry_in } => {
                let kind = kind.as_str();
                self.warn(Topic::Destination, kind, |silenced| {
                    tell!(
                        warn,
                        self,
                        records,
                        kind,
                        error = message,
                        ?retry_in,
                        silenced,
                        "the destination did not confirm a failure record, delivering again"
                    );
                });
            }
            _ => {}
        }
    }

    fn list_failed(&self, kind: FaultKind, message: &str, retry_in: Duration) {
        let label = kind.as_str();
        match self.repeats.admit(Topic::List, label, Instant::now()) {
            Some(silenced) if kind.needs_operator() => {
                tell!(warn, self, kind = label, error = message, ?retry_in, silenced, "shards cannot be listed");
            }
            Some(silenced) => {
                tell!(info, self, kind = label, error = message, ?retry_in, silenced, "shards cannot be listed");
            }
            None => {
                tell!(debug, self, kind = label, error = message, ?retry_in, "shards cannot be listed");
            }
        }
    }

    fn poll_failed(&self, kind: FaultKind, message: &str, retry_in: Duration) {
        // Polls are cancelled by ourselves: no news.
        let said = match kind {
            FaultKind::Cancelled => None,
            _ => self.repeats.admit(Topic::Poll, kind.as_str(), Instant::now()),
        };
        let kind_label = kind.as_str();
        match said {
            Some(silenced) if kind.needs_operator() => {
                tell!(warn, self, kind = kind_label, error = message, ?retry_in, silenced, "poll failed");
            }
            Some(silenced) => {
                tell!(info, self, kind = kind_label, error = message, ?retry_in, silenced, "poll failed");
            }
            None => {
                tell!(debug, self, kind = kind_label, error = message, ?retry_in, "poll failed");
            }
        }
    }

    fn invoke_ended(&self, end: InvokeEnd, records: usize, failed: usize, took: Duration, message: Option<&str>) {
        let worth_saying = match end {
            InvokeEnd::Success | InvokeEnd::Partial => false,
            InvokeEnd::Fault(FaultKind::Throttled | FaultKind::Cancelled) => false,
            InvokeEnd::FunctionError | InvokeEnd::Fault(_) => true,
        };
        let result = end.as_str();
        let said = if worth_saying { self.repeats.admit(Topic::Invoke, result, Instant::now()) } else { None };
        match said {
            Some(silenced) => {
                tell!(warn, self, result, records, failed, ?took, error = message, silenced, "invoke failed");
            }
            None => {
                tell!(debug, self, result, records, failed, ?took, error = message, "invoke ended");
            }
        }
    }

    fn warn(&self, topic: Topic, key: &'static str, say: impl FnOnce(Silenced)) {
        if let Some(silenced) = self.repeats.admit(topic, key, Instant::now()) {
            say(silenced);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::machine::{Condition, Mark};

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
            let log = EventLog::new("orders".into(), source);
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
        assert_eq!(levels(&lines), ["INFO", "WARN", "DEBUG", "WARN", "INFO", "DEBUG"], "{lines:?}");
    }

    #[test]
    fn a_careless_partial_response_is_said_with_its_remedy_and_then_silenced() {
        let kept = Event::OrderKept { records: 2 };
        let lines = lines(SourceKind::Sqs, &[kept.clone(), kept]);
        assert_eq!(levels(&lines), ["WARN"], "{lines:?}");
        for part in ["they will come again behind it; return all", "set Poller.GroupOrder", "records=2"] {
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
        assert!(!queue[1].contains("silenced") && queue[3].contains("silenced=1"), "{queue:?}");
        let stream = lines(SourceKind::Kinesis, &[of(2)]);
        assert!(stream[0].contains("skipped 2 records: the body"), "{stream:?}");
    }

    #[test]
    fn what_streams_lose_is_said_loudly_and_for_each_shard() {
        let trimmed = |shard: &str| Event::Trimmed { shard: shard.into() };
        let lines = lines(
            SourceKind::Kinesis,
            &[
                Event::ShardStarted { shard: "a".into(), from: Mark::After("7".into()) },
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
    fn giving_up_is_said_and_failed_saves_and_deliveries_are_silenced_while_they_repeat() {
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
                Event::Checkpointed { shard: "a".into(), mark: Mark::End },
                Event::IteratorAge { shard: "a".into(), age: Duration::ZERO },
                Event::Bisected { records: 4 },
            ],
        );
        assert_eq!(
            levels(&lines),
            ["WARN", "WARN", "INFO", "WARN", "WARN", "WARN", "INFO", "WARN", "DEBUG", "DEBUG", "DEBUG", "DEBUG"],
            "{lines:?}"
        );
    }
}
