//! One event, at most one log line: WARN is worth waking someone, INFO is a change of health or
//! state, all else is DEBUG. A fault that repeats is said each minute, and its first line is that of the health where
//! it changes that at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::crowd::Crowd;
use super::drought::Drought;
use super::repeats::{Repeats, Silenced, Topic};
use crate::machine::{Checkpoint, Event, FaultKind, Health, InvokeEnd, Problem, Screened, Undecided};
use crate::mapping::{Rules, SourceKind};

/// So many shards are named in one line.
const SHOWN_SHARDS: usize = 20;

/// A log line about a mapping.
macro_rules! line {
    ($level:ident, $log:expr, $($rest:tt)*) => {
        tracing::$level!(target: "forebay::mapping", mapping = &*$log.mapping, source = $log.rules.label, $($rest)*)
    };
}

mod streams;
#[cfg(test)]
mod tests;

/// Writes the log lines of one mapping.
#[derive(Debug)]
pub(super) struct EventLog {
    mapping: Arc<str>,
    rules: &'static Rules,
    repeats: Repeats,
    drought: Drought,
    crowd: Arc<Crowd>,
}

impl EventLog {
    pub(super) const fn new(mapping: Arc<str>, kind: SourceKind, crowd: Arc<Crowd>) -> Self {
        Self { mapping, rules: kind.rules(), repeats: Repeats::new(), drought: Drought::new(), crowd }
    }

    /// The mapping has stopped: it counts as neither well nor unwell.
    pub(super) fn forget_health(&self) {
        self.crowd.note(&self.mapping, false, Instant::now());
    }

    pub(super) fn write(&self, event: &Event) {
        match event {
            Event::PollFailed { kind, message, retry_in } => {
                self.poll_failed(*kind, message, *retry_in);
                self.count_together();
            }
            Event::DescribeFailed { kind, message } => self.warn(Topic::Describe, kind.as_str(), |silenced| {
                line!(
                    warn,
                    self,
                    kind = kind.as_str(),
                    error = message,
                    silenced,
                    "the queue's attributes cannot be read: continuing without them"
                );
            }),
            Event::InvokeEnded { end, records, failed, took, problem } => {
                self.invoke_ended(*end, *records, *failed, *took, problem.as_ref());
            }
            Event::Exhausted { records, receives } => self.warn(Topic::Exhausted, "", |silenced| {
                line!(
                    warn,
                    self,
                    records,
                    max_receive_count = receives,
                    silenced,
                    "messages failed on their last receive: SQS moves them to the dead-letter queue"
                );
            }),
            Event::MalformedResponse { reason } => self.warn(Topic::Malformed, reason, |silenced| {
                line!(
                    warn,
                    self,
                    reason,
                    silenced,
                    "malformed response of the function: the whole batch counts as \
                    failed"
                );
            }),
            Event::Screened { filtered_out, undecided } => self.screened(*filtered_out, *undecided),
            Event::InvokeStarted { .. } => {
                if self.drought.passed(Instant::now) {
                    line!(info, self, "records pass the filters again");
                } else {
                    line!(debug, self, ?event, "event");
                }
            }
            Event::OrderKept { records } => self.warn(Topic::Order, "", |silenced| {
                line!(
                    warn,
                    self,
                    records,
                    silenced,
                    "the function reported messages as processed behind a failed one of their group: they are \
                     delivered again, to keep the order. Return all messages behind the first failure, or set \
                     Poller.GroupOrder"
                );
            }),
            Event::DeleteFailed { records, message } => self.warn(Topic::Delete, "", |silenced| {
                line!(warn, self, records, error = message, silenced, "messages could not be deleted: retrying");
            }),
            Event::LeaseLost { records, reason } => self.warn(Topic::Lease, reason, |silenced| {
                line!(
                    warn,
                    self,
                    records,
                    reason,
                    silenced,
                    "messages lost before they were deleted: they may be delivered again"
                );
            }),
            Event::TooLarge { id, bytes } => self.warn(Topic::TooLarge, "", |silenced| {
                line!(warn, self, id, bytes, silenced, "a record is too large for an invoke");
            }),
            Event::Violated(invariant) => self.warn(Topic::Invariant, invariant.as_str(), |silenced| {
                line!(
                    error,
                    self,
                    invariant = invariant.as_str(),
                    silenced,
                    "an invariant was violated: please report this"
                );
            }),
            Event::Health(health) => self.health(health),
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
                line!(debug, self, ?event, "event");
            }
            Event::ClockSkew { ahead_ms: 0 } => {
                line!(info, self, "the host's clock is right again");
            }
            Event::ClockSkew { ahead_ms } => {
                let ahead_seconds = ahead_ms / 1000;
                line!(
                    warn,
                    self,
                    ahead_seconds,
                    "the host's clock is wrong: forebay uses the time of the source; set the clock by NTP"
                );
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
    fn drained(&self, abandoned: usize, unsaved: &[(Arc<str>, Checkpoint)]) {
        if abandoned > 0 {
            line!(warn, self, abandoned, "drain cut short: these batches will be delivered again");
        }
        if !unsaved.is_empty() {
            let mut shards: Vec<String> = unsaved
                .iter()
                .take(SHOWN_SHARDS)
                .map(|(shard, checkpoint)| format!("{shard} up to {checkpoint}"))
                .collect();
            if unsaved.len() > SHOWN_SHARDS {
                shards.push(format!("and {} more", unsaved.len() - SHOWN_SHARDS));
            }
            line!(
                warn,
                self,
                shards = shards.join(", "),
                "the last checkpoints were not saved: records after the saved checkpoints of these shards will be \
                 delivered again"
            );
        }
        if abandoned == 0 && unsaved.is_empty() {
            line!(info, self, "drained");
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
                line!(warn, self, silenced, "{done}: {why} (Poller.OnUndecidable: {})", then.as_str());
            }
            (None, Some((dry, filtered))) => {
                line!(
                    warn,
                    self,
                    filtered,
                    nothing_passed_for = ?Duration::from_secs(dry.as_secs()),
                    "no record passes the filters: try FilterCriteria with `forebay filter`"
                );
            }
            (None, None) => {
                line!(debug, self, filtered_out, undecidable, "filtered");
            }
        }
    }

    /// What becomes of records that the filters cannot be applied to.
    fn done(&self, then: Screened, records: usize) -> String {
        let (noun, (_, dropped)) = (self.rules.record, self.rules.drops);
        let what = if records == 1 { format!("1 {noun}") } else { format!("{records} {noun}s") };
        match then {
            Screened::Drop => format!("{dropped} {what}"),
            Screened::Deliver => format!("delivered {what} unfiltered"),
            Screened::Release => format!("released {what}"),
            Screened::Destination => format!("sent {what} to the destination"),
        }
    }

    fn health(&self, health: &Health) {
        self.crowd.note(&self.mapping, *health != Health::Ok, Instant::now());
        match health {
            Health::Ok => {
                line!(info, self, "healthy");
            }
            Health::Degraded { reason } => {
                line!(warn, self, reason, "degraded");
            }
            Health::Failing { reason } => {
                line!(warn, self, reason, "failing: no batch has succeeded for a minute");
            }
        }
        self.count_together();
    }

    /// One line for all mappings that are unwell, where they are many.
    fn count_together(&self) {
        if let Some(mappings) = self.crowd.many(Instant::now()) {
            tracing::warn!(target: "forebay::mapping", mappings, "mappings are degraded or failing: see `forebay \
                list`");
        }
    }

    /// Whether to say a fault, and then how often it stayed unsaid. What shows the mapping degraded at once is said by
    /// that first.
    fn admit(&self, topic: Topic, kind: FaultKind) -> Option<Silenced> {
        let now = Instant::now();
        match kind {
            FaultKind::Cancelled => None,
            kind if kind.needs_operator() => self.repeats.admit_again(topic, kind.as_str(), now),
            kind => self.repeats.admit(topic, kind.as_str(), now),
        }
    }

    fn poll_failed(&self, kind: FaultKind, message: &str, retry_in: Duration) {
        let kind_label = kind.as_str();
        match self.admit(Topic::Poll, kind) {
            Some(silenced) if kind.needs_operator() => {
                line!(warn, self, kind = kind_label, error = message, ?retry_in, silenced, "poll failed");
            }
            Some(silenced) => {
                line!(info, self, kind = kind_label, error = message, ?retry_in, silenced, "poll failed");
            }
            None => {
                line!(debug, self, kind = kind_label, error = message, ?retry_in, "poll failed");
            }
        }
    }

    fn once(&self, topic: Topic, key: &'static str) -> Option<Silenced> {
        self.repeats.admit(topic, key, Instant::now())
    }

    fn invoke_ended(&self, end: InvokeEnd, records: usize, failed: usize, took: Duration, problem: Option<&Problem>) {
        let said = match (end, problem) {
            (_, None) | (InvokeEnd::Fault(FaultKind::Throttled), _) => None,
            (InvokeEnd::Fault(kind), _) => self.admit(Topic::Invoke, kind),
            // The function did not say these itself.
            (_, Some(problem)) if problem.kind == "Sandbox.Timedout" => self.once(Topic::Invoke, "timeout"),
            (_, Some(problem)) if problem.kind == "Runtime.ExitError" => self.once(Topic::Invoke, "exit"),
            (end, Some(_)) => self.once(Topic::Invoke, end.as_str()),
        };
        let (result, took) = (end.as_str(), rounded(took));
        let (kind, error) = problem.map(|problem| (&*problem.kind, &*problem.message)).unzip();
        match said {
            Some(silenced) => {
                line!(warn, self, result, records, failed, ?took, kind, error, silenced, "invoke failed");
            }
            None => {
                line!(debug, self, result, records, failed, ?took, kind, error, "invoke ended");
            }
        }
    }

    fn warn(&self, topic: Topic, key: &'static str, say: impl FnOnce(Silenced)) {
        if let Some(silenced) = self.repeats.admit(topic, key, Instant::now()) {
            say(silenced);
        }
    }
}

/// A duration as people read it: without the digits that say nothing.
fn rounded(took: Duration) -> Duration {
    let micros = if took < Duration::from_millis(10) { 1 } else { 1_000 };
    Duration::from_micros(u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / micros * micros)
}
