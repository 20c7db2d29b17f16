//! The handles through which the engine counts and logs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::counts::Counts;
use super::crowd::Crowd;
use super::export::Export;
use super::log::EventLog;
use super::shards::Shards;
use super::state::MappingState;
use super::totals::Counters;
use crate::clock::WallClock;
use crate::machine::{Event, Label as _};
use crate::mapping::SourceKind;

/// The mappings that have series, by name and label of the source.
pub(super) type Live = Arc<RwLock<BTreeMap<(String, &'static str), Arc<MappingMetrics>>>>;

/// All metrics of the process; a cheap clone.
#[derive(Clone)]
pub struct Metrics {
    live: Live,
    registry: Arc<Registry>,
    crowd: Arc<Crowd>,
    wall: WallClock,
}

impl Metrics {
    /// Metrics without any mapping yet.
    #[must_use]
    pub fn new(wall: WallClock) -> Self {
        let live = Live::default();
        let mut registry = Registry::with_prefix("forebay");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        registry.register_collector(Box::new(Export::new(Arc::clone(&live), Arc::clone(&wall))));
        Self { live, registry: Arc::new(registry), crowd: Arc::default(), wall }
    }

    /// The metrics of a mapping; the same ones as long as they are not removed.
    #[must_use]
    pub fn mapping(&self, name: &str, kind: SourceKind) -> Arc<MappingMetrics> {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(MappingMetrics::new(name.into(), kind, Arc::clone(&self.crowd), Arc::clone(&self.wall)));
        Arc::clone(live.entry((name.to_owned(), kind.as_str())).or_insert_with(new))
    }

    /// Removes the series of a mapping that is gone. What still counts in them is not shown.
    pub fn remove(&self, name: &str, kind: SourceKind) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        live.remove(&(name.to_owned(), kind.as_str()));
    }

    /// Everything as OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The metrics and the log of one mapping.
pub struct MappingMetrics {
    name: Arc<str>,
    kind: SourceKind,
    counts: Counts,
    shards: Shards,
    /// A place in the list of states, or beyond it while no state was set.
    state: AtomicU8,
    log: EventLog,
    wall: WallClock,
}

impl MappingMetrics {
    fn new(name: Arc<str>, kind: SourceKind, crowd: Arc<Crowd>, wall: WallClock) -> Self {
        let log = EventLog::new(Arc::clone(&name), kind, crowd);
        Self {
            name,
            kind,
            counts: Counts::default(),
            shards: Shards::default(),
            state: AtomicU8::new(u8::MAX),
            log,
            wall,
        }
    }

    /// Turns an event into its metric and its log line.
    pub fn observe(&self, event: &Event) {
        self.counts.count(event, || (self.wall)());
        self.shards.observe(event);
        self.log.write(event);
    }

    /// Shows a new state; the same state again changes nothing. The first one is no change, and what is `Enabled`
    /// although it is degraded has said so already.
    pub fn set_state(&self, state: MappingState) {
        let new = state as u8;
        let before = self.state.swap(new, Relaxed);
        if before == new {
            return;
        }
        let is_degraded = state == MappingState::Enabled && self.counts.degraded.load(Relaxed);
        if before == u8::MAX && state == MappingState::Creating || is_degraded {
            tracing::debug!(target: "forebay::mapping", mapping = &*self.name, ?state, "state changed");
        } else {
            tracing::info!(target: "forebay::mapping", mapping = &*self.name, ?state, "state changed");
        }
    }

    /// Shows the mapping as neither degraded nor failing, without saying that it is healthy: it has stopped.
    pub fn forget_health(&self) {
        self.counts.degraded.store(false, Relaxed);
        self.counts.failing.store(false, Relaxed);
        self.log.forget_health();
    }

    /// How many batches are with the function.
    pub fn set_in_flight(&self, n: usize) {
        self.counts.in_flight.store(u64::try_from(n).unwrap_or(u64::MAX), Relaxed);
    }

    /// When the oldest record was read that no saved checkpoint covers yet, in milliseconds since the Unix epoch.
    pub fn set_unsaved_since(&self, unix_ms: Option<u64>) {
        self.counts.unsaved_since_unix_ms.set(unix_ms);
    }

    /// How long the oldest record has waited for a saved checkpoint; zero when everything is saved.
    #[must_use]
    pub fn checkpoint_age(&self, now_unix_ms: u64) -> Duration {
        let unsaved = self.counts.unsaved_since_unix_ms.get().map(|since| now_unix_ms.saturating_sub(since));
        Duration::from_millis(unsaved.unwrap_or(0))
    }

    /// The source's clock is not looked at any more.
    pub fn forget_skew(&self) {
        self.counts.clock_ahead_ms.store(0, Relaxed);
    }

    /// How far the host's clock is ahead of the source's, where that is much (milliseconds).
    pub(crate) fn clock_ahead_ms(&self) -> i64 {
        self.counts.clock_ahead_ms.load(Relaxed)
    }

    /// What the events said of the mapping's shards.
    pub(crate) const fn shards(&self) -> &Shards {
        &self.shards
    }

    /// How long an invoke waited for the mapping's rate limit.
    pub fn limiter_waited(&self, waited: Duration) {
        self.counts.spreads.limiter_wait.observe(waited.as_secs_f64());
    }

    /// The totals since the process started.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.totals()
    }

    pub(super) fn labels(&self) -> [(&'static str, &str); 2] {
        [("mapping", &self.name), ("source", self.kind.as_str())]
    }

    pub(super) const fn kind(&self) -> SourceKind {
        self.kind
    }

    pub(super) const fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(super) fn state(&self) -> Option<MappingState> {
        MappingState::ALL.get(usize::from(self.state.load(Relaxed))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_mapping_leaves_no_series() {
        let metrics = Metrics::new(Arc::new(|| 0));
        let gone = metrics.mapping("gone", SourceKind::Sqs);
        metrics.mapping("stays", SourceKind::Sqs).observe(&Event::Polled { records: 1 });
        metrics.remove("gone", SourceKind::Sqs);
        gone.observe(&Event::Polled { records: 1 });
        let text = metrics.render();
        assert!(!text.contains("mapping=\"gone\""), "{text}");
        assert!(text.contains("forebay_events_polled_total{mapping=\"stays\",source=\"sqs\"} 1\n"), "{text}");
    }

    #[test]
    fn the_same_mapping_keeps_its_counters() {
        let metrics = Metrics::new(Arc::new(|| 0));
        metrics.mapping("orders", SourceKind::Sqs).observe(&Event::Polled { records: 4 });
        assert_eq!(metrics.mapping("orders", SourceKind::Sqs).counters().polled, 4);
    }
}
