//! `TagResource`, `UntagResource` and `ListTags`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::ApiError;
use super::super::definition::build;
use super::super::registry::NoTurn;
use super::super::request::{self, Parameters};
use super::super::shape;
use super::change::Change;
use super::core::Service;
use super::show::{Shown, is_of_file, of_file};
use crate::engine::MappingState;
use crate::store::Definition;

/// The answer of `ListTags`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tags {
    tags: BTreeMap<String, String>,
}

impl Service {
    /// `ListTags`.
    pub(crate) async fn tags(&self, resource: &str) -> Result<Tags, ApiError> {
        let (_, shown) = self.tagged(resource).await?;
        Ok(Tags { tags: shown.mapping().tags.clone() })
    }

    /// `TagResource`.
    pub(crate) async fn tag(&self, resource: &str, body: &[u8]) -> Result<(), ApiError> {
        let added = request::tags_to_add(body)?;
        self.change_tags(resource, |tagged| request::add_tags(tagged, added)).await
    }

    /// `UntagResource`.
    pub(crate) async fn untag(&self, resource: &str, query: &str) -> Result<(), ApiError> {
        let removed = request::tag_keys(query)?;
        self.change_tags(resource, |tagged| Ok(request::remove_tags(tagged, &removed))).await
    }

    /// The mapping that an ARN names.
    async fn tagged(&self, resource: &str) -> Result<(String, Shown), ApiError> {
        let tagged = request::tag_resource(resource)?;
        let missing = || ApiError::no_such_mapping_to_tag(&tagged.arn);
        let shown = self.parts.find(&tagged.uuid).await.map_err(|error| match error {
            ApiError::ResourceNotFound(_) => missing(),
            other => other,
        })?;
        // The same UUID in another region or account is another mapping.
        if shape::mapping_arn(shown.mapping()) == tagged.arn { Ok((tagged.arn, shown)) } else { Err(missing()) }
    }

    /// Tags are no matter of the mapping's state, and are changed in any.
    async fn change_tags(
        &self,
        resource: &str,
        change: impl FnOnce(&Parameters) -> Result<Parameters, ApiError>,
    ) -> Result<(), ApiError> {
        let (arn, shown) = self.tagged(resource).await?;
        if is_of_file(shown.mapping()) {
            return Err(of_file(shown.mapping()));
        }
        if shown.state == MappingState::Deleting {
            return Err(ApiError::no_such_mapping_to_tag(&arn));
        }
        let (turn, before) = self.parts.registry.begin(&shown.mapping().uuid).map_err(|no_turn| match no_turn {
            NoTurn::Unknown => ApiError::no_such_mapping_to_tag(&arn),
            // Clients ask again by themselves.
            NoTurn::Taken => ApiError::TooManyRequests,
        })?;
        let parameters = change(&Parameters(before.definition.parameters.clone()))?;
        let mapping = build(turn.uuid(), &parameters, self.parts.now())?;
        // AWS does not call this a modification.
        let definition = Definition { parameters: parameters.0, ..(*before.definition).clone() };
        let change = Change { turn, before, mapping, definition, forget_desired: false };
        self.parts.carry_out(change).await.map(drop)
    }
}
