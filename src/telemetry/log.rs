//! One event, at most one log line: WARN is worth waking someone, INFO is a change of health or
//! state, all else is DEBUG. A fault that repeats is said again when it changes, or each minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::machine::{Event, FaultKind, Health, InvokeEnd};
use crate::mapping::SourceKind;

/// A log line about a mapping.
macro_rules! tell {
    ($level:ident, $log:expr, $($rest:tt)*) => {
        tracing::$level!(target: "forebay::mapping", mapping = &*$log.mapping, source = $log.source, $($rest)*)
    };
}

/// How long a repeated fault stays unsaid.
const SILENCE: Duration = Duration::from_secs(60);

/// Writes the log lines of one mapping.
#[derive(Debug)]
pub(super) struct EventLog {
    mapping: Arc<str>,
    source: &'static str,
    repeats: Repeats,
}

/// What repeats on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Poll,
    Describe,
    Invoke,
    Malformed,
    Delete,
    Lease,
    TooLarge,
    Invariant,
}

impl EventLog {
    pub(super) const fn new(mapping: Arc<str>, source: SourceKind) -> Self {
        Self { mapping, source: source.as_str(), repeats: Repeats::new() }
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
                tell!(warn, self, message_id = id, bytes, silenced, "a message is too large for any invoke");
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
            Event::Drained { abandoned: 0 } => {
                tell!(info, self, "drained");
            }
            Event::Drained { abandoned } => {
                tell!(warn, self, abandoned, "drain cut short: abandoned batches will be delivered again");
            }
            Event::Polled { .. }
            | Event::Flushed { .. }
            | Event::InvokeStarted { .. }
            | Event::Held { .. }
            | Event::Deleted { .. }
            | Event::Left { .. }
            | Event::Released { .. }
            | Event::Heartbeat { .. }
            | Event::Scaled { .. }
            | Event::ShardStarted { .. }
            | Event::ShardEnded { .. }
            | Event::ShardGone { .. }
            | Event::IteratorAge { .. }
            | Event::Checkpointed { .. }
            | Event::CheckpointFailed { .. }
            | Event::Trimmed { .. }
            | Event::IteratorExpired { .. }
            | Event::ListFailed { .. }
            | Event::Bisected { .. }
            | Event::Dropped { .. }
            | Event::DeliveredToDestination { .. }
            | Event::DestinationFailed { .. }
            | Event::Described { .. } => {
                tell!(debug, self, ?event, "event");
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

    fn warn(&self, topic: Topic, key: &'static str, say: impl FnOnce(u64)) {
        if let Some(silenced) = self.repeats.admit(topic, key, Instant::now()) {
            say(silenced);
        }
    }
}

/// Remembers what was said last on each topic.
#[derive(Debug)]
struct Repeats(Mutex<BTreeMap<Topic, Said>>);

#[derive(Debug)]
struct Said {
    key: &'static str,
    at: Instant,
    silenced: u64,
}

impl Repeats {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Whether to say it, and then how often it stayed unsaid before.
    fn admit(&self, topic: Topic, key: &'static str, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match said.get_mut(&topic) {
            Some(last) if last.key == key && now.saturating_duration_since(last.at) < SILENCE => {
                last.silenced += 1;
                None
            }
            Some(last) => {
                let silenced = last.silenced;
                *last = Said { key, at: now, silenced: 0 };
                Some(silenced)
            }
            None => {
                said.insert(topic, Said { key, at: now, silenced: 0 });
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_fault_is_said_each_minute_with_what_was_silenced() {
        let repeats = Repeats::new();
        let start = Instant::now();
        assert_eq!(repeats.admit(Topic::Poll, "transient", start), Some(0));
        for second in 1..60 {
            assert_eq!(repeats.admit(Topic::Poll, "transient", start + Duration::from_secs(second)), None);
        }
        assert_eq!(repeats.admit(Topic::Poll, "transient", start + SILENCE), Some(59));
        assert_eq!(repeats.admit(Topic::Poll, "transient", start + SILENCE + Duration::from_secs(1)), None);
    }

    #[test]
    fn a_change_of_kind_is_said_at_once() {
        let repeats = Repeats::new();
        let now = Instant::now();
        assert_eq!(repeats.admit(Topic::Poll, "transient", now), Some(0));
        assert_eq!(repeats.admit(Topic::Poll, "denied", now), Some(0));
        assert_eq!(repeats.admit(Topic::Invoke, "denied", now), Some(0));
        assert_eq!(repeats.admit(Topic::Poll, "denied", now), None);
    }

    #[test]
    fn levels_and_fields_are_as_promised() {
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
            let log = EventLog::new("orders".into(), SourceKind::Sqs);
            let failed =
                |kind| Event::PollFailed { kind, message: "no route".into(), retry_in: Duration::from_secs(1) };
            log.write(&failed(FaultKind::Transient));
            log.write(&failed(FaultKind::Denied));
            log.write(&failed(FaultKind::Denied));
            log.write(&Event::Health(Health::Degraded { reason: "no route".into() }));
            log.write(&Event::Health(Health::Ok));
            log.write(&Event::Polled { records: 1 });
        });
        let bytes = sink.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let levels: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(levels, ["INFO", "WARN", "DEBUG", "WARN", "INFO", "DEBUG"], "{text}");
        assert!(text.lines().all(|line| line.contains("mapping=\"orders\"")), "{text}");
    }
}
