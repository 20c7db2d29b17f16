//! The time of a service, from the `Date` of its answers.
//!
//! Ages of records and pins at LATEST are compared with times that the service wrote, so they go by its clock. Each
//! answer says between which two moments of our monotonic clock the service's clock showed which second. The host's
//! wall clock counts as long as no answer contradicts it; else the service's time is taken from the answers, and rather
//! early than late: then nothing counts as too old too soon, and no pin leaves a record out.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The answers that are remembered.
const KEPT: usize = 16;
/// An answer says nothing any more after this: a host that slept has missed its time.
const TRUSTED: Duration = Duration::from_secs(120);
/// `Date` has whole seconds.
const SECOND: i64 = 1_000;
/// What is lost where moments are cut to milliseconds.
const ROUNDING: i64 = 2;

/// Follows the clock of one service. Shared by everything that calls it.
#[derive(Debug)]
pub struct ServiceClock {
    epoch: Instant,
    known: Mutex<Known>,
}

/// The last answers, and the bounds that follow from them for the time at `epoch` (Unix milliseconds).
#[derive(Debug, Default)]
struct Known {
    answers: VecDeque<Answer>,
    bounds: Option<(i64, i64)>,
}

/// What one answer says of the time at `epoch` (Unix milliseconds): not earlier, and not later.
#[derive(Clone, Copy, Debug)]
struct Answer {
    at: Instant,
    earliest: i64,
    latest: i64,
}

/// The service's time at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// How far the host's clock is ahead of it, or behind it if negative (milliseconds).
    pub ahead_ms: i64,
}

impl Default for ServiceClock {
    fn default() -> Self {
        Self { epoch: Instant::now(), known: Mutex::default() }
    }
}

impl ServiceClock {
    /// An answer to a call that was sent and answered at these moments has this `Date` (seconds since the Unix epoch).
    pub fn observe(&self, sent: Instant, answered: Instant, date: u64) {
        let Ok(date) = i64::try_from(date.saturating_mul(1_000)) else { return };
        let earliest = date - self.since(answered) - ROUNDING;
        let latest = date + SECOND - self.since(sent) + ROUNDING;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.answers.retain(|known| answered.saturating_duration_since(known.at) <= TRUSTED);
        if known.answers.len() == KEPT {
            known.answers.pop_front();
        }
        known.answers.push_back(Answer { at: answered, earliest, latest });
        known.bounds = bounds(&known.answers);
    }

    /// The time at a moment at which the host's clock shows `host_unix_ms`. Without any answer the host's clock counts.
    pub fn reading(&self, at: Instant, host_unix_ms: u64) -> Reading {
        let bounds = self.known.lock().unwrap_or_else(PoisonError::into_inner).bounds;
        let (host, since) = (i64::try_from(host_unix_ms).unwrap_or(i64::MAX), self.since(at));
        match bounds.map(|(earliest, latest)| (earliest + since, latest + since)) {
            Some((earliest, latest)) if host < earliest || host > latest => {
                Reading { unix_ms: u64::try_from(earliest).unwrap_or(0), ahead_ms: host - earliest }
            }
            _ => Reading { unix_ms: host_unix_ms, ahead_ms: 0 },
        }
    }

    fn since(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.epoch).as_millis()).unwrap_or(i64::MAX)
    }
}

/// The closest bounds of all answers that agree with most of them: one server or proxy whose clock is wrong moves
/// nothing.
fn bounds(answers: &VecDeque<Answer>) -> Option<(i64, i64)> {
    let mut earliest: Vec<i64> = answers.iter().map(|answer| answer.earliest).collect();
    let mut latest: Vec<i64> = answers.iter().map(|answer| answer.latest).collect();
    let middle = answers.len().checked_sub(1)? / 2;
    let last = answers.len() - 1 - middle;
    let usual = *earliest.select_nth_unstable(middle).1;
    let usual_latest = *latest.select_nth_unstable(last).1;
    let earliest = earliest.into_iter().filter(|&at| at <= usual + SECOND).max()?;
    let latest = latest.into_iter().filter(|&at| at >= usual_latest - SECOND).min()?;
    Some((earliest, latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    /// A service whose clock is right, asked again and again; answers take 20 ms each way.
    struct Service {
        clock: ServiceClock,
        begun: Instant,
    }

    impl Service {
        fn new() -> Self {
            Self { clock: ServiceClock::default(), begun: Instant::now() }
        }

        fn time(&self) -> u64 {
            NOW + u64::try_from(self.begun.elapsed().as_millis()).unwrap()
        }

        async fn answer(&self) {
            self.answer_from(0).await;
        }

        /// From a server whose clock is wrong by so many seconds.
        async fn answer_from(&self, ahead: u64) {
            let sent = Instant::now();
            tokio::time::advance(Duration::from_millis(20)).await;
            let date = self.time() / 1000 + ahead;
            tokio::time::advance(Duration::from_millis(20)).await;
            self.clock.observe(sent, Instant::now(), date);
        }

        /// What a host believes whose clock is ahead by so much: how far from the truth, and its skew.
        fn reading(&self, ahead_ms: i64) -> (i64, i64) {
            let host = self.time().saturating_add_signed(ahead_ms);
            let Reading { unix_ms, ahead_ms } = self.clock.reading(Instant::now(), host);
            (unix_ms as i64 - self.time() as i64, ahead_ms)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_answers_the_host_counts() {
        assert_eq!(Service::new().reading(90_000), (90_000, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_right_counts_to_the_millisecond() {
        let service = Service::new();
        for _ in 0..100 {
            service.answer().await;
            assert_eq!(service.reading(0), (0, 0));
            tokio::time::advance(Duration::from_millis(370)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_wrong_is_corrected_by_one_answer_and_never_beyond() {
        for ahead in [90_000, -90_000, 7_200_000, -7_200_000, 1_500, -1_500] {
            let service = Service::new();
            service.answer().await;
            let (off, skew) = service.reading(ahead);
            assert!((-1_050..=0).contains(&off), "{ahead}: {off}");
            assert_eq!(skew, ahead - off);
            for _ in 0..40 {
                tokio::time::advance(Duration::from_millis(370)).await;
                service.answer().await;
            }
            let (off, _) = service.reading(ahead);
            assert!((-150..=0).contains(&off), "{ahead}: {off} after many answers");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_clock_that_jumps_moves_nothing() {
        let service = Service::new();
        for jump in [0, 3_600_000, -3_600_000, 0] {
            let (off, _) = service.reading(jump);
            service.answer().await;
            let (now, _) = service.reading(jump);
            assert!((-1_050..=0).contains(&now), "{jump}: {off}, then {now}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn few_answers_with_another_time_move_nothing() {
        let service = Service::new();
        for n in 0..60 {
            service.answer_from(if n % 4 == 3 { 300 } else { 0 }).await;
            tokio::time::advance(Duration::from_millis(370)).await;
            let (off, _) = service.reading(5_000);
            assert!(n < 4 || (-1_050..=0).contains(&off), "{n}: {off}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_long_ago_is_forgotten_with_the_next_answer() {
        let service = Service::new();
        for _ in 0..KEPT {
            service.answer_from(300).await;
        }
        tokio::time::advance(TRUSTED).await;
        service.answer().await;
        let (off, _) = service.reading(0);
        assert_eq!(off, 0);
    }
}
