//! What the AWS API shows of a mapping.

use std::sync::Arc;

use super::MappingState;
use crate::mapping::Mapping;

/// What there is to say of a mapping without its counters and shards: cheap for thousands of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// As it was last defined, although what runs may still be drained for that.
    pub mapping: Arc<Mapping>,
    /// AWS's state.
    pub state: MappingState,
    /// `No records processed`, `OK` or `PROBLEM: …`.
    pub last_processing_result: String,
    /// When state or configuration last changed in this process, in milliseconds since the Unix epoch.
    pub modified_unix_ms: u64,
    /// Whether it shall run: the operator's wish, or else `Enabled`.
    pub enabled: bool,
}
