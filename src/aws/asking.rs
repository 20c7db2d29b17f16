//! When something that we may not be allowed to know is asked for again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::machine::{Fault, FaultKind};

/// The pause after an answer that was of no use.
const AGAIN: Duration = Duration::from_secs(60);

/// The pause after a refusal for lack of permission.
const AGAIN_DENIED: Duration = Duration::from_secs(3600);

/// Spaces the calls that ask for something useful, but not needed. It has no timer: the work that could use the answer
/// looks whether it is time to ask.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    /// `None`: at once.
    due_at: Mutex<Option<Instant>>,
}

impl Asking {
    /// Whether it is time to ask. A caller that gets `true` asks, and reports how it went. If the report never comes,
    /// it is time again after a pause.
    pub(crate) fn due(&self) -> bool {
        let now = Instant::now();
        let mut due_at = self.due_at.lock().unwrap_or_else(PoisonError::into_inner);
        let due = due_at.is_none_or(|due_at| due_at <= now);
        if due {
            *due_at = Some(now + AGAIN);
        }
        due
    }

    /// There is an answer, which is believed for as long as `trust`.
    pub(crate) fn answered(&self, trust: Duration) {
        self.set(Some(Instant::now() + trust));
    }

    /// There is no answer.
    pub(crate) fn failed(&self, fault: &Fault) {
        let pause = if fault.kind == FaultKind::Denied { AGAIN_DENIED } else { AGAIN };
        self.set(Some(Instant::now() + pause));
    }

    /// What was answered is not believed any more.
    pub(crate) fn doubted(&self) {
        self.set(None);
    }

    fn set(&self, due_at: Option<Instant>) {
        *self.due_at.lock().unwrap_or_else(PoisonError::into_inner) = due_at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it takes from now on until it is time to ask, to the second.
    async fn pause(asking: &Asking) -> u64 {
        let start = Instant::now();
        while !asking.due() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn one_asks_at_a_time_and_the_answer_says_when_again() {
        let asking = Asking::default();
        assert!(asking.due(), "nothing is known yet");
        assert!(!asking.due(), "somebody asks already");
        assert_eq!(pause(&asking).await, 60, "no report came");
        for (kind, seconds) in [
            (FaultKind::Denied, 3600),
            (FaultKind::Missing, 60),
            (FaultKind::Timeout, 60),
            (FaultKind::Throttled, 60),
            (FaultKind::Transient, 60),
        ] {
            asking.failed(&Fault::new(kind, "no"));
            assert_eq!(pause(&asking).await, seconds, "{kind:?}");
        }
        asking.answered(Duration::from_secs(300));
        assert_eq!(pause(&asking).await, 300);
        asking.answered(Duration::from_secs(300));
        asking.doubted();
        assert_eq!(pause(&asking).await, 0);
    }
}
