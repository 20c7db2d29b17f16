//! What Update and the changes of tags have in common: from the check to the answer.

use std::sync::Arc;

use super::super::ApiError;
use super::super::registry::{Made, Turn};
use super::core::{Parts, of_engine, of_store};
use crate::engine::{EngineError, Overview};
use crate::mapping::Mapping;
use crate::store::Definition;

/// A change that was checked.
pub(super) struct Change {
    pub(super) turn: Turn,
    pub(super) before: Made,
    pub(super) mapping: Mapping,
    pub(super) definition: Definition,
    /// Who says `Enabled` has the last word, also over `forebay start` and `stop`.
    pub(super) forget_desired: bool,
}

impl Parts {
    /// Makes a change durable, and has the engine take it over.
    pub(super) async fn carry_out(self: &Arc<Self>, change: Change) -> Result<Overview, ApiError> {
        let parts = Arc::clone(self);
        self.to_its_end(async move {
            let Change { turn, before, mapping, definition, forget_desired } = change;
            let written = parts.store.define(turn.uuid(), definition.clone(), forget_desired).await;
            written.map_err(|error| of_store(&error))?;
            let taken_over = parts.engine.put(mapping.clone()).await;
            match taken_over {
                // An engine that ends first takes it over at the next start.
                Ok(_) | Err(EngineError::Closing) => turn.keep(mapping, definition),
                Err(_) => {
                    let back = (*before.definition).clone();
                    if let Err(error) = parts.store.define(turn.uuid(), back, false).await {
                        tracing::error!(mapping = turn.uuid(), %error, "a change that failed takes effect at the next \
                            start");
                        turn.keep(mapping, definition);
                    }
                }
            }
            taken_over.map_err(of_engine)
        })
        .await
    }
}
