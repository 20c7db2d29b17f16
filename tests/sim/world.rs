//! What every part of a simulated world shares: the clock, the dice, the trace and the first violation.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay::machine::fuse;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::trace::Trace;

/// The wall clock at the start of every scenario (2026-01-01T00:00:00Z).
const EPOCH_UNIX_MS: u64 = 1_767_225_600_000;

/// More calls than any scenario needs: an engine that makes them spins.
const CALL_LIMIT: u64 = 200_000;

/// The shared part of a world. Times are milliseconds since the scenario began.
pub(crate) struct World {
    start: Instant,
    inner: Mutex<Inner>,
    violated: Notify,
}

struct Inner {
    rng: fastrand::Rng,
    trace: Trace,
    violation: Option<String>,
    calls: u64,
    fair: bool,
    closed: bool,
    incarnation: u32,
    fuse: Fuse,
}

/// A panic that a scenario asks of a machine.
#[derive(Clone, Copy, Debug, Default)]
struct Fuse {
    /// When it was last seen to burn still.
    burning: Option<u64>,
    /// The process in which a machine panicked, from when on it may have, and when that was seen.
    panic: Option<Panic>,
}

/// A machine has panicked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panic {
    /// In which process.
    pub(crate) incarnation: u32,
    /// What it was given from then on it may not know of.
    pub(crate) since: u64,
    /// When that was seen.
    pub(crate) seen: u64,
}

impl World {
    /// A world whose clock starts now; `show` prints every event as it happens.
    pub(crate) fn new(seed: u64, show: bool) -> Self {
        Self {
            start: Instant::now(),
            inner: Mutex::new(Inner {
                rng: fastrand::Rng::with_seed(seed ^ 0x5eed_0f0f_dead_beef),
                trace: Trace::new(show),
                violation: None,
                calls: 0,
                fair: false,
                closed: false,
                incarnation: 0,
                fuse: Fuse::default(),
            }),
            violated: Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the scenario began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).expect("a scenario is shorter than that")
    }

    /// The wall clock.
    pub(crate) fn unix_ms(&self) -> u64 {
        EPOCH_UNIX_MS + self.now()
    }

    /// The wall clock at `at`.
    pub(crate) const fn unix_at(at: u64) -> u64 {
        EPOCH_UNIX_MS + at
    }

    /// Sleeps until `at`.
    pub(crate) async fn sleep_until(&self, at: u64) {
        tokio::time::sleep_until(self.start + Duration::from_millis(at)).await;
    }

    /// True with probability `p`. Throws no dice for 0, so that a rate of 0 changes nothing else.
    pub(crate) fn chance(&self, p: f64) -> bool {
        p > 0.0 && self.inner().rng.f64() < p
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        if low >= high { low } else { self.inner().rng.u64(low..=high) }
    }

    /// Puts items in an arbitrary order.
    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        self.inner().rng.shuffle(items);
    }

    /// Records an event.
    pub(crate) fn note(&self, event: fmt::Arguments<'_>) {
        let now = self.now();
        self.inner().trace.push(now, event);
    }

    /// Records the first violation and ends the scenario. Later ones are consequences.
    pub(crate) fn violate(&self, what: impl Into<String>) {
        let what = what.into();
        self.note(format_args!("VIOLATION: {what}"));
        let mut inner = self.inner();
        if inner.violation.is_none() && !inner.closed {
            inner.violation = Some(what);
            self.violated.notify_one();
        }
    }

    /// The first violation.
    pub(crate) fn violation(&self) -> Option<String> {
        self.inner().violation.clone()
    }

    /// Ends when something was violated.
    pub(crate) async fn until_violated(&self) {
        loop {
            let violated = self.violated.notified();
            if self.violation().is_some() {
                return;
            }
            violated.await;
        }
    }

    /// To be awaited at the start of every call from the engine. After a violation, and at the
    /// end of a scenario, calls never go on: what follows would only hide the cause.
    pub(crate) async fn enter(&self) {
        let calls = {
            let mut inner = self.inner();
            inner.calls += 1;
            inner.calls
        };
        if calls > CALL_LIMIT {
            self.violate(format!("the engine spins: more than {CALL_LIMIT} calls in one scenario"));
        }
        if self.violation().is_some() || self.closed() {
            std::future::pending::<()>().await;
        }
    }

    /// A machine panics at its `steps`th step from now.
    pub(crate) fn light_fuse(&self, steps: u32) {
        fuse::light(steps);
        self.inner().fuse.burning = Some(self.now());
    }

    /// The panic that a machine has had, if one had.
    pub(crate) fn panic(&self) -> Option<Panic> {
        let now = self.now();
        let mut inner = self.inner();
        if let Some(since) = inner.fuse.burning {
            if fuse::is_out() {
                inner.fuse =
                    Fuse { burning: None, panic: Some(Panic { incarnation: inner.incarnation, since, seen: now }) };
                inner.trace.push(now, format_args!("a machine has panicked"));
            } else {
                inner.fuse.burning = Some(now);
            }
        }
        inner.fuse.panic
    }

    /// Whether a machine of the process that runs has panicked.
    pub(crate) fn has_panicked(&self) -> bool {
        self.panic().is_some_and(|panic| panic.incarnation == self.incarnation())
    }

    /// Whether a machine of the process that runs may not know of what it was given at `heard`.
    pub(crate) fn may_have_forgotten(&self, heard: u64) -> bool {
        self.panic().is_some_and(|panic| panic.incarnation == self.incarnation() && heard >= panic.since)
    }

    /// How many calls the engine made.
    pub(crate) fn calls(&self) -> u64 {
        self.inner().calls
    }

    /// Faults are off from now on.
    pub(crate) fn make_fair(&self) {
        self.inner().fair = true;
    }

    /// Whether faults are off.
    pub(crate) fn fair(&self) -> bool {
        self.inner().fair
    }

    /// The scenario is over: nothing that happens from now on counts.
    pub(crate) fn close(&self) {
        self.inner().closed = true;
    }

    /// Whether the scenario is over.
    pub(crate) fn closed(&self) -> bool {
        self.inner().closed
    }

    /// A new process begins (or none runs): what belongs to an older one is dead.
    pub(crate) fn next_incarnation(&self) -> u32 {
        let mut inner = self.inner();
        inner.incarnation += 1;
        inner.incarnation
    }

    /// Which process runs.
    pub(crate) fn incarnation(&self) -> u32 {
        self.inner().incarnation
    }

    /// The hash of the trace, and its last lines.
    pub(crate) fn trace(&self) -> (u64, Vec<String>) {
        let inner = self.inner();
        (inner.trace.hash(), inner.trace.tail())
    }
}
