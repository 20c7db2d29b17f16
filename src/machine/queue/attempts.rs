//! How often the function has failed each message, or each message group: counted here, because a receive count rises
//! for other reasons, too.

use std::collections::BTreeMap;
use std::sync::Arc;

/// So many are remembered; the one that has not failed for longest is forgotten first.
const MOST: usize = 10_000;

/// Failures by the id of a message or the name of a group. They are not kept across restarts: then counting begins
/// again.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    counts: BTreeMap<Arc<str>, Count>,
    by_turn: BTreeMap<u64, Arc<str>>,
    turn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: u32,
    turn: u64,
}

impl Attempts {
    /// The function has failed this one: how often by now.
    pub(crate) fn failed(&mut self, id: &Arc<str>) -> u32 {
        let failures = self.get(id).saturating_add(1);
        self.put(id, failures);
        failures
    }

    /// Sets its count; zero forgets it.
    pub(crate) fn put(&mut self, id: &Arc<str>, failures: u32) {
        self.forget(id);
        if failures == 0 {
            return;
        }
        self.turn += 1;
        self.counts.insert(Arc::clone(id), Count { failures, turn: self.turn });
        self.by_turn.insert(self.turn, Arc::clone(id));
        if self.counts.len() > MOST
            && let Some((_, oldest)) = self.by_turn.pop_first()
        {
            self.counts.remove(&oldest);
        }
    }

    /// How often it has failed since it was last forgotten.
    pub(crate) fn get(&self, id: &str) -> u32 {
        self.counts.get(id).map_or(0, |count| count.failures)
    }

    /// Resets its count, and says how often it had failed.
    pub(crate) fn forget(&mut self, id: &str) -> u32 {
        self.counts.remove(id).map_or(0, |count| {
            self.by_turn.remove(&count.turn);
            count.failures
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Arc<str> {
        format!("m-{number}").into()
    }

    #[test]
    fn counts_each_for_itself_until_it_is_forgotten() {
        let mut attempts = Attempts::default();
        assert_eq!([attempts.failed(&id(1)), attempts.failed(&id(2)), attempts.failed(&id(1))], [1, 1, 2]);
        assert_eq!([attempts.get(&id(1)), attempts.get(&id(3))], [2, 0]);
        assert_eq!([attempts.forget(&id(1)), attempts.forget(&id(1))], [2, 0]);
        attempts.put(&id(2), 7);
        assert_eq!(attempts.failed(&id(2)), 8);
        attempts.put(&id(2), 0);
        assert_eq!([attempts.get(&id(1)), attempts.get(&id(2))], [0, 0]);
        assert_eq!(attempts.failed(&id(1)), 1);
    }

    #[test]
    fn forgets_what_has_not_failed_for_longest() {
        let mut attempts = Attempts::default();
        for number in 0..MOST {
            attempts.failed(&id(number));
        }
        assert_eq!(attempts.failed(&id(0)), 2, "there is room for so many");
        attempts.failed(&id(MOST));
        assert_eq!((attempts.counts.len(), attempts.by_turn.len()), (MOST, MOST));
        assert_eq!(attempts.forget(&id(1)), 0, "the longest unseen is forgotten");
        assert_eq!([attempts.forget(&id(0)), attempts.forget(&id(2)), attempts.forget(&id(MOST))], [2, 1, 1]);
    }
}
