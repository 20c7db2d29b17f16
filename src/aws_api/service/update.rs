//! `UpdateEventSourceMapping`.

use super::super::ApiError;
use super::super::checks::{Asked, ask, pair_taken, whole_arn};
use super::super::definition::{build, name_function};
use super::super::registry::NoTurn;
use super::super::request::{self, Parameters, Update};
use super::super::shape::Configuration;
use super::change::Change;
use super::core::{Service, of_engine};
use super::show::Shown;
use crate::engine::{MappingState, Overview};
use crate::mapping::same_pair;
use crate::store::Definition;

impl Service {
    /// Changes a mapping, and answers with its configuration.
    pub(crate) async fn update(&self, uuid: &str, body: &[u8]) -> Result<Configuration, ApiError> {
        let parts = &self.parts;
        let (turn, made) = match parts.registry.begin(uuid) {
            Ok(begun) => begun,
            Err(NoTurn::Unknown) => return Err(parts.not_ours(uuid).await),
            Err(NoTurn::Taken) => return Err(ApiError::update_in_use()),
        };
        let before = parts.find_of_the_api(&made).await?;
        let current = Parameters(made.definition.parameters.clone());
        let Update { mut parameters, switches, names_function } = request::update(&current, body)?;
        let now = parts.now();
        let mut mapping = build(uuid, &parameters, now)?;
        if !matches!(before.state, MappingState::Enabled | MappingState::Disabled) {
            return Err(ApiError::update_in_use());
        }
        if names_function {
            let settings = parts.while_open(ask(&*parts.connector, &mapping, Asked::Function)).await?;
            let arn = whole_arn(&mapping.function, settings.as_ref(), mapping.source.arn());
            name_function(&mut mapping, &mut parameters, arn)?;
        }
        if !same_pair(&mapping, &made.mapping) {
            let others = parts.engine.overviews().await.map_err(of_engine)?;
            turn.take_pair(&mapping, &others).map_err(|taken| pair_taken(&mapping, &taken.uuid))?;
        }

        let definition = Definition { parameters: parameters.0, modified_unix_ms: now, deleting: false };
        let change = Change { turn, before: made, mapping, definition, forget_desired: switches.is_some() };
        let overview = Overview { modified_unix_ms: now, ..parts.carry_out(change).await? };
        let state = match (before.overview.enabled, overview.enabled) {
            (false, true) => MappingState::Enabling,
            (true, false) => MappingState::Disabling,
            _ => MappingState::Updating,
        };
        Ok(Shown { overview, state }.configuration())
    }
}
