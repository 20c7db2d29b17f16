//! What a running mapping shows of itself, kept up to date by its events.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::clock::Clock;
use super::{HealthStatus, QueueStatus};
use crate::machine::{Event, Gauges, Health, InvokeEnd};
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
}

#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) health: HealthStatus,
    pub(crate) reason: Option<String>,
    pub(crate) since_unix_ms: u64,
    pub(crate) last_result: String,
    backlog: Option<u64>,
    visibility: Option<u64>,
}

impl Live {
    pub(crate) fn new(metrics: Arc<MappingMetrics>, clock: Clock) -> Self {
        let shown = Shown {
            health: HealthStatus::Ok,
            reason: None,
            since_unix_ms: clock.unix_ms(),
            last_result: NOTHING_YET.into(),
            backlog: None,
            visibility: None,
        };
        Self {
            metrics,
            clock,
            shown: Mutex::new(shown),
            polled: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            limit: AtomicUsize::new(0),
        }
    }

    pub(crate) fn metrics(&self) -> &MappingMetrics {
        &self.metrics
    }

    /// Takes an event into what is shown, counted and logged.
    pub(crate) fn observe(&self, event: &Event) {
        self.metrics.observe(event);
        match event {
            Event::Polled { .. } => self.polled.store(true, Relaxed),
            Event::Health(health) => self.set_health(health),
            Event::InvokeEnded { end, message, .. } => self.set_result(*end, message.as_deref()),
            Event::Described { backlog, visibility } => {
                let mut shown = self.lock();
                shown.backlog = *backlog;
                shown.visibility = Some(visibility.as_secs());
            }
            _ => {}
        }
    }

    pub(crate) fn gauge(&self, gauges: Gauges) {
        self.held.store(gauges.held, Relaxed);
        self.limit.store(gauges.limit, Relaxed);
        if self.in_flight.swap(gauges.in_flight, Relaxed) != gauges.in_flight {
            self.metrics.set_in_flight(gauges.in_flight);
        }
    }

    /// Shows that the task is gone: nothing is held and nothing is polled.
    pub(crate) fn ended(&self) {
        self.gauge(Gauges::default());
        self.polled.store(false, Relaxed);
        // Not an event: nothing has become healthy, there is only nobody left who could be degraded.
        self.metrics.forget_health();
        self.set_health(&Health::Ok);
    }

    /// Whether the source has answered a poll since the mapping was started.
    pub(crate) fn has_polled(&self) -> bool {
        self.polled.load(Relaxed)
    }

    pub(crate) fn shown(&self) -> Shown {
        self.lock().clone()
    }

    pub(crate) fn queue(&self) -> QueueStatus {
        let shown = self.lock();
        QueueStatus {
            backlog: shown.backlog,
            held: self.held.load(Relaxed) as u64,
            in_flight: self.in_flight.load(Relaxed) as u64,
            concurrency: self.limit.load(Relaxed) as u64,
            visibility_timeout: shown.visibility,
        }
    }

    fn set_health(&self, health: &Health) {
        let mut shown = self.lock();
        let (status, reason) = match health {
            Health::Ok => (HealthStatus::Ok, None),
            Health::Degraded { reason } => (HealthStatus::Degraded, Some(reason.clone())),
        };
        if shown.health != status {
            shown.since_unix_ms = self.clock.unix_ms();
        }
        (shown.health, shown.reason) = (status, reason);
    }

    fn set_result(&self, end: InvokeEnd, message: Option<&str>) {
        let mut shown = self.lock();
        match end {
            // AWS calls a valid partial response a good result.
            InvokeEnd::Success | InvokeEnd::Partial if shown.last_result == "OK" => {}
            InvokeEnd::Success | InvokeEnd::Partial => shown.last_result = "OK".into(),
            InvokeEnd::FunctionError => shown.last_result = "PROBLEM: Function call failed".into(),
            InvokeEnd::Fault(kind) => {
                shown.last_result = format!("PROBLEM: {}", message.unwrap_or(kind.as_str()));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
