//! Who is dead, by this replica's own clock: no clock of another host is compared.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fleet::{ReplicaId, ReplicaRow, ReplicaState};
use crate::machine::Mono;

/// What stood still while this replica could not look does not count: others could not write then, either.
const BLIND: Duration = Duration::from_secs(3);

/// A value that others change, and since when it was seen as it is.
#[derive(Debug)]
pub(super) struct Still<T> {
    value: T,
    since: Mono,
}

impl<T: PartialEq> Still<T> {
    pub(super) const fn new(value: T, now: Mono) -> Self {
        Self { value, since: now }
    }

    /// The value was read at `now`.
    pub(super) fn see(&mut self, value: T, now: Mono) {
        if self.value != value {
            *self = Self::new(value, now);
        }
    }

    /// For how long it has stood still, as a read that was sent at `sent` has seen.
    pub(super) const fn lasted(&self, sent: Mono) -> Duration {
        sent.since(self.since)
    }
}

/// The heartbeats of the other replicas.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: BTreeMap<ReplicaId, Still<u64>>,
    /// When the last look was sent.
    looked: Mono,
}

impl Watch {
    /// Takes in the rows of the others, as a read has seen them that was sent at `sent` and answered now. Returns
    /// those whose counters have stood still for so long that they may be declared dead.
    pub(super) fn saw(&mut self, others: &[&ReplicaRow], sent: Mono, now: Mono) -> Vec<(ReplicaId, u64)> {
        self.seen.retain(|id, _| others.iter().any(|row| row.id == *id));
        if sent.since(self.looked) > BLIND {
            self.seen.clear();
        }
        self.looked = self.looked.max(sent);
        let mut still = Vec::new();
        for row in others.iter().filter(|row| row.state != ReplicaState::Dead) {
            let seen = self.seen.entry(row.id.clone()).or_insert(Still::new(row.beat, now));
            // A lower one comes from a read that is behind.
            if row.beat > seen.value {
                seen.see(row.beat, now);
            }
            if row.beat == seen.value && seen.lasted(sent) >= row.periods.death {
                still.push((row.id.clone(), row.beat));
            }
        }
        still
    }

    /// The row of one that was to be declared dead: it lives, with this counter.
    pub(super) fn lives(&mut self, row: &ReplicaRow, now: Mono) {
        self.seen.insert(row.id.clone(), Still::new(row.beat, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Periods;

    fn at(millis: u64) -> Mono {
        Mono::at(Duration::from_millis(millis))
    }

    fn row(beat: u64) -> ReplicaRow {
        ReplicaRow {
            id: ReplicaId::new("b"),
            beat,
            state: ReplicaState::Up,
            periods: Periods::default(),
            news: 0,
            offer: 0,
            version: "0.1.0".into(),
            host: "host".into(),
            since_unix_ms: 0,
        }
    }

    #[test]
    fn a_counter_must_be_seen_still_for_the_whole_period() {
        let mut watch = Watch::default();
        let dead = vec![(ReplicaId::new("b"), 7)];
        assert_eq!(watch.saw(&[&row(7)], at(0), at(100)), []);
        assert_eq!(watch.saw(&[&row(7)], at(2_500), at(2_600)), []);
        assert_eq!(watch.saw(&[&row(7)], at(5_000), at(5_100)), [], "it was seen first at 100 ms");
        assert_eq!(watch.saw(&[&row(6)], at(5_100), at(5_200)), [], "a read that is behind says nothing");
        assert_eq!(watch.saw(&[&row(7)], at(5_100), at(5_200)), dead);
        watch.lives(&row(7), at(5_300));
        assert_eq!(watch.saw(&[&row(7)], at(6_000), at(6_100)), []);
        assert_eq!(watch.saw(&[&row(8)], at(8_000), at(8_100)), [], "it has moved, whenever that was");
        let buried = ReplicaRow { state: ReplicaState::Dead, ..row(8) };
        for second in 8..20 {
            assert_eq!(watch.saw(&[&buried], at(second * 1_000), at(second * 1_000)), []);
        }
    }

    #[test]
    fn the_periods_of_the_row_count() {
        let alone = ReplicaRow { periods: Periods::alone(Duration::ZERO), ..row(1) };
        let mut watch = Watch::default();
        for second in 0..10 {
            assert_eq!(watch.saw(&[&alone], at(second * 1_000), at(second * 1_000)), []);
        }
        assert_eq!(watch.saw(&[&alone], at(10_000), at(10_000)).len(), 1);
    }

    #[test]
    fn a_replica_that_could_not_look_begins_to_count_again() {
        let mut watch = Watch::default();
        assert_eq!(watch.saw(&[&row(7)], at(0), at(0)), []);
        assert_eq!(watch.saw(&[&row(7)], at(60_000), at(60_000)), []);
        assert_eq!(watch.saw(&[&row(7)], at(62_000), at(62_000)), []);
        assert_eq!(watch.saw(&[&row(7)], at(65_000), at(65_000)).len(), 1);
    }
}
