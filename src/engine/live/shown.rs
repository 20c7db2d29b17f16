//! What is shown of a running mapping besides its numbers.

use crate::engine::Described;
use crate::engine::last_error::{Ends, headline};
use crate::machine::Health;

/// AWS's `LastProcessingResult` before anything was processed.
pub(super) const NOTHING_YET: &str = "No records processed";

/// The part of it that is texts and more than a number.
#[derive(Clone)]
pub(crate) struct Shown {
    /// What the mapping's own task says, and what is wrong with the store.
    pub(super) health: Health,
    /// Since when the health is what it is (Unix milliseconds).
    pub(crate) since_unix_ms: u64,
    pub(crate) last_result: String,
    pub(crate) ends: Ends,
    pub(crate) described: Described,
    /// What the mapping's own task says.
    pub(super) own: Health,
    /// What is wrong with the store.
    pub(super) store: Option<String>,
}

impl Shown {
    pub(super) fn new(now_unix_ms: u64) -> Self {
        Self {
            health: Health::Ok,
            since_unix_ms: now_unix_ms,
            last_result: NOTHING_YET.into(),
            ends: Ends::default(),
            described: Described::default(),
            own: Health::Ok,
            store: None,
        }
    }

    /// A store that keeps nothing degrades every mapping, even if its task reports success.
    pub(super) fn together(&self) -> Health {
        let Some(store) = &self.store else { return self.own.clone() };
        let reason = match &self.own {
            // A function that fails is not what keeps the mapping from its work.
            Health::Ok | Health::Failing { .. } => format!("store: {store}"),
            // Its own write has met the same.
            Health::Degraded { reason } if reason.contains(store.as_str()) => reason.clone(),
            Health::Degraded { reason } => format!("{reason}; store: {store}"),
        };
        Health::Degraded { reason }
    }

    /// The health, where a function that fails is named with its last error, and how often it has failed.
    pub(crate) fn health(&self) -> Health {
        match (&self.health, &self.ends.last_error) {
            (Health::Failing { .. }, Some(last)) => {
                let (last, times) = (headline(&last.kind, &last.message), self.ends.in_a_row);
                Health::Failing { reason: format!("function: {last} ({times} batches in a row)") }
            }
            (health, _) => health.clone(),
        }
    }
}
