//! What was said lately, so that a fault that repeats does not fill the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a repeated fault stays unsaid.
const SILENCE: Duration = Duration::from_secs(60);
/// A fault that was not seen for so long is another one.
const LONG: Duration = Duration::from_secs(600);

/// What repeats on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    Poll,
    Describe,
    Invoke,
    Exhausted,
    Malformed,
    Order,
    Undecidable,
    Delete,
    Lease,
    TooLarge,
    Invariant,
    List,
    Trimmed,
    IteratorExpired,
    Checkpoint,
    Dropped,
    Delivered,
    Destination,
}

/// Remembers when each thing was said last.
#[derive(Debug)]
pub(super) struct Repeats(Mutex<BTreeMap<About, Said>>);

/// How often something stayed unsaid before it is said; `None`: never.
pub(super) type Silenced = Option<u64>;

/// The shard where it is logged by shard, the topic, and what of it.
type About = (Option<Arc<str>>, Topic, &'static str);

#[derive(Debug)]
struct Said {
    at: Instant,
    silenced: u64,
}

impl Repeats {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Whether to say it, and then how often it stayed unsaid before.
    pub(super) fn admit(&self, topic: Topic, key: &'static str, now: Instant) -> Option<Silenced> {
        self.decide((None, topic, key), now, true)
    }

    /// The same of what another line has just said for the first time.
    pub(super) fn admit_again(&self, topic: Topic, key: &'static str, now: Instant) -> Option<Silenced> {
        self.decide((None, topic, key), now, false)
    }

    /// The same, for each shard on its own.
    pub(super) fn admit_of(&self, shard: &Arc<str>, topic: Topic, key: &'static str, now: Instant) -> Option<Silenced> {
        self.decide((Some(Arc::clone(shard)), topic, key), now, true)
    }

    /// A shard is over: nothing more is said of it.
    pub(super) fn forget(&self, shard: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|(of, ..), _| of.as_deref() != Some(shard));
    }

    fn decide(&self, about: About, now: Instant, says_first: bool) -> Option<Silenced> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match said.get_mut(&about) {
            Some(last) if now.saturating_duration_since(last.at) < SILENCE => {
                last.silenced += 1;
                None
            }
            // After hours without it, it is said first by the other line once more.
            Some(last) if says_first || now.saturating_duration_since(last.at) < LONG => {
                let silenced = (last.silenced > 0).then_some(last.silenced);
                *last = Said { at: now, silenced: 0 };
                Some(silenced)
            }
            _ => {
                said.insert(about, Said { at: now, silenced: 0 });
                says_first.then_some(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_fault_is_said_each_minute_with_what_was_silenced() {
        let repeats = Repeats::new();
        let start = Instant::now();
        assert_eq!(repeats.admit(Topic::Poll, "transient", start), Some(None));
        for second in 1..60 {
            assert_eq!(repeats.admit(Topic::Poll, "transient", start + Duration::from_secs(second)), None);
        }
        assert_eq!(repeats.admit(Topic::Poll, "transient", start + SILENCE), Some(Some(59)));
        assert_eq!(repeats.admit(Topic::Poll, "transient", start + SILENCE + Duration::from_secs(1)), None);
    }

    #[test]
    fn a_change_of_kind_is_said_at_once() {
        let repeats = Repeats::new();
        let now = Instant::now();
        assert_eq!(repeats.admit(Topic::Poll, "transient", now), Some(None));
        assert_eq!(repeats.admit(Topic::Poll, "denied", now), Some(None));
        assert_eq!(repeats.admit(Topic::Invoke, "denied", now), Some(None));
        assert_eq!(repeats.admit(Topic::Poll, "denied", now), None);
        assert_eq!(repeats.admit(Topic::Poll, "transient", now), None, "two that take turns fill no log");
    }

    #[test]
    fn what_another_line_has_said_is_said_again_after_a_minute() {
        let (repeats, start) = (Repeats::new(), Instant::now());
        for second in [0, 1, 59] {
            assert_eq!(repeats.admit_again(Topic::Poll, "denied", start + Duration::from_secs(second)), None);
        }
        assert_eq!(repeats.admit_again(Topic::Poll, "denied", start + SILENCE), Some(Some(2)));
        assert_eq!(repeats.admit_again(Topic::Poll, "denied", start + SILENCE + LONG), None, "it has begun again");
    }

    #[test]
    fn shards_are_silenced_each_on_its_own_until_they_are_over() {
        let repeats = Repeats::new();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let now = Instant::now();
        assert_eq!(repeats.admit_of(&a, Topic::Trimmed, "", now), Some(None));
        assert_eq!(repeats.admit_of(&b, Topic::Trimmed, "", now), Some(None));
        assert_eq!(repeats.admit_of(&a, Topic::Trimmed, "", now), None);
        repeats.forget("a");
        assert_eq!(repeats.admit_of(&a, Topic::Trimmed, "", now), Some(None));
        assert_eq!(repeats.admit_of(&b, Topic::Trimmed, "", now), None);
    }
}
