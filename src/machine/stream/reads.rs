//! Reads of all shards: how many may be open, and what they may bring together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::StreamMachine;
use super::books::Held;
use super::context::Context;
use super::pace::Portion;
use super::shard::ShardKey;
use crate::machine::outbox::Outbox;
use crate::machine::{Cursor, Fault, Mono, ReadAnswer, ReadId, ReadRequest, Stream, StreamRequest};

/// Bytes of all shards of a mapping, those that open reads are expected to bring included.
const MAPPING_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that open reads may be expected to bring for shards that hold nothing, however much the others hold.
const OPEN_BYTES: usize = 32 * 1024 * 1024;
/// Reads of a mapping that are open at once: each takes a connection.
const MOST_READS: usize = 256;

/// What is open towards the source for all shards together.
#[derive(Debug, Default)]
pub(super) struct Reads {
    open: BTreeMap<ReadId, OpenRead>,
    /// Bytes that the open reads are expected to bring.
    expected: usize,
    /// Shards that may read as soon as there is room, and since when they are due.
    parked: BTreeSet<(Mono, ShardKey)>,
    /// Shards whose last read failed.
    failing: BTreeSet<ShardKey>,
    /// The last listing failed.
    pub(super) listing_fails: bool,
    /// Pinned shards that were not answered yet, and the records that the others brought meanwhile.
    pub(super) opening: usize,
    polled: usize,
}

#[derive(Debug)]
struct OpenRead {
    shard: ShardKey,
    /// What it may bring.
    bytes: usize,
}

impl Reads {
    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether there is room for one more read of a shard that holds so much, where all shards together hold so much.
    pub(super) fn have_room(&self, shard: Held, all: Held) -> bool {
        let room =
            if shard.records == 0 { self.expected < OPEN_BYTES } else { all.bytes + self.expected < MAPPING_BYTES };
        self.open.len() < MOST_READS && room
    }

    /// Little memory is left.
    pub(super) const fn are_tight(&self, all: Held) -> bool {
        all.bytes + self.expected >= MAPPING_BYTES
    }

    /// A shard that is due reads when there is room.
    pub(super) fn park(&mut self, due: Mono, key: ShardKey) {
        self.parked.insert((due, key));
    }

    pub(super) fn unpark(&mut self, due: Mono, key: ShardKey) {
        self.parked.remove(&(due, key));
    }

    pub(super) fn begin(
        &mut self,
        key: ShardKey,
        shard: Arc<str>,
        cursor: Cursor,
        portion: Portion,
        out: &mut Outbox<Stream>,
    ) {
        let id = ReadId(out.name());
        self.expected += portion.bytes;
        self.open.insert(id, OpenRead { shard: key, bytes: portion.bytes });
        out.ask(StreamRequest::Read(ReadRequest { id, shard, cursor, max: portion.records }));
    }

    fn end(&mut self, read: ReadId) -> Option<ShardKey> {
        let OpenRead { shard, bytes } = self.open.remove(&read)?;
        self.expected -= bytes;
        Some(shard)
    }

    /// Notes what an answer brought, and gives what is to be shown. A mapping counts as polling once every shard that
    /// it begins with is open: everything that arrives later is delivered.
    pub(super) fn polled(&mut self, records: usize, first_answer: bool) -> Option<usize> {
        if first_answer {
            self.opening = self.opening.saturating_sub(1);
        }
        self.polled += records;
        (self.opening == 0).then(|| std::mem::take(&mut self.polled))
    }

    /// The shard is read no more.
    pub(super) fn forget(&mut self, key: ShardKey) {
        self.failing.remove(&key);
    }
}

impl Context {
    pub(super) fn shard_failed(&mut self, key: ShardKey, fault: &Fault) {
        self.reads.failing.insert(key);
        self.health.source_failed(fault);
    }

    pub(super) fn shard_recovered(&mut self, key: ShardKey) {
        self.reads.failing.remove(&key);
        self.source_recovered();
    }

    /// The source is well when every shard and the listing are.
    pub(super) fn source_recovered(&mut self) {
        if self.reads.failing.is_empty() && !self.reads.listing_fails {
            self.health.source_ok();
        }
    }
}

impl StreamMachine {
    pub(super) fn was_read(&mut self, read: ReadId, result: Result<ReadAnswer, Fault>) {
        let Some(key) = self.cx.reads.end(read) else { return };
        self.work_on(key, |shard, cx| shard.was_read(result, cx));
        if self.shards.get(&key).is_some_and(|shard| shard.reading.is_missing()) {
            self.listing.soon(self.cx.mono());
        }
    }

    /// Lets shards read that had to wait for others, the one that is due for longest first.
    pub(super) fn read_parked(&mut self) {
        while let Some(&(due, key)) = self.cx.reads.parked.first() {
            if let Some(shard) = self.shards.get_mut(&key) {
                if !self.cx.reads.have_room(shard.records.frontier.held(), self.cx.books.held()) {
                    return;
                }
                shard.read_if_due(&mut self.cx);
            }
            self.cx.reads.unpark(due, key);
        }
    }
}
