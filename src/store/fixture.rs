//! A store in memory that takes its time, and can be made to fail.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::{
    Checkpoints, Definition, Definitions, Desired, DesiredStates, FileError, Kept, MemoryStore, Store, StoreError,
};
use crate::machine::{Checkpoint, Fence, Positions};

/// A store that fails, hangs after the write, or does not say what it has, when it is told to.
#[derive(Default)]
pub(crate) struct Wobbly {
    inner: MemoryStore,
    /// Definitions cannot be written.
    pub(crate) fails: AtomicBool,
    /// Definitions are written, but nobody hears of it: as when the process is killed then.
    pub(crate) hangs: AtomicBool,
    /// Questions about desired states are not answered.
    pub(crate) deaf: AtomicBool,
}

impl Wobbly {
    /// The function that a mapping has in the store.
    pub(crate) async fn function_of(&self, uuid: &str) -> String {
        let definitions = self.inner.definitions().await.unwrap();
        definitions[uuid].parameters["FunctionName"].as_str().unwrap().to_owned()
    }

    async fn written(&self, write: BoxFuture<'_, Result<(), StoreError>>) -> Result<(), StoreError> {
        if self.fails.load(SeqCst) {
            return Err(FileError::Io { path: "f.redb".into(), reason: "no space left on device".into() }.into());
        }
        // A disk takes its time, and so does its answer: whatever happens meanwhile happens in tests, too.
        tokio::time::sleep(Duration::from_millis(3)).await;
        write.await?;
        tokio::time::sleep(Duration::from_millis(3)).await;
        if self.hangs.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl DesiredStates for Wobbly {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        if self.deaf.load(SeqCst) {
            let (path, reason) = ("desired".into(), "no answer".into());
            return ready(Err(FileError::Io { path, reason }.into())).boxed();
        }
        self.inner.desired(mapping)
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.set_desired(mapping, desired)
    }
}

impl Checkpoints for Wobbly {
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

impl Definitions for Wobbly {
    fn definitions(&self) -> BoxFuture<'_, Result<BTreeMap<String, Definition>, StoreError>> {
        self.inner.definitions()
    }

    fn define(
        &self,
        mapping: &str,
        definition: Definition,
        forget_desired: bool,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move {
            let write = async { self.inner.define(&mapping, definition, forget_desired).await };
            self.written(write.boxed()).await
        }
        .boxed()
    }

    fn forget(&self, mapping: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move {
            let write = async { self.inner.forget(&mapping).await };
            self.written(write.boxed()).await
        }
        .boxed()
    }
}

impl Store for Wobbly {}
