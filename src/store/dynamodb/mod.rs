//! The store in a table of DynamoDB, which the replicas of a fleet share.
//!
//! Each shard is one item with its owner, its epoch and its checkpoint. A save names owner and epoch, and counts up, so
//! what arrives late or from a replica that was replaced changes nothing. No item is renewed: an owner is good as
//! long as its replica's own row is not declared dead.

mod asked;
mod claim;
mod create;
mod fleet;
mod kept;
mod keys;
mod row;
mod save;
mod table;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::claim::Claim;
pub use self::create::create;
pub use self::fleet::FleetTable;
pub use self::table::Table;
use super::{Checkpoints, Definition, Definitions, Desired, DesiredStates, Kept, Permit, Store, StoreError};
use crate::machine::{Checkpoint, Fault, Fence, Positions};

/// The format of the items that this program writes.
pub(crate) const FORMAT: u64 = 1;

/// How many items are written side by side.
const SIDE_BY_SIDE: usize = 16;

/// A store in a table of DynamoDB, for one replica at a time of those that share it.
pub struct DynamoDbStore {
    table: Table,
    /// The replica that claims; another one after each death.
    replica: RwLock<Arc<str>>,
    claims: Mutex<BTreeMap<String, Claim>>,
    fences: AtomicU64,
    permit: Permit,
    trouble: Mutex<Option<Fault>>,
}

impl DynamoDbStore {
    /// A store over a table that was found to be one (see [`DynamoDbStore::check_format`]), for this replica.
    #[must_use]
    pub fn new(table: Table, replica: Arc<str>, permit: Permit) -> Self {
        Self {
            table,
            replica: RwLock::new(replica),
            claims: Mutex::default(),
            fences: AtomicU64::new(0),
            permit,
            trouble: Mutex::default(),
        }
    }

    /// The replica that claims now.
    fn replica(&self) -> Arc<str> {
        Arc::clone(&self.replica.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another replica takes the place of this one, which is dead: what it has claimed is not its own any more.
    pub(crate) fn become_replica(&self, replica: Arc<str>) {
        *self.replica.write().unwrap_or_else(PoisonError::into_inner) = replica;
        self.claims().clear();
    }

    /// What keeps the table from being used, as the last calls have shown it.
    pub(crate) fn set_trouble(&self, trouble: Option<Fault>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn claims(&self) -> MutexGuard<'_, BTreeMap<String, Claim>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fence(&self) -> Fence {
        Fence(self.fences.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl DesiredStates for DynamoDbStore {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        let mapping = mapping.to_owned();
        async move { Ok(asked::desired(&self.table, &mapping).await?) }.boxed()
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move { Ok(asked::set_desired(&self.table, &mapping, desired).await?) }.boxed()
    }
}

impl Checkpoints for DynamoDbStore {
    fn claim(&self, mapping: &str, source: &str, _: bool) -> BoxFuture<'_, Result<Positions, StoreError>> {
        let (mapping, source) = (mapping.to_owned(), source.to_owned());
        async move { self.take(&mapping, &source).await }.boxed()
    }

    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move { self.keep(&mapping, fence, changes).await }.boxed()
    }

    fn permit(&self) -> Option<Permit> {
        Some(self.permit.clone())
    }

    fn release(&self, mapping: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move { self.let_go(&mapping).await }.boxed()
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeMap<String, Kept>, StoreError>> {
        async move { Ok(kept::all(&self.table).await?) }.boxed()
    }

    fn replace_kept(&self, mapping: &str, kept: Option<Kept>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move { Ok(kept::replace(&self.table, &mapping, kept).await?) }.boxed()
    }
}

impl Definitions for DynamoDbStore {
    fn definitions(&self) -> BoxFuture<'_, Result<BTreeMap<String, Definition>, StoreError>> {
        async move { Ok(asked::definitions(&self.table).await?) }.boxed()
    }

    fn define(
        &self,
        mapping: &str,
        definition: Definition,
        forget_desired: bool,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move { Ok(asked::define(&self.table, &mapping, &definition, forget_desired).await?) }.boxed()
    }

    fn forget(&self, mapping: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move {
            kept::forget(&self.table, &mapping).await?;
            Ok(asked::forget(&self.table, &mapping).await?)
        }
        .boxed()
    }
}

impl Store for DynamoDbStore {
    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        std::future::ready(trouble.map_or(Ok(()), |fault| Err(super::TableError::Call(fault).into()))).boxed()
    }
}
