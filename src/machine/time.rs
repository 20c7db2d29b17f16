//! Time as the machines see it: always an argument, never read.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A point on the engine's monotonic clock: the time since the engine's own epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Duration);

impl Mono {
    /// The engine's epoch.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The point that lies `since_epoch` after the engine's epoch.
    #[must_use]
    pub const fn at(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// How long after the engine's epoch this point lies.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// The time from `earlier` to this point; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// The two clocks at the moment of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock: every deadline and every measured span.
    pub mono: Mono,
    /// The source's clock, where its answers tell the time, else the host's: compared with times that AWS wrote.
    /// In milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// How far the host's clock is ahead of the source's, or behind it if negative (milliseconds); 0 where no answer of
    /// the source contradicts the host's.
    pub ahead_ms: i64,
}

/// When a machine wants to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// The point at which [`Input::Timeout`](super::Input::Timeout) is due.
    pub at: Mono,
    /// What the machine will do then; for logs and tests.
    pub reason: Wake,
}

/// Why a machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// The source's attributes are to be read again.
    Describe,
    /// A failed poll may be tried again.
    Poll,
    /// A batching window closes.
    Window,
    /// A held batch may be invoked again.
    Retry,
    /// Visibility must be extended.
    Heartbeat,
    /// Deletions that were gathered are to be sent, or failed ones sent again.
    Delete,
    /// A failure record is to be delivered again.
    Deliver,
    /// Checkpoints are to be saved.
    Checkpoint,
    /// The health changes by itself.
    Health,
    /// The drain's bound, or the end of its grace for open polls.
    Drain,
}

impl fmt::Display for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Describe => "describe",
            Self::Poll => "poll",
            Self::Window => "window",
            Self::Retry => "retry",
            Self::Heartbeat => "heartbeat",
            Self::Delete => "delete",
            Self::Deliver => "deliver",
            Self::Checkpoint => "checkpoint",
            Self::Health => "health",
            Self::Drain => "drain",
        })
    }
}
