//! What takes a mapping's batches, where that is not a Lambda function.

use serde::{Deserialize, Serialize};

use crate::engine::Snapshot;

/// A target as the mapping sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TargetStatus {
    /// The member of `Poller.Function`: `Http`, `Rie`, `RuntimeApi`, …
    pub(crate) kind: String,
    /// Where it is: a URL, a name and port, or where workers attach.
    pub(crate) place: String,
    /// How many invocations it can have at a time, from all mappings together; null where it does not say.
    pub(crate) capacity: Option<u32>,
}

impl TargetStatus {
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        let (kind, place) = snapshot.mapping.target.place()?;
        Some(Self { kind: kind.into(), place, capacity: snapshot.capacity })
    }
}
