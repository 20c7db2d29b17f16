//! A replica's own life: it joins, beats, and knows until when its last confirmed heartbeat counts.

use std::time::Duration;

use super::outbox::Outbox;
use crate::fleet::{Beat, Output, Periods, ReplicaId};
use crate::machine::Mono;

/// A heartbeat without an answer is sent again after this time, under the next number.
pub(super) const REPEAT: Duration = Duration::from_millis(300);
/// The most heartbeats that are open at a time.
pub(super) const MOST_OPEN: usize = 4;

#[derive(Debug)]
pub(super) struct Pulse {
    id: ReplicaId,
    /// When the join was sent first: its row cannot be older.
    joining: Option<Mono>,
    joined: bool,
    /// The number of the last heartbeat that was sent.
    number: u64,
    /// Those of the last heartbeat that was sent.
    periods: Periods,
    /// When to send the next.
    due: Mono,
    /// There is something to say that cannot wait for the next heartbeat's time.
    hurried: bool,
    /// Heartbeats up to this number count for nothing: time may have passed unseen since they were sent.
    distrusted: u64,
    /// The number of the last heartbeat that is confirmed. An older one says nothing more: the row has the periods of
    /// the newer one.
    confirmed: u64,
    until: Mono,
    /// What was said of that last.
    shown: Mono,
    /// A heartbeat of shorter periods that is not confirmed: its number, and when it would expire.
    shorter: Option<(u64, Mono)>,
}

impl Pulse {
    pub(super) const fn new(id: ReplicaId, periods: Periods, now: Mono) -> Self {
        Self {
            id,
            joining: None,
            joined: false,
            number: 1,
            periods,
            due: now,
            hurried: false,
            distrusted: 0,
            confirmed: 0,
            until: Mono::ZERO,
            shown: Mono::ZERO,
            shorter: None,
        }
    }

    pub(super) const fn id(&self) -> &ReplicaId {
        &self.id
    }

    pub(super) const fn is_joined(&self) -> bool {
        self.joined
    }

    pub(super) const fn due(&self) -> Mono {
        self.due
    }

    #[cfg(test)]
    const fn until(&self) -> Mono {
        self.until
    }

    /// Says until when work may begin, where that has changed.
    pub(super) fn show(&mut self, outbox: &mut Outbox) {
        if self.until != self.shown {
            self.shown = self.until;
            outbox.push(Output::Valid { until: self.until });
        }
    }

    /// Sends the next heartbeat as soon as possible.
    pub(super) fn hurry(&mut self, now: Mono) {
        self.due = self.due.min(now);
        self.hurried = true;
    }

    /// A join is sent.
    pub(super) fn joins(&mut self, now: Mono) {
        self.joining.get_or_insert(now);
        self.due = now + REPEAT;
    }

    /// The row stands in the table, with the first heartbeat.
    pub(super) fn joined(&mut self, now: Mono) {
        self.joined = true;
        let sent = self.joining.unwrap_or(now);
        self.counts(1, sent, self.periods);
        if !self.hurried {
            self.due = sent + self.periods.beat;
        }
    }

    /// The next heartbeat, which is sent now.
    pub(super) fn beat(&mut self, periods: Periods, draining: bool, offer: u64, now: Mono) -> Beat {
        self.number += 1;
        self.due = now + REPEAT;
        self.hurried = false;
        if periods.death < self.periods.death {
            // From the moment that it arrives, others judge by the shorter periods.
            let expires = now + periods.fence;
            self.shorter = Some((self.number, self.shorter.map_or(expires, |(_, before)| before.min(expires))));
            self.until = self.until.min(expires);
        }
        self.periods = periods;
        Beat { id: self.id.clone(), beat: self.number, draining, periods, offer }
    }

    /// A heartbeat took effect, or a later one has.
    pub(super) fn confirmed(&mut self, beat: &Beat, sent: Mono) {
        if self.shorter.is_some_and(|(number, _)| number <= beat.beat) {
            self.shorter = None;
        }
        self.counts(beat.beat, sent, beat.periods);
        if beat.beat == self.number && !self.hurried {
            self.due = sent + beat.periods.beat;
        }
    }

    fn counts(&mut self, number: u64, sent: Mono, periods: Periods) {
        if number <= self.distrusted.max(self.confirmed) {
            return;
        }
        self.confirmed = number;
        let most = self.shorter.map_or(sent + periods.fence, |(_, expires)| expires.min(sent + periods.fence));
        self.until = self.until.max(most);
    }

    /// Time may have passed unseen: no heartbeat so far counts.
    pub(super) fn expire(&mut self, now: Mono) {
        self.distrusted = self.number;
        self.until = self.until.min(now);
        self.hurry(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono::at(Duration::from_millis(millis))
    }

    fn joined(periods: Periods) -> Pulse {
        let mut pulse = Pulse::new(ReplicaId::new("a"), periods, at(0));
        pulse.joins(at(0));
        pulse.joins(at(300));
        pulse.joined(at(400));
        pulse
    }

    #[test]
    fn a_heartbeat_counts_from_the_moment_that_it_was_sent() {
        let mut pulse = joined(Periods::default());
        assert_eq!((pulse.until(), pulse.due()), (at(4_000), at(2_000)), "from the first try of the join");
        let beat = pulse.beat(Periods::default(), false, 0, at(2_000));
        assert_eq!((pulse.until(), pulse.due()), (at(4_000), at(2_300)), "repeated soon");
        pulse.confirmed(&beat, at(2_000));
        assert_eq!((pulse.until(), pulse.due()), (at(6_000), at(4_000)));
    }

    #[test]
    fn shorter_periods_count_before_they_are_confirmed_and_longer_ones_after() {
        let (long, short) = (Periods::alone(Duration::from_secs(10)), Periods::default());
        let mut pulse = joined(long);
        assert_eq!(pulse.until(), at(8_000));
        let late = pulse.beat(long, false, 0, at(500));
        let beat = pulse.beat(short, false, 0, at(1_000));
        assert_eq!(pulse.until(), at(5_000), "a row with the short periods may stand from now on");
        pulse.confirmed(&late, at(500));
        assert_eq!(pulse.until(), at(5_000), "the answer of an older one changes nothing of that");
        let later = pulse.beat(long, false, 0, at(1_100));
        let short = pulse.beat(short, false, 0, at(1_200));
        pulse.confirmed(&short, at(1_200));
        pulse.confirmed(&later, at(1_100));
        assert_eq!(pulse.until(), at(5_200), "also when it is answered after the newer one");
        pulse.confirmed(&beat, at(1_000));
        assert_eq!(pulse.until(), at(5_200));
        let longer = pulse.beat(long, false, 0, at(3_000));
        assert_eq!(pulse.until(), at(5_200));
        pulse.confirmed(&longer, at(3_000));
        assert_eq!(pulse.until(), at(11_000));
    }

    #[test]
    fn after_a_jump_only_what_is_sent_later_counts() {
        let mut pulse = joined(Periods::default());
        let before = pulse.beat(Periods::default(), false, 0, at(2_000));
        // A clock that stood still shows the same time as before.
        pulse.expire(at(2_000));
        assert_eq!((pulse.until(), pulse.due()), (at(2_000), at(2_000)));
        pulse.confirmed(&before, at(2_000));
        assert_eq!(pulse.until(), at(2_000));
        let after = pulse.beat(Periods::default(), false, 0, at(2_000));
        pulse.confirmed(&after, at(2_000));
        assert_eq!(pulse.until(), at(6_000));
    }
}
