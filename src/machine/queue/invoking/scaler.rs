//! How many polls and how many batches may be in flight.

use std::time::Duration;

use super::congestion::Congestion;
use crate::machine::Mono;

/// AWS starts a queue's mapping with five concurrent invocations.
const START: u32 = 5;
/// AWS stops adding at 1,250 concurrent invocations a mapping.
pub(crate) const CEILING: u32 = 1_250;
/// AWS adds at most 300 concurrent invocations a minute.
const GROWTH: Duration = Duration::from_millis(200);
/// A receive that took longer than this has waited for its messages: there was no backlog.
const WAITED: Duration = Duration::from_millis(500);

/// Grows while receives come back full, shrinks when they do not, backs off when too many calls are refused.
#[derive(Debug)]
pub(crate) struct Scaler {
    /// `MaximumConcurrency`. `None`: adaptive.
    maximum: Option<u32>,
    /// How many batches might be in flight if nothing were refused.
    goal: u32,
    congestion: Congestion,
    polls: u32,
    last_growth: Mono,
}

impl Scaler {
    pub(crate) fn new(maximum: Option<u32>) -> Self {
        let goal = maximum.unwrap_or(START);
        Self { maximum, goal, congestion: Congestion::default(), polls: 1, last_growth: Mono::ZERO }
    }

    /// Another maximum counts from now on. What refusals have taught stays.
    pub(crate) fn set_maximum(&mut self, maximum: Option<u32>) {
        self.maximum = maximum;
        self.goal = self.maximum.unwrap_or_else(|| self.goal.clamp(START, CEILING));
        self.congestion.goal_changed(self.goal);
        self.polls = self.polls.min(self.limit());
    }

    /// How many batches may be in flight.
    pub(crate) fn limit(&self) -> u32 {
        self.congestion.limit(self.goal)
    }

    /// What the limit would be, and since when refusals have kept it lower.
    pub(crate) fn lowered(&self) -> Option<(u32, Mono)> {
        self.congestion.since().map(|since| (self.goal, since))
    }

    /// How many polls are worth having open at once.
    pub(crate) const fn polls(&self) -> u32 {
        self.polls
    }

    /// A receive ended: `full` when it brought as much as was asked for, `saturated` when every slot
    /// that the limit allows is spoken for.
    pub(crate) fn received(&mut self, records: usize, full: bool, took: Duration, saturated: bool, now: Mono) {
        if took > WAITED || records == 0 {
            self.polls = self.polls.saturating_sub(1).max(1);
            if self.maximum.is_none() && records == 0 && self.goal > START {
                self.goal = (self.goal - self.goal.div_ceil(4)).max(START);
            }
            return;
        }
        if !full {
            return;
        }
        let may_grow = self.maximum.is_none() && self.congestion.since().is_none();
        if saturated && may_grow && now.since(self.last_growth) >= GROWTH {
            self.goal = (self.goal + 1).min(CEILING);
            self.last_growth = now;
        }
        self.polls = (self.polls + 1).min(self.limit());
    }

    /// A receive failed.
    pub(crate) fn poll_failed(&mut self) {
        self.polls = 1;
    }

    /// The function was throttled, or the way to it is broken, while so many other batches were in flight.
    pub(crate) fn refused(&mut self, others: u32, now: Mono) {
        self.congestion.refused(others, self.goal, now);
        self.polls = self.polls.min(self.limit());
    }

    /// The function was reached and answered.
    pub(crate) fn answered(&mut self, now: Mono) {
        self.congestion.answered(self.goal, now);
    }

    /// The function failed by itself. AWS takes concurrency away from a mapping whose function fails,
    /// unless it reports batch item failures.
    pub(crate) fn function_failed(&mut self) {
        if self.maximum.is_none() && self.goal > START {
            self.goal -= 1;
            self.polls = self.polls.min(self.limit());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    const QUICK: Duration = Duration::from_millis(5);

    #[test]
    fn full_receives_open_polls_up_to_the_limit_and_idleness_closes_them() {
        let mut scaler = Scaler::new(Some(3));
        assert_eq!((scaler.limit(), scaler.polls()), (3, 1));
        for _ in 0..5 {
            scaler.received(10, true, QUICK, true, at(0));
        }
        assert_eq!((scaler.limit(), scaler.polls()), (3, 3));
        scaler.received(4, false, QUICK, true, at(0));
        assert_eq!(scaler.polls(), 3);
        for _ in 0..5 {
            scaler.received(0, false, Duration::from_secs(20), false, at(0));
        }
        assert_eq!((scaler.limit(), scaler.polls()), (3, 1));
    }

    #[test]
    fn a_trickle_of_single_messages_needs_one_poll() {
        let mut scaler = Scaler::new(None);
        for second in 0..60 {
            scaler.received(1, true, Duration::from_millis(990), false, at(second * 1000));
        }
        assert_eq!(scaler.polls(), 1);
    }

    #[test]
    fn adaptive_concurrency_grows_as_fast_as_aws_and_falls_back_when_idle() {
        let mut scaler = Scaler::new(None);
        for ms in 0..60_000 {
            scaler.received(10, true, QUICK, true, at(ms));
        }
        assert_eq!(scaler.limit(), START + 299);
        for ms in 0..20 {
            scaler.received(0, false, Duration::from_secs(20), false, at(60_000 + ms));
        }
        assert_eq!(scaler.limit(), START);
    }

    #[test]
    fn free_slots_are_no_reason_to_grow() {
        let mut scaler = Scaler::new(None);
        scaler.received(10, true, QUICK, false, at(1000));
        assert_eq!(scaler.limit(), START);
    }

    #[test]
    fn refusals_lower_the_limit_and_growth_goes_on_when_it_is_back() {
        let mut scaler = Scaler::new(None);
        for growth in 0..95 {
            scaler.received(10, true, QUICK, true, at(growth * 200 + 200));
        }
        assert_eq!((scaler.limit(), scaler.lowered()), (100, None));
        for others in (50..100).rev() {
            scaler.refused(others, at(60_000));
        }
        assert_eq!(scaler.lowered(), Some((100, at(60_000))));
        assert!((50..=66).contains(&scaler.limit()), "{}", scaler.limit());
        assert!(scaler.polls() <= scaler.limit());
        scaler.received(10, true, QUICK, true, at(60_300));
        assert_eq!(scaler.lowered(), Some((100, at(60_000))), "a lowered limit grows by answers alone");
        for call in 0..1_000 {
            scaler.answered(at(61_000 + call));
        }
        assert_eq!((scaler.limit(), scaler.lowered()), (100, None));
        scaler.received(10, true, QUICK, true, at(63_000));
        assert_eq!(scaler.limit(), 101);
    }

    #[test]
    fn another_maximum_counts_at_once_and_what_refusals_have_taught_stays() {
        let lowered = || {
            let mut scaler = Scaler::new(Some(30));
            for others in (3..30).rev() {
                scaler.refused(others, at(5));
            }
            scaler
        };
        let learned = lowered().limit();
        assert!((3..=6).contains(&learned), "{learned}");
        for (maximum, limit, goal) in [
            (Some(100), learned, Some(100)),
            (None, learned, Some(30)),
            (Some(learned), learned, None),
            (Some(2), 2, None),
        ] {
            let mut scaler = lowered();
            scaler.set_maximum(maximum);
            assert_eq!((scaler.limit(), scaler.lowered().map(|(goal, _)| goal)), (limit, goal), "{maximum:?}");
        }
        let mut scaler = Scaler::new(None);
        scaler.set_maximum(Some(40));
        assert_eq!(scaler.limit(), 40);
        scaler.set_maximum(None);
        assert_eq!(scaler.limit(), 40);
    }

    #[test]
    fn a_failing_function_loses_what_it_had_gained() {
        let mut scaler = Scaler::new(None);
        scaler.received(10, true, QUICK, true, at(1000));
        assert_eq!(scaler.limit(), START + 1);
        scaler.function_failed();
        scaler.function_failed();
        assert_eq!(scaler.limit(), START);
    }
}
