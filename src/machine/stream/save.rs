//! Marks on their way to the store: gathered, written once a second, written last of all when a drain ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::StreamMachine;
use super::shard::ShardKey;
use crate::machine::{Event, Fault, FaultKind, Invariant, Mark, Mono, Output, SaveId, SaveRequest, StreamRequest};

/// The time between two writes of a mapping: a crash repeats what was settled since the last one.
const EVERY: Duration = Duration::from_secs(1);
/// The pause after a write that failed while a drain waits for it.
const SOON: Duration = Duration::from_millis(100);

/// What is to be saved.
#[derive(Debug, Default)]
pub(super) struct Saving {
    open: Option<Write>,
    /// Marks of shards that begin, end or are forgotten.
    changes: BTreeMap<Arc<str>, Option<Mark>>,
    /// Shards whose mark may have moved.
    dirty: BTreeSet<ShardKey>,
    /// The last mark of each shard that the store has confirmed.
    confirmed: BTreeMap<Arc<str>, Mark>,
    next: Mono,
    failures: u32,
}

/// One write that is not answered.
#[derive(Debug)]
struct Write {
    id: SaveId,
    changes: Vec<(Arc<str>, Option<Mark>)>,
    dirty: BTreeSet<ShardKey>,
}

impl Saving {
    /// A record of this shard was settled.
    pub(super) fn touch(&mut self, key: ShardKey) {
        self.dirty.insert(key);
    }

    /// A mark that does not follow from a frontier.
    pub(super) fn set(&mut self, shard: Arc<str>, mark: Option<Mark>) {
        self.changes.insert(shard, mark);
    }

    /// Lets the next write be made at once, unless it is the repetition of one that failed.
    pub(super) fn hasten(&mut self, now: Mono) {
        if self.failures == 0 {
            self.next = self.next.min(now);
        }
    }

    /// Everything is written and confirmed.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_none() && self.changes.is_empty() && self.dirty.is_empty()
    }

    fn wants(&self) -> bool {
        self.open.is_none() && !(self.changes.is_empty() && self.dirty.is_empty())
    }
}

impl StreamMachine {
    pub(super) fn save_due(&self) -> Option<Mono> {
        (self.saving.wants() && self.listing.fence().is_some()).then_some(self.saving.next)
    }

    pub(super) fn save_if_due(&mut self) {
        let Some(fence) = self.listing.fence().filter(|_| self.save_due().is_some_and(|due| due <= self.now.mono))
        else {
            return;
        };
        let dirty = std::mem::take(&mut self.saving.dirty);
        let mut changes = std::mem::take(&mut self.saving.changes);
        for key in &dirty {
            if let Some((shard, mark)) = self.shards.get(key).and_then(|shard| Some((shard, shard.mark()?))) {
                changes.insert(Arc::clone(&shard.id), Some(mark));
            }
        }
        // What was settled behind a gap moves no mark.
        if changes.is_empty() {
            return;
        }
        let id = SaveId(self.out.name());
        let changes: Vec<_> = changes.into_iter().collect();
        self.saving.next = self.now.mono + EVERY;
        self.saving.open = Some(Write { id, changes: changes.clone(), dirty });
        self.out.ask(StreamRequest::Save(SaveRequest { id, fence, changes }));
    }

    pub(super) fn saved(&mut self, id: SaveId, result: Result<(), Fault>) {
        let Some(write) = self.saving.open.take_if(|write| write.id == id) else { return };
        match result {
            Ok(()) => self.save_took_effect(write),
            Err(fault) if fault.kind == FaultKind::Fenced => self.fenced(),
            Err(fault) => self.save_failed(write, &fault),
        }
    }

    fn save_took_effect(&mut self, write: Write) {
        self.saving.failures = 0;
        self.health.store_ok();
        for key in write.dirty {
            if !self.saving.dirty.contains(&key) {
                let oldest = self.shards.get(&key).and_then(|shard| shard.frontier.oldest_read());
                self.set_unsaved(key, oldest);
            }
        }
        for (shard, mark) in write.changes {
            match &mark {
                // Nothing follows on either.
                None | Some(Mark::End(_)) => drop(self.saving.confirmed.remove(&shard)),
                Some(mark) => drop(self.saving.confirmed.insert(Arc::clone(&shard), mark.clone())),
            }
            if let Some(mark) = mark {
                self.out.emit(Event::Checkpointed { shard, mark });
            }
        }
        self.begin_pinned();
    }

    fn save_failed(&mut self, write: Write, fault: &Fault) {
        self.saving.failures += 1;
        for (shard, mark) in write.changes {
            // What was set since then is newer. Marks of frontiers are taken anew.
            self.saving.changes.entry(shard).or_insert(mark);
        }
        self.saving.dirty.extend(write.dirty);
        let pause = self.options.retry.pause(self.saving.failures, &mut self.rng);
        let pause = if self.draining.is_some() { SOON } else { pause };
        self.saving.next = self.now.mono + pause;
        self.health.store_failed(fault);
        self.out.emit(Event::CheckpointFailed { message: fault.message.clone(), retry_in: pause });
    }

    /// The marks that cover something and that the store has not confirmed: it is processed again at the next start.
    pub(super) fn unsaved(&self) -> Vec<(Arc<str>, Mark)> {
        let open = self.saving.open.iter();
        let sent = open.clone().flat_map(|write| write.changes.iter().map(|(shard, mark)| (shard, mark.as_ref())));
        let set = self.saving.changes.iter().map(|(shard, mark)| (shard, mark.as_ref()));
        let mut marks: BTreeMap<&Arc<str>, Option<&Mark>> = sent.chain(set).collect();
        let dirty = open.flat_map(|write| &write.dirty).chain(&self.saving.dirty);
        let moved: Vec<(&Arc<str>, Mark)> =
            dirty.filter_map(|key| self.shards.get(key).and_then(|shard| Some((&shard.id, shard.mark()?)))).collect();
        marks.extend(moved.iter().map(|(shard, mark)| (*shard, Some(mark))));
        let covering = marks.into_iter().filter_map(|(shard, mark)| Some((shard, mark?)));
        covering
            .filter(|(_, mark)| matches!(mark, Mark::After(_) | Mark::End(_)))
            .filter(|(shard, mark)| self.saving.confirmed.get(*shard) != Some(mark))
            .map(|(shard, mark)| (Arc::clone(shard), mark.clone()))
            .collect()
    }

    /// Somebody else has the marks now: nothing that we still do may count.
    fn fenced(&mut self) {
        let message = "the checkpoints were taken over: starting again from what is kept now".to_owned();
        self.out.emit(Event::CheckpointFailed { message, retry_in: Duration::ZERO });
        self.done = true;
        self.out.push(Output::Done);
    }

    /// A closed shard whose every record is settled: its children may begin.
    pub(super) fn finish_if_ended(&mut self, key: ShardKey) {
        let Some(shard) = self.shards.get(&key).filter(|shard| shard.is_finished()) else { return };
        let clear = shard.frontier.is_clear();
        self.out.check(Invariant::CheckpointContiguous, clear);
        let Some(id) = self.forget_shard(key) else { return };
        let end = self.listing.lineage.as_ref().map_or(Mark::End(None), |(lineage, _)| lineage.end_of(&id));
        self.saving.set(Arc::clone(&id), Some(end));
        self.out.emit(Event::ShardEnded { shard: Arc::clone(&id) });
        self.shard_ended(&id);
    }
}
