//! What goes over the socket besides the engine's own types.

use serde::{Deserialize, Serialize};

/// Every refusal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorBody {
    /// Stable: `unknown_mapping`, `unknown_shard`, `running`, `no_checkpoints`, `other_source`, `invalid_checkpoint`,
    /// `invalid_query`, `store`, `closing`, `invalid_mappings`, `unknown_path`, `method_not_allowed`, `unauthorized`.
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
}

/// `GET /v1/version`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionBody {
    /// The running program's version.
    pub(crate) version: String,
    /// Its process id, as it sees it.
    pub(crate) pid: u32,
}
