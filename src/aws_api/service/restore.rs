//! What the store holds of the API's mappings when the process starts.

use super::super::registry::Registry;
use crate::mapping::{self, Mapping, same_pair};
use crate::store::{Store, StoreError};

/// The mappings of the API that run from the start.
pub(crate) struct Restored {
    /// For the engine.
    pub(crate) mappings: Vec<Mapping>,
    /// For the service.
    pub(crate) registry: Registry,
}

/// Reads the definitions, and finishes the Deletes that were answered and not finished.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn restore(store: &dyn Store, now: u64) -> Result<Restored, StoreError> {
    let mut kept = Vec::new();
    for (uuid, definition) in store.definitions().await? {
        if definition.deleting {
            match store.forget(&uuid).await {
                Ok(()) => tracing::info!(mapping = uuid, "the mapping is deleted, as was asked for before the start"),
                Err(error) => tracing::error!(mapping = uuid, %error, "a deleted mapping cannot be forgotten"),
            }
            continue;
        }
        match mapping::of_definition(&uuid, &definition.parameters, now) {
            Ok(mapping) => kept.push((mapping, definition)),
            Err(found) => {
                for problem in found.iter().filter(|problem| problem.is_error()) {
                    let (code, help) = (problem.code.as_str(), problem.help.as_deref());
                    tracing::error!(
                        mapping = uuid,
                        code,
                        help,
                        "a mapping that was made through the AWS API is not started, and stays in the store: {}",
                        problem.message
                    );
                }
            }
        }
    }
    let mappings: Vec<Mapping> = kept.iter().map(|(mapping, _)| mapping.clone()).collect();
    Ok(Restored { mappings, registry: Registry::restored(kept) })
}

/// Says which mappings of files have the source and function of one of the API's.
pub(crate) fn warn_of_pairs(of_the_api: &[Mapping], files: &[Mapping]) {
    for file in files {
        for other in of_the_api.iter().filter(|other| same_pair(other, file)) {
            tracing::warn!(
                mapping = file.name,
                other = other.uuid,
                "a mapping of the same source and function was made through the AWS API: both run"
            );
        }
    }
}
