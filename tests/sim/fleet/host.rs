//! A host: its clock, and the process that runs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use forebay::fleet::{FleetMachine, FleetOptions, ReplicaId};
use forebay::machine::Mono;

use super::plan::HostPlan;
use super::worker::Worker;

pub(crate) const LEASE: Duration = Duration::from_secs(10);

pub(crate) struct Host {
    pub(crate) plan: HostPlan,
    pub(crate) process: Option<Process>,
    /// Counts processes.
    pub(crate) incarnation: u32,
    /// Nothing happens here before.
    pub(crate) paused_until: u64,
    /// Milliseconds that the clock has not counted.
    uncounted: u64,
    /// The process has to hear of a jump before anything else.
    pub(crate) jumped: bool,
    lives: u32,
    /// The mappings that its file has, from the first on.
    pub(crate) offers: usize,
}

pub(crate) struct Process {
    pub(crate) machine: FleetMachine,
    pub(crate) workers: BTreeMap<usize, Worker>,
    pub(crate) valid: Mono,
    pub(crate) wake_at: Option<u64>,
    pub(crate) draining: bool,
    /// Start again after a drain.
    pub(crate) again: Option<u64>,
}

impl Host {
    pub(crate) const fn new(plan: HostPlan, offers: usize) -> Self {
        Self { plan, process: None, incarnation: 0, paused_until: 0, uncounted: 0, jumped: false, lives: 0, offers }
    }

    /// Its monotonic clock.
    pub(crate) fn mono(&self, now: u64) -> Mono {
        let counted = i128::from(now - self.uncounted) * i128::from(1_000_000 + self.plan.rate_ppm) / 1_000;
        let offset = i128::from(self.plan.offset) * 1_000;
        Mono::at(Duration::from_micros(u64::try_from(counted + offset).expect("clocks go forward")))
    }

    /// When its clock shows `at`, or a little later.
    pub(crate) fn world(&self, at: Mono) -> u64 {
        let counted = i128::try_from(at.since_epoch().as_micros()).expect("lives are short")
            - i128::from(self.plan.offset) * 1_000;
        let world = counted * 1_000 / i128::from(1_000_000 + self.plan.rate_ppm) + 1;
        u64::try_from(world.max(0)).expect("lives are short") + self.uncounted
    }

    pub(crate) const fn suspend(&mut self, now: u64, until: u64) {
        self.paused_until = until;
        self.uncounted += until - now;
        self.jumped = true;
    }

    /// An id that was never used.
    pub(crate) fn next_id(&mut self, host: usize) -> ReplicaId {
        self.lives += 1;
        // Ids are random: their order is not that of their birth.
        let mixed = (self.lives as usize * 7 + host * 3) % 10;
        ReplicaId::new(format!("{mixed}-h{host}-{}", self.lives))
    }

    pub(crate) fn start(&mut self, host: usize, now: u64) {
        let id = self.next_id(host);
        self.incarnation += 1;
        let options = FleetOptions {
            lease: LEASE,
            version: self.plan.version.into(),
            host: format!("host-{host}").into(),
            since_unix_ms: now,
        };
        self.process = Some(Process {
            machine: FleetMachine::new(options, id, self.mono(now)),
            workers: BTreeMap::new(),
            valid: Mono::ZERO,
            wake_at: None,
            draining: false,
            again: None,
        });
    }
}

/// The name of a unit's mapping.
pub(crate) fn name(unit: usize) -> Arc<str> {
    format!("mapping-{unit}").into()
}

/// The names of so many mappings.
pub(crate) fn names(units: usize) -> BTreeSet<Arc<str>> {
    (0..units).map(name).collect()
}
