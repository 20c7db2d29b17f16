//! A drain: what it waits for, and for how long.

use std::time::Duration;

use crate::machine::Mono;

/// How long the calls that release messages may take when nothing else is waited for any more.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// A drain that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draining {
    /// What is in flight is waited for until then.
    ends: Mono,
    /// Receives that are open are waited for until then: a receive that nothing waits for any more hides its messages
    /// until their visibility ends, and has spent a receive of each.
    receives_end: Mono,
    /// The drain is over then, if all that is left is open receives and what waits for them.
    quiet_ends: Mono,
    /// The receives that are open were cancelled.
    cancelled: bool,
    /// What is in flight is no longer waited for.
    cut: bool,
    /// Batches in flight that outlasted the bound.
    abandoned: u32,
}

impl Draining {
    /// What is in flight has so long, and receives that are open as long as is said, if that is longer.
    pub(super) fn new(now: Mono, bound: Duration, receives: Duration) -> Self {
        let ends = now + bound;
        let receives_end = now + (bound - LAST_CALLS.min(bound / 2)).max(receives);
        let quiet_ends = if receives > bound { receives_end + LAST_CALLS } else { ends };
        Self { ends, receives_end, quiet_ends, cancelled: false, cut: false, abandoned: 0 }
    }

    /// A drain that ends now, but for the calls that release messages.
    pub(super) fn cut(now: Mono) -> Self {
        Self { receives_end: now, cut: true, ..Self::new(now, LAST_CALLS, Duration::ZERO) }
    }

    /// A second order can only shorten the first.
    pub(super) fn shorten(&mut self, other: &Self) {
        self.ends = self.ends.min(other.ends);
        self.receives_end = self.receives_end.min(other.receives_end);
        self.quiet_ends = self.quiet_ends.min(other.quiet_ends);
        self.cut |= other.cut;
    }

    /// What a successor goes on with.
    pub(super) fn handed_over(self) -> Self {
        Self { cancelled: false, ..self }
    }

    /// When it is to be looked at again.
    pub(super) fn next(&self, now: Mono) -> Option<Mono> {
        [self.receives_end, self.ends, self.quiet_ends].into_iter().filter(|&at| at > now).min()
    }

    /// What a receive brought late is processed: it has as long as receives are waited for.
    pub(super) fn allow_for_receives(&mut self) {
        self.ends = self.ends.max(self.quiet_ends);
    }

    /// So many batches in flight are not waited for any longer.
    pub(super) const fn abandon(&mut self, batches: u32) {
        self.abandoned += batches;
    }

    /// How many batches it has abandoned.
    pub(super) const fn abandoned(&self) -> u32 {
        self.abandoned
    }

    /// Until when receives that are open are waited for.
    pub(super) const fn receives_end(&self) -> Mono {
        self.receives_end
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether the receives that are open are to be cancelled now: once.
    pub(super) fn cancels_receives(&mut self, now: Mono) -> bool {
        self.receives_end <= now && !std::mem::replace(&mut self.cancelled, true)
    }

    /// Whether what is in flight has outlasted its bound.
    pub(super) fn is_outlasted(&self, now: Mono) -> bool {
        self.ends <= now
    }

    /// Whether its time is over. With nothing left to be invoked its bound is that of the receives.
    pub(super) fn is_over(&self, has_work: bool, now: Mono) -> bool {
        let ends = if has_work { self.ends } else { self.quiet_ends };
        ends <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::at(Duration::from_secs(seconds))
    }

    fn drain(bound: u64, receives: u64) -> Draining {
        Draining::new(at(100), Duration::from_secs(bound), Duration::from_secs(receives))
    }

    #[test]
    fn receives_have_the_bound_but_for_the_last_calls_or_a_longer_time_of_their_own() {
        let mut bounded = drain(25, 0);
        assert!(!bounded.cancels_receives(at(123)));
        assert!(bounded.cancels_receives(at(124)) && !bounded.cancels_receives(at(125)), "once");
        assert!(!bounded.is_over(false, at(124)) && bounded.is_over(false, at(125)));

        let mut longer = drain(5, 30);
        assert!(longer.is_over(true, at(105)), "what is in flight has the bound");
        assert!(!longer.cancels_receives(at(129)) && longer.cancels_receives(at(130)));
        assert!(!longer.is_over(false, at(130)) && longer.is_over(false, at(131)));
        longer.allow_for_receives();
        assert!(!longer.is_over(true, at(130)), "a late receive is processed");
    }

    #[test]
    fn a_second_order_only_shortens_the_first() {
        let mut draining = drain(25, 0);
        draining.shorten(&drain(60, 90));
        assert_eq!(draining, drain(25, 0));
        draining.shorten(&Draining::cut(at(100)));
        assert!(draining.is_cut() && draining.cancels_receives(at(100)));
        assert!(draining.is_over(true, at(101)));
    }

    #[test]
    fn it_wakes_for_each_of_its_bounds() {
        let draining = drain(5, 30);
        assert_eq!(draining.next(at(100)), Some(at(105)));
        assert_eq!(draining.next(at(105)), Some(at(130)));
        assert_eq!(draining.next(at(131)), None);
    }
}
