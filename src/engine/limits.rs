//! `Poller.RateLimit`: the most invokes a second of one mapping.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::clock::{LimiterClock, LimiterInstant};

/// Spaces invokes evenly. Waits on tokio's clock, never on governor's own.
pub(crate) struct InvokeLimiter {
    limiter: RateLimiter<NotKeyed, InMemoryState, LimiterClock, NoOpMiddleware<LimiterInstant>>,
    clock: LimiterClock,
}

impl InvokeLimiter {
    pub(crate) fn per_second(invokes: NonZeroU32) -> Self {
        let clock = LimiterClock::start();
        // A burst of one: a limit of 100 is one each 10 ms, not 100 at once and then a second of silence.
        let quota = Quota::per_second(invokes).allow_burst(NonZeroU32::MIN);
        Self { limiter: RateLimiter::direct_with_clock(quota, clock.clone()), clock }
    }

    /// Waits for its turn, and says how long that took.
    pub(crate) async fn admitted(&self) -> Duration {
        let asked = Instant::now();
        while let Err(refused) = self.limiter.check() {
            tokio::time::sleep(refused.wait_time_from(self.clock.now())).await;
        }
        asked.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn invokes_are_spaced_on_tokios_clock() {
        let limiter = InvokeLimiter::per_second(NonZeroU32::new(4).unwrap());
        let start = Instant::now();
        let mut at = Vec::new();
        for _ in 0..5 {
            limiter.admitted().await;
            at.push(start.elapsed().as_millis());
        }
        // Tokio's timers round up to the millisecond.
        let spacing: Vec<u128> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(spacing.iter().all(|ms| (249..=252).contains(ms)), "{at:?}");
    }
}
