//! A store in memory that outlives the engine and sometimes refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay::machine::{Checkpoint, Fence, Positions};
use forebay::store::{Checkpoints, Desired, DesiredStates, FileError, Kept, StoreError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::world::World;

/// What `redb` is in production.
pub(crate) struct MemoryStore {
    world: Arc<World>,
    fails: f64,
    inner: forebay::store::MemoryStore,
}

impl MemoryStore {
    /// An empty store that refuses a write with a chance of `fails`.
    pub(crate) fn new(world: Arc<World>, fails: f64) -> Self {
        Self { world, fails, inner: forebay::store::MemoryStore::new() }
    }

    /// A write takes a while, and is sometimes refused.
    async fn write(&self, what: &str) -> Result<(), StoreError> {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        if !self.world.fair() && self.world.chance(self.fails) {
            self.world.note(format_args!("the store refuses {what}"));
            return Err(FileError::Io { path: "memory".into(), reason: "no space left".into() }.into());
        }
        Ok(())
    }
}

impl DesiredStates for MemoryStore {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        self.inner.desired(mapping)
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move {
            self.write(&format!("to keep a wish for {mapping}")).await?;
            self.inner.set_desired(&mapping, desired).await
        }
        .boxed()
    }
}

impl Checkpoints for MemoryStore {
    fn claim(&self, mapping: &str, source: &str, latest: bool) -> BoxFuture<'_, Result<Positions, StoreError>> {
        self.inner.claim(mapping, source, latest)
    }

    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.save(mapping, fence, changes)
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeMap<String, Kept>, StoreError>> {
        self.inner.kept()
    }

    fn replace_kept(&self, mapping: &str, kept: Option<Kept>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.replace_kept(mapping, kept)
    }
}
