//! Limits: `Poller.RateLimit` of a mapping's invokes, and what a shard allows its readers.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::clock::{LimiterClock, LimiterInstant};

/// Spaces invokes evenly. Waits on tokio's clock, never on governor's own.
pub(crate) struct InvokeLimiter {
    limiter: Direct,
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

/// What Kinesis hands out of one shard in a second, shared by all readers: 2 MB. The limiter counts in whole
/// nanoseconds, so a cell of one byte would be 0.2 % too cheap.
const KIB_PER_SECOND: NonZeroU32 = NonZeroU32::new(2 * 1024).expect("not zero");
const KIB: usize = 1024;

type Direct = RateLimiter<NotKeyed, InMemoryState, LimiterClock, NoOpMiddleware<LimiterInstant>>;

/// Spaces the reads of one shard, and makes each wait until the bytes of those before it are paid for.
pub(crate) struct ReadLimiter {
    reads: Direct,
    bytes: Direct,
    clock: LimiterClock,
    /// Bytes that were read and not paid for.
    owed: AtomicUsize,
}

impl ReadLimiter {
    pub(crate) fn per_second(reads: NonZeroU32) -> Self {
        let clock = LimiterClock::start();
        let quota = Quota::per_second(reads).allow_burst(NonZeroU32::MIN);
        Self {
            reads: RateLimiter::direct_with_clock(quota, clock.clone()),
            bytes: RateLimiter::direct_with_clock(Quota::per_second(KIB_PER_SECOND), clock.clone()),
            clock,
            owed: AtomicUsize::new(0),
        }
    }

    /// Waits for its turn, and says how long that took.
    pub(crate) async fn admitted(&self) -> Duration {
        let asked = Instant::now();
        // What an answer brought is known only afterwards, so it is paid for before the next read, in parts that
        // fit into the limiter's burst.
        while let Some(part) = NonZeroU32::new(self.part()) {
            match self.bytes.check_n(part) {
                Ok(Ok(())) => self.pay(part.get() as usize * KIB),
                Ok(Err(refused)) => tokio::time::sleep(refused.wait_time_from(self.clock.now())).await,
                Err(_) => break,
            }
        }
        while let Err(refused) = self.reads.check() {
            tokio::time::sleep(refused.wait_time_from(self.clock.now())).await;
        }
        asked.elapsed()
    }

    /// Notes what a read has brought.
    pub(crate) fn charge(&self, bytes: usize) {
        self.owed.fetch_add(bytes, Relaxed);
    }

    fn pay(&self, bytes: usize) {
        // There is one read of a shard at a time, so no other read charges meanwhile.
        self.owed.store(self.owed.load(Relaxed).saturating_sub(bytes), Relaxed);
    }

    fn part(&self) -> u32 {
        u32::try_from(self.owed.load(Relaxed).div_ceil(KIB)).unwrap_or(u32::MAX).min(KIB_PER_SECOND.get())
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

    #[tokio::test(start_paused = true)]
    async fn a_big_read_is_paid_for_before_the_next() {
        let limiter = ReadLimiter::per_second(NonZeroU32::new(5).unwrap());
        let start = Instant::now();
        limiter.admitted().await;
        limiter.charge(10 * 1024 * 1024);
        limiter.admitted().await;
        // Two megabytes are free after a quiet second; the other eight take four.
        assert!((3_999..=4_100).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        limiter.charge(100);
        limiter.admitted().await;
        assert!((4_190..=4_400).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}
