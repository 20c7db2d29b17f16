//! What goes over the socket besides the engine's own types.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::ReloadSummary;
use crate::mapping::Diagnostic;

/// Every refusal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorBody {
    /// Stable: `unknown_mapping`, `unknown_shard`, `running`, `stopped`, `of_file`, `deleting`, `no_checkpoints`,
    /// `other_source`, `invalid_checkpoint`, `invalid_query`, `store`, `closing`, `invalid_mappings`, `unknown_path`,
    /// `method_not_allowed`, `unauthorized`.
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
    /// What to do about it, if forebay knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
    /// The problems of the mapping files, with `invalid_mappings`: as in [`ReloadBody`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) diagnostics: Vec<Value>,
}

/// `POST /v1/reload`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReloadBody {
    #[serde(flatten)]
    pub(crate) summary: ReloadSummary,
    /// The warnings of the mapping files: the members of `validate -o json`, and `rendered`, the text for people.
    pub(crate) diagnostics: Vec<Value>,
}

/// A problem of a mapping file as it goes over the wire.
pub(crate) fn finding(found: &Diagnostic) -> Value {
    let mut finding = serde_json::to_value(found).unwrap_or_default();
    finding["rendered"] = found.render(false).into();
    finding
}

/// `GET /v1/version`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionBody {
    /// The running program's version.
    pub(crate) version: String,
    /// Its process id, as it sees it.
    pub(crate) pid: u32,
}
