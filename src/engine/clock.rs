//! The engine's clocks: tokio's for every span and deadline, a wall clock that is passed in, and for streams the clock
//! of their service.

use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock as GovernorClock, Reference};
use governor::nanos::Nanos;
use tokio::time::Instant;

use crate::clock::{Reading, ServiceClock, WallClock};
use crate::machine::{Mono, Now};

/// Gives machines their time. A paused tokio clock moves all of it.
#[derive(Clone)]
pub(crate) struct Clock {
    epoch: Instant,
    wall: WallClock,
}

impl Clock {
    pub(crate) fn new(wall: WallClock) -> Self {
        Self { epoch: Instant::now(), wall }
    }

    /// Now, by the source's clock where its answers tell the time.
    pub(crate) fn now(&self, source: Option<&ServiceClock>) -> Now {
        let (at, host) = (Instant::now(), (self.wall)());
        let host_counts = Reading { unix_ms: host, ahead_ms: 0 };
        let Reading { unix_ms, ahead_ms } = source.map_or(host_counts, |source| source.reading(at, host));
        Now { mono: Mono::at(at.saturating_duration_since(self.epoch)), unix_ms, ahead_ms }
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        (self.wall)()
    }

    /// The moment that a machine calls `mono`.
    pub(crate) fn instant(&self, mono: Mono) -> Instant {
        // A deadline beyond what the clock can hold is as good as a day away: the wake is spurious.
        self.epoch.checked_add(mono.since_epoch()).unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400))
    }
}

/// Tokio's clock for governor, whose own does not follow a paused one.
#[derive(Clone, Debug)]
pub(crate) struct LimiterClock(Instant);

impl LimiterClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

/// Nanoseconds since the limiter was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LimiterInstant(u64);

impl Add<Nanos> for LimiterInstant {
    type Output = Self;

    fn add(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span.as_u64()))
    }
}

impl Reference for LimiterInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, span: Nanos) -> Self {
        Self(self.0.saturating_sub(span.as_u64()))
    }
}

impl GovernorClock for LimiterClock {
    type Instant = LimiterInstant;

    fn now(&self) -> LimiterInstant {
        LimiterInstant(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}
