//! The records of one shard from read to finished, and the checkpoint that follows from what is finished.

use std::collections::VecDeque;
use std::sync::Arc;

use super::books::Held;
use crate::machine::Record;

/// Everything of a shard that was read and that the checkpoint does not cover yet, in the order of the shard.
///
/// Records finish in any order. The checkpoint moves over finished records at the front, without a gap. What was
/// processed in a tumbling window finishes with that window, and takes no memory until then once it is at the front.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    checkpoint: Option<Arc<str>>,
    /// What stands between the checkpoint and the slots: processed, and waiting for its window.
    runs: VecDeque<Run>,
    /// The place of the first slot. Places grow by one from record to record and are never used again.
    first: u64,
    slots: VecDeque<Slot>,
    /// The place after the last record that was processed or finished.
    reached: u64,
    held: Held,
}

/// Records that finish when one tumbling window does.
#[derive(Debug)]
struct Run {
    window: u64,
    read_unix_ms: u64,
    last: Arc<str>,
    released: bool,
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
    /// Processed in this tumbling window, which is not over. Its bytes are free.
    Processed(u64),
    Finished,
}

impl Frontier {
    /// Takes in the next record of the shard, and gives it its place.
    pub(super) fn push(&mut self, record: Record, read_unix_ms: u64) -> u64 {
        self.held.records += 1;
        self.held.bytes += record.fragment.len();
        let place = self.first + self.slots.len() as u64;
        self.slots.push_back(Slot { sequence: Arc::clone(&record.id), read_unix_ms, state: State::Held(record) });
        place
    }

    /// The record at a place, while it is not finished.
    pub(super) fn get(&self, place: u64) -> Option<&Record> {
        match &self.slots.get(self.index(place)?)?.state {
            State::Held(record) => Some(record),
            State::Processed(_) | State::Finished => None,
        }
    }

    /// When the record at a place arrived (Unix milliseconds); never if it is finished.
    pub(super) fn arrived(&self, place: u64) -> u64 {
        self.get(place).map_or(u64::MAX, |record| record.arrived_unix_ms)
    }

    /// Notes that a record was processed in a tumbling window; `false` when it was not held any more.
    pub(super) fn process(&mut self, place: u64, window: u64) -> bool {
        self.leave(place, State::Processed(window))
    }

    /// Finishes a record; `false` if it was not held any more.
    pub(super) fn finish(&mut self, place: u64) -> bool {
        self.leave(place, State::Finished)
    }

    /// Finishes everything that was processed in a tumbling window.
    pub(super) fn release(&mut self, window: u64) {
        for run in self.runs.iter_mut().filter(|run| run.window == window) {
            run.released = true;
        }
        for slot in &mut self.slots {
            if matches!(slot.state, State::Processed(of) if of == window) {
                slot.state = State::Finished;
            }
        }
        self.advance();
    }

    fn leave(&mut self, place: u64, state: State) -> bool {
        let Some(slot) = self.index(place).and_then(|index| self.slots.get_mut(index)) else { return false };
        let State::Held(record) = &slot.state else { return false };
        self.held.records -= 1;
        self.held.bytes -= record.fragment.len();
        slot.state = state;
        self.reached = self.reached.max(place + 1);
        self.advance();
        true
    }

    /// Moves the checkpoint over what is finished, and moves what waits for its window out of the slots.
    fn advance(&mut self) {
        while let Some(run) = self.runs.pop_front_if(|run| run.released) {
            self.checkpoint = Some(run.last);
        }
        while let Some(slot) = self.slots.pop_front_if(|slot| !matches!(slot.state, State::Held(_))) {
            self.first += 1;
            let Slot { sequence: last, read_unix_ms, state } = slot;
            match (state, self.runs.back_mut()) {
                (State::Processed(window), Some(run)) if run.window == window => run.last = last,
                (State::Processed(window), _) => {
                    self.runs.push_back(Run { window, read_unix_ms, last, released: false });
                }
                // What is finished already goes with the run before it.
                (_, Some(run)) => run.last = last,
                (_, None) => self.checkpoint = Some(last),
            }
        }
        if self.slots.is_empty() && self.slots.capacity() > 1024 {
            self.slots = VecDeque::new();
        }
    }

    /// The place after the last record that was processed or finished.
    pub(super) const fn reached(&self) -> u64 {
        self.reached
    }

    /// The last sequence number up to which everything that was read is finished; `None` while that is nothing.
    pub(super) const fn checkpoint(&self) -> Option<&Arc<str>> {
        self.checkpoint.as_ref()
    }

    /// Whether everything that was read is finished.
    pub(super) fn is_clear(&self) -> bool {
        self.slots.is_empty() && self.runs.is_empty()
    }

    /// Records that are not finished or processed, and their bytes.
    pub(super) const fn held(&self) -> Held {
        self.held
    }

    /// Records from the first that is held to the newest, finished or not.
    pub(super) fn span(&self) -> usize {
        self.slots.len()
    }

    /// When the oldest record that the checkpoint does not cover was read.
    pub(super) fn oldest_read(&self) -> Option<u64> {
        let in_runs = self.runs.front().map(|run| run.read_unix_ms);
        in_runs.or_else(|| self.slots.front().map(|slot| slot.read_unix_ms))
    }

    fn index(&self, place: u64) -> Option<usize> {
        usize::try_from(place.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::machine::Screening;

    fn record(sequence: u32) -> Record {
        Record {
            id: sequence.to_string().into(),
            fragment: Bytes::from_static(b"{}"),
            arrived_unix_ms: 0,
            screening: Screening::Passes,
        }
    }

    #[test]
    fn the_checkpoint_never_passes_a_gap() {
        let mut frontier = Frontier::default();
        let places: Vec<u64> = (1..=4).map(|number| frontier.push(record(number), u64::from(number))).collect();
        assert!(frontier.finish(places[1]));
        assert!(frontier.finish(places[3]));
        assert_eq!((frontier.checkpoint(), frontier.held().records, frontier.span()), (None, 2, 4));
        assert!(frontier.finish(places[0]));
        assert_eq!(frontier.checkpoint().map(|checkpoint| &**checkpoint), Some("2"));
        assert_eq!(frontier.oldest_read(), Some(3));
        assert!(frontier.finish(places[2]));
        assert_eq!(frontier.checkpoint().map(|checkpoint| &**checkpoint), Some("4"));
        assert!(frontier.is_clear());
        assert_eq!(frontier.held(), Held::default());
    }

    #[test]
    fn what_is_processed_waits_for_its_window_and_takes_no_room() {
        let mut frontier = Frontier::default();
        let places: Vec<u64> = (1..=6).map(|number| frontier.push(record(number), u64::from(number))).collect();
        assert!(frontier.process(places[0], 1));
        assert!(frontier.process(places[1], 1));
        assert!(!frontier.process(places[1], 1));
        assert!(frontier.process(places[3], 1));
        assert_eq!((frontier.held().records, frontier.span(), frontier.checkpoint()), (3, 4, None));
        assert_eq!(frontier.oldest_read(), Some(1));
        // The third record was discarded, and is confirmed only after the window is over.
        frontier.release(1);
        assert_eq!(frontier.checkpoint().map(|checkpoint| &**checkpoint), Some("2"));
        assert!(frontier.process(places[4], 2));
        assert!(frontier.finish(places[2]));
        assert_eq!(frontier.checkpoint().map(|checkpoint| &**checkpoint), Some("4"));
        assert!(frontier.finish(places[5]));
        assert_eq!((frontier.span(), frontier.is_clear()), (0, false));
        frontier.release(2);
        assert_eq!(frontier.checkpoint().map(|checkpoint| &**checkpoint), Some("6"));
        assert!(frontier.is_clear());
    }

    #[test]
    fn a_window_that_is_released_early_waits_for_the_one_before_it() {
        let mut frontier = Frontier::default();
        for number in 1..=2 {
            let place = frontier.push(record(number), 0);
            frontier.process(place, u64::from(number));
        }
        frontier.release(2);
        assert_eq!(frontier.checkpoint(), None);
        frontier.release(1);
        assert_eq!(frontier.checkpoint().map(|checkpoint| &**checkpoint), Some("2"));
    }

    #[test]
    fn a_record_finishes_once() {
        let mut frontier = Frontier::default();
        let (first, second) = (frontier.push(record(1), 0), frontier.push(record(2), 0));
        assert!(frontier.finish(second));
        assert!(!frontier.finish(second));
        assert!(frontier.get(second).is_none());
        assert!(frontier.finish(first));
        assert!(!frontier.finish(first));
        assert!(!frontier.finish(99));
    }
}
