//! The mappings that were made through the API, and what is under way with each.
//!
//! A request that makes or changes one holds a [`Turn`] meanwhile. It is taken and given back under a lock that is
//! never held while waiting for anything. If the request breaks off, all that it has taken is given back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Overview;
use crate::mapping::{Mapping, Origin, same_pair};
use crate::store::Definition;

/// Every mapping of the API's, by UUID.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    made: Mutex<BTreeMap<String, Made>>,
}

/// A mapping of the API's, as the store has it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) definition: Arc<Definition>,
    phase: Phase,
    /// What a change under way makes of it: that pair of source and function is taken, too.
    next: Option<Arc<Mapping>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Its Create has not been answered.
    Creating,
    /// Nothing is under way.
    Resting,
    /// A request changes it.
    Changing,
    /// Its Delete was answered.
    Deleting,
}

/// Why a turn cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTurn {
    /// There is no such mapping of the API's.
    Unknown,
    /// Another request has it, or it is being deleted.
    Taken,
}

/// The pair of source and function is another mapping's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PairTaken {
    /// The other one's UUID.
    pub(crate) uuid: String,
}

impl Made {
    pub(crate) fn is_deleting(&self) -> bool {
        self.phase == Phase::Deleting
    }

    fn resting(mapping: Mapping, definition: Definition) -> Self {
        Self { mapping: Arc::new(mapping), definition: Arc::new(definition), phase: Phase::Resting, next: None }
    }

    fn has_pair_of(&self, mapping: &Mapping) -> bool {
        same_pair(&self.mapping, mapping) || self.next.as_ref().is_some_and(|next| same_pair(next, mapping))
    }
}

impl Registry {
    /// What the store holds at the start.
    pub(crate) fn restored(mappings: impl IntoIterator<Item = (Mapping, Definition)>) -> Self {
        let made = mappings.into_iter().map(|(mapping, definition)| {
            let uuid = mapping.uuid.clone();
            (uuid, Made::resting(mapping, definition))
        });
        Self { made: Mutex::new(made.collect()) }
    }

    /// Begins to make a mapping: its pair is taken from here on. `others` are the mappings that the engine has: those
    /// of files count, too.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        mapping: Mapping,
        definition: Definition,
        others: &[Overview],
    ) -> Result<Turn, PairTaken> {
        let mut made = self.lock();
        pair_is_free(&made, &mapping, others)?;
        let uuid = mapping.uuid.clone();
        made.insert(uuid.clone(), Made { phase: Phase::Creating, ..Made::resting(mapping, definition) });
        Ok(Turn { registry: Arc::clone(self), uuid, held: true })
    }

    /// Begins to change a mapping, and says what it is now.
    pub(crate) fn begin(self: &Arc<Self>, uuid: &str) -> Result<(Turn, Made), NoTurn> {
        let mut made = self.lock();
        let one = made.get_mut(uuid).ok_or(NoTurn::Unknown)?;
        match one.phase {
            // Nobody was told its UUID.
            Phase::Creating => return Err(NoTurn::Unknown),
            Phase::Changing | Phase::Deleting => return Err(NoTurn::Taken),
            Phase::Resting => one.phase = Phase::Changing,
        }
        Ok((Turn { registry: Arc::clone(self), uuid: uuid.to_owned(), held: true }, one.clone()))
    }

    /// One mapping that was answered to somebody.
    pub(crate) fn get(&self, uuid: &str) -> Option<Made> {
        self.lock().get(uuid).filter(|made| made.phase != Phase::Creating).cloned()
    }

    /// All mappings that were answered to somebody, by UUID.
    pub(crate) fn all(&self) -> BTreeMap<String, Made> {
        let made = self.lock();
        let answered = made.iter().filter(|(_, made)| made.phase != Phase::Creating);
        answered.map(|(uuid, made)| (uuid.clone(), made.clone())).collect()
    }

    /// Strikes off a mapping of which nothing is left.
    pub(crate) fn forget(&self, uuid: &str) {
        self.lock().remove(uuid);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pair_is_free(made: &BTreeMap<String, Made>, mapping: &Mapping, others: &[Overview]) -> Result<(), PairTaken> {
    let of_the_api = made.iter().find(|(uuid, made)| **uuid != mapping.uuid && made.has_pair_of(mapping));
    // Those of the API that the engine has may be gone by now; the registry knows.
    let files = others.iter().map(|other| &other.mapping).filter(|other| matches!(other.origin, Origin::File(_)));
    let of_files = || files.clone().find(|other| same_pair(other, mapping));
    match of_the_api.map(|(uuid, _)| uuid).or_else(|| of_files().map(|other| &other.uuid)) {
        Some(uuid) => Err(PairTaken { uuid: uuid.clone() }),
        None => Ok(()),
    }
}

/// The right to make or to change one mapping. Dropped, it leaves everything as it was.
#[derive(Debug)]
pub(crate) struct Turn {
    registry: Arc<Registry>,
    uuid: String,
    held: bool,
}

impl Turn {
    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Takes the pair of what the mapping becomes, in addition to the one that it has.
    pub(crate) fn take_pair(&self, next: &Mapping, others: &[Overview]) -> Result<(), PairTaken> {
        let mut made = self.registry.lock();
        pair_is_free(&made, next, others)?;
        if let Some(one) = made.get_mut(&self.uuid) {
            one.next = Some(Arc::new(next.clone()));
        }
        Ok(())
    }

    /// The mapping is this from now on.
    pub(crate) fn keep(mut self, mapping: Mapping, definition: Definition) {
        self.end(|made, uuid| drop(made.insert(uuid.to_owned(), Made::resting(mapping, definition))));
    }

    /// The mapping is being deleted from now on; only [`Registry::forget`] ends that.
    pub(crate) fn delete(mut self) {
        self.end(|made, uuid| {
            if let Some(one) = made.get_mut(uuid) {
                one.phase = Phase::Deleting;
            }
        });
    }

    fn end(&mut self, end: impl FnOnce(&mut BTreeMap<String, Made>, &str)) {
        if std::mem::take(&mut self.held) {
            end(&mut self.registry.lock(), &self.uuid);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end(|made, uuid| {
            let Some(one) = made.get_mut(uuid) else { return };
            match one.phase {
                Phase::Creating => drop(made.remove(uuid)),
                Phase::Changing => (one.phase, one.next) = (Phase::Resting, None),
                Phase::Resting | Phase::Deleting => {}
            }
        });
    }
}
