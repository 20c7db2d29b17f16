//! What a running mapping shows of itself, kept up to date by its events.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::clock::Clock;
use super::last_error::Ends;
use super::{HealthStatus, LastError, LoweredStatus, QueueStatus, ShardStatus, StreamStatus};
use crate::machine::{Event, Gauges, Health, InvokeEnd, Problem};
use crate::telemetry::MappingMetrics;

/// AWS's `LastProcessingResult` before anything was processed.
const NOTHING_YET: &str = "No records processed";

/// Shared between a mapping's task, which writes, and the supervisor, which reads.
pub(crate) struct Live {
    metrics: Arc<MappingMetrics>,
    clock: Clock,
    shown: Mutex<Shown>,
    polled: AtomicBool,
    held: AtomicUsize,
    in_flight: AtomicUsize,
    limit: AtomicUsize,
    /// What the limit would be if no calls were refused.
    goal: AtomicUsize,
    /// Since when the limit is lower (Unix milliseconds); 0: it is not.
    lowered_since: AtomicU64,
    /// The last drain has left checkpoints unsaved.
    unsaved: AtomicBool,
    receiving: AtomicUsize,
    quiet: AtomicBool,
    /// The last change of settings that the task has taken over.
    taken: AtomicU64,
    /// Tells the supervisor that the state may have changed.
    changed: Arc<Notify>,
}

#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) health: HealthStatus,
    reason: Option<String>,
    pub(crate) since_unix_ms: u64,
    pub(crate) last_result: String,
    ends: Ends,
    backlog: Option<u64>,
    not_visible: Option<u64>,
    visibility: Option<u64>,
    /// What the mapping's own task says.
    own: Health,
    /// What is wrong with the store.
    store: Option<String>,
}

impl Shown {
    /// A store that keeps nothing degrades every mapping, whatever its task says.
    fn together(&self) -> Health {
        let Some(store) = &self.store else { return self.own.clone() };
        let reason = match &self.own {
            // A function that fails is not what keeps the mapping from its work.
            Health::Ok | Health::Failing { .. } => format!("store: {store}"),
            // Its own write has met the same.
            Health::Degraded { reason } if reason.contains(store.as_str()) => reason.clone(),
            Health::Degraded { reason } => format!("{reason}; store: {store}"),
        };
        Health::Degraded { reason }
    }
}

impl Shown {
    /// Why the health is what it is. A function that fails is told with its last words, and how often it has failed.
    pub(crate) fn health_reason(&self) -> Option<String> {
        match (self.health, &self.ends.last_error) {
            (HealthStatus::Failing, Some(last)) => {
                Some(format!("function: {} ({} batches in a row)", last.headline(), self.ends.in_a_row))
            }
            _ => self.reason.clone(),
        }
    }

    pub(crate) fn last_error(&self) -> Option<LastError> {
        self.ends.last_error.clone()
    }

    /// Batches that failed since the function last processed one, even in part.
    pub(crate) const fn failed_in_a_row(&self) -> u64 {
        self.ends.in_a_row
    }
}

impl Live {
    pub(crate) fn new(metrics: Arc<MappingMetrics>, clock: Clock, changed: Arc<Notify>) -> Self {
        let shown = Shown {
            health: HealthStatus::Ok,
            reason: None,
            since_unix_ms: clock.unix_ms(),
            last_result: NOTHING_YET.into(),
            ends: Ends::default(),
            backlog: None,
            not_visible: None,
            visibility: None,
            own: Health::Ok,
            store: None,
        };
        Self {
            metrics,
            clock,
            shown: Mutex::new(shown),
            polled: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            limit: AtomicUsize::new(0),
            goal: AtomicUsize::new(0),
            lowered_since: AtomicU64::new(0),
            unsaved: AtomicBool::new(false),
            receiving: AtomicUsize::new(0),
            quiet: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            changed,
        }
    }

    pub(crate) fn metrics(&self) -> &MappingMetrics {
        &self.metrics
    }

    /// Takes an event into what is shown, counted and logged.
    pub(crate) fn observe(&self, event: &Event) {
        if let Event::Health(health) = event {
            return self.change_health(|shown| shown.own = health.clone());
        }
        self.metrics.observe(event);
        match event {
            Event::Polled { .. } if !self.polled.swap(true, Relaxed) => self.changed.notify_one(),
            Event::Drained { unsaved, .. } => self.unsaved.store(!unsaved.is_empty(), Relaxed),
            Event::InvokeEnded { end, problem, .. } => self.set_result(*end, problem.as_ref()),
            Event::Described { backlog, not_visible, visibility } => {
                let mut shown = self.lock();
                (shown.backlog, shown.not_visible) = (*backlog, *not_visible);
                shown.visibility = Some(visibility.as_secs());
            }
            _ => {}
        }
    }

    pub(crate) fn gauge(&self, gauges: Gauges) {
        self.held.store(gauges.held, Relaxed);
        self.limit.store(gauges.limit, Relaxed);
        self.goal.store(gauges.lowered.map_or(gauges.limit, |lowered| lowered.goal), Relaxed);
        self.lowered_since.store(gauges.lowered.map_or(0, |lowered| lowered.since_unix_ms), Relaxed);
        self.receiving.store(gauges.receiving, Relaxed);
        if self.quiet.swap(gauges.quiet, Relaxed) != gauges.quiet {
            self.changed.notify_one();
        }
        self.metrics.set_unsaved_since(gauges.unsaved_since_unix_ms);
        if self.in_flight.swap(gauges.in_flight, Relaxed) != gauges.in_flight {
            self.metrics.set_in_flight(gauges.in_flight);
        }
    }

    /// Shows that the task is gone: nothing is held and nothing is polled.
    pub(crate) fn ended(&self) {
        self.gauge(Gauges::default());
        self.polled.store(false, Relaxed);
        self.metrics.forget_skew();
        self.metrics.shards().stopped();
        // Not an event: nothing has become healthy, there is only nobody left who could be degraded.
        let mut shown = self.lock();
        shown.own = Health::Ok;
        shown.ends.in_a_row = 0;
        if shown.store.is_none() {
            self.metrics.forget_health();
        }
        self.set_health(&mut shown);
    }

    /// Shows what is wrong with the store.
    pub(crate) fn set_store(&self, trouble: Option<&str>) {
        self.change_health(|shown| shown.store = trouble.map(str::to_owned));
    }

    /// Whether the last drain has left checkpoints unsaved.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.unsaved.load(Relaxed)
    }

    /// Forgets the shards that were shown: they are told anew, or are those of another stream.
    pub(crate) fn forget_shards(&self) {
        self.metrics.shards().forget();
    }

    /// The task goes on with the settings of this change, and of all before it.
    pub(crate) fn took_over(&self, change: u64) {
        self.taken.store(change, Relaxed);
        self.changed.notify_one();
    }

    /// The last change that the task has taken over.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Whether the task drains and will invoke nothing more, although receives may be open still.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.load(Relaxed)
    }

    /// Whether the source has answered a poll since the mapping was started.
    pub(crate) fn has_polled(&self) -> bool {
        self.polled.load(Relaxed)
    }

    pub(crate) fn shown(&self) -> Shown {
        self.lock().clone()
    }

    /// AWS's `LastProcessingResult`.
    pub(crate) fn last_result(&self) -> String {
        self.lock().last_result.clone()
    }

    pub(crate) fn queue(&self) -> QueueStatus {
        let shown = self.lock();
        QueueStatus {
            backlog: shown.backlog,
            not_visible: shown.not_visible,
            held: self.held.load(Relaxed) as u64,
            in_flight: self.in_flight.load(Relaxed) as u64,
            concurrency: self.limit.load(Relaxed) as u64,
            lowered: self.lowered(),
            open_receives: self.receiving.load(Relaxed) as u64,
            visibility_timeout: shown.visibility,
        }
    }

    fn lowered(&self) -> Option<LoweredStatus> {
        let since = Some(self.lowered_since.load(Relaxed)).filter(|since| *since > 0)?;
        let seconds = self.clock.unix_ms().saturating_sub(since) / 1000;
        Some(LoweredStatus { from: self.goal.load(Relaxed) as u64, seconds })
    }

    pub(crate) fn stream(&self) -> StreamStatus {
        StreamStatus {
            iterator_age_seconds: self.metrics.shards().iterator_age().map(|age| age.as_secs_f64()),
            checkpoint_age_seconds: self.metrics.checkpoint_age(self.clock.unix_ms()).as_secs_f64(),
            held: self.held.load(Relaxed) as u64,
            in_flight: self.in_flight.load(Relaxed) as u64,
            concurrency: self.limit.load(Relaxed) as u64,
            clock_ahead_seconds: Some(self.metrics.clock_ahead_ms())
                .filter(|&ahead| ahead != 0)
                .map(|ahead| ahead as f64 / 1000.0),
        }
    }

    pub(crate) fn shards(&self) -> Vec<ShardStatus> {
        self.metrics.shards().list()
    }

    /// Takes a change of either side over, and tells it where it changes the whole.
    fn change_health(&self, change: impl FnOnce(&mut Shown)) {
        let health = {
            let mut shown = self.lock();
            let before = shown.together();
            change(&mut shown);
            self.set_health(&mut shown);
            Some(shown.together()).filter(|health| *health != before)
        };
        if let Some(health) = health {
            self.metrics.observe(&Event::Health(health));
            self.changed.notify_one();
        }
    }

    fn set_health(&self, shown: &mut Shown) {
        let (status, reason) = match shown.together() {
            Health::Ok => (HealthStatus::Ok, None),
            Health::Degraded { reason } => (HealthStatus::Degraded, Some(reason)),
            Health::Failing { reason } => (HealthStatus::Failing, Some(reason)),
        };
        if shown.health != status {
            shown.since_unix_ms = self.clock.unix_ms();
        }
        (shown.health, shown.reason) = (status, reason);
    }

    fn set_result(&self, end: InvokeEnd, problem: Option<&Problem>) {
        let now = self.clock.unix_ms();
        let mut shown = self.lock();
        shown.ends.note(end, problem, now);
        match end {
            // AWS calls a valid partial response a good result.
            InvokeEnd::Success | InvokeEnd::Partial if shown.last_result == "OK" => {}
            InvokeEnd::Success | InvokeEnd::Partial => shown.last_result = "OK".into(),
            InvokeEnd::FunctionError => shown.last_result = "PROBLEM: Function call failed".into(),
            InvokeEnd::Fault(kind) => {
                shown.last_result = format!("PROBLEM: {}", problem.map_or(kind.as_str(), |problem| &problem.message));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::ShardState;
    use crate::machine::{Condition, FaultKind, Lowered, Mark};
    use crate::mapping::SourceKind;
    use crate::telemetry::Metrics;

    const NOW: u64 = 1_800_000_000_000;

    fn live() -> Live {
        let metrics = Metrics::new().mapping("clicks", SourceKind::Kinesis);
        Live::new(metrics, Clock::new(Arc::new(|| NOW)), Arc::default())
    }

    fn invoked(end: InvokeEnd, message: Option<&str>) -> Event {
        let took = Duration::from_millis(5);
        let problem = message.map(|message| Problem { kind: "KeyError".into(), message: message.into() });
        Event::InvokeEnded { end, records: 4, failed: 1, took, problem }
    }

    #[tokio::test]
    async fn the_last_result_is_what_an_invoke_said() {
        let live = live();
        let condition = Condition::RecordAgeExceeded;
        live.observe(&Event::Dropped { records: 1, condition });
        assert_eq!(live.shown().last_result, NOTHING_YET, "too old before any invoke");
        live.observe(&invoked(InvokeEnd::Partial, None));
        assert_eq!(live.shown().last_result, "OK", "a valid partial response");
        live.observe(&invoked(InvokeEnd::FunctionError, Some("boom")));
        assert_eq!(live.shown().last_result, "PROBLEM: Function call failed");
        live.observe(&Event::DeliveredToDestination { records: 1, condition });
        assert_eq!(live.shown().last_result, "PROBLEM: Function call failed", "giving up does not overwrite it");
        live.observe(&invoked(InvokeEnd::Fault(FaultKind::Denied), Some("may not invoke")));
        assert_eq!(live.shown().last_result, "PROBLEM: may not invoke");
        live.observe(&invoked(InvokeEnd::Success, None));
        assert_eq!(live.shown().last_result, "OK");
    }

    #[tokio::test]
    async fn a_lowered_limit_is_shown_until_it_is_back() {
        let live = live();
        let lowered = Some(Lowered { goal: 30, since_unix_ms: NOW - 90_500 });
        live.gauge(Gauges { limit: 3, lowered, ..Gauges::default() });
        assert_eq!(
            (live.queue().concurrency, live.queue().lowered),
            (3, Some(LoweredStatus { from: 30, seconds: 90 }))
        );
        live.gauge(Gauges { limit: 30, ..Gauges::default() });
        assert_eq!((live.queue().concurrency, live.queue().lowered), (30, None));
    }

    #[tokio::test]
    async fn a_store_that_keeps_nothing_degrades_a_mapping_whatever_its_task_says() {
        let live = live();
        let reason = || live.shown().reason.unwrap_or_default();
        live.set_store(Some("FB0603: gone"));
        assert_eq!(reason(), "store: FB0603: gone");
        live.observe(&Event::Health(Health::Ok));
        assert_eq!(live.shown().health, HealthStatus::Degraded);
        live.observe(&Event::Health(Health::Degraded { reason: "source: no".into() }));
        assert_eq!(reason(), "source: no; store: FB0603: gone");
        live.observe(&Event::Health(Health::Degraded { reason: "store: FB0603: gone".into() }));
        assert_eq!(reason(), "store: FB0603: gone");
        live.ended();
        assert_eq!(live.shown().health, HealthStatus::Degraded);
        live.set_store(None);
        assert_eq!((live.shown().health, reason()), (HealthStatus::Ok, String::new()));
    }

    #[tokio::test]
    async fn a_function_that_fails_everything_is_told_with_its_last_words() {
        let live = live();
        for message in ["first", "second\nand more", "third"] {
            live.observe(&invoked(InvokeEnd::FunctionError, Some(message)));
        }
        assert_eq!((live.shown().health, live.shown().health_reason()), (HealthStatus::Ok, None));
        live.observe(&Event::Health(Health::Failing { reason: "function: KeyError: third".into() }));
        live.observe(&invoked(InvokeEnd::FunctionError, Some("fourth")));
        let shown = live.shown();
        let reason = shown.health_reason().unwrap();
        assert_eq!(reason, "function: KeyError: fourth (4 batches in a row)");
        assert_eq!((shown.health, shown.failed_in_a_row()), (HealthStatus::Failing, 4));
        live.observe(&invoked(InvokeEnd::Success, None));
        live.observe(&Event::Health(Health::Ok));
        let shown = live.shown();
        assert_eq!((shown.health, shown.health_reason(), shown.failed_in_a_row()), (HealthStatus::Ok, None, 0));
        assert_eq!(shown.last_error().map(|last| last.count), Some(4), "what went wrong last is still known");
    }

    #[tokio::test]
    async fn a_stream_is_shown_until_its_task_ends_and_its_positions_beyond() {
        let live = live();
        live.gauge(Gauges {
            held: 7,
            in_flight: 2,
            limit: 10,
            lowered: None,
            receiving: 1,
            quiet: false,
            unsaved_since_unix_ms: Some(NOW - 1_500),
        });
        live.observe(&Event::ShardStarted { shard: "a".into(), from: Mark::TrimHorizon });
        live.observe(&Event::IteratorAge { shard: "a".into(), age: Duration::from_secs(3) });
        live.observe(&Event::Checkpointed { shard: "a".into(), mark: Mark::After("41".into()) });
        live.observe(&Event::ClockSkew { ahead_ms: -90_000 });
        let expected = StreamStatus {
            iterator_age_seconds: Some(3.0),
            checkpoint_age_seconds: 1.5,
            held: 7,
            in_flight: 2,
            concurrency: 10,
            clock_ahead_seconds: Some(-90.0),
        };
        assert_eq!(live.stream(), expected);
        let mut shard = ShardStatus {
            shard_id: "a".into(),
            position: "AFTER:41".into(),
            iterator_age_seconds: Some(3.0),
            state: ShardState::Reading,
        };
        assert_eq!(live.shards(), [shard.clone()]);
        live.ended();
        assert_eq!(live.stream(), StreamStatus::default());
        (shard.iterator_age_seconds, shard.state) = (None, ShardState::Stopped);
        assert_eq!(live.shards(), [shard]);
        live.forget_shards();
        assert!(live.shards().is_empty());
    }
}
