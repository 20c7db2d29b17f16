//! Leases on received messages: when visibility ends, when to extend it, and by how much.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::machine::Mono;

/// SQS hides a message for at most this long after one receive, extensions included.
pub const MAX_HIDDEN: Duration = Duration::from_secs(12 * 3600);

/// SQS counts from when it hands a message out, and we from when its answer has arrived.
const HEAD_START: Duration = Duration::from_secs(5);

/// The shortest pause between two tries to extend a lease.
const SOONEST: Duration = Duration::from_millis(100);

/// The lease on one received message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    /// When the message was received.
    pub(crate) received: Mono,
    /// When its visibility ends, as far as SQS has confirmed it.
    pub(crate) ends: Mono,
    beat: Mono,
}

impl Lease {
    /// Whether another consumer may have the message by now.
    pub(crate) fn is_over(&self, now: Mono) -> bool {
        self.ends <= now
    }
}

/// When each held message is due for an extension.
///
/// A lease is extended when half of it is over: the other half is left for slow answers and new tries.
#[derive(Debug)]
pub(crate) struct Leases {
    length: Duration,
    due: BTreeSet<(Mono, u64)>,
}

impl Leases {
    /// Leases of this length, which SQS takes in whole seconds, at least one.
    pub(crate) fn new(length: Duration) -> Self {
        Self { length: whole_seconds(length), due: BTreeSet::new() }
    }

    /// How long a lease is, and each extension of it.
    pub(crate) const fn length(&self) -> Duration {
        self.length
    }

    /// Changes the length of all leases that begin or are extended from now on.
    pub(crate) fn set_length(&mut self, length: Duration) {
        self.length = whole_seconds(length);
    }

    /// Begins the lease on a message that was received now and is hidden for `length`.
    pub(crate) fn begin(&mut self, token: u64, now: Mono, length: Duration) -> Lease {
        let lease = Lease { received: now, ends: now + length, beat: now + length / 2 };
        self.due.insert((lease.beat, token));
        lease
    }

    /// Watches a lease that was begun before.
    pub(crate) fn watch(&mut self, token: u64, lease: &Lease) {
        self.due.insert((lease.beat, token));
    }

    /// Ends the watch over a lease: its message is finished or lost.
    pub(crate) fn end(&mut self, token: u64, lease: &Lease) {
        self.due.remove(&(lease.beat, token));
    }

    /// Whether this lease is still watched.
    pub(crate) fn watches(&self, token: u64, lease: &Lease) -> bool {
        self.due.contains(&(lease.beat, token))
    }

    /// The tokens whose extension is due, earliest first; each must be answered by
    /// [`extending`](Self::extending) or [`end`](Self::end).
    pub(crate) fn due(&self, now: Mono) -> impl Iterator<Item = u64> {
        self.due.iter().take_while(move |(beat, _)| *beat <= now).map(|&(_, token)| token)
    }

    /// When the next extension is due.
    pub(crate) fn next_beat(&self) -> Option<Mono> {
        self.due.first().map(|&(beat, _)| beat)
    }

    /// How far a lease can be extended from now: `None` when SQS's 12 hours are all but over.
    pub(crate) fn extension(&self, lease: &Lease, now: Mono) -> Option<Duration> {
        let left = MAX_HIDDEN.saturating_sub(now.since(lease.received) + HEAD_START);
        // A lease that was given longer than leases are today must not be shortened by its extension.
        let span = self.length.max(lease.ends.since(now) + Duration::from_millis(999));
        let seconds = span.min(left).as_secs();
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// An extension is on its way: look again shortly, in case it fails or its answer never comes, and ever sooner
    /// as the lease nears its end.
    pub(crate) fn extending(&mut self, token: u64, lease: &mut Lease, now: Mono) {
        let slowest = (self.length / 6).max(SOONEST);
        let left = lease.ends.since(now);
        let pause = if left.is_zero() { slowest } else { (left / 3).clamp(SOONEST, slowest) };
        self.rearm(token, lease, now + pause);
    }

    /// An extension by `span`, asked for at `asked`, took effect.
    pub(crate) fn extended(&mut self, token: u64, lease: &mut Lease, asked: Mono, span: Duration) {
        lease.ends = lease.ends.max(asked + span);
        self.rearm(token, lease, asked + span / 2);
    }

    fn rearm(&mut self, token: u64, lease: &mut Lease, beat: Mono) {
        self.due.remove(&(lease.beat, token));
        lease.beat = beat;
        self.due.insert((beat, token));
    }
}

fn whole_seconds(length: Duration) -> Duration {
    Duration::from_secs(length.as_secs().max(1)).min(MAX_HIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lease_is_extended_at_its_half_again_and_again() {
        let mut leases = Leases::new(Duration::from_secs(30));
        let mut lease = leases.begin(7, at(0), leases.length());
        assert_eq!(leases.next_beat(), Some(at(15_000)));
        assert_eq!(leases.due(at(14_999)).count(), 0);
        assert_eq!(leases.due(at(15_000)).collect::<Vec<_>>(), [7]);
        leases.extending(7, &mut lease, at(15_000));
        assert_eq!(leases.next_beat(), Some(at(20_000)), "a lost answer is not waited for");
        leases.extended(7, &mut lease, at(15_000), Duration::from_secs(30));
        assert_eq!((lease.ends, leases.next_beat()), (at(45_000), Some(at(30_000))));
        leases.end(7, &lease);
        assert_eq!(leases.next_beat(), None);
    }

    #[test]
    fn tries_come_ever_sooner_as_the_end_nears() {
        let mut leases = Leases::new(Duration::from_secs(30));
        let mut lease = leases.begin(1, at(0), leases.length());
        let mut tries = Vec::new();
        while let Some(beat) = leases.next_beat().filter(|beat| *beat < lease.ends) {
            tries.push(beat.since_epoch().as_secs());
            leases.extending(1, &mut lease, beat);
        }
        assert_eq!(tries[..6], [15, 20, 23, 25, 27, 28]);
        assert!(tries.len() < 20, "{} tries", tries.len());
        let late = at(40_000);
        leases.extending(1, &mut lease, late);
        assert_eq!(leases.next_beat(), Some(at(45_000)));
    }

    #[test]
    fn twelve_hours_are_the_end() {
        let mut leases = Leases::new(Duration::from_secs(600));
        let lease = leases.begin(1, at(0), leases.length());
        let hours = |hours: u64| at(hours * 3_600_000);
        assert_eq!(leases.extension(&lease, hours(11)), Some(Duration::from_secs(600)));
        assert_eq!(leases.extension(&lease, at(12 * 3_600_000 - 90_500)), Some(Duration::from_secs(85)));
        assert_eq!(leases.extension(&lease, at(12 * 3_600_000 - 1_500)), None);
        assert_eq!(leases.extension(&lease, hours(13)), None);
    }

    #[test]
    fn an_extension_never_shortens_a_lease() {
        let mut leases = Leases::new(Duration::from_secs(30));
        let lease = leases.begin(1, at(0), leases.length());
        leases.set_length(Duration::from_secs(2));
        assert_eq!(leases.extension(&lease, at(15_000)), Some(Duration::from_secs(15)));
        assert_eq!(leases.extension(&lease, at(15_001)), Some(Duration::from_secs(15)));
        assert_eq!(leases.extension(&lease, at(29_500)), Some(Duration::from_secs(2)));
    }

    #[test]
    fn lengths_are_whole_seconds_within_the_bounds_of_sqs() {
        assert_eq!(Leases::new(Duration::ZERO).length(), SECOND);
        assert_eq!(Leases::new(Duration::from_millis(2900)).length(), 2 * SECOND);
        assert_eq!(Leases::new(20 * MAX_HIDDEN).length(), MAX_HIDDEN);
    }

    #[test]
    fn a_late_answer_never_shortens_a_lease() {
        let mut leases = Leases::new(Duration::from_secs(30));
        let mut lease = leases.begin(1, at(0), leases.length());
        leases.extended(1, &mut lease, at(15_000), Duration::from_secs(30));
        leases.extended(1, &mut lease, at(2_000), Duration::from_secs(30));
        assert_eq!(lease.ends, at(45_000));
    }
}
