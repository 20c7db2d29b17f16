//! What takes a mapping's batches, where that is not a Lambda function.

use serde::{Deserialize, Serialize};

use crate::engine::Snapshot;
use crate::function::{Part, PartState};

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
    /// Its addresses, or its workers; empty where there are none.
    #[serde(default)]
    pub(crate) parts: Vec<PartStatus>,
}

/// An address or a worker of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartStatus {
    /// Of an address, the address; of a worker, its number, or from where it attached.
    pub(crate) name: String,
    /// `Starting`, `Up`, `Late`, `Ending` or `Down`.
    pub(crate) state: String,
    /// How many invocations it has, those included whose time is over.
    pub(crate) in_flight: u32,
    /// Why it is down, or what it calls itself; null where there is nothing to say.
    pub(crate) note: Option<String>,
}

impl TargetStatus {
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        let (kind, place) = snapshot.mapping.target.place()?;
        let parts = snapshot.parts.iter().map(PartStatus::of).collect();
        Some(Self { kind: kind.into(), place, capacity: snapshot.capacity, parts })
    }
}

impl PartStatus {
    fn of(part: &Part) -> Self {
        let state = match part.state {
            PartState::Starting => "Starting",
            PartState::Up => "Up",
            PartState::Late => "Late",
            PartState::Ending => "Ending",
            PartState::Down => "Down",
        };
        Self { name: part.name.clone(), state: state.into(), in_flight: part.in_flight, note: part.note.clone() }
    }
}
