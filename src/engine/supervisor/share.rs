//! What a replica of a fleet runs of the fleet's streams.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;

use super::Supervisor;
use crate::engine::entry::{Entry, Goal};

/// The stream mappings of an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// All that are defined and not being removed.
    pub defined: BTreeSet<Arc<str>>,
    /// Those whose task has not ended.
    pub running: BTreeSet<Arc<str>>,
}

/// A replica's share: nothing at the start.
pub(super) struct Share {
    assigned: BTreeSet<Arc<str>>,
    streams: watch::Sender<Streams>,
}

impl Share {
    pub(super) fn new(streams: watch::Sender<Streams>) -> Self {
        Self { assigned: BTreeSet::new(), streams }
    }

    pub(super) fn has(&self, mapping: &str) -> bool {
        self.assigned.contains(mapping)
    }

    /// Shows what could run here, and what does.
    pub(super) fn show(&self, entries: &BTreeMap<String, Entry>) {
        let of_streams = || entries.iter().filter(|(_, entry)| entry.wanted.has_checkpoints());
        let names = |wanted: fn(&Entry) -> bool| {
            of_streams().filter(|(_, entry)| wanted(entry)).map(|(name, _)| name.as_str().into()).collect()
        };
        let now = Streams {
            defined: names(|entry| entry.wanted.goal != Goal::Remove),
            running: names(|entry| entry.is_running()),
        };
        self.streams.send_if_modified(|shown| {
            let changed = *shown != now;
            *shown = now;
            changed
        });
    }
}

impl Supervisor {
    /// Runs these stream mappings and no others.
    pub(super) fn assign(&mut self, mappings: BTreeSet<Arc<str>>, abandon: bool) {
        let Some(share) = &mut self.fleet else { return };
        if abandon {
            let lost = self
                .entries
                .iter_mut()
                .filter(|(name, entry)| entry.wanted.has_checkpoints() && !mappings.contains(name.as_str()));
            lost.for_each(|(_, entry)| entry.abandon());
        }
        share.assigned = mappings;
        self.reconcile();
    }

    /// Takes over the desired states that other replicas have written. What cannot be read stays as it is.
    pub(super) async fn refresh(&mut self) {
        if self.closing.is_some() {
            return;
        }
        let known: Vec<_> = self.entries.values().map(|entry| Arc::clone(entry.wanted.latest())).collect();
        for mapping in known {
            let Ok(found) = self.store.desired(&mapping.name).await else { continue };
            let found = found.filter(|desired| desired.file_enabled == mapping.enabled);
            let Some(entry) = self.entries.get_mut(&mapping.name) else { continue };
            if entry.wanted.desired() != found.as_ref() {
                entry.set_desired(found);
            }
        }
        self.reconcile();
    }
}
