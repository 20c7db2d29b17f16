//! What comes, changes and goes: by files, and through the AWS API.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Supervisor;
use crate::engine::entry::Entry;
use crate::engine::live::Live;
use crate::engine::{EngineError, MappingState, Overview, ReloadSummary};
use crate::mapping::{Mapping, Origin};
use crate::store::{Desired, StoreError};

impl Supervisor {
    pub(super) async fn add(&mut self, mapping: Mapping, begins: MappingState) {
        let desired = self.desired(&mapping).await.unwrap_or_else(|error| unknown_desired(&mapping, &error, None));
        self.insert(mapping, desired, begins);
    }

    fn insert(&mut self, mapping: Mapping, desired: Option<Desired>, begins: MappingState) {
        let metrics = self.metrics.mapping(&mapping.name, mapping.source.kind());
        let live = Live::new(metrics, self.clock.clone(), Arc::clone(&self.changed));
        live.set_store(self.store_trouble.as_deref());
        let name = mapping.name.clone();
        self.entries.insert(name, Entry::new(mapping, desired, live, self.clock.clone(), begins));
    }

    /// The desired state that an operator has set, unless the definition has changed since: then the definition counts.
    async fn desired(&self, mapping: &Mapping) -> Result<Option<Desired>, StoreError> {
        match self.store.desired(&mapping.name).await? {
            Some(desired) if desired.file_enabled == mapping.enabled => Ok(Some(desired)),
            Some(_) => {
                if let Err(error) = self.store.set_desired(&mapping.name, None).await {
                    tracing::warn!(mapping = mapping.name, %error, "an outdated desired state could not be removed \
                        from the store");
                }
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Whether a mapping of a file has the name of one of the API. If so, that is reported.
    pub(super) fn is_taken(&self, mapping: &Mapping) -> bool {
        let taken = self.entries.get(&mapping.name).is_some_and(|entry| entry.wanted.is_of_api());
        if taken {
            tracing::error!(
                mapping = mapping.name,
                file = %mapping.origin,
                "the mapping of this file is left out: one that was made through the AWS API has its name; write \
                 another `Name`"
            );
        }
        taken
    }

    pub(super) async fn reload(&mut self, mappings: Vec<Mapping>) -> ReloadSummary {
        if self.closing.is_some() {
            // Nothing begins any more, and a drain is not taken back.
            return ReloadSummary { unchanged: mappings.len(), ..ReloadSummary::default() };
        }
        // Asked before anything changes: what was ready stays so while changed mappings start again.
        self.readiness();
        let mut summary = ReloadSummary::default();
        let mut wanted: BTreeMap<String, Mapping> =
            mappings.into_iter().map(|mapping| (mapping.name.clone(), mapping)).collect();
        summary.left_out = wanted.extract_if(.., |_, mapping| self.is_taken(mapping)).map(|(name, _)| name).collect();
        for (name, entry) in self.entries.iter_mut().filter(|(_, entry)| !entry.wanted.is_of_api()) {
            if !wanted.contains_key(name) && entry.remove() {
                summary.removed.push(name.clone());
            }
        }
        while let Some((name, mapping)) = wanted.pop_first() {
            let found = self.desired(&mapping).await;
            let Some(entry) = self.entries.get_mut(&name) else {
                let desired = found.unwrap_or_else(|error| unknown_desired(&mapping, &error, None));
                self.insert(mapping, desired, MappingState::Creating);
                summary.added.push(name);
                continue;
            };
            let desired = found.unwrap_or_else(|error| unknown_desired(&mapping, &error, entry.wanted.desired()));
            if entry.replace(mapping, desired) {
                summary.changed.push(name);
            } else {
                summary.unchanged += 1;
            }
        }
        self.reconcile();
        summary
    }

    pub(super) async fn put(&mut self, mapping: Mapping) -> Result<Overview, EngineError> {
        if self.closing.is_some() {
            return Err(EngineError::Closing);
        }
        let name = mapping.name.clone();
        self.refuse_other(&name)?;
        if self.entries.get(&name).is_some_and(|entry| entry.wanted.is_gone_for_good()) {
            return Err(EngineError::Deleting(name));
        }
        let desired = self.desired(&mapping).await?;
        // Asked before anything changes: what was ready stays so while the mapping starts.
        self.readiness();
        let mut asked = None;
        match self.entries.get_mut(&name) {
            Some(entry) => asked = entry.replace(mapping, desired).then_some(entry.on_the_way),
            None => self.insert(mapping, desired, MappingState::Creating),
        }
        self.reconcile();
        let overview = self.overview(&name)?;
        // The caller gets the answer of AWS, however soon the change is taken over.
        let state = asked.filter(|_| overview.state == MappingState::Enabled).unwrap_or(overview.state);
        Ok(Overview { state, ..overview })
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<oneshot::Receiver<()>, EngineError> {
        if self.closing.is_some() {
            return Err(EngineError::Closing);
        }
        self.refuse_other(name)?;
        let entry = self.entries.get_mut(name).ok_or_else(|| EngineError::Unknown(name.into()))?;
        entry.remove();
        let gone = entry.when_gone();
        self.reconcile();
        Ok(gone)
    }

    /// A file has the last word about its mappings.
    fn refuse_other(&self, name: &str) -> Result<(), EngineError> {
        match self.entries.get(name).map(|entry| &entry.wanted.latest().origin) {
            Some(Origin::File(file)) => Err(EngineError::OfFile(name.into(), file.clone())),
            Some(Origin::Api) | None => Ok(()),
        }
    }
}

/// What counts where the store does not say: what was known before.
fn unknown_desired(mapping: &Mapping, error: &StoreError, known: Option<&Desired>) -> Option<Desired> {
    tracing::error!(mapping = mapping.name, %error, "the store does not say whether the mapping was stopped");
    known.filter(|known| known.file_enabled == mapping.enabled).cloned()
}
