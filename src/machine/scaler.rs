//! How many polls and how many batches may be in flight.

use std::time::Duration;

use super::Mono;

/// AWS starts a queue's mapping with five concurrent invocations.
const START: u32 = 5;
/// AWS stops adding at 1,250 concurrent invocations a mapping.
const CEILING: u32 = 1_250;
/// AWS adds at most 300 concurrent invocations a minute.
const GROWTH: Duration = Duration::from_millis(200);
/// A receive that took longer than this has waited for its messages: there was no backlog.
const WAITED: Duration = Duration::from_millis(500);
/// Several throttles within this time are one sign, not several.
const COOLDOWN: Duration = Duration::from_secs(1);
/// A limit that throttles have lowered is tried again no later than this.
const SLOWEST_RECOVERY: Duration = Duration::from_secs(60);

/// Grows while receives come back full, shrinks when they do not, backs off when the function is throttled.
#[derive(Debug)]
pub(crate) struct Scaler {
    /// `MaximumConcurrency`: the limit to return to. `None`: adaptive.
    maximum: Option<u32>,
    limit: u32,
    polls: u32,
    last_growth: Mono,
    pressed: Option<Pressed>,
}

/// The limit was lowered by throttles or service errors.
#[derive(Debug)]
struct Pressed {
    /// How long after a change the limit may be raised by one.
    recovery: Duration,
    last_change: Mono,
    /// The last change was a careful raise: a throttle right after it tells at once that it was too much.
    raised: bool,
}

impl Scaler {
    pub(crate) const fn new(maximum: Option<u32>) -> Self {
        let limit = match maximum {
            Some(maximum) => maximum,
            None => START,
        };
        Self { maximum, limit, polls: 1, last_growth: Mono::ZERO, pressed: None }
    }

    /// For a FIFO queue, which itself allows as many batches as it has message groups.
    pub(crate) fn for_groups(maximum: Option<u32>) -> Self {
        Self::new(Some(maximum.unwrap_or(CEILING)))
    }

    /// Another maximum counts from now on. What throttles have taught stays.
    pub(crate) fn set_maximum(&mut self, maximum: Option<u32>, of_groups: bool) {
        self.maximum = if of_groups { Some(maximum.unwrap_or(CEILING)) } else { maximum };
        self.limit = match (self.maximum, &self.pressed) {
            (Some(maximum), Some(_)) => self.limit.min(maximum),
            (Some(maximum), None) => maximum,
            (None, Some(_)) => self.limit,
            (None, None) => self.limit.clamp(START, CEILING),
        };
        self.polls = self.polls.min(self.limit);
    }

    /// How many batches may be in flight.
    pub(crate) const fn limit(&self) -> u32 {
        self.limit
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
            if self.maximum.is_none() && records == 0 && self.limit > START {
                self.limit = (self.limit - self.limit.div_ceil(4)).max(START);
            }
            return;
        }
        if !full {
            return;
        }
        if saturated && self.maximum.is_none() && self.pressed.is_none() && now.since(self.last_growth) >= GROWTH {
            self.limit = (self.limit + 1).min(CEILING);
            self.last_growth = now;
        }
        self.polls = (self.polls + 1).min(self.limit);
    }

    /// A receive failed.
    pub(crate) fn poll_failed(&mut self) {
        self.polls = 1;
    }

    /// The function was throttled, or the way to it is broken, with this many batches in flight.
    pub(crate) fn pushed_back(&mut self, in_flight: u32, now: Mono) {
        let recovery = match &self.pressed {
            Some(pressed) if !pressed.raised && now.since(pressed.last_change) < COOLDOWN => return,
            Some(pressed) => (pressed.recovery * 2).min(SLOWEST_RECOVERY),
            None => COOLDOWN,
        };
        self.limit = (self.limit.min(in_flight.max(1)) / 2).max(1);
        self.polls = self.polls.min(self.limit);
        self.pressed = Some(Pressed { recovery, last_change: now, raised: false });
    }

    /// The function was reached and answered.
    pub(crate) fn answered(&mut self, now: Mono) {
        let Some(pressed) = &mut self.pressed else { return };
        if now.since(pressed.last_change) < pressed.recovery {
            return;
        }
        // A maximum of one was not lowered, and is not to be passed either.
        self.limit = (self.limit + 1).min(self.maximum.unwrap_or(CEILING));
        pressed.last_change = now;
        pressed.raised = true;
        if self.limit >= self.maximum.unwrap_or(START) {
            self.pressed = None;
        }
    }

    /// The function failed by itself. AWS takes concurrency away from a mapping whose function fails,
    /// unless it reports batch item failures.
    pub(crate) fn function_failed(&mut self) {
        if self.maximum.is_none() && self.limit > START {
            self.limit -= 1;
            self.polls = self.polls.min(self.limit);
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
    fn throttles_halve_once_and_recovery_gets_slower_with_each_new_one() {
        let mut scaler = Scaler::new(Some(20));
        for _ in 0..10 {
            scaler.pushed_back(20, at(1000));
        }
        assert_eq!(scaler.limit(), 10);
        scaler.answered(at(1500));
        assert_eq!(scaler.limit(), 10);
        scaler.answered(at(2000));
        assert_eq!(scaler.limit(), 11);
        scaler.pushed_back(4, at(3500));
        assert_eq!(scaler.limit(), 2, "what was in flight counts, not what was allowed");
        scaler.answered(at(5000));
        assert_eq!(scaler.limit(), 2);
        scaler.answered(at(5500));
        assert_eq!(scaler.limit(), 3);
    }

    #[test]
    fn one_is_the_least_and_the_maximum_comes_back() {
        let mut scaler = Scaler::new(Some(1));
        scaler.pushed_back(1, at(0));
        assert_eq!(scaler.limit(), 1);
        scaler.answered(at(9000));
        assert_eq!(scaler.limit(), 1, "the maximum is never passed");
        let mut scaler = Scaler::new(Some(2));
        scaler.pushed_back(2, at(0));
        assert_eq!(scaler.limit(), 1);
        scaler.answered(at(1000));
        assert_eq!(scaler.limit(), 2);
        scaler.answered(at(9000));
        assert_eq!(scaler.limit(), 2);
    }

    #[test]
    fn a_throttle_far_above_the_start_is_recovered_from_without_a_fall() {
        let mut scaler = Scaler::new(None);
        for growth in 0..95 {
            scaler.received(10, true, QUICK, true, at(growth * 200 + 200));
        }
        assert_eq!(scaler.limit(), 100);
        scaler.pushed_back(100, at(60_000));
        scaler.answered(at(62_000));
        assert_eq!(scaler.limit(), 51);
        scaler.received(10, true, QUICK, true, at(63_000));
        assert_eq!(scaler.limit(), 52, "growth goes on");
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
