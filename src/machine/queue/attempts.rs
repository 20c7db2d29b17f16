//! How often the function has failed each message: counted here, because a receive count rises for other reasons, too.

use std::collections::BTreeMap;
use std::sync::Arc;

/// So many messages are remembered; the one that has not failed for longest is forgotten first.
const MOST: usize = 10_000;

/// The failures of messages, by message id. They are not kept across restarts: then counting begins again.
#[derive(Debug, Default)]
pub(super) struct Attempts {
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
    /// The function has failed this message: how often by now.
    pub(super) fn failed(&mut self, id: &Arc<str>) -> u32 {
        self.turn += 1;
        let failures = self.forget(id).saturating_add(1);
        self.counts.insert(Arc::clone(id), Count { failures, turn: self.turn });
        self.by_turn.insert(self.turn, Arc::clone(id));
        if self.counts.len() > MOST
            && let Some((_, oldest)) = self.by_turn.pop_first()
        {
            self.counts.remove(&oldest);
        }
        failures
    }

    /// Begins the count of this message anew: how often it had failed.
    pub(super) fn forget(&mut self, id: &str) -> u32 {
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
    fn counts_each_message_for_itself_until_it_is_forgotten() {
        let mut attempts = Attempts::default();
        assert_eq!([attempts.failed(&id(1)), attempts.failed(&id(2)), attempts.failed(&id(1))], [1, 1, 2]);
        assert_eq!([attempts.forget(&id(1)), attempts.forget(&id(1))], [2, 0]);
        assert_eq!(attempts.failed(&id(1)), 1);
    }

    #[test]
    fn forgets_whoever_has_not_failed_for_longest() {
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
