//! The message groups of a FIFO queue: which may be handed out, and whether their order was kept.
//!
//! As SQS does it, a group with a message in flight yields nothing more, and a receive takes as much as it can of one
//! group before it goes on to another. Groups are served in the order in which they became free.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// All groups of one queue. Messages are known by their index, which is also their order.
pub(super) struct Groups {
    all: Vec<Group>,
    /// Groups with something to hand out and nothing in flight, the longest free first.
    free: VecDeque<u32>,
    /// Deleted by the call that is being answered: a call's entries have no order among each other.
    fresh: Vec<(u32, u32)>,
    /// Deletions of a message of which an older one of its group still existed.
    pub(super) misordered: u64,
    pub(super) phases: Phases,
}

/// Where the time of groups goes besides the function: sums since the reset.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Phases {
    pub(crate) deleted: u64,
    /// From handing out to the function's start, and from its end to the deletion.
    pub(crate) to_function: Duration,
    pub(crate) to_deletion: Duration,
    pub(crate) handed_out: u64,
    /// From the deletion that freed a group to the receive that took it.
    pub(crate) free: Duration,
}

#[derive(Default)]
struct Group {
    /// All that is not deleted.
    alive: BTreeSet<u32>,
    /// What of it is visible.
    visible: BTreeSet<u32>,
    queued: bool,
    deleted: u64,
    /// When a deletion freed it.
    freed: Option<Instant>,
}

/// What of each group an event has named so far.
#[derive(Default)]
pub(super) struct Named(Vec<(u32, usize)>);

impl Groups {
    pub(super) fn new(count: u32) -> Self {
        let all = (0..count).map(|_| Group::default()).collect();
        Self { all, free: VecDeque::new(), fresh: Vec::new(), misordered: 0, phases: Phases::default() }
    }

    /// A new message; `true` when the group is free for a receive now, and was not before.
    pub(super) fn sent(&mut self, group: u32, index: u32) -> bool {
        self.all[group as usize].alive.insert(index);
        self.shown(group, index)
    }

    /// A message is visible (again); `true` when its group is free now, and was not before.
    pub(super) fn shown(&mut self, group: u32, index: u32) -> bool {
        self.all[group as usize].visible.insert(index);
        self.offer(group)
    }

    /// A message is deleted; `true` when its group is free now, and was not before.
    pub(super) fn deleted(&mut self, group: u32, index: u32) -> bool {
        let known = &mut self.all[group as usize];
        known.alive.remove(&index);
        known.visible.remove(&index);
        known.deleted += 1;
        known.freed = Some(Instant::now());
        self.fresh.push((group, index));
        self.offer(group)
    }

    /// A call has been carried out: notes whether what it deleted was the oldest of each group. Answers the groups, one
    /// for each deletion.
    pub(super) fn call_ended(&mut self) -> Vec<u32> {
        let fresh = std::mem::take(&mut self.fresh);
        for &(group, index) in &fresh {
            let oldest = self.all[group as usize].alive.first();
            self.misordered += u64::from(oldest.is_some_and(|&oldest| oldest < index));
        }
        fresh.into_iter().map(|(group, _)| group).collect()
    }

    /// Takes up to `max` messages for one receive, oldest first, and blocks their groups.
    pub(super) fn take(&mut self, max: usize) -> Vec<u32> {
        let mut taken = Vec::with_capacity(max);
        while taken.len() < max {
            let Some(group) = self.free.pop_front() else { break };
            let group = &mut self.all[group as usize];
            group.queued = false;
            if let Some(freed) = group.freed.take() {
                self.phases.handed_out += 1;
                self.phases.free += freed.elapsed();
            }
            while taken.len() < max {
                let Some(index) = group.visible.pop_first() else { break };
                taken.push(index);
            }
        }
        taken
    }

    /// Whether the next record of an event is its group's next one: all that is older is deleted, or stands before it
    /// in the same event. So no group may be with the function twice at once, either.
    pub(super) fn in_order(&self, group: u32, index: u32, named: &mut Named) -> bool {
        let place = named.0.iter().position(|&(other, _)| other == group).unwrap_or_else(|| {
            named.0.push((group, 0));
            named.0.len() - 1
        });
        let before = &mut named.0[place].1;
        *before += 1;
        self.all[group as usize].alive.iter().nth(*before - 1) == Some(&index)
    }

    /// How many messages of each group have been deleted.
    pub(super) fn deletions(&self) -> Vec<u64> {
        self.all.iter().map(|group| group.deleted).collect()
    }

    /// A group in which all that exists is visible has nothing in flight.
    fn offer(&mut self, group: u32) -> bool {
        let known = &mut self.all[group as usize];
        let free = !known.queued && !known.visible.is_empty() && known.visible.len() == known.alive.len();
        if free {
            known.queued = true;
            self.free.push_back(group);
        }
        free
    }
}
