//! One `Lane` of a shard: what waits for its batch, and the batch that is worked on, piece by piece. A shard has one
//! `Lane` for each batch that may be processed at the same time (`ParallelizationFactor`).

use std::collections::VecDeque;
use std::time::Duration;

use super::shard::ShardKey;
use super::windows::LastOfWindow;
use crate::machine::envelope::body_bytes;
use crate::machine::{BatchId, FailedResponse, FlushReason, Mono};

/// When a batch is full, and how long it may wait for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// `BatchSize`.
    pub(super) records: usize,
    /// `MaximumBatchingWindowInSeconds`.
    pub(super) window: Duration,
    /// The most bytes of `{"Records":[…]}`.
    pub(super) bytes: usize,
}

/// Names a `Lane` of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    pub(super) shard: ShardKey,
    pub(super) lane: usize,
}

/// The records of some of a shard's keys, strictly one batch after the other.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Place and size of what waits.
    queue: VecDeque<(u64, u32)>,
    queued_bytes: usize,
    /// When the batching window opened: with the first record that waits, but not before the `Lane` was free.
    opened: Option<Mono>,
    /// The pieces of the batch that is worked on, but for the one in flight; the last one is next.
    work: Vec<Piece>,
    /// What is with the function.
    flying: Option<Piece>,
    /// The place after the last record that was processed.
    passed: u64,
    pub(super) admission: Admission,
}

/// Where a `Lane` stands while the function's target cannot have more invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has nothing to invoke with, or may.
    #[default]
    Free,
    /// It awaits its turn.
    Awaits,
    /// It is its turn.
    Has,
}

/// A batch, or what a failure has made of it.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Its name, once it was with the function.
    pub(super) batch: Option<BatchId>,
    /// In the order of the shard. Empty for the final invoke of a tumbling window.
    pub(super) places: Vec<u64>,
    /// The final invoke of a tumbling window.
    pub(super) last_of_window: Option<LastOfWindow>,
    /// Tries that failed without progress.
    pub(super) attempts: u32,
    /// Throttles and other faults since the last answer: they space the tries, and spend nothing.
    pub(super) faults: u32,
    /// When it may be tried again.
    pub(super) wake: Option<Mono>,
    /// The function's last answer for these records.
    pub(super) answer: Option<LastAnswer>,
}

/// What a failure record says about the function.
#[derive(Clone, Debug)]
pub(super) struct LastAnswer {
    pub(super) request_id: Option<String>,
    pub(super) response: FailedResponse,
}

/// A batch that is due: the first records that wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) records: usize,
    /// The size of `{"Records":[…]}`.
    pub(super) bytes: usize,
    pub(super) reason: FlushReason,
}

impl Piece {
    /// A batch with a budget of its own.
    pub(super) fn new(places: Vec<u64>) -> Self {
        Self { places, ..Self::default() }
    }

    /// The final invoke of a tumbling window.
    pub(super) fn last(last: LastOfWindow) -> Self {
        Self { last_of_window: Some(last), ..Self::default() }
    }
}

impl Lane {
    pub(super) fn push(&mut self, place: u64, bytes: usize, now: Mono) {
        if self.opened.is_none() && self.work.is_empty() && !self.is_flying() {
            self.opened = Some(now);
        }
        self.queue.push_back((place, u32::try_from(bytes).unwrap_or(u32::MAX)));
        self.queued_bytes += bytes;
    }

    /// The batch that is due, if one is: only the first `within` records that wait may go into it, and where `end` is
    /// set nothing more can follow them.
    pub(super) fn batch_due(&self, limits: &Limits, within: usize, end: bool, now: Mono) -> Option<Due> {
        let (mut count, mut bytes) = (0, 0);
        for &(_, size) in self.queue.iter().take(within.min(limits.records)) {
            // A record that is too large for any event goes alone, and is found out when it is to be invoked.
            if count > 0 && body_bytes(count + 1, bytes + size as usize) > limits.bytes {
                break;
            }
            count += 1;
            bytes += size as usize;
        }
        let reason = match count {
            0 => return None,
            _ if count == limits.records => FlushReason::Size,
            _ if count < within.min(self.queue.len()) => FlushReason::Bytes,
            _ if end || within < self.queue.len() => FlushReason::End,
            _ if limits.window.is_zero() => FlushReason::Immediate,
            _ if self.window_ends(limits).is_some_and(|ends| ends <= now) => FlushReason::Window,
            _ => return None,
        };
        Some(Due { records: count, bytes: body_bytes(count, bytes), reason })
    }

    /// Takes the first records that wait.
    pub(super) fn take(&mut self, count: usize) -> Vec<u64> {
        let taken: Vec<(u64, u32)> = self.queue.drain(..count).collect();
        self.queued_bytes -= taken.iter().map(|&(_, size)| size as usize).sum::<usize>();
        if self.queue.is_empty() {
            self.opened = None;
            if self.queue.capacity() > 1024 {
                self.queue = VecDeque::new();
            }
        }
        taken.into_iter().map(|(place, _)| place).collect()
    }

    /// When the batching window of what waits is over.
    pub(super) fn window_ends(&self, limits: &Limits) -> Option<Mono> {
        self.opened.map(|opened| opened + limits.window)
    }

    /// The places that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u64> + '_ {
        self.queue.iter().map(|&(place, _)| place)
    }

    /// Records that wait.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Their bytes.
    pub(super) const fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Notes that the function has processed these records; `false` when one of them stands before another that was
    /// processed earlier.
    pub(super) fn pass(&mut self, places: &[u64]) -> bool {
        let in_order = places.first().is_none_or(|&first| first >= self.passed);
        if let Some(last) = places.last() {
            self.passed = last + 1;
        }
        in_order
    }

    /// Puts a piece before all others.
    pub(super) fn start(&mut self, piece: Piece) {
        self.opened = None;
        self.work.push(piece);
    }

    /// Takes the piece that is next.
    pub(super) fn next_piece(&mut self) -> Option<Piece> {
        self.work.pop()
    }

    /// A piece is done: a `Lane` that has become free opens the window of what waits.
    pub(super) fn freed(&mut self, now: Mono) {
        if self.work.is_empty() && !self.queue.is_empty() {
            self.opened = Some(now);
        }
    }

    /// Hands a piece to the function.
    pub(super) fn fly(&mut self, piece: Piece) {
        self.opened = None;
        self.flying = Some(piece);
    }

    /// Takes the piece back that was with the function.
    pub(super) fn land(&mut self) -> Option<Piece> {
        self.flying.take()
    }

    pub(super) const fn is_flying(&self) -> bool {
        self.flying.is_some()
    }

    /// Lets the piece that is next be tried now.
    pub(super) fn wake(&mut self) {
        if let Some(piece) = self.work.last_mut() {
            piece.wake = None;
        }
    }

    /// When a `Lane` that is not in flight has to be looked at again, except for records that become too old.
    pub(super) fn due(&self, limits: &Limits) -> Option<Mono> {
        match self.work.last() {
            Some(piece) => piece.wake,
            None => self.window_ends(limits),
        }
    }

    /// The place of the record that is next.
    pub(super) fn next_place(&self) -> Option<u64> {
        match self.work.last() {
            Some(piece) => piece.places.first().copied(),
            None => self.waiting().next(),
        }
    }

    /// The place after the last record in flight.
    pub(super) fn flying_to(&self) -> Option<u64> {
        self.flying.as_ref()?.places.last().map(|last| last + 1)
    }

    /// Nothing waits and nothing is worked on.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.work.is_empty() && !self.is_flying()
    }

    /// Whether its work has failed before, so that it may stand still for long.
    pub(super) fn is_stuck(&self) -> bool {
        let first = self.flying.as_ref().or(self.work.last());
        first.is_some_and(|piece| piece.attempts > 0 || piece.faults > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    fn lane(sizes: &[usize]) -> Lane {
        let mut lane = Lane::default();
        for (place, &bytes) in sizes.iter().enumerate() {
            lane.push(place as u64, bytes, at(place as u64));
        }
        lane
    }

    const NO_WINDOW: Limits = Limits { records: 3, window: Duration::ZERO, bytes: 100 };
    const WINDOW: Limits = Limits { records: 3, window: Duration::from_secs(1), bytes: 100 };

    fn closed(lane: &mut Lane, limits: &Limits, now: u64) -> Option<(Vec<u64>, FlushReason)> {
        let due = lane.batch_due(limits, usize::MAX, false, at(now))?;
        Some((lane.take(due.records), due.reason))
    }

    #[test]
    fn a_batch_is_full_by_records_or_by_bytes() {
        let mut lane = lane(&[1, 1, 1, 1, 60, 60]);
        assert_eq!(closed(&mut lane, &WINDOW, 0), Some((vec![0, 1, 2], FlushReason::Size)));
        assert_eq!(closed(&mut lane, &WINDOW, 0), Some((vec![3, 4], FlushReason::Bytes)));
        assert_eq!(closed(&mut lane, &WINDOW, 0), None);
        assert_eq!(closed(&mut lane, &NO_WINDOW, 0), Some((vec![5], FlushReason::Immediate)));
        assert_eq!((lane.queued(), lane.queued_bytes()), (0, 0));
    }

    #[test]
    fn the_window_is_exact() {
        let mut lane = lane(&[1, 1]);
        assert_eq!(closed(&mut lane, &WINDOW, 999), None);
        assert_eq!(closed(&mut lane, &WINDOW, 1000), Some((vec![0, 1], FlushReason::Window)));
        lane.fly(Piece::new(vec![0, 1]));
        lane.push(2, 1, at(1500));
        assert_eq!(lane.window_ends(&WINDOW), None);
        assert!(lane.land().is_some());
        lane.freed(at(2000));
        assert_eq!(lane.window_ends(&WINDOW), Some(at(3000)));
    }

    #[test]
    fn nothing_waits_for_more_when_nothing_more_can_come() {
        let lane = lane(&[1, 1]);
        let due = Due { records: 2, reason: FlushReason::End, bytes: body_bytes(2, 2) };
        assert_eq!(lane.batch_due(&WINDOW, usize::MAX, true, at(0)), Some(due));
    }

    #[test]
    fn a_batch_ends_where_its_tumbling_window_ends() {
        let lane = lane(&[1, 1, 1, 1]);
        let batch = lane.batch_due(&WINDOW, 2, false, at(0)).unwrap();
        assert_eq!((batch.records, batch.reason), (2, FlushReason::End));
        assert_eq!(lane.batch_due(&WINDOW, 0, false, at(0)), None);
    }

    #[test]
    fn a_record_that_is_too_large_goes_alone() {
        let mut lane = lane(&[500, 1]);
        assert_eq!(closed(&mut lane, &NO_WINDOW, 0), Some((vec![0], FlushReason::Bytes)));
        assert_eq!(closed(&mut lane, &NO_WINDOW, 0), Some((vec![1], FlushReason::Immediate)));
    }
}
