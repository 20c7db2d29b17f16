//! The times by which a replica lives, and is judged.

use std::time::Duration;

/// The lease time of a fleet whose option says nothing.
const LEASE: Duration = Duration::from_secs(10);
/// The lease time of a replica that is alone: fewer writes, because no other replica waits for its work.
const ALONE: Duration = Duration::from_secs(20);

/// The periods of one replica. They stand in its row, so that others judge it by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// From one heartbeat to the next.
    pub beat: Duration,
    /// How long a heartbeat counts, from the moment before it was sent. After that the replica starts no work.
    pub fence: Duration,
    /// How long another replica sees an unchanged counter before it may declare this one dead.
    pub death: Duration,
}

impl Periods {
    /// The periods of a lease time: a fifth, two fifths and half of it.
    #[must_use]
    pub fn of_lease(lease: Duration) -> Self {
        Self { beat: lease / 5, fence: lease * 2 / 5, death: lease / 2 }
    }

    /// Those of a replica that is alone, in a fleet of this lease time.
    #[must_use]
    pub fn alone(lease: Duration) -> Self {
        Self::of_lease(lease.max(ALONE))
    }
}

impl Default for Periods {
    fn default() -> Self {
        Self::of_lease(LEASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_stops_before_it_can_be_declared_dead() {
        for lease in [1, 3, 10, 20, 60].map(Duration::from_secs) {
            for periods in [Periods::of_lease(lease), Periods::alone(lease)] {
                assert!(periods.beat < periods.fence && periods.fence < periods.death, "{periods:?}");
                // Clocks may differ in rate by a fifth.
                assert!(periods.fence * 5 / 4 <= periods.death, "{periods:?}");
            }
        }
        let seconds = |periods: Periods| [periods.beat, periods.fence, periods.death].map(|span| span.as_secs());
        assert_eq!(seconds(Periods::default()), [2, 4, 5]);
        assert_eq!(seconds(Periods::alone(LEASE)), [4, 8, 10]);
        assert_eq!(seconds(Periods::alone(Duration::from_secs(60))), [12, 24, 30]);
    }
}
