//! What a running mapping shows of itself, kept up to date by its events.

mod shown;

use std::mem::discriminant;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use self::shown::Shown;
use super::Described;
use super::clock::Clock;
use crate::function::{Function, Part};
use crate::machine::{Event, Gauges, Health, InvokeEnd, NO_CAPACITY, Problem};
use crate::telemetry::MappingMetrics;

/// Shared between a mapping's task, which writes, and the supervisor, which reads.
pub(crate) struct Live {
    metrics: Arc<MappingMetrics>,
    clock: Clock,
    shown: Mutex<Shown>,
    gauges: Mutex<Gauges>,
    /// What the mapping invokes.
    function: Mutex<Option<Weak<dyn Function>>>,
    polled: AtomicBool,
    /// The last drain has left checkpoints unsaved.
    unsaved: AtomicBool,
    /// The last change of settings that the task has taken over.
    taken: AtomicU64,
    /// Wakes the supervisor, because the state may have changed.
    changed: Arc<Notify>,
}

impl Live {
    pub(crate) fn new(metrics: Arc<MappingMetrics>, clock: Clock, changed: Arc<Notify>) -> Self {
        let shown = Shown::new(clock.unix_ms());
        Self {
            metrics,
            clock,
            shown: Mutex::new(shown),
            gauges: Mutex::default(),
            function: Mutex::default(),
            polled: AtomicBool::new(false),
            unsaved: AtomicBool::new(false),
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
                self.lock().described =
                    Described { backlog: *backlog, not_visible: *not_visible, visibility: Some(*visibility) };
            }
            _ => {}
        }
    }

    pub(crate) fn gauge(&self, gauges: Gauges) {
        let before = std::mem::replace(&mut *self.lock_gauges(), gauges);
        if before.quiet != gauges.quiet {
            self.changed.notify_one();
        }
        if before.unsaved_since_unix_ms != gauges.unsaved_since_unix_ms {
            self.metrics.set_unsaved_since(gauges.unsaved_since_unix_ms);
        }
        if before.in_flight != gauges.in_flight {
            self.metrics.set_in_flight(gauges.in_flight);
        }
    }

    /// Shows that the task is gone: nothing is held and nothing is polled.
    pub(crate) fn ended(&self) {
        self.gauge(Gauges::default());
        self.polled.store(false, Relaxed);
        self.metrics.forget_skew();
        self.metrics.shards().stopped();
        // Not an event: nothing has become healthy, but no task is left that could be degraded.
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

    /// Forgets the shards that were shown: they are reported again, or belong to another stream.
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
        self.lock_gauges().quiet
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

    pub(crate) fn gauges(&self) -> Gauges {
        *self.lock_gauges()
    }

    /// The health, with the last error of a function that fails, or with what keeps it from taking invocations.
    pub(crate) fn health(&self) -> Health {
        let health = self.lock().health();
        let unable = |function: &Arc<dyn Function>| function.capacity().is_some_and(|slots| *slots.borrow() == 0);
        let Some(function) = self.function().filter(unable) else { return health };
        match (function.trouble(), health) {
            (None, Health::Degraded { reason }) if reason.contains(NO_CAPACITY) => {
                let why = function.waits_for().map_or_else(String::new, |why| format!(": {why}"));
                Health::Degraded { reason: reason.replacen(NO_CAPACITY, &format!("{NO_CAPACITY}{why}"), 1) }
            }
            (None, health) => health,
            (Some(trouble), Health::Degraded { reason }) => Health::Degraded { reason: format!("{reason}: {trouble}") },
            (Some(trouble), _) => Health::Degraded { reason: format!("function: {trouble}") },
        }
    }

    /// The function of the ports that count now.
    pub(crate) fn set_function(&self, function: &Arc<dyn Function>) {
        *self.function.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(function));
    }

    /// How many invocations the function can have at a time, where it says so.
    pub(crate) fn capacity(&self) -> Option<u32> {
        Some(*self.function()?.capacity()?.borrow())
    }

    /// What the function's target consists of.
    pub(crate) fn parts(&self) -> Vec<Part> {
        self.function().map(|function| function.parts()).unwrap_or_default()
    }

    fn function(&self) -> Option<Arc<dyn Function>> {
        self.function.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    pub(crate) fn is_degraded(&self) -> bool {
        matches!(self.lock().health, Health::Degraded { .. })
    }

    /// Takes over a change of either side, and reports it if it changes the whole.
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
        let health = shown.together();
        if discriminant(&shown.health) != discriminant(&health) {
            shown.since_unix_ms = self.clock.unix_ms();
        }
        shown.health = health;
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

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_gauges(&self) -> MutexGuard<'_, Gauges> {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::shown::NOTHING_YET;
    use super::*;
    use crate::engine::{Shard, ShardState};
    use crate::machine::{Checkpoint, Condition, FaultKind};
    use crate::mapping::SourceKind;
    use crate::telemetry::Metrics;

    const NOW: u64 = 1_800_000_000_000;

    fn live() -> Live {
        let metrics = Metrics::new(Arc::new(|| NOW)).mapping("clicks", SourceKind::Kinesis);
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
        assert_eq!(live.shown().last_result, "PROBLEM: Function call failed", "a discard does not overwrite it");
        live.observe(&invoked(InvokeEnd::Fault(FaultKind::Denied), Some("may not invoke")));
        assert_eq!(live.shown().last_result, "PROBLEM: may not invoke");
        live.observe(&invoked(InvokeEnd::Success, None));
        assert_eq!(live.shown().last_result, "OK");
    }

    #[tokio::test]
    async fn a_store_that_keeps_nothing_degrades_a_mapping_even_if_its_task_is_well() {
        let live = live();
        let reason = || live.health().reason().unwrap_or_default().to_owned();
        live.set_store(Some("FB0603: gone"));
        assert_eq!(reason(), "store: FB0603: gone");
        live.observe(&Event::Health(Health::Ok));
        assert!(live.is_degraded());
        live.observe(&Event::Health(Health::Degraded { reason: "source: no".into() }));
        assert_eq!(reason(), "source: no; store: FB0603: gone");
        live.observe(&Event::Health(Health::Degraded { reason: "store: FB0603: gone".into() }));
        assert_eq!(reason(), "store: FB0603: gone");
        live.ended();
        assert!(live.is_degraded());
        live.set_store(None);
        assert_eq!(live.health(), Health::Ok);
    }

    #[tokio::test]
    async fn a_function_that_fails_everything_is_shown_with_its_last_error() {
        let live = live();
        for message in ["first", "second\nand more", "third"] {
            live.observe(&invoked(InvokeEnd::FunctionError, Some(message)));
        }
        assert_eq!(live.health(), Health::Ok);
        live.observe(&Event::Health(Health::Failing { reason: "function: KeyError: third".into() }));
        live.observe(&invoked(InvokeEnd::FunctionError, Some("fourth")));
        let reason = "function: KeyError: fourth (4 batches in a row)".to_owned();
        assert_eq!((live.health(), live.shown().ends.in_a_row), (Health::Failing { reason }, 4));
        live.observe(&invoked(InvokeEnd::Success, None));
        live.observe(&Event::Health(Health::Ok));
        let ends = live.shown().ends;
        assert_eq!((live.health(), ends.in_a_row), (Health::Ok, 0));
        assert_eq!(ends.last_error.map(|last| last.count), Some(4), "what went wrong last is still known");
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
        live.observe(&Event::ShardStarted { shard: "a".into(), from: Checkpoint::TrimHorizon });
        live.observe(&Event::IteratorAge { shard: "a".into(), age: Duration::from_secs(3) });
        live.observe(&Event::Checkpointed { shard: "a".into(), checkpoint: Checkpoint::After("41".into()) });
        live.observe(&Event::ClockSkew { ahead_ms: -90_000 });
        let shards = || live.metrics().shards().all();
        let mut shard = Shard {
            state: ShardState::Reading,
            position: Checkpoint::After("41".into()),
            age: Some(Duration::from_secs(3)),
        };
        assert_eq!(live.gauges().held, 7);
        assert_eq!(live.metrics().checkpoint_age(NOW), Duration::from_millis(1_500));
        assert_eq!(live.metrics().clock_ahead_ms(), -90_000);
        assert_eq!(shards(), [("a".into(), shard.clone())].into());
        live.ended();
        assert_eq!(live.gauges(), Gauges::default());
        assert_eq!((live.metrics().checkpoint_age(NOW), live.metrics().clock_ahead_ms()), (Duration::ZERO, 0));
        (shard.age, shard.state) = (None, ShardState::Stopped);
        assert_eq!(shards(), [("a".into(), shard)].into());
        live.forget_shards();
        assert!(shards().is_empty());
    }
}
