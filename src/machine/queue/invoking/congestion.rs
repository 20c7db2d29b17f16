//! How much the function takes, judged by the share of calls that it refuses: a throttle, an error of the service, or
//! no answer.
//!
//! A rate is judged and never a single call, so a refusal now and then costs nothing. What is refused beyond that
//! lowers the limit to what was in flight at the time, which is what the function takes. Growth starts with one and
//! doubles with each round that proves it right, so any limit comes back within a few rounds.

use std::time::Duration;

use crate::machine::Mono;

/// A window in which little was refused is over after this time.
const SPAN: Duration = Duration::from_secs(1);
/// So many refusals at least make a rate.
const FEWEST: u32 = 4;
/// So many do right after a raise, of which it is not known yet whether it is too much.
const FEWEST_AFTER_A_RAISE: u32 = 2;
/// How long the first try to raise a lowered limit waits.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that it waits, after tries that were answered by refusals. Each of these costs a few calls.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Watches refusals, and lowers the limit while there are too many.
#[derive(Debug, Default)]
pub(crate) struct Congestion {
    window: Window,
    lowered: Option<Lowered>,
}

/// What came of the calls since some time.
#[derive(Debug, Default)]
struct Window {
    began: Mono,
    answered: u32,
    refused: u32,
}

#[derive(Debug)]
struct Lowered {
    limit: u32,
    since: Mono,
    /// By how much the limit is raised next.
    step: u32,
    pause: Duration,
    next_raise: Mono,
    /// The window began with a raise, which is not proved right yet.
    raised: bool,
}

impl Window {
    fn starting(now: Mono) -> Self {
        Self { began: now, answered: 0, refused: 0 }
    }

    /// Fewer calls were refused than answered. Of the calls above a fixed concurrency at least every second one is
    /// refused: each answer frees one place, for which a held batch and a new one compete.
    const fn is_clean(&self) -> bool {
        self.refused < self.answered
    }
}

impl Congestion {
    /// How many calls may be in flight of the `goal` that there would be without refusals.
    pub(crate) fn limit(&self, goal: u32) -> u32 {
        self.lowered.as_ref().map_or(goal, |lowered| lowered.limit.min(goal))
    }

    /// Since when the limit has been below its goal.
    pub(crate) fn since(&self) -> Option<Mono> {
        self.lowered.as_ref().map(|lowered| lowered.since)
    }

    /// There is another goal. A lowered limit that is not below it is none.
    pub(crate) fn goal_changed(&mut self, goal: u32) {
        self.lowered = self.lowered.take().filter(|lowered| lowered.limit < goal);
    }

    /// A call was refused while so many others were in flight.
    pub(crate) fn refused(&mut self, others: u32, goal: u32, now: Mono) {
        let limit = self.limit(goal);
        if limit == 1 && self.lowered.is_some() {
            // There is nothing left to lower, and the next answer is to count for all of it.
            self.window = Window::starting(now);
            return;
        }
        self.window.refused = self.window.refused.saturating_add(1);
        let after_a_raise = self.lowered.as_ref().is_some_and(|lowered| lowered.raised);
        // Among many calls a few refusals are no rate yet: calls that began together fail together.
        let rate = if after_a_raise { FEWEST_AFTER_A_RAISE } else { FEWEST }.max(others / 4);
        if limit <= 1 || self.window.is_clean() || self.window.refused < rate {
            return;
        }
        let before = self.lowered.as_ref().map_or(PAUSE, |lowered| lowered.pause);
        let pause = if after_a_raise { (before * 2).min(LONGEST_PAUSE) } else { before };
        self.lowered = Some(Lowered {
            limit: others.clamp(1, limit - 1),
            since: self.since().unwrap_or(now),
            step: 1,
            pause,
            next_raise: now + pause,
            raised: false,
        });
        self.window = Window::starting(now);
    }

    /// A call was answered.
    pub(crate) fn answered(&mut self, goal: u32, now: Mono) {
        self.window.answered = self.window.answered.saturating_add(1);
        let over = now.since(self.window.began) >= SPAN;
        let round = self.lowered.as_ref().is_some_and(|lowered| self.window.answered >= lowered.limit);
        if !(over || round) || !self.window.is_clean() {
            return;
        }
        self.window = Window::starting(now);
        let Some(lowered) = &mut self.lowered else { return };
        if lowered.raised {
            lowered.step = lowered.step.saturating_mul(2);
            lowered.pause = PAUSE;
        }
        lowered.raised = lowered.raised || now >= lowered.next_raise;
        if lowered.raised {
            lowered.limit = lowered.limit.saturating_add(lowered.step);
        }
        if lowered.limit >= goal {
            self.lowered = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    /// Calls that begin together and are refused together.
    fn burst(congestion: &mut Congestion, calls: u32, goal: u32, now: Mono) {
        for others in (0..calls).rev() {
            congestion.refused(others, goal, now);
        }
    }

    /// Rounds of answers, each of as many as may be in flight, until the goal is reached.
    fn rounds(congestion: &mut Congestion, goal: u32, mut now: u64, round: u64) -> (u32, u64) {
        for rounds in 0.. {
            if congestion.since().is_none() {
                return (rounds, now);
            }
            now += round;
            for _ in 0..congestion.limit(goal) {
                congestion.answered(goal, at(now));
            }
        }
        unreachable!("the limit comes back")
    }

    #[test]
    fn refusals_now_and_then_cost_nothing() {
        for every in [100, 20, 5, 3] {
            let mut congestion = Congestion::default();
            for call in 0..20_000 {
                if call % every == 0 {
                    congestion.refused(29, 30, at(call * 7));
                } else {
                    congestion.answered(30, at(call * 7));
                }
                assert_eq!(congestion.limit(30), 30, "call {call} of which every {every}th is refused");
            }
        }
    }

    #[test]
    fn one_refusal_among_few_slow_calls_is_no_rate() {
        let mut congestion = Congestion::default();
        for second in 0..3 {
            congestion.refused(1, 2, at(second * 60_000));
        }
        assert_eq!(congestion.limit(2), 2);
    }

    #[test]
    fn when_everything_fails_one_call_is_left_and_all_is_back_within_a_few_rounds() {
        for (goal, most) in [(2, 1), (30, 5), (108, 7), (1_250, 11)] {
            let mut congestion = Congestion::default();
            for failure in 0..600 {
                let limit = congestion.limit(goal);
                burst(&mut congestion, limit, goal, at(failure * 1000));
            }
            assert_eq!(congestion.limit(goal), 1, "of {goal}");
            let (taken, _) = rounds(&mut congestion, goal, 600_000, 200);
            assert!(taken <= most, "{taken} rounds back to {goal}");
        }
    }

    #[test]
    fn a_burst_shows_at_once_what_the_function_takes() {
        // Three of thirty got through, the others are refused one after the other.
        let mut congestion = Congestion::default();
        for others in (3..30).rev() {
            congestion.refused(others, 30, at(5));
        }
        assert!((3..=6).contains(&congestion.limit(30)), "{}", congestion.limit(30));
    }

    #[test]
    fn a_fixed_concurrency_is_found_and_tried_again_ever_more_rarely() {
        // Five run at once for 200 ms; and with each answer the calls beyond are refused.
        let (mut congestion, mut refused, mut answered) = (Congestion::default(), 0, 0);
        for tick in 0..3_000_u64 {
            let now = at(tick * 40);
            if tick % 5 < u64::from(congestion.limit(30)) {
                answered += 1;
                congestion.answered(30, now);
            }
            for others in (5..congestion.limit(30)).rev() {
                refused += 1;
                congestion.refused(others, 30, now);
            }
        }
        assert!(answered >= 2_800, "{answered} of 3000 were answered");
        assert!(refused < 150, "{refused} were refused in two minutes");
    }

    #[test]
    fn a_maximum_of_one_is_neither_lowered_nor_passed() {
        let mut congestion = Congestion::default();
        for second in 0..100 {
            congestion.refused(0, 1, at(second * 1000));
            assert_eq!((congestion.limit(1), congestion.since()), (1, None));
        }
        congestion.answered(1, at(200_000));
        assert_eq!(congestion.limit(1), 1);
    }

    #[test]
    fn it_shows_since_when_the_limit_is_lowered() {
        let mut congestion = Congestion::default();
        burst(&mut congestion, 10, 10, at(7_000));
        burst(&mut congestion, 3, 10, at(9_000));
        assert_eq!(congestion.since(), Some(at(7_000)));
        let (_, now) = rounds(&mut congestion, 10, 60_000, 100);
        assert!(now <= 61_000, "back at {now}");
        assert_eq!((congestion.limit(10), congestion.since()), (10, None));
    }
}
