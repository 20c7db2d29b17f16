//! Reading one shard: where it goes on, how often and how much, and what every answer means.

use std::sync::Arc;
use std::time::Duration;

use super::ShardReads;
use super::context::Context;
use super::lanes::{Lane, Piece};
use super::pace::{Brought, ReadPace};
use super::records::Finished;
use super::shard::Shard;
use crate::machine::screening::Tally;
use crate::machine::{
    Checkpoint, Cursor, Event, Fault, FaultKind, Mono, Position, ReadAnswer, Screened, Screening, StreamRecord,
};

/// Records of a shard that may lie between its checkpoint and its newest record: what one retrying `Lane` can hold up.
const MOST_RECORDS: usize = 20_000;
/// Bytes of a shard that may be held, most of them behind a `Lane` that makes no progress.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Records that may wait where a `Lane` makes progress, if two batches for each are not more: a read takes its time.
const AHEAD_RECORDS: usize = 1_000;
/// Bytes that may wait where a `Lane` makes progress: more than one event can take.
const AHEAD_BYTES: usize = 8 * 1024 * 1024;
/// An iterator that failed so often in a row is not used again.
const ITERATOR_TRIES: u32 = 3;

/// How far a shard is read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Where it began.
    origin: Checkpoint,
    /// The last record that was read.
    last_read: Option<Arc<str>>,
    /// Where the next read goes on.
    cursor: Cursor,
    /// Records that arrived before this time are not wanted (Unix milliseconds).
    skip_before: Option<u64>,
    stage: Stage,
    /// It was answered at least once.
    opened: bool,
    pace: ReadPace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No read is open.
    Idle,
    /// A read is open.
    Open,
    /// The source said that the shard does not exist; the next listing decides.
    Missing,
    /// The shard is closed, and read to its end.
    AtEnd,
}

impl Reading {
    /// Of a shard that continues at its checkpoint; `pinned` says that it was pinned at LATEST just now.
    pub(super) fn new(from: Checkpoint, pinned: bool, reads: ShardReads, now: Mono) -> Self {
        let mut reading = Self {
            origin: from,
            last_read: None,
            cursor: Cursor::Open(Position::Latest),
            skip_before: None,
            stage: Stage::Idle,
            opened: false,
            pace: ReadPace::new(now),
        };
        if !pinned {
            reading.reopen(reads);
        }
        reading
    }

    /// Opens the shard again after the last record that was read.
    ///
    /// A pin is opened by its time: LATEST would by now be another place.
    fn reopen(&mut self, reads: ShardReads) {
        let position = match (&self.last_read, &self.origin) {
            (Some(sequence), _) | (None, Checkpoint::After(sequence)) => Position::After(Arc::clone(sequence)),
            (None, Checkpoint::Timestamp(ms) | Checkpoint::Latest(ms)) if reads.by_time => Position::Timestamp(*ms),
            (None, Checkpoint::Timestamp(ms) | Checkpoint::Latest(ms)) => {
                self.skip_before = Some(ms / 1000 * 1000);
                Position::TrimHorizon
            }
            (None, Checkpoint::TrimHorizon | Checkpoint::End(_)) => Position::TrimHorizon,
        };
        self.cursor = Cursor::Open(position);
    }

    /// When the next read is due, if one is to come and none is open.
    pub(super) fn due(&self) -> Option<Mono> {
        (self.stage == Stage::Idle).then_some(self.pace.due())
    }

    pub(super) fn is_missing(&self) -> bool {
        self.stage == Stage::Missing
    }

    /// Closed, and read to its end.
    pub(super) fn is_at_end(&self) -> bool {
        self.stage == Stage::AtEnd
    }

    /// Whether a window that ends then can be taken for complete: a read that was asked so many milliseconds after its
    /// end, or later, found nothing.
    pub(super) fn is_quiet_since(&self, unix_ms: u64, grace: u64) -> bool {
        self.pace.quiet_unix_ms().is_some_and(|asked| asked >= unix_ms.saturating_add(grace))
    }
}

impl Shard {
    /// Reads on when it is time and there is room.
    pub(super) fn read_if_due(&mut self, cx: &mut Context) {
        let Some(due) = self.reading.due().filter(|&due| due <= cx.mono() && cx.draining.is_none()) else { return };
        if !self.has_room(cx) {
            return;
        }
        let (key, held) = (self.records.key, self.records.frontier.held());
        if !cx.reads.have_room(held, cx.books.held()) {
            return cx.reads.park(due, key);
        }
        cx.reads.unpark(due, key);
        let tight = cx.reads.are_tight(cx.books.held());
        let portion = self.reading.pace.ask(cx.options.reads.most_records, tight, cx.now.unix_ms);
        self.reading.stage = Stage::Open;
        let (id, cursor) = (Arc::clone(&self.records.id), self.reading.cursor.clone());
        cx.reads.begin(key, id, cursor, portion, &mut cx.out);
    }

    /// Whether the shard holds little enough to read on.
    fn has_room(&self, cx: &Context) -> bool {
        let ahead = cx.options.batch_size as usize * self.lanes.len();
        let (flowing, frontier) = (self.flowing(), &self.records.frontier);
        flowing.records < (2 * ahead).max(AHEAD_RECORDS)
            && flowing.bytes < AHEAD_BYTES
            && frontier.span() < MOST_RECORDS.max(2 * ahead)
            && frontier.held().bytes < MOST_BYTES
    }

    /// A read has ended.
    pub(super) fn was_read(&mut self, result: Result<ReadAnswer, Fault>, cx: &mut Context) {
        self.reading.stage = Stage::Idle;
        match result {
            Ok(answer) => self.take_in(answer, cx),
            Err(fault) => self.read_failed(&fault, cx),
        }
    }

    fn take_in(&mut self, answer: ReadAnswer, cx: &mut Context) {
        let (now, policy) = (cx.now, cx.options.screening);
        let brought = Brought::by(&answer);
        let first_answer = !std::mem::replace(&mut self.reading.opened, true);
        if let Some(last) = answer.records.last() {
            self.reading.last_read = Some(Arc::clone(&last.record.id));
        }
        match answer.next {
            Some(iterator) => self.reading.cursor = Cursor::Iterator(iterator),
            None => self.reading.stage = Stage::AtEnd,
        }
        self.reading.pace.answered(&brought, cx.options.reads.base_pause, now.mono, &mut cx.rng);
        let (mut tally, mut stopped) = (Tally::of(policy), Vec::new());
        for StreamRecord { record, key_hash } in answer.records {
            if self.reading.skip_before.is_some_and(|time| record.arrived_unix_ms < time) {
                continue;
            }
            let (bytes, screening) = (record.fragment.len(), record.screening);
            let place = self.records.frontier.push(record, now.unix_ms);
            tally.add(screening);
            if policy.of(screening) == Screened::Deliver {
                self.lane_of(key_hash).push(place, bytes, now.mono);
            } else {
                stopped.push((place, screening));
            }
        }
        let is_idle = brought.found_nothing() && self.lanes.iter().all(Lane::is_idle);
        if is_idle && !std::mem::take(&mut self.records.shown_age).is_zero() {
            cx.out.emit(Event::IteratorAge { shard: Arc::clone(&self.records.id), age: Duration::ZERO });
        }
        cx.shard_recovered(self.records.key);
        if let Some(records) = cx.reads.polled(brought.records, first_answer) {
            cx.out.emit(Event::Polled { records });
        }
        cx.out.report(tally);
        self.pass_over(stopped, cx);
    }

    /// Does with records that the filters do not let pass what the mapping wants.
    fn pass_over(&mut self, stopped: Vec<(u64, Screening)>, cx: &mut Context) {
        let mut dropped = Vec::new();
        for (place, screening) in stopped {
            match cx.options.screening.of(screening) {
                Screened::Destination => self.records.discard(Piece::new(vec![place]), screening.condition(), cx),
                Screened::Drop | Screened::Release | Screened::Deliver => dropped.push(place),
            }
        }
        if !dropped.is_empty() {
            self.records.finish(&Finished::Records(dropped), cx);
        }
    }

    fn read_failed(&mut self, fault: &Fault, cx: &mut Context) {
        let (reading, now) = (&mut self.reading, cx.mono());
        let (iterated, at_horizon) = match &reading.cursor {
            Cursor::Iterator(_) => (true, false),
            Cursor::Open(position) => (false, *position == Position::TrimHorizon),
        };
        let failures = reading.pace.failed();
        let pause = cx.pause(failures, fault);
        reading.pace.wait_until(now + pause);
        // After a throttle the iterator is as good as before. A pin that was not opened is not what LATEST is later.
        let stale = matches!(fault.kind, FaultKind::Expired | FaultKind::Missing | FaultKind::Invalid);
        if !matches!(fault.kind, FaultKind::Cancelled | FaultKind::Trimmed)
            && (stale || !reading.opened || failures >= ITERATOR_TRIES)
        {
            reading.reopen(cx.options.reads);
        }
        match fault.kind {
            FaultKind::Cancelled => return,
            FaultKind::Expired if iterated => {
                reading.pace.wait_until(now);
                return cx.out.emit(Event::IteratorExpired { shard: Arc::clone(&self.records.id) });
            }
            FaultKind::Trimmed if !at_horizon => {
                // What lies between is gone.
                reading.cursor = Cursor::Open(Position::TrimHorizon);
                reading.pace.wait_until(now);
                return cx.out.emit(Event::Trimmed { shard: Arc::clone(&self.records.id) });
            }
            FaultKind::Missing => reading.stage = Stage::Missing,
            _ => {}
        }
        cx.shard_failed(self.records.key, fault);
        cx.out.emit(Event::PollFailed { kind: fault.kind, message: fault.message.clone(), retry_in: pause });
    }

    /// Takes in what a new listing says of a shard that could not be found: one that it does not name is gone.
    pub(super) fn judge_missing(&mut self, listed: bool, cx: &mut Context) {
        if listed {
            self.reading.stage = Stage::Idle;
        } else {
            self.reading.stage = Stage::AtEnd;
            cx.shard_recovered(self.records.key);
            cx.out.emit(Event::ShardGone { shard: Arc::clone(&self.records.id) });
        }
    }
}
