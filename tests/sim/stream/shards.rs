//! The stream itself: what is put, how shards split, merge and rotate, and what is trimmed.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use forebay::mapping::SourceKind;
use xxhash_rust::xxh3::xxh3_64;

use super::model::{Record, Shard, State, StreamModel};
use super::plan::{Put, Reshard};
use crate::world::World;

/// Keys are hashed to a number below this.
const HASHES: u64 = 1 << 32;

/// What a shard hands out in a second, and at most at once after a rest.
pub(crate) const BYTES_PER_SECOND: i64 = 2 * 1024 * 1024;

/// The place of a key among all hashes.
fn place(key: u32) -> u64 {
    xxh3_64(&key.to_le_bytes()) % HASHES
}

impl StreamModel {
    /// The shards that the stream begins with.
    pub(crate) fn dig(&self) {
        let mut state = self.state();
        let count = self.plan.stream.shards as u64;
        for n in 0..count {
            let range = (HASHES * n / count, HASHES * (n + 1) / count);
            Self::open(&mut state, Vec::new(), range, 0);
        }
    }

    /// Closes every shard for good: the table's stream is switched off.
    pub(crate) fn disable(&self) {
        let mut state = self.state();
        let now = self.world.now();
        state.disabled = true;
        for shard in &mut state.shards {
            shard.closed.get_or_insert(now);
        }
        drop(state);
        self.world.note(format_args!("the stream is disabled"));
    }

    /// Deletes the stream with all that it holds, and makes it again under its name.
    pub(crate) fn recreate(&self, splits: u32) {
        let mut state = self.state();
        let now = self.world.now();
        let State { shards, .. } = &mut *state;
        for shard in shards {
            shard.closed.get_or_insert(now);
            shard.trimmed = shard.records.len();
            (shard.gone, shard.deleted) = (true, true);
        }
        drop(state);
        self.world.note(format_args!("the stream is deleted and made again"));
        self.dig();
        for _ in 0..splits {
            self.reshard(Reshard::Split);
        }
    }

    fn open(state: &mut State, parents: Vec<usize>, range: (u64, u64), listed: u64) {
        // A list that knows a child knows its parents.
        let listed = parents.iter().map(|&parent| state.shards[parent].listed).fold(listed, u64::max);
        let number = state.shards.iter().filter(|shard| !shard.deleted).count();
        let id = format!("shardId-{number:012}").into();
        let shard = Shard {
            id,
            begins: state.shards.len().to_string().into(),
            parents,
            range,
            records: Vec::new(),
            trimmed: 0,
            listed,
            closed: None,
            gone: false,
            deleted: false,
            reads: VecDeque::new(),
            allowance: (BYTES_PER_SECOND, 0),
        };
        state.shards.push(shard);
    }

    /// Puts one record.
    pub(crate) fn put(&self, put: &Put) {
        let mut state = self.state();
        if state.disabled {
            return;
        }
        let now = self.world.now();
        let hash = place(put.key);
        let holds = |shard: &Shard| shard.closed.is_none() && (shard.range.0..shard.range.1).contains(&hash);
        let shard = state.shards.iter().position(holds).expect("open shards cover every hash");
        let n = state.records.len();
        let sequence: Arc<str> = (self.plan.stream.first_sequence + 7 * n as u64).to_string().into();
        let stamp = match self.plan.stream.kind {
            // DynamoDB has whole seconds.
            SourceKind::DynamoDb => self.world.unix_ms() / 1000 * 1000,
            _ => self.world.unix_ms(),
        };
        let data = "~".repeat(put.size);
        let fragment =
            format!("{{\"n\":{n},\"key\":\"k{}\",\"sequence\":\"{sequence}\",\"data\":\"{data}\"}}", put.key);
        let at = state.shards[shard].records.len();
        let fragment = Bytes::from(fragment);
        state.records.push(Record { shard, at, key: put.key, sequence, put: now, stamp, fragment, poison: put.poison });
        state.shards[shard].records.push(n);
        drop(state);
        let poison = if put.poison { ", poisoned" } else { "" };
        self.world.note(format_args!("r{n} of k{} is put at {shard}/{at}{poison}", put.key));
    }

    /// Changes the shards, where they can be changed so.
    pub(crate) fn reshard(&self, change: Reshard) {
        let mut state = self.state();
        let now = self.world.now();
        let mut open: Vec<usize> = (0..state.shards.len()).filter(|&n| state.shards[n].closed.is_none()).collect();
        open.sort_by_key(|&n| state.shards[n].range);
        let (low, high) = self.plan.stream.lag;
        if open.is_empty() {
            return;
        }
        let pick = |most: usize| usize::try_from(self.world.between(0, most as u64 - 1)).expect("an index");
        // The children of one change are listed together.
        let listed = now + self.world.between(low, high);
        match change {
            Reshard::Split => {
                let shard = open[pick(open.len())];
                let (from, until) = state.shards[shard].range;
                let middle = from.midpoint(until);
                if middle == from {
                    return;
                }
                state.shards[shard].closed = Some(now);
                Self::open(&mut state, vec![shard], (from, middle), listed);
                Self::open(&mut state, vec![shard], (middle, until), listed);
            }
            Reshard::Merge => {
                if open.len() < 2 {
                    return;
                }
                let at = pick(open.len() - 1);
                let (left, right) = (open[at], open[at + 1]);
                let range = (state.shards[left].range.0, state.shards[right].range.1);
                state.shards[left].closed = Some(now);
                state.shards[right].closed = Some(now);
                Self::open(&mut state, vec![left, right], range, listed);
            }
            Reshard::Rotate => {
                let shard = open[pick(open.len())];
                let range = state.shards[shard].range;
                state.shards[shard].closed = Some(now);
                Self::open(&mut state, vec![shard], range, listed);
            }
        }
        let shards = state.shards.len();
        drop(state);
        self.world.note(format_args!("reshard: {change:?}, {shards} shards"));
    }

    /// Trims what is past its time, and forgets closed shards that hold nothing more.
    pub(crate) fn sweep(&self, state: &mut State) {
        let now = self.world.now();
        let Some(horizon) = now.checked_sub(self.plan.stream.retention) else { return };
        let State { shards, records, .. } = state;
        for (n, shard) in shards.iter_mut().enumerate() {
            let before = shard.trimmed;
            while shard.records.get(shard.trimmed).is_some_and(|&record| records[record].put < horizon) {
                shard.trimmed += 1;
            }
            if shard.trimmed > before {
                self.world.note(format_args!("{n}/{before} to {n}/{} are trimmed", shard.trimmed - 1));
            }
            let empty = shard.trimmed == shard.records.len() && shard.closed.is_some_and(|closed| closed < horizon);
            if empty && !shard.gone {
                shard.gone = true;
                self.world.note(format_args!("shard {n} is gone"));
            }
        }
    }
}

/// What stands in a record's place: for stories.
pub(crate) fn places(state: &State, records: &[usize]) -> String {
    let place = |&n: &usize| format!("{}/{}", state.records[n].shard, state.records[n].at);
    match records {
        [] => "nothing".into(),
        [one] => place(one),
        [first, .., last] => format!("{} records {}..{}", records.len(), place(first), place(last)),
    }
}

/// The wall clock in whole milliseconds at a time of the world.
pub(crate) const fn unix(at: u64) -> u64 {
    World::unix_at(at)
}
