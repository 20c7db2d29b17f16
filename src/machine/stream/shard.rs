//! What is known of one shard that is being read.

use std::sync::Arc;
use std::time::Duration;

use super::ShardReads;
use super::frontier::Frontier;
use super::lanes::{Lane, Limits};
use super::windows::Windows;
use crate::machine::{Cursor, Mark, Mono, Position, ReadId};

/// Names a shard inside the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShardKey(pub(super) u32);

impl ShardKey {
    /// No shard has this key: it stands for the listing where failures are gathered.
    pub(super) const LISTING: Self = Self(0);
}

/// One shard that is being read and processed.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) id: Arc<str>,
    /// Where it began.
    origin: Mark,
    /// The last record that was read.
    last_read: Option<Arc<str>>,
    /// Where the next read goes on.
    pub(super) cursor: Cursor,
    /// Records that arrived before this time are not wanted (Unix milliseconds).
    pub(super) skip_before: Option<u64>,
    /// The read that is open.
    pub(super) reading: Option<ReadId>,
    /// A drain still begins batches of the records before this place.
    pub(super) goal: u64,
    /// When the next read is due.
    pub(super) read_at: Mono,
    /// When the open read, or the last one, was asked for (Unix milliseconds).
    pub(super) asked_unix_ms: u64,
    /// When the last read was asked for, if it found the shard empty and caught up.
    pub(super) quiet_unix_ms: Option<u64>,
    pub(super) read_failures: u32,
    /// It was answered at least once.
    pub(super) opened: bool,
    /// The source said that it does not exist; the next listing decides.
    pub(super) missing: bool,
    /// Closed, and read to its end.
    pub(super) at_end: bool,
    /// What the next read may bring.
    pub(super) expected_bytes: usize,
    /// What the open read may bring.
    pub(super) asked_bytes: usize,
    /// How many records the next read asks for.
    pub(super) next_records: u32,
    /// How many records the last read asked for.
    pub(super) asked_records: u32,
    pub(super) frontier: Frontier,
    pub(super) lanes: Vec<Lane>,
    pub(super) windows: Option<Windows>,
    /// Failure records that are not confirmed.
    pub(super) deliveries: u32,
    /// The age that was shown last.
    pub(super) shown_age: Duration,
    /// Its entry among the machine's timers.
    pub(super) timer: Option<Mono>,
    /// Its entry among the machine's unsaved shards.
    pub(super) unsaved: Option<u64>,
    /// What it adds to the machine's sums.
    pub(super) counted: (usize, usize),
}

impl Shard {
    /// A shard that goes on at its mark; `pinned` says that it was pinned at LATEST just now.
    pub(super) fn new(id: Arc<str>, from: Mark, pinned: bool, reads: ShardReads, lanes: u32, now: Mono) -> Self {
        let (next_records, expected_bytes) = Self::first_read();
        let mut shard = Self {
            id,
            origin: from,
            last_read: None,
            cursor: Cursor::Open(Position::Latest),
            skip_before: None,
            reading: None,
            goal: 0,
            read_at: now,
            asked_unix_ms: 0,
            quiet_unix_ms: None,
            read_failures: 0,
            opened: false,
            missing: false,
            at_end: false,
            expected_bytes,
            next_records,
            asked_records: 0,
            asked_bytes: 0,
            frontier: Frontier::default(),
            lanes: (0..lanes.max(1)).map(|_| Lane::default()).collect(),
            windows: None,
            deliveries: 0,
            shown_age: Duration::ZERO,
            timer: None,
            unsaved: None,
            counted: (0, 0),
        };
        if !pinned {
            shard.reopen(reads);
        }
        shard
    }

    /// Opens the shard again after the last record that was read.
    ///
    /// A pin is opened by its time: LATEST would by now be another place.
    pub(super) fn reopen(&mut self, reads: ShardReads) {
        let position = match (&self.last_read, &self.origin) {
            (Some(sequence), _) | (None, Mark::After(sequence)) => Position::After(Arc::clone(sequence)),
            (None, Mark::Timestamp(ms) | Mark::Latest(ms)) if reads.by_time => Position::Timestamp(*ms),
            (None, Mark::Timestamp(ms) | Mark::Latest(ms)) => {
                self.skip_before = Some(ms / 1000 * 1000);
                Position::TrimHorizon
            }
            (None, Mark::TrimHorizon | Mark::End(_)) => Position::TrimHorizon,
        };
        self.cursor = Cursor::Open(position);
    }

    /// Opens the shard at its oldest record: what lies between is gone.
    pub(super) fn reopen_at_horizon(&mut self) {
        self.cursor = Cursor::Open(Position::TrimHorizon);
    }

    pub(super) fn was_read(&mut self, sequence: &Arc<str>) {
        self.last_read = Some(Arc::clone(sequence));
    }

    /// The mark to save: all that was read up to it is settled.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.frontier.mark().map(|sequence| Mark::After(Arc::clone(sequence)))
    }

    /// The lane of a key.
    pub(super) fn lane_of(&self, key_hash: u64) -> usize {
        // The remainder is smaller than the number of lanes, which is at most 100.
        usize::try_from(key_hash % self.lanes.len() as u64).unwrap_or_default()
    }

    /// Records and bytes that wait in lanes that make progress.
    pub(super) fn flowing(&self) -> (usize, usize) {
        let flowing = self.lanes.iter().filter(|lane| !lane.is_stuck());
        flowing.fold((0, 0), |(records, bytes), lane| (records + lane.queued(), bytes + lane.queued_bytes()))
    }

    /// Everything of it is settled and nothing can follow.
    pub(super) fn is_finished(&self) -> bool {
        self.at_end
            && self.frontier.is_clear()
            && self.deliveries == 0
            && self.lanes.iter().all(Lane::is_idle)
            && self.windows.as_ref().is_none_or(Windows::is_closed)
    }

    /// When a lane wants to be looked at again, but for records that become too old.
    pub(super) fn lane_due(&self, lane: usize, limits: &Limits) -> Option<Mono> {
        let lane = self.lanes.get(lane).filter(|lane| !lane.flying)?;
        match lane.piece() {
            Some(piece) => piece.wake,
            None => lane.window_ends(limits),
        }
    }
}
