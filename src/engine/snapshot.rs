//! What the engine knows of a mapping at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Counters, MappingState, Shard};
use crate::function::Part;
use crate::machine::{Gauges, Health};
use crate::mapping::Mapping;

/// A mapping with everything that there is to show of it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// As it runs, although another definition may be about to take its place.
    pub mapping: Arc<Mapping>,
    /// AWS's state.
    pub state: MappingState,
    /// Another replica of the fleet runs it.
    pub elsewhere: bool,
    /// When state or configuration last changed (Unix milliseconds).
    pub modified_unix_ms: u64,
    /// Whether `forebay start` or `stop` overrules the definition's `Enabled`.
    pub by_operator: bool,
    /// Whether it does its work; the reason of a failing function names its last error.
    pub health: Health,
    /// Since when the health is what it is (Unix milliseconds).
    pub since_unix_ms: u64,
    /// AWS's `LastProcessingResult`: `No records processed`, `OK` or `PROBLEM: …`.
    pub last_result: String,
    /// The last error of the function, or of the way to it.
    pub last_error: Option<LastError>,
    /// Batches that failed since the function last processed one, even in part.
    pub failed_in_a_row: u64,
    /// Totals since the process started.
    pub counters: Counters,
    /// How many invocations the function can have at a time; `None`: it does not say.
    pub capacity: Option<u32>,
    /// What the function's target consists of: addresses, or workers.
    pub parts: Vec<Part>,
    /// What the machine holds.
    pub gauges: Gauges,
    /// What the queue said of itself when it was last asked.
    pub described: Described,
    /// The greatest iterator age of the shards that are read; `None` while none is read.
    pub iterator_age: Option<Duration>,
    /// How far the host's clock is ahead of the source's, where that is much (milliseconds).
    pub clock_ahead_ms: i64,
    /// The shards of a stream, by id.
    pub shards: BTreeMap<Arc<str>, Shard>,
    /// When this was taken (Unix milliseconds).
    pub taken_unix_ms: u64,
}

/// What a queue says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Messages that wait, approximately.
    pub backlog: Option<u64>,
    /// Messages that are hidden from receives, approximately.
    pub not_visible: Option<u64>,
    /// The visibility timeout.
    pub visibility: Option<Duration>,
}

/// The last error of a mapping's function, or of the way to it; throttles are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// The function's `errorType`, `MalformedResponse`, `BatchItemFailures` where every record was reported, or the
    /// class of a fault.
    pub kind: String,
    /// The first line of the message.
    pub message: String,
    /// When it was last seen (Unix milliseconds).
    pub at_unix_ms: u64,
    /// How many batches have failed of it since another one was seen.
    pub count: u64,
}

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
    /// Whether it shall run: the desired state that an operator has set, or else `Enabled`.
    pub enabled: bool,
}
