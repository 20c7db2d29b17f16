//! The store that keeps nothing: for tests, and for those who want `stop` to last only as long as the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, ready};

use super::asked::Asked;
use super::ledger::Ledger;
use super::{Checkpoints, Definition, Definitions, Desired, DesiredStates, Kept, Store, StoreError};
use crate::machine::{Checkpoint, Fence, Positions};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    asked: Mutex<Asked>,
    ledger: Mutex<Ledger>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DesiredStates for MemoryStore {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        Box::pin(ready(Ok(self.asked().desired.get(mapping).cloned())))
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        match desired {
            Some(desired) => self.asked().desired.insert(mapping.to_owned(), desired),
            None => self.asked().desired.remove(mapping),
        };
        Box::pin(ready(Ok(())))
    }
}

impl Checkpoints for MemoryStore {
    fn claim(&self, mapping: &str, source: &str, latest: bool) -> BoxFuture<'_, Result<Positions, StoreError>> {
        let mut ledger = self.ledger();
        if latest && ledger.book(mapping).is_none() {
            tracing::warn!(
                mapping,
                "the store keeps nothing: after a restart this mapping starts at LATEST again, and skips the records \
                 that were written meanwhile. To keep checkpoints, name a file with --store"
            );
        }
        Box::pin(ready(Ok(ledger.claim(mapping, source))))
    }

    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(ready(self.ledger().save(mapping, fence, &changes)))
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeMap<String, Kept>, StoreError>> {
        Box::pin(ready(Ok(self.ledger().kept())))
    }

    fn replace_kept(&self, mapping: &str, kept: Option<Kept>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ledger().replace(mapping, kept);
        Box::pin(ready(Ok(())))
    }
}

impl Definitions for MemoryStore {
    fn definitions(&self) -> BoxFuture<'_, Result<BTreeMap<String, Definition>, StoreError>> {
        Box::pin(ready(Ok(self.asked().definitions.clone())))
    }

    fn define(
        &self,
        mapping: &str,
        definition: Definition,
        forget_desired: bool,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut asked = self.asked();
        if forget_desired {
            asked.desired.remove(mapping);
        }
        asked.definitions.insert(mapping.to_owned(), definition);
        Box::pin(ready(Ok(())))
    }

    fn forget(&self, mapping: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut asked = self.asked();
        asked.desired.remove(mapping);
        asked.definitions.remove(mapping);
        self.ledger().restore(mapping.to_owned(), None);
        Box::pin(ready(Ok(())))
    }
}

impl Store for MemoryStore {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_and_forgets_a_desired_state() {
        let store = MemoryStore::new();
        let stopped = Desired { enabled: false, file_enabled: true, since_unix_ms: 5 };
        assert_eq!(store.desired("orders").await.unwrap(), None);
        store.set_desired("orders", Some(stopped.clone())).await.unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), Some(stopped));
        assert_eq!(store.desired("others").await.unwrap(), None);
        store.set_desired("orders", None).await.unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), None);
    }
}
