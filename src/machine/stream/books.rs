//! The sums and timers of all shards.

use std::collections::BTreeSet;

use super::shard::ShardKey;
use crate::machine::Mono;

/// What the machine knows of its shards without looking at each of them.
#[derive(Debug, Default)]
pub(super) struct Books {
    held: Held,
    /// When the oldest record of each shard was read that no saved checkpoint covers (Unix milliseconds).
    unsaved: BTreeSet<(u64, ShardKey)>,
    timers: BTreeSet<(Mono, ShardKey)>,
}

/// Records that are not finished, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// What of one shard stands in the books.
#[derive(Debug, Default)]
pub(super) struct Entries {
    timer: Option<Mono>,
    unsaved: Option<u64>,
    held: Held,
}

impl Books {
    /// Records and bytes of all shards.
    pub(super) const fn held(&self) -> Held {
        self.held
    }

    /// When the oldest record was read that no saved checkpoint covers.
    pub(super) fn unsaved_since(&self) -> Option<u64> {
        self.unsaved.first().map(|&(since, _)| since)
    }

    /// When a shard is to be looked at again.
    pub(super) fn due(&self) -> Option<Mono> {
        self.timers.first().map(|&(at, _)| at)
    }

    /// A shard that is to be looked at now; its timer is over.
    pub(super) fn next_due(&mut self, now: Mono) -> Option<ShardKey> {
        let &(_, key) = self.timers.first().filter(|&&(at, _)| at <= now)?;
        self.timers.pop_first();
        Some(key)
    }

    pub(super) fn set_timer(&mut self, key: ShardKey, entries: &mut Entries, due: Option<Mono>) {
        if entries.timer == due {
            return;
        }
        if let Some(at) = std::mem::replace(&mut entries.timer, due) {
            self.timers.remove(&(at, key));
        }
        self.timers.extend(due.map(|at| (at, key)));
    }

    pub(super) fn set_held(&mut self, entries: &mut Entries, held: Held) {
        self.held.records = self.held.records + held.records - entries.held.records;
        self.held.bytes = self.held.bytes + held.bytes - entries.held.bytes;
        entries.held = held;
    }

    /// The checkpoint of a shard was saved, or more of it was read.
    pub(super) fn set_unsaved(&mut self, key: ShardKey, entries: &mut Entries, since: Option<u64>) {
        if entries.unsaved == since {
            return;
        }
        if let Some(before) = std::mem::replace(&mut entries.unsaved, since) {
            self.unsaved.remove(&(before, key));
        }
        self.unsaved.extend(since.map(|since| (since, key)));
    }

    /// Takes a shard out of all books.
    pub(super) fn forget(&mut self, key: ShardKey, mut entries: Entries) {
        self.set_timer(key, &mut entries, None);
        self.set_unsaved(key, &mut entries, None);
        self.set_held(&mut entries, Held::default());
    }
}

impl Entries {
    /// The timer went off.
    pub(super) const fn woken(&mut self) {
        self.timer = None;
    }

    /// When the oldest record was read that no saved checkpoint covers. The checkpoint moves only by a save, so until
    /// then the older time counts.
    pub(super) fn unsaved_since(&self, oldest_read: Option<u64>) -> Option<u64> {
        self.unsaved.or(oldest_read)
    }
}
