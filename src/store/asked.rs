//! What was asked for, by operators and through the AWS API: what a store is read for without waiting for its disk.

use std::collections::BTreeMap;

use super::{Definition, Desired};

/// Desired states and definitions, by mapping.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) desired: BTreeMap<String, Desired>,
    pub(super) definitions: BTreeMap<String, Definition>,
}

/// What is newly asked for, by mapping; `None` forgets.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) desired: BTreeMap<String, Option<Desired>>,
    pub(super) definitions: BTreeMap<String, Option<Definition>>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.desired.is_empty() && self.definitions.is_empty()
    }
}

impl Asked {
    pub(super) fn take(&mut self, changes: &Changes) {
        apply(&mut self.desired, &changes.desired);
        apply(&mut self.definitions, &changes.definitions);
    }
}

fn apply<T: Clone>(kept: &mut BTreeMap<String, T>, changes: &BTreeMap<String, Option<T>>) {
    for (mapping, change) in changes {
        match change {
            Some(value) => kept.insert(mapping.clone(), value.clone()),
            None => kept.remove(mapping),
        };
    }
}
