//! Reading shards: how far ahead, how often, and what every answer means.

use std::sync::Arc;
use std::time::Duration;

use super::StreamMachine;
use super::invoke::Settled;
use super::lanes::{Lane, Piece};
use super::shard::{Shard, ShardKey};
use crate::machine::screening::Tally;
use crate::machine::{
    BatchId, Cursor, Event, Fault, FaultKind, Position, ReadAnswer, ReadId, ReadRequest, Screened, Screening,
    StreamRecord, StreamRequest,
};

/// Records of a shard that may lie between its mark and its newest record: what a lane that stands still can hold up.
const MOST_RECORDS: usize = 20_000;
/// Bytes of a shard that may be held, most of them behind a lane that stands still.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Records that may wait in lanes that make progress, if two batches a lane are not more: a read takes its time.
const AHEAD_RECORDS: usize = 1_000;
/// Bytes that may wait in lanes that make progress: more than one event can take.
const AHEAD_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of all shards of a mapping, those that open reads are expected to bring included.
const MAPPING_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that open reads may be expected to bring for shards that hold nothing, however much the others hold.
const OPEN_BYTES: usize = 32 * 1024 * 1024;
/// What a shard's first read is expected to bring, and the most records that it asks for.
const FIRST_BYTES: usize = 1024 * 1024;
const FIRST_RECORDS: u32 = 1_000;
/// What a read asks for: with five reads a second more than a shard hands out.
const READ_BYTES: usize = 1024 * 1024;
const FEWEST_RECORDS: u32 = 100;
/// Reads of a mapping that are open at once: each takes a connection.
const MOST_READS: usize = 256;
/// An iterator that failed so often in a row is not used again.
const ITERATOR_TRIES: u32 = 3;
/// An answer of so many bytes was cut by its size.
const FULL_BYTES: usize = 900 * 1024;

impl StreamMachine {
    pub(super) fn read_if_due(&mut self, key: ShardKey) {
        let Some(shard) = self.shards.get(&key) else { return };
        let idle = shard.reading.is_none() && !shard.at_end && !shard.missing && self.draining.is_none();
        if !idle || shard.read_at > self.now.mono || !self.has_room(shard) {
            return;
        }
        if !self.mapping_has_room(shard) {
            self.parked.insert((shard.read_at, key));
            return;
        }
        let read = ReadId(self.out.name());
        let (most, asked) = (self.options.reads.most_records, self.now.unix_ms);
        let tight = self.held.1 + self.expected >= MAPPING_BYTES;
        let Some(shard) = self.shards.get_mut(&key) else { return };
        self.parked.remove(&(shard.read_at, key));
        shard.reading = Some(read);
        shard.asked_unix_ms = asked;
        let wanted = if tight { FEWEST_RECORDS } else { shard.next_records.min(most) };
        shard.asked_bytes = shard.expected_bytes / shard.next_records.div_ceil(wanted) as usize;
        shard.asked_records = wanted;
        self.expected += shard.asked_bytes;
        let (cursor, max) = (shard.cursor.clone(), shard.asked_records);
        self.out.ask(StreamRequest::Read(ReadRequest { id: read, shard: Arc::clone(&shard.id), cursor, max }));
        self.reads.insert(read, key);
    }

    /// Lets shards read that had to wait for others, the one that is due for longest first.
    pub(super) fn read_parked(&mut self) {
        while let Some(&(_, key)) = self.parked.first() {
            if self.shards.get(&key).is_some_and(|shard| !self.mapping_has_room(shard)) {
                return;
            }
            self.parked.pop_first();
            self.read_if_due(key);
        }
    }

    /// Whether the shard holds little enough to read on.
    fn has_room(&self, shard: &Shard) -> bool {
        let batch = self.options.batch_size as usize;
        let ahead = batch * shard.lanes.len();
        let (records, bytes) = shard.flowing();
        records < (2 * ahead).max(AHEAD_RECORDS)
            && bytes < AHEAD_BYTES
            && shard.frontier.span() < MOST_RECORDS.max(2 * ahead)
            && shard.frontier.bytes() < MOST_BYTES
    }

    fn mapping_has_room(&self, shard: &Shard) -> bool {
        let room = if shard.frontier.held() == 0 {
            self.expected < OPEN_BYTES
        } else {
            self.held.1 + self.expected < MAPPING_BYTES
        };
        self.reads.len() < MOST_READS && room
    }

    pub(super) fn was_read(&mut self, read: ReadId, result: Result<ReadAnswer, Fault>) {
        let Some(key) = self.reads.remove(&read) else { return };
        let Some(shard) = self.shards.get_mut(&key) else { return };
        shard.reading = None;
        self.expected -= shard.asked_bytes;
        match result {
            Ok(answer) => self.take_in(key, answer),
            Err(fault) => self.read_failed(key, &fault),
        }
        self.advance_shard(key);
    }

    fn take_in(&mut self, key: ShardKey, answer: ReadAnswer) {
        let (mono, unix_ms) = (self.now.mono, self.now.unix_ms);
        let (reads, policy) = (self.options.reads, self.options.screening);
        let Some(shard) = self.shards.get_mut(&key) else { return };
        let records = answer.records.len();
        let bytes: usize = answer.records.iter().map(|read| read.record.fragment.len()).sum();
        let first_answer = !std::mem::replace(&mut shard.opened, true);
        shard.read_failures = 0;
        shard.expect(records, bytes, answer.bytes);
        if let Some(last) = answer.records.last() {
            shard.was_read(&last.record.id);
        }
        let (mut tally, mut stopped) = (Tally::of(policy), Vec::new());
        for StreamRecord { record, key_hash } in answer.records {
            if shard.skip_before.is_some_and(|time| record.arrived_unix_ms < time) {
                continue;
            }
            let (lane, bytes, screening) = (shard.lane_of(key_hash), record.fragment.len(), record.screening);
            let place = shard.frontier.push(record, unix_ms);
            tally.add(screening);
            if policy.of(screening) != Screened::Deliver {
                stopped.push((place, screening));
            } else if let Some(lane) = shard.lanes.get_mut(lane) {
                lane.push(place, bytes, mono);
            }
        }
        match answer.next {
            Some(iterator) => shard.cursor = Cursor::Iterator(iterator),
            None => shard.at_end = true,
        }
        let full = records >= shard.asked_records as usize || bytes >= FULL_BYTES;
        let behind = answer.behind.is_some_and(|behind| !behind.is_zero());
        let pause = reads.base_pause;
        shard.read_at = if full || behind { mono } else { mono + pause.mul_f64(self.rng.f64().mul_add(0.05, 1.0)) };
        shard.quiet_unix_ms = (records == 0 && !behind).then_some(shard.asked_unix_ms);
        let waits = !shard.lanes.iter().all(Lane::is_idle);
        let idle = records == 0 && !behind && !waits && !shard.shown_age.is_zero();
        if idle {
            shard.shown_age = Duration::ZERO;
            let shard = Arc::clone(&shard.id);
            self.out.emit(Event::IteratorAge { shard, age: Duration::ZERO });
        }
        self.source_recovered(key);
        self.show_polled(records, first_answer);
        self.out.tell(tally);
        self.pass_over(key, stopped);
    }

    /// Does with records that the filters do not let pass what the mapping wants.
    fn pass_over(&mut self, key: ShardKey, stopped: Vec<(u64, Screening)>) {
        let mut dropped = Vec::new();
        for (place, screening) in stopped {
            match self.options.screening.of(screening) {
                Screened::Destination => {
                    self.give_up(key, Piece::new(BatchId(0), vec![place]), screening.condition());
                }
                Screened::Drop | Screened::Release | Screened::Deliver => dropped.push(place),
            }
        }
        if !dropped.is_empty() {
            self.settle(key, &Settled::Records(dropped));
        }
    }

    /// A mapping counts as polling once every shard that it begins with is open: whatever arrives later is delivered.
    fn show_polled(&mut self, records: usize, first_answer: bool) {
        if first_answer {
            self.listing.opening = self.listing.opening.saturating_sub(1);
        }
        self.listing.polled += records;
        if self.listing.opening == 0 {
            let records = std::mem::take(&mut self.listing.polled);
            self.out.emit(Event::Polled { records });
        }
    }

    fn read_failed(&mut self, key: ShardKey, fault: &Fault) {
        let reads = self.options.reads;
        let Some(shard) = self.shards.get_mut(&key) else { return };
        let id = Arc::clone(&shard.id);
        let (iterated, at_horizon) = match &shard.cursor {
            Cursor::Iterator(_) => (true, false),
            Cursor::Open(position) => (false, *position == Position::TrimHorizon),
        };
        shard.read_failures += 1;
        let failures = shard.read_failures;
        let pause = self.options.retry.pause(failures, &mut self.rng).max(fault.retry_after.unwrap_or_default());
        shard.read_at = self.now.mono + pause;
        // After a throttle the iterator is as good as before. A pin that was not opened is not what LATEST is later.
        let stale = matches!(fault.kind, FaultKind::Expired | FaultKind::Missing | FaultKind::Invalid);
        if !matches!(fault.kind, FaultKind::Cancelled | FaultKind::Trimmed)
            && (stale || !shard.opened || failures >= ITERATOR_TRIES)
        {
            shard.reopen(reads);
        }
        match fault.kind {
            FaultKind::Cancelled => return,
            FaultKind::Expired if iterated => {
                shard.read_at = self.now.mono;
                return self.out.emit(Event::IteratorExpired { shard: id });
            }
            FaultKind::Trimmed if !at_horizon => {
                shard.reopen_at_horizon();
                shard.read_at = self.now.mono;
                return self.out.emit(Event::Trimmed { shard: id });
            }
            FaultKind::Missing => {
                shard.missing = true;
                self.listing.soon(self.now.mono);
            }
            _ => {}
        }
        self.failing.insert(key);
        self.health.source_failed(fault);
        self.out.emit(Event::PollFailed { kind: fault.kind, message: fault.message.clone(), retry_in: pause });
    }

    /// Settles what a new listing says of shards that could not be found: those that it does not name are gone.
    pub(super) fn judge_missing(&mut self, listed: impl Fn(&str) -> bool) {
        let missing: Vec<(ShardKey, bool)> = self
            .shards
            .iter()
            .filter(|(_, shard)| shard.missing)
            .map(|(&key, shard)| (key, listed(&shard.id)))
            .collect();
        for (key, listed) in missing {
            let Some(shard) = self.shards.get_mut(&key) else { continue };
            shard.missing = false;
            if !listed {
                shard.at_end = true;
                let shard = Arc::clone(&shard.id);
                self.source_recovered(key);
                self.out.emit(Event::ShardGone { shard });
            }
            self.advance_shard(key);
        }
    }

    /// A shard, or the listing, works: the source is well when everything does.
    pub(super) fn source_recovered(&mut self, key: ShardKey) {
        self.failing.remove(&key);
        if self.failing.is_empty() {
            self.health.source_ok();
        }
    }

    /// When a window of this shard can be taken for complete: a read that was asked after its end found nothing.
    pub(super) fn is_quiet_since(&self, shard: &Shard, unix_ms: u64) -> bool {
        let grace = self.options.reads.window_grace;
        shard.quiet_unix_ms.is_some_and(|asked| asked >= unix_ms.saturating_add(grace))
    }
}

impl Shard {
    /// Learns from an answer what the next one may bring, and how many records make a read of the wanted size.
    fn expect(&mut self, records: usize, bytes: usize, counted: usize) {
        self.expected_bytes = bytes;
        let Some(size) = counted.max(bytes / 4).checked_div(records) else { return };
        let fitting = u32::try_from(READ_BYTES / size.max(1)).unwrap_or(u32::MAX);
        self.next_records = fitting.max(FEWEST_RECORDS);
        if records >= self.asked_records as usize {
            self.expected_bytes = bytes / records * self.next_records as usize;
        }
    }

    /// What the first read of a shard asks for and is expected to bring.
    pub(super) const fn first_read() -> (u32, usize) {
        (FIRST_RECORDS, FIRST_BYTES)
    }
}
