//! What a mapping's health must say of a function that fails everything: a second telling of the rule.

use forebay::engine::{MappingState, Snapshot};
use forebay::machine::Health;

/// So many batches, and so long without a success (milliseconds).
const BATCHES: u64 = 3;
const LONG: u64 = 60_000;
/// Between an answer and the status that knows of it.
const SLACK: u64 = 50;

/// The batches of one session that failed since one succeeded, even in part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Streak {
    batches: u64,
    since: u64,
    last: u64,
}

impl Streak {
    /// The engine has heard what came of a batch.
    pub(crate) fn note(&mut self, failed: bool, now: u64) {
        if self.batches == 0 {
            self.since = now;
        }
        self.batches = if failed { self.batches + 1 } else { 0 };
        self.last = now;
    }

    /// What is wrong with what the mapping says of itself.
    pub(crate) fn wrong(self, status: &Snapshot, now: u64) -> Option<String> {
        // What has only just happened may not be shown yet, and a mapping that does not run shows nothing.
        if status.state != MappingState::Enabled || now < self.last + SLACK {
            return None;
        }
        let (many, lasted) = (self.batches >= BATCHES, now.saturating_sub(self.since));
        let (batches, health) = (self.batches, &status.health);
        let shows = match health {
            Health::Failing { .. } => true,
            // Then the other reason comes first.
            Health::Degraded { .. } => return None,
            Health::Ok => false,
        };
        if shows && !(many && lasted + SLACK >= LONG) {
            return Some(format!("is failing, where {batches} batches failed within {lasted} ms"));
        }
        if !shows && many && lasted >= LONG + SLACK {
            return Some(format!("is not failing, where all of {batches} batches failed within {lasted} ms"));
        }
        (status.failed_in_a_row != batches)
            .then(|| format!("tells of {} failed batches in a row, where {batches} were", status.failed_in_a_row))
    }
}
