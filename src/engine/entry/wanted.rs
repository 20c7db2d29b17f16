//! What is wanted of a mapping: by which definition it works, and whether it runs.

use std::sync::Arc;

use crate::mapping::{Mapping, Origin};
use crate::store::Desired;

/// What is wanted of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Run,
    Stop,
    /// Drain, then start again with another definition.
    Replace,
    /// Drain, then be gone.
    Remove,
}

/// The definition of a mapping, the desired state that an operator has set, and what follows from both.
pub(crate) struct Wanted {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) goal: Goal,
    /// What takes its place after a drain.
    next: Option<Arc<Mapping>>,
    desired: Option<Desired>,
}

impl Wanted {
    pub(super) fn new(mapping: Mapping, desired: Option<Desired>) -> Self {
        let mut wanted = Self { mapping: Arc::new(mapping), goal: Goal::Stop, next: None, desired };
        wanted.rest();
        wanted
    }

    /// The definition that was taken over last, although another may still be drained for it.
    pub(crate) fn latest(&self) -> &Arc<Mapping> {
        self.next.as_ref().unwrap_or(&self.mapping)
    }

    /// Whether it was made through the AWS API.
    pub(crate) fn is_of_api(&self) -> bool {
        self.mapping.origin == Origin::Api
    }

    /// Whether it is being deleted and nothing brings it back; what has left the files may come back with them.
    pub(crate) fn is_gone_for_good(&self) -> bool {
        self.goal == Goal::Remove && self.is_of_api()
    }

    /// Whether checkpoints are kept of its source.
    pub(crate) fn has_checkpoints(&self) -> bool {
        self.mapping.source.rules().sharded
    }

    /// The desired state that an operator has set.
    pub(crate) const fn desired(&self) -> Option<&Desired> {
        self.desired.as_ref()
    }

    pub(super) fn set_desired(&mut self, desired: Option<Desired>) {
        self.desired = desired;
    }

    /// Whether it shall run once it has taken over its latest definition.
    pub(super) fn is_on(&self) -> bool {
        self.is_on_as(self.latest())
    }

    /// The same with this definition.
    pub(super) fn is_on_as(&self, mapping: &Mapping) -> bool {
        self.desired.as_ref().map_or(mapping.enabled, |desired| desired.enabled)
    }

    /// Nothing is under way any more: it runs or it stands.
    pub(super) fn rest(&mut self) {
        self.goal = if self.is_on() { Goal::Run } else { Goal::Stop };
    }

    /// Takes a definition over in place of the latest, which is to work in the same way.
    pub(super) fn show(&mut self, mapping: Mapping) {
        *self.next.as_mut().unwrap_or(&mut self.mapping) = Arc::new(mapping);
    }

    /// Takes a definition over at once.
    pub(super) fn become_now(&mut self, mapping: Arc<Mapping>) {
        self.mapping = mapping;
        self.next = None;
    }

    /// Takes a definition over after a drain.
    pub(super) fn become_after_drain(&mut self, mapping: Arc<Mapping>) {
        self.next = Some(mapping);
        self.goal = Goal::Replace;
    }

    /// The last drain begins: no other definition is taken over.
    pub(super) fn close(&mut self) {
        self.next = None;
        if self.goal != Goal::Remove {
            self.goal = Goal::Stop;
        }
    }

    /// Nothing runs: what was to come after a drain comes now. Whether that is another definition.
    pub(super) fn drained(&mut self) -> bool {
        if self.goal != Goal::Replace {
            return false;
        }
        let next = self.next.take();
        let has_next = next.is_some();
        self.mapping = next.unwrap_or_else(|| Arc::clone(&self.mapping));
        self.rest();
        has_next
    }
}
