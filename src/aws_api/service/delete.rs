//! `DeleteEventSourceMapping`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::super::ApiError;
use super::super::registry::NoTurn;
use super::super::shape::Configuration;
use super::core::{Parts, Service, of_engine, of_store};
use crate::engine::{EngineError, MappingState};
use crate::store::Definition;

/// The pause before a store that did not forget a mapping is asked again.
const AGAIN: Duration = Duration::from_secs(5);

impl Service {
    /// Begins to delete a mapping, and answers with its configuration. It drains, and then it and its position are
    /// forgotten.
    pub(crate) async fn delete(&self, uuid: &str) -> Result<Configuration, ApiError> {
        let parts = &self.parts;
        let (turn, made) = match parts.registry.begin(uuid) {
            Ok(begun) => begun,
            Err(NoTurn::Unknown) => return Err(parts.not_ours(uuid).await),
            Err(NoTurn::Taken) => return Err(ApiError::delete_in_use()),
        };
        let before = parts.find_of_the_api(&made).await?;
        if !matches!(before.state, MappingState::Enabled | MappingState::Disabled) {
            return Err(ApiError::delete_in_use());
        }
        let definition = Definition { deleting: true, ..(*made.definition).clone() };
        let parts = Arc::clone(&self.parts);
        let begun = self.parts.to_its_end(async move {
            let uuid = turn.uuid().to_owned();
            parts.store.define(&uuid, definition, false).await.map_err(|error| of_store(&error))?;
            // Durable: from here on it is deleted, now or at the next start.
            turn.delete();
            match parts.engine.remove(&uuid).await {
                Ok(gone) => {
                    let ending = Arc::clone(&parts).forget_when(uuid, Some(gone));
                    parts.endings.spawn(ending);
                }
                Err(EngineError::Unknown(_)) => {
                    let ending = Arc::clone(&parts).forget_when(uuid, None);
                    parts.endings.spawn(ending);
                }
                Err(EngineError::Closing) => {}
                Err(error) => return Err(of_engine(error)),
            }
            Ok(())
        });
        begun.await?;
        Ok(before.in_state(MappingState::Deleting).configuration())
    }
}

impl Parts {
    /// Forgets a mapping when the engine has let go of it. Where the engine ends first, the next start does it.
    async fn forget_when(self: Arc<Self>, uuid: String, gone: Option<oneshot::Receiver<()>>) {
        if let Some(gone) = gone
            && gone.await.is_err()
        {
            return;
        }
        while let Err(error) = self.store.forget(&uuid).await {
            tracing::error!(mapping = uuid, %error, again_in = ?AGAIN, "a deleted mapping cannot be forgotten");
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
        self.registry.forget(&uuid);
        tracing::info!(mapping = uuid, "the mapping is deleted");
    }
}
