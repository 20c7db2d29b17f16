//! The store that keeps nothing: for tests, and for those who want `stop` to last only as long as the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, ready};

use super::ledger::Ledger;
use super::{Desired, Kept, Store, StoreError};
use crate::machine::{Fence, Mark, Positions};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    desired: Mutex<BTreeMap<String, Desired>>,
    ledger: Mutex<Ledger>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn wishes(&self) -> MutexGuard<'_, BTreeMap<String, Desired>> {
        self.desired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        Box::pin(ready(Ok(self.wishes().get(mapping).cloned())))
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        match desired {
            Some(wish) => self.wishes().insert(mapping.to_owned(), wish),
            None => self.wishes().remove(mapping),
        };
        Box::pin(ready(Ok(())))
    }

    fn claim(&self, mapping: &str, source: &str, latest: bool) -> BoxFuture<'_, Result<Positions, StoreError>> {
        let mut ledger = self.ledger();
        if latest && ledger.book(mapping).is_none() {
            tracing::warn!(
                mapping,
                "the store keeps nothing: after a restart this mapping begins at LATEST again, and what arrives \
                 meanwhile is skipped; name a file with --store to keep its place"
            );
        }
        Box::pin(ready(Ok(ledger.claim(mapping, source))))
    }

    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Mark>)>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_and_forgets_a_wish() {
        let store = MemoryStore::new();
        let wish = Desired { enabled: false, file_enabled: true, since_unix_ms: 5 };
        assert_eq!(store.desired("orders").await.unwrap(), None);
        store.set_desired("orders", Some(wish.clone())).await.unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), Some(wish));
        assert_eq!(store.desired("others").await.unwrap(), None);
        store.set_desired("orders", None).await.unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), None);
    }
}
