//! Get and List: mappings of both origins.

use super::super::ApiError;
use super::super::registry::Made;
use super::super::request::ListQuery;
use super::super::shape::{Configuration, Listed};
use super::super::{paging, request, shape};
use super::core::{Parts, Service, of_engine};
use crate::engine::{EngineError, MappingState, Overview};
use crate::mapping::{Mapping, Origin};

/// A mapping as the API shows it.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) overview: Overview,
    pub(super) state: MappingState,
}

impl Shown {
    fn of_the_api(overview: Overview, made: &Made) -> Self {
        let state = if made.is_deleting() { MappingState::Deleting } else { overview.state };
        let modified_unix_ms = made.definition.modified_unix_ms;
        Self { overview: Overview { modified_unix_ms, ..overview }, state }
    }

    /// One that the engine has let go of, before the store has.
    fn left(made: &Made) -> Self {
        let overview = Overview {
            mapping: made.mapping.clone(),
            state: MappingState::Deleting,
            last_processing_result: "No records processed".into(),
            modified_unix_ms: made.definition.modified_unix_ms,
            enabled: false,
        };
        Self { overview, state: MappingState::Deleting }
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.overview.mapping
    }

    /// As AWS writes it.
    pub(super) fn configuration(&self) -> Configuration {
        shape::configuration(&self.overview, self.state)
    }

    /// The same in another state.
    pub(super) fn in_state(self, state: MappingState) -> Self {
        Self { state, ..self }
    }
}

impl Service {
    /// `GetEventSourceMapping`.
    pub(crate) async fn get(&self, uuid: &str) -> Result<Configuration, ApiError> {
        Ok(self.parts.find(uuid).await?.configuration())
    }

    /// `ListEventSourceMappings`.
    pub(crate) async fn list(&self, query: &str) -> Result<Listed, ApiError> {
        let query = request::list(query)?;
        let mut all = self.parts.all().await?;
        all.retain(|shown| is_wanted(shown.mapping(), &query));
        let (page, next) = paging::page(all, |shown| &shown.mapping().uuid, query.marker.as_ref(), query.max_items);
        Ok(Listed {
            next_marker: next.map(|next| next.to_string()),
            event_source_mappings: page.iter().map(Shown::configuration).collect(),
        })
    }
}

impl Parts {
    /// A mapping by its UUID.
    pub(super) async fn find(&self, uuid: &str) -> Result<Shown, ApiError> {
        let Some(made) = self.registry.get(uuid) else { return self.find_of_file(uuid).await };
        self.find_of_the_api(&made).await
    }

    pub(super) async fn find_of_the_api(&self, made: &Made) -> Result<Shown, ApiError> {
        match self.engine.overview(&made.mapping.name).await {
            Ok(overview) => Ok(Shown::of_the_api(overview, made)),
            Err(EngineError::Unknown(_)) if made.is_deleting() => Ok(Shown::left(made)),
            Err(error) => Err(of_engine(error)),
        }
    }

    async fn find_of_file(&self, uuid: &str) -> Result<Shown, ApiError> {
        let mut all = self.engine.overviews().await.map_err(of_engine)?.into_iter();
        let found = all.find(|overview| overview.mapping.uuid == uuid && is_of_file(&overview.mapping));
        found.map(|overview| Shown { state: overview.state, overview }).ok_or_else(ApiError::no_such_mapping)
    }

    /// Every mapping.
    async fn all(&self) -> Result<Vec<Shown>, ApiError> {
        let overviews = self.engine.overviews().await.map_err(of_engine)?;
        let mut made = self.registry.all();
        let shown = overviews.into_iter().filter_map(|overview| match made.remove(&overview.mapping.uuid) {
            Some(made) => Some(Shown::of_the_api(overview, &made)),
            None if is_of_file(&overview.mapping) => Some(Shown { state: overview.state, overview }),
            // Not answered to anybody yet, or gone since.
            None => None,
        });
        let mut all: Vec<Shown> = shown.collect();
        all.extend(made.values().filter(|made| made.is_deleting()).map(Shown::left));
        Ok(all)
    }

    /// Why a UUID that is none of the API's cannot be changed.
    pub(super) async fn not_ours(&self, uuid: &str) -> ApiError {
        match self.find_of_file(uuid).await {
            Ok(shown) => of_file(shown.mapping()),
            Err(error) => error,
        }
    }
}

fn is_wanted(mapping: &Mapping, query: &ListQuery) -> bool {
    query.event_source_arn.as_ref().is_none_or(|arn| *arn == mapping.source.id())
        && query.function.as_ref().is_none_or(|function| {
            // The name alone rules most mappings out, and costs nothing.
            function.name == mapping.function.name && function.names(&shape::function_arn(mapping))
        })
}

pub(super) fn is_of_file(mapping: &Mapping) -> bool {
    matches!(mapping.origin, Origin::File(_))
}

/// The refusal to change what a file says.
pub(super) fn of_file(mapping: &Mapping) -> ApiError {
    ApiError::of_file(&mapping.uuid, &mapping.origin.to_string())
}
