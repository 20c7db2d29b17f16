//! Notices filters that let nothing pass for a while: on a queue, a slip in a pattern deletes everything.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So long nothing must have passed.
const LONG: Duration = Duration::from_secs(600);
/// So many records must have been filtered out meanwhile.
const MANY: u64 = 100;

/// How long nothing has passed, and how many records were filtered out since.
#[derive(Debug, Default)]
pub(super) struct Drought {
    /// Something was ever filtered out: most mappings have no filters, and theirs cost nothing.
    begun: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    filtered: u64,
    logged: bool,
}

impl Drought {
    pub(super) const fn new() -> Self {
        Self { begun: AtomicBool::new(false), state: Mutex::new(State { since: None, filtered: 0, logged: false }) }
    }

    /// Records reach the function. True when that ends a drought that was logged.
    pub(super) fn passed(&self, now: impl FnOnce() -> Instant) -> bool {
        if !self.begun.load(Relaxed) {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let logged = state.logged;
        *state = State { since: Some(now()), filtered: 0, logged: false };
        logged
    }

    /// Records were filtered out. Where it is time to tell, how long nothing has passed and how many did not: once,
    /// until something passes.
    pub(super) fn filtered(&self, records: usize, now: Instant, may_log: bool) -> Option<(Duration, u64)> {
        self.begun.store(true, Relaxed);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.filtered += u64::try_from(records).unwrap_or(u64::MAX);
        let dry = now.saturating_duration_since(*state.since.get_or_insert(now));
        if state.logged || !may_log || dry < LONG || state.filtered < MANY {
            return None;
        }
        state.logged = true;
        Some((dry, state.filtered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn is_logged_once_when_it_is_both_long_and_much() {
        let (drought, start) = (Drought::new(), Instant::now());
        assert_eq!(drought.filtered(5000, start, true), None, "it has only begun");
        assert_eq!(drought.filtered(1, start + LONG - SECOND, true), None, "not long enough");
        assert_eq!(drought.filtered(1, start + LONG, false), None, "not now");
        assert_eq!(drought.filtered(1, start + LONG, true), Some((LONG, 5003)));
        assert_eq!(drought.filtered(1, start + 9 * LONG, true), None, "it was logged");
    }

    #[test]
    fn few_records_are_no_drought() {
        let (drought, start) = (Drought::new(), Instant::now());
        assert_eq!(drought.filtered(1, start, true), None);
        assert_eq!(drought.filtered(98, start + 2 * LONG, true), None);
        assert_eq!(drought.filtered(1, start + 3 * LONG, true), Some((3 * LONG, 100)));
    }

    #[test]
    fn whatever_passes_ends_it() {
        let (drought, start) = (Drought::new(), Instant::now());
        assert!(!drought.passed(|| panic!("nothing was filtered yet")));
        assert_eq!(drought.filtered(500, start, true), None);
        assert!(!drought.passed(|| start + LONG));
        assert_eq!(drought.filtered(500, start + LONG + SECOND, true), None);
        assert_eq!(drought.filtered(1, start + 2 * LONG, true), Some((LONG, 501)));
        assert!(drought.passed(|| start + 3 * LONG), "it was logged, and is over");
        assert!(!drought.passed(|| start + 3 * LONG));
        assert_eq!(drought.filtered(99, start + 5 * LONG, true), None);
        assert_eq!(drought.filtered(1, start + 5 * LONG, true), Some((2 * LONG, 100)), "it can come again");
    }
}
