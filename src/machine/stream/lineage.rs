//! Which shards of a stream may be read, and from where: parents before children, also across restarts.
//!
//! A shard gets its checkpoint when it begins, and it begins when all its parents are finished. So a checkpoint says
//! two things: where reading continues, and that everything before the shard was processed. A parent that the stream
//! no longer lists, and that was never ours to read, counts as finished. A shard that was ours stays ours when a
//! listing does not name it: listings may lag, and only a read can show that the shard is gone.

#[cfg(test)]
mod histories;
mod tangles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tangles::tangled;

use crate::machine::{Checkpoint, Positions, Shard, StartingPosition};

/// The shards of one stream, and how far each has come.
#[derive(Debug)]
pub(crate) struct Lineage {
    start: StartingPosition,
    begun: bool,
    /// How many listings there were.
    listing: u64,
    /// Every shard that has a checkpoint or was listed, until it is finished and no other shard needs it.
    nodes: BTreeMap<Arc<str>, Node>,
    /// The children of each shard that any listing named; also of shards that are not known themselves.
    children: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Shards whose END the last listing contradicts.
    contradicted: BTreeMap<Arc<str>, Contradiction>,
}

/// Why an END cannot be true of the shard that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contradiction {
    /// It is open. Right after its end a listing may lag behind; if it goes on, the stream is another one.
    Open,
    /// It began with another sequence number: it is a shard of another stream of that name.
    Namesake,
}

/// A shard that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) shard: Arc<str>,
    pub(crate) from: Checkpoint,
}

/// What follows from a listing, or from the end of a shard.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Checkpoints that must be saved before anything is read.
    pub(crate) save: Vec<(Arc<str>, Option<Checkpoint>)>,
    /// Shards that may be read now; each is named once in the life of a `Lineage`.
    pub(crate) start: Vec<Start>,
}

#[derive(Debug)]
struct Node {
    /// The parents that it waits for, as its first listing named them; without those of a circle.
    parents: Vec<Arc<str>>,
    checkpoint: Option<Checkpoint>,
    /// The sequence number that it began with, as it was listed before its end.
    begins: Option<Arc<str>>,
    stage: Stage,
    /// The last listing that named it.
    seen: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Reading,
    Finished,
}

/// What a listing says of one shard, however often it names it.
#[derive(Default)]
struct Entry<'a> {
    parents: BTreeSet<&'a Arc<str>>,
    begins: Option<&'a Arc<str>>,
    open: bool,
    closed: bool,
}

impl Lineage {
    /// What is known before the first listing: the checkpoints.
    pub(crate) fn new(start: StartingPosition, positions: Positions) -> Self {
        let checkpoints = if positions.begun { positions.checkpoints } else { BTreeMap::new() };
        let nodes: BTreeMap<_, _> =
            checkpoints.into_iter().map(|(id, checkpoint)| (id, Node::new(Some(checkpoint)))).collect();
        Self {
            start,
            begun: positions.begun,
            listing: 0,
            nodes,
            children: BTreeMap::new(),
            contradicted: BTreeMap::new(),
        }
    }

    /// Takes a new listing of the stream's shards in. An empty one says nothing.
    pub(crate) fn listed(&mut self, shards: &[Shard], now_unix_ms: u64) -> Plan {
        let mut plan = Plan::default();
        if shards.is_empty() {
            return plan;
        }
        let mut entries: BTreeMap<&Arc<str>, Entry<'_>> = BTreeMap::new();
        for shard in shards {
            let entry = entries.entry(&shard.id).or_default();
            entry.parents.extend(shard.parents.iter().filter(|&parent| *parent != shard.id));
            entry.begins = entry.begins.or(shard.begins.as_ref());
            entry.open |= !shard.closed;
            entry.closed |= shard.closed;
        }
        let grown = self.take_in(&entries);
        if grown {
            self.untangle();
        }
        if !self.begun {
            self.begun = true;
            self.pin(&entries, now_unix_ms, &mut plan);
        } else if grown {
            self.infer_finished();
        }
        let waiting = self.nodes.iter().filter(|&(_, node)| self.may_start(node));
        let ready: Vec<_> = waiting.map(|(id, _)| Arc::clone(id)).collect();
        self.start_all(ready, &mut plan);
        self.forget_tombstones(&mut plan);
        let contradicted = entries.into_iter().filter_map(|(id, entry)| {
            let checkpoint = self.nodes.get(id)?.checkpoint.as_ref()?;
            Some((Arc::clone(id), entry.contradicts(checkpoint)?))
        });
        self.contradicted = contradicted.collect();
        plan
    }

    /// Shards whose END the last listing contradicts.
    pub(crate) const fn contradicted(&self) -> &BTreeMap<Arc<str>, Contradiction> {
        &self.contradicted
    }

    /// The checkpoint of a shard that is processed to its end.
    pub(crate) fn end_of(&self, shard: &str) -> Checkpoint {
        Checkpoint::End(self.nodes.get(shard).and_then(|node| node.begins.clone()))
    }

    /// Every record of the shard is finished, or the shard is gone. The caller saves its checkpoint END, together with
    /// what the plan names or before it, because the checkpoint of a child says that its parents are finished.
    pub(crate) fn finished(&mut self, shard: &str) -> Plan {
        let mut plan = Plan::default();
        if self.finish(shard, Some(self.end_of(shard))) {
            let children = self.children.get(shard).into_iter().flatten();
            let waiting = children.filter(|&child| self.nodes.get(child).is_some_and(|node| self.may_start(node)));
            let ready = waiting.cloned().collect();
            self.start_all(ready, &mut plan);
        }
        plan
    }

    /// Whether the shard is finished, but no listing has named a child of it yet.
    pub(crate) fn has_unseen_children(&self, shard: &str) -> bool {
        let finished = self.nodes.get(shard).is_some_and(|node| node.stage == Stage::Finished);
        finished && !self.children.contains_key(shard)
    }

    /// Whether every parent of the shard is finished, or is none that we know.
    pub(crate) fn may_begin(&self, shard: &str) -> bool {
        self.nodes.get(shard).is_none_or(|node| self.parents_are_finished(node))
    }

    /// How many known shards are not finished.
    #[cfg(test)]
    pub(crate) fn unfinished(&self) -> usize {
        self.nodes.values().filter(|node| node.stage != Stage::Finished).count()
    }

    /// Whether a shard was listed that no listing of this life has named before.
    fn take_in(&mut self, entries: &BTreeMap<&Arc<str>, Entry<'_>>) -> bool {
        self.listing += 1;
        let mut grown = false;
        for (&id, entry) in entries {
            let node = self.nodes.entry(Arc::clone(id)).or_insert_with(|| Node::new(None));
            if node.stage != Stage::Finished || node.seen.is_none() {
                node.begins = entry.begins.cloned();
            }
            if node.seen.replace(self.listing).is_some() {
                continue;
            }
            grown = true;
            node.parents = entry.parents.iter().map(|&parent| Arc::clone(parent)).collect();
            for &parent in &entry.parents {
                self.children.entry(Arc::clone(parent)).or_default().insert(Arc::clone(id));
            }
        }
        grown
    }

    /// Lets shards that would wait for each other not wait for each other.
    fn untangle(&mut self) {
        let index: BTreeMap<&str, usize> = self.nodes.keys().enumerate().map(|(at, id)| (&**id, at)).collect();
        let find = |parent: &Arc<str>| index.get(&**parent).copied();
        let parents: Vec<Vec<usize>> =
            self.nodes.values().map(|node| node.parents.iter().filter_map(find).collect()).collect();
        let tangled = tangled(&parents);
        let ids = self.nodes.keys().zip(&tangled).filter(|&(_, &is_tangled)| is_tangled);
        let tangle: BTreeSet<Arc<str>> = ids.map(|(id, _)| Arc::clone(id)).collect();
        for id in &tangle {
            let Some(node) = self.nodes.get_mut(id) else { continue };
            let (circle, parents) = node.parents.drain(..).partition(|parent| tangle.contains(parent));
            node.parents = parents;
            let circle: Vec<Arc<str>> = circle;
            for parent in circle {
                // The entry stays, empty: a child of this parent was seen.
                self.children.entry(parent).or_default().remove(id);
            }
        }
    }

    /// LATEST begins with the shards as they are now; what they were made from is skipped.
    fn pin(&mut self, entries: &BTreeMap<&Arc<str>, Entry<'_>>, now_unix_ms: u64, plan: &mut Plan) {
        if self.start != StartingPosition::Latest {
            return;
        }
        for (&id, entry) in entries {
            let checkpoint =
                if entry.open { Checkpoint::Latest(now_unix_ms) } else { Checkpoint::End(entry.begins.cloned()) };
            plan.save.push((Arc::clone(id), Some(checkpoint.clone())));
            if !entry.open {
                self.finish(id, Some(checkpoint));
            } else if let Some(node) = self.nodes.get_mut(id) {
                node.checkpoint = Some(checkpoint);
            }
        }
    }

    /// A shard without a checkpoint was processed if a shard that came out of it has begun.
    fn infer_finished(&mut self) {
        let begun = self.nodes.values().filter(|node| node.stage != Stage::Waiting || node.checkpoint.is_some());
        let mut open: Vec<Arc<str>> = begun.flat_map(|node| node.parents.iter().cloned()).collect();
        while let Some(id) = open.pop() {
            let Some(node) = self.nodes.get(&id) else { continue };
            if node.stage == Stage::Waiting && node.checkpoint.is_none() {
                open.extend(node.parents.iter().cloned());
                self.finish(&id, None);
            }
        }
    }

    fn may_start(&self, node: &Node) -> bool {
        node.stage == Stage::Waiting && self.parents_are_finished(node)
    }

    fn parents_are_finished(&self, node: &Node) -> bool {
        let mut parents = node.parents.iter().filter_map(|parent| self.nodes.get(parent));
        parents.all(|parent| parent.stage == Stage::Finished)
    }

    fn start_all(&mut self, ready: Vec<Arc<str>>, plan: &mut Plan) {
        for shard in ready {
            let Some(node) = self.nodes.get_mut(&shard) else { continue };
            node.stage = Stage::Reading;
            let from = node.checkpoint.clone().unwrap_or_else(|| {
                // What appeared after a mapping was pinned at LATEST is wanted from its first record on.
                let from = match self.start {
                    StartingPosition::TrimHorizon | StartingPosition::Latest => Checkpoint::TrimHorizon,
                    StartingPosition::Timestamp(at) => Checkpoint::Timestamp(at),
                };
                plan.save.push((Arc::clone(&shard), Some(from.clone())));
                from
            });
            node.checkpoint = Some(from.clone());
            plan.start.push(Start { shard, from });
        }
    }

    /// Whether it was not finished before.
    fn finish(&mut self, shard: &str, checkpoint: Option<Checkpoint>) -> bool {
        let Some(node) = self.nodes.get_mut(shard).filter(|node| node.stage != Stage::Finished) else { return false };
        node.stage = Stage::Finished;
        node.checkpoint = checkpoint;
        true
    }

    /// Forgets shards that are finished and no longer listed, and that no other shard needs.
    fn forget_tombstones(&mut self, plan: &mut Plan) {
        let unlisted = self.nodes.iter().filter(|(_, node)| node.seen != Some(self.listing));
        let finished = unlisted.filter(|(_, node)| node.stage == Stage::Finished);
        let gone: Vec<Arc<str>> =
            finished.filter(|(id, node)| self.is_needless(id, node)).map(|(id, _)| Arc::clone(id)).collect();
        for id in gone {
            let Some(node) = self.nodes.remove(&id) else { continue };
            for parent in &node.parents {
                let Some(siblings) = self.children.get_mut(parent) else { continue };
                siblings.remove(&id);
                if siblings.is_empty() && !self.nodes.contains_key(parent) {
                    self.children.remove(parent);
                }
            }
            if self.children.get(&id).is_some_and(BTreeSet::is_empty) {
                self.children.remove(&id);
            }
            if node.checkpoint.is_some() {
                plan.save.push((id, None));
            }
        }
    }

    /// A shard that this life has seen has children, which may only not be listed yet; of another it is not known.
    fn is_needless(&self, id: &str, node: &Node) -> bool {
        let waits = |child: &Node| child.stage == Stage::Waiting && child.checkpoint.is_none();
        match self.children.get(id) {
            None => node.seen.is_none(),
            Some(children) => !children.iter().filter_map(|child| self.nodes.get(child)).any(waits),
        }
    }
}

impl Entry<'_> {
    fn contradicts(&self, checkpoint: &Checkpoint) -> Option<Contradiction> {
        let Checkpoint::End(began) = checkpoint else { return None };
        match (began, self.begins) {
            (Some(began), Some(begins)) if began != begins => Some(Contradiction::Namesake),
            _ if self.open && !self.closed => Some(Contradiction::Open),
            _ => None,
        }
    }
}

impl Node {
    fn new(checkpoint: Option<Checkpoint>) -> Self {
        let stage = if checkpoint.as_ref().is_some_and(Checkpoint::is_end) { Stage::Finished } else { Stage::Waiting };
        Self { parents: Vec::new(), checkpoint, begins: None, stage, seen: None }
    }
}
