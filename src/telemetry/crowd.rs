//! Counts the mappings that are unwell, for one line about all of them: a lost credential concerns hundreds at once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Fewer than this are named one by one and need no sum.
const MANY: usize = 10;
/// So long their number must have stood, or grown, before it is said: they fail one after the other.
const GATHERING: Duration = Duration::from_secs(5);
/// It is said at most this often.
const SILENCE: Duration = Duration::from_secs(60);

/// Shared by all mappings of a process.
#[derive(Debug, Default)]
pub(super) struct Crowd(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    unwell: BTreeSet<Arc<str>>,
    /// Since when the number is another one than was said.
    news: Option<Instant>,
    said: usize,
    said_at: Option<Instant>,
}

impl Crowd {
    /// A mapping is unwell, or not any more.
    pub(super) fn note(&self, mapping: &Arc<str>, is_unwell: bool, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_unwell {
            state.unwell.insert(Arc::clone(mapping));
        } else {
            state.unwell.remove(mapping);
        }
        let count = state.unwell.len();
        if count < MANY {
            state.said = 0;
        }
        let has_news = count >= MANY && count != state.said;
        state.news = has_news.then(|| state.news.unwrap_or(now));
    }

    /// How many are unwell, when that is to be said.
    pub(super) fn many(&self, now: Instant) -> Option<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |at: Instant| now.saturating_duration_since(at);
        if since(state.news?) < GATHERING || state.said_at.is_some_and(|at| since(at) < SILENCE) {
            return None;
        }
        state.news = None;
        state.said = state.unwell.len();
        state.said_at = Some(now);
        Some(state.said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn many_are_said_once_when_their_number_has_gathered() {
        let (crowd, start) = (Crowd::default(), Instant::now());
        let names: Vec<Arc<str>> = (0..500).map(|n| format!("m-{n}").into()).collect();
        for name in &names[..MANY - 1] {
            crowd.note(name, true, start);
        }
        assert_eq!(crowd.many(start + SILENCE), None, "so few are named one by one");
        for name in &names {
            crowd.note(name, true, start + SECOND);
            assert_eq!(crowd.many(start + SECOND), None);
        }
        assert_eq!(crowd.many(start + SECOND + GATHERING), Some(500));
        assert_eq!(crowd.many(start + 9 * SILENCE), None, "nothing has changed");
        crowd.note(&names[0], false, start + 10 * SECOND);
        assert_eq!(crowd.many(start + 30 * SECOND), None, "not so soon again");
        assert_eq!(crowd.many(start + 2 * SILENCE), Some(499));
        for name in &names {
            crowd.note(name, false, start + 3 * SILENCE);
        }
        assert_eq!(crowd.many(start + 9 * SILENCE), None, "all are well");
    }
}
