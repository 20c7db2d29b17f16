//! Notices a function that fails everything: that is no fault of the mapping, but nothing gets done.

use std::time::Duration;

use super::{Mono, Problem};

/// So many batches must have failed,
const BATCHES: u32 = 3;
/// and nothing may have succeeded for so long.
const LONG: Duration = Duration::from_secs(60);

/// Batches that failed since one succeeded, even in part.
#[derive(Debug, Default)]
pub(super) struct Streak {
    since: Mono,
    batches: u32,
    last: String,
    shown: Option<String>,
}

impl Streak {
    pub(super) fn succeeded(&mut self) {
        if self.batches > 0 {
            *self = Self::default();
        }
    }

    pub(super) fn failed(&mut self, problem: &Problem, now: Mono) {
        if self.batches == 0 {
            self.since = now;
        }
        self.batches = self.batches.saturating_add(1);
        if self.shown.is_none() {
            self.last = problem.headline();
        }
    }

    /// When it becomes worth showing by itself.
    pub(super) fn due(&self) -> Option<Mono> {
        (self.shown.is_none() && self.batches >= BATCHES).then(|| self.since + LONG)
    }

    /// What fails, once that is worth showing: the same text until something succeeds.
    pub(super) fn reason(&mut self, now: Mono) -> Option<&str> {
        if self.due().is_some_and(|due| due <= now) {
            self.shown = Some(format!("function: {}", self.last));
        }
        self.shown.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::at(Duration::from_secs(seconds))
    }

    fn problem(message: &str) -> Problem {
        Problem { kind: "KeyError".into(), message: message.into() }
    }

    #[test]
    fn three_batches_and_a_minute_are_enough_and_the_first_success_ends_it() {
        let mut streak = Streak::default();
        for second in [10, 11] {
            streak.failed(&problem("a"), at(second));
        }
        assert_eq!((streak.due(), streak.reason(at(500))), (None, None), "two may be chance");
        streak.failed(&problem("b\nc"), at(12));
        assert_eq!((streak.due(), streak.reason(at(69))), (Some(at(70)), None));
        assert_eq!(streak.reason(at(70)), Some("function: KeyError: b"));
        streak.failed(&problem("d"), at(71));
        assert_eq!(streak.reason(at(72)), Some("function: KeyError: b"), "it is not reported again");
        assert_eq!(streak.due(), None);
        streak.succeeded();
        assert_eq!((streak.due(), streak.reason(at(73))), (None, None));
        streak.failed(&problem("e"), at(80));
        assert_eq!(streak.reason(at(900)), None, "it begins from nothing");
    }
}
