//! Checkpoints on their way to the store: gathered, written now and then, written last of all when a drain ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::StreamMachine;
use super::shard::{Shard, ShardKey};
use crate::machine::outbox::Outbox;
use crate::machine::{
    Checkpoint, Event, Fault, FaultKind, Fence, Mono, Output, SaveId, SaveRequest, Stream, StreamRequest,
};

/// The pause after a write that failed while a drain waits for it.
const SOON: Duration = Duration::from_millis(100);

/// What is to be saved.
#[derive(Debug, Default)]
pub(super) struct Saving {
    open: Option<Write>,
    /// Checkpoints of shards that begin, end or are forgotten.
    changes: BTreeMap<Arc<str>, Option<Checkpoint>>,
    /// Shards whose checkpoint may have moved.
    dirty: BTreeSet<ShardKey>,
    /// The last checkpoint of each shard that the store has confirmed.
    confirmed: BTreeMap<Arc<str>, Checkpoint>,
    next: Mono,
    failures: u32,
}

/// One write that is not answered.
#[derive(Debug)]
struct Write {
    id: SaveId,
    changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    dirty: BTreeSet<ShardKey>,
}

impl Saving {
    /// A record of this shard was finished.
    pub(super) fn touch(&mut self, key: ShardKey) {
        self.dirty.insert(key);
    }

    /// A checkpoint that does not follow from a frontier.
    pub(super) fn set(&mut self, shard: Arc<str>, checkpoint: Option<Checkpoint>) {
        self.changes.insert(shard, checkpoint);
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

    /// When the next write is due, if there is something to write.
    pub(super) fn due(&self) -> Option<Mono> {
        let wants = self.open.is_none() && !(self.changes.is_empty() && self.dirty.is_empty());
        wants.then_some(self.next)
    }

    /// Writes what has changed, when it is time.
    fn write_if_due(
        &mut self,
        fence: Fence,
        shards: &BTreeMap<ShardKey, Shard>,
        every: Duration,
        now: Mono,
        out: &mut Outbox<Stream>,
    ) {
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        let dirty = std::mem::take(&mut self.dirty);
        let mut changes = std::mem::take(&mut self.changes);
        changes.extend(checkpoints(&dirty, shards).map(|(shard, checkpoint)| (Arc::clone(shard), Some(checkpoint))));
        // What was finished behind a gap moves no checkpoint.
        if changes.is_empty() {
            return;
        }
        let id = SaveId(out.name());
        let changes: Vec<_> = changes.into_iter().collect();
        self.next = now + every;
        self.open = Some(Write { id, changes: changes.clone(), dirty });
        out.ask(StreamRequest::Save(SaveRequest { id, fence, changes }));
    }

    fn took_effect(&mut self, changes: Vec<(Arc<str>, Option<Checkpoint>)>, out: &mut Outbox<Stream>) {
        self.failures = 0;
        for (shard, checkpoint) in changes {
            match &checkpoint {
                // Nothing follows on either.
                None | Some(Checkpoint::End(_)) => drop(self.confirmed.remove(&shard)),
                Some(checkpoint) => drop(self.confirmed.insert(Arc::clone(&shard), checkpoint.clone())),
            }
            if let Some(checkpoint) = checkpoint {
                out.emit(Event::Checkpointed { shard, checkpoint });
            }
        }
    }

    /// Keeps for the next write what this one did not save.
    fn keep(&mut self, write: Write) {
        for (shard, checkpoint) in write.changes {
            // What was set since then is newer. Checkpoints of frontiers are taken again.
            self.changes.entry(shard).or_insert(checkpoint);
        }
        self.dirty.extend(write.dirty);
    }

    /// The checkpoints that cover something and that the store has not confirmed. That is processed again at the next
    /// start.
    pub(super) fn unsaved(&self, shards: &BTreeMap<ShardKey, Shard>) -> Vec<(Arc<str>, Checkpoint)> {
        let open = self.open.iter();
        let sent =
            open.clone().flat_map(|write| write.changes.iter().map(|(shard, checkpoint)| (shard, checkpoint.clone())));
        let set = self.changes.iter().map(|(shard, checkpoint)| (shard, checkpoint.clone()));
        let dirty = open.map(|write| &write.dirty).chain([&self.dirty]);
        let moved =
            dirty.flat_map(|dirty| checkpoints(dirty, shards)).map(|(shard, checkpoint)| (shard, Some(checkpoint)));
        let newest: BTreeMap<&Arc<str>, Option<Checkpoint>> = sent.chain(set).chain(moved).collect();
        let covering = newest.into_iter().filter_map(|(shard, checkpoint)| Some((shard, checkpoint?)));
        covering
            .filter(|(_, checkpoint)| matches!(checkpoint, Checkpoint::After(_) | Checkpoint::End(_)))
            .filter(|(shard, checkpoint)| self.confirmed.get(*shard) != Some(checkpoint))
            .map(|(shard, checkpoint)| (Arc::clone(shard), checkpoint))
            .collect()
    }
}

/// The checkpoints that follow from the frontiers of these shards.
fn checkpoints<'a>(
    keys: &'a BTreeSet<ShardKey>,
    shards: &'a BTreeMap<ShardKey, Shard>,
) -> impl Iterator<Item = (&'a Arc<str>, Checkpoint)> {
    let records = keys.iter().filter_map(|key| Some(&shards.get(key)?.records));
    records.filter_map(|records| Some((&records.id, records.checkpoint()?)))
}

impl StreamMachine {
    pub(super) fn save_if_due(&mut self) {
        if let Some(fence) = self.listing.fence() {
            let cx = &mut self.cx;
            cx.saving.write_if_due(fence, &self.shards, cx.options.save_every, cx.now.mono, &mut cx.out);
        }
    }

    pub(super) fn saved(&mut self, id: SaveId, result: Result<(), Fault>) {
        let cx = &mut self.cx;
        let Some(mut write) = cx.saving.open.take_if(|write| write.id == id) else { return };
        match result {
            Ok(()) => {
                cx.health.store_ok();
                write.dirty.retain(|key| !cx.saving.dirty.contains(key));
                for key in write.dirty {
                    if let Some(shard) = self.shards.get_mut(&key) {
                        let oldest = shard.records.frontier.oldest_read();
                        cx.books.set_unsaved(key, &mut shard.entries, oldest);
                    }
                }
                cx.saving.took_effect(write.changes, &mut cx.out);
                self.begin_pinned();
            }
            Err(fault) if fault.kind == FaultKind::Fenced => self.fenced(),
            Err(fault) => {
                cx.saving.keep(write);
                cx.saving.failures += 1;
                let pause = cx.options.retry.pause(cx.saving.failures, &mut cx.rng);
                let pause = if cx.draining.is_some() { SOON } else { pause };
                cx.saving.next = cx.now.mono + pause;
                cx.health.store_failed(&fault);
                cx.out.emit(Event::CheckpointFailed { message: fault.message, retry_in: pause });
            }
        }
    }

    /// Another task has the checkpoints now: nothing that this one still does may count.
    fn fenced(&mut self) {
        let message = "the checkpoints were taken over: starting again from what is kept now".to_owned();
        self.cx.out.emit(Event::CheckpointFailed { message, retry_in: Duration::ZERO });
        self.done = true;
        self.cx.out.push(Output::Done);
    }
}
