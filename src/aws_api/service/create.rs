//! `CreateEventSourceMapping`.

use super::super::ApiError;
use super::super::checks::{Asked, ask, pair_taken, whole_arn};
use super::super::definition::{build, name_function};
use super::super::request;
use super::super::shape::Configuration;
use super::core::{Service, of_engine, of_store};
use super::show::Shown;
use crate::engine::{MappingState, Overview};
use crate::machine::uuid;
use crate::store::Definition;

impl Service {
    /// Makes a mapping, and answers with its UUID and configuration.
    pub(crate) async fn create(&self, body: &[u8]) -> Result<(String, Configuration), ApiError> {
        let parts = &self.parts;
        let mut parameters = request::create(body)?;
        let uuid = uuid::hyphenated(uuid::random(&mut fastrand::Rng::new()));
        let now = parts.now();
        let mut mapping = build(&uuid, &parameters, now)?;
        let settings = parts.while_open(ask(&*parts.connector, &mapping, Asked::All)).await?;
        let arn = whole_arn(&mapping.function, settings.as_ref(), mapping.source.arn());
        name_function(&mut mapping, &mut parameters, arn)?;
        let definition = Definition { parameters: parameters.0, modified_unix_ms: now, deleting: false };

        let others = parts.engine.overviews().await.map_err(of_engine)?;
        let reserved = parts.registry.reserve(mapping.clone(), definition.clone(), &others);
        let turn = reserved.map_err(|taken| pair_taken(&mapping, &taken.uuid))?;
        let parts = self.parts.clone();
        let made = self.parts.to_its_end(async move {
            let uuid = turn.uuid().to_owned();
            parts.store.define(&uuid, definition.clone(), false).await.map_err(|error| of_store(&error))?;
            match parts.engine.put(mapping.clone()).await {
                Ok(overview) => {
                    turn.keep(mapping, definition);
                    Ok(overview)
                }
                Err(error) => {
                    // It is refused, so nobody shall find it at the next start.
                    if let Err(error) = parts.store.forget(&uuid).await {
                        tracing::error!(mapping = uuid, %error, "a mapping that was refused stays in the store: delete \
                            it after the next start");
                    }
                    Err(of_engine(error))
                }
            }
        });
        let overview = Overview { modified_unix_ms: now, ..made.await? };
        // AWS: a queue's mapping that is made disabled is so at once, a stream's is on its way there.
        let at_once = overview.mapping.source.rules().shown.disabled_at_once && !overview.enabled;
        let state = if at_once { MappingState::Disabled } else { MappingState::Creating };
        let shown = Shown { overview, state };
        Ok((uuid, shown.configuration()))
    }
}
