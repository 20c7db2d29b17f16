//! The records of one shard from read to settled, and the mark that follows from what is settled.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::machine::Record;

/// Everything of a shard that was read and that the mark does not cover yet, in the order of the shard.
///
/// Records settle in any order; the mark moves over those at the front without a gap.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    /// The place of the first slot. Places grow by one from record to record and are never used again.
    first: u64,
    slots: VecDeque<Slot>,
    /// The place after the last record that was processed or settled.
    reached: u64,
    mark: Option<Arc<str>>,
    held: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    sequence: Arc<str>,
    read_unix_ms: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Held(Record),
    /// Processed, but the mark may not cover it yet: its tumbling window is open. Its bytes are free.
    Processed,
    Settled,
}

impl Frontier {
    /// Takes in the next record of the shard, and gives it its place.
    pub(super) fn push(&mut self, record: Record, read_unix_ms: u64) -> u64 {
        self.held += 1;
        self.bytes += record.fragment.len();
        let place = self.first + self.slots.len() as u64;
        self.slots.push_back(Slot { sequence: Arc::clone(&record.id), read_unix_ms, state: State::Held(record) });
        place
    }

    /// The record at a place, while it is not settled.
    pub(super) fn get(&self, place: u64) -> Option<&Record> {
        match &self.slots.get(self.index(place)?)?.state {
            State::Held(record) => Some(record),
            State::Processed | State::Settled => None,
        }
    }

    /// Notes that a record is processed, although the mark may not cover it yet.
    pub(super) fn process(&mut self, place: u64) {
        self.leave(place, State::Processed);
    }

    /// Settles a record for good; `false` when it was settled before.
    pub(super) fn settle(&mut self, place: u64) -> bool {
        let settled = !matches!(self.leave(place, State::Settled), None | Some(State::Settled));
        while matches!(self.slots.front(), Some(Slot { state: State::Settled, .. })) {
            self.first += 1;
            self.mark = self.slots.pop_front().map(|slot| slot.sequence);
        }
        if self.slots.is_empty() && self.slots.capacity() > 1024 {
            self.slots = VecDeque::new();
        }
        settled
    }

    fn leave(&mut self, place: u64, state: State) -> Option<State> {
        let index = self.index(place)?;
        let before = std::mem::replace(&mut self.slots.get_mut(index)?.state, state);
        self.reached = self.reached.max(place + 1);
        if let State::Held(record) = &before {
            self.held -= 1;
            self.bytes -= record.fragment.len();
        }
        Some(before)
    }

    /// The place after the last record that was processed or settled.
    pub(super) const fn reached(&self) -> u64 {
        self.reached
    }

    /// The last sequence number up to which everything that was read is settled; `None` while that is nothing.
    pub(super) const fn mark(&self) -> Option<&Arc<str>> {
        self.mark.as_ref()
    }

    /// Whether everything that was read is settled.
    pub(super) fn is_clear(&self) -> bool {
        self.slots.is_empty()
    }

    /// Records that are not settled.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Their bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records between the mark and the newest one, settled or not.
    pub(super) fn span(&self) -> usize {
        self.slots.len()
    }

    /// When the oldest record that the mark does not cover was read.
    pub(super) fn oldest_read(&self) -> Option<u64> {
        self.slots.front().map(|slot| slot.read_unix_ms)
    }

    fn index(&self, place: u64) -> Option<usize> {
        usize::try_from(place.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::machine::Receipt;

    fn record(sequence: u32) -> Record {
        Record {
            id: sequence.to_string().into(),
            receipt: Receipt::new(""),
            key: None,
            key_hash: 0,
            fragment: Bytes::from_static(b"{}"),
            receive_count: 1,
            arrived_unix_ms: 0,
        }
    }

    #[test]
    fn the_mark_never_passes_a_gap() {
        let mut frontier = Frontier::default();
        let places: Vec<u64> = (1..=4).map(|number| frontier.push(record(number), u64::from(number))).collect();
        assert!(frontier.settle(places[1]));
        assert!(frontier.settle(places[3]));
        assert_eq!((frontier.mark(), frontier.held(), frontier.span()), (None, 2, 4));
        assert!(frontier.settle(places[0]));
        assert_eq!(frontier.mark().map(|mark| &**mark), Some("2"));
        assert_eq!(frontier.oldest_read(), Some(3));
        assert!(frontier.settle(places[2]));
        assert_eq!(frontier.mark().map(|mark| &**mark), Some("4"));
        assert!(frontier.is_clear());
        assert_eq!((frontier.held(), frontier.bytes()), (0, 0));
    }

    #[test]
    fn what_is_processed_frees_its_bytes_but_holds_the_mark() {
        let mut frontier = Frontier::default();
        let (first, second) = (frontier.push(record(1), 0), frontier.push(record(2), 0));
        frontier.process(first);
        assert!(frontier.settle(second));
        assert_eq!((frontier.held(), frontier.bytes(), frontier.mark()), (0, 0, None));
        assert!(frontier.settle(first));
        assert!(frontier.is_clear());
    }

    #[test]
    fn a_record_settles_once() {
        let mut frontier = Frontier::default();
        let (first, second) = (frontier.push(record(1), 0), frontier.push(record(2), 0));
        assert!(frontier.settle(second));
        assert!(!frontier.settle(second));
        assert!(frontier.get(second).is_none());
        assert!(frontier.settle(first));
        assert!(!frontier.settle(first));
        assert!(!frontier.settle(99));
    }
}
