//! Our members of a mapping: its health, its last error, its queue or its stream.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{self, ShardState, Snapshot, headline};
use crate::machine::Health;

/// `ok`, `degraded` or `failing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthStatus {
    /// Does its work.
    Ok,
    /// Cannot, or only in part; goes on trying.
    Degraded,
    /// Does its work, but the function has failed everything for a minute.
    Failing,
}

impl HealthStatus {
    pub(super) const fn of(health: &Health) -> Self {
        match health {
            Health::Ok => Self::Ok,
            Health::Degraded { .. } => Self::Degraded,
            Health::Failing { .. } => Self::Failing,
        }
    }
}

/// The last error of a mapping's function, or of the way to it; throttles are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LastError {
    /// The function's `errorType`, `MalformedResponse`, `BatchItemFailures` where every record was reported, or the
    /// class of a fault.
    #[serde(rename = "Type")]
    pub(crate) kind: String,
    /// The first line of the message.
    pub(crate) message: String,
    /// When it was last seen (RFC 3339).
    pub(crate) at: String,
    /// How many batches have failed of it since another one was seen.
    pub(crate) count: u64,
}

impl LastError {
    pub(super) fn new(last: &engine::LastError) -> Self {
        let (kind, message) = (last.kind.clone(), last.message.clone());
        Self { kind, message, at: rfc3339(last.at_unix_ms), count: last.count }
    }

    /// `Type: message`.
    pub(crate) fn headline(&self) -> String {
        headline(&self.kind, &self.message)
    }
}

/// A queue as the mapping sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QueueStatus {
    /// Messages waiting, approximately, when the queue was last asked.
    pub(crate) backlog: Option<u64>,
    /// Messages that are hidden from receives (a consumer has them, or they are delayed), approximately, at that time.
    pub(crate) not_visible: Option<u64>,
    /// Messages that we hold.
    pub(crate) held: u64,
    /// Batches in flight.
    pub(crate) in_flight: u64,
    /// How many batches may be in flight.
    pub(crate) concurrency: u64,
    /// Refused calls keep that lower than it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lowered: Option<LoweredStatus>,
    /// Receives that are open. Of a mapping that is stopped, they end within `Poller.ReceiveWait`.
    #[serde(default)]
    pub(crate) open_receives: u64,
    /// The queue's visibility timeout, in seconds.
    pub(crate) visibility_timeout: Option<u64>,
}

/// A concurrency that throttles and errors of the function's service keep low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct LoweredStatus {
    /// How many batches might be in flight without them.
    pub(crate) from: u64,
    /// For how long it has been lower.
    pub(crate) seconds: u64,
}

impl QueueStatus {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let (gauges, described) = (&snapshot.gauges, &snapshot.described);
        Self {
            backlog: described.backlog,
            not_visible: described.not_visible,
            held: gauges.held as u64,
            in_flight: gauges.in_flight as u64,
            concurrency: gauges.limit as u64,
            lowered: gauges.lowered.map(|lowered| LoweredStatus {
                from: lowered.goal as u64,
                seconds: snapshot.taken_unix_ms.saturating_sub(lowered.since_unix_ms) / 1000,
            }),
            open_receives: gauges.receiving as u64,
            visibility_timeout: described.visibility.map(|visibility| visibility.as_secs()),
        }
    }
}

/// A stream as the mapping sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StreamStatus {
    /// The greatest iterator age of the shards that are read; null while none is read.
    pub(crate) iterator_age_seconds: Option<f64>,
    /// How long ago the oldest record was read that no saved checkpoint covers yet; 0: all is saved.
    pub(crate) checkpoint_age_seconds: f64,
    /// Records that were read and are not yet acknowledged.
    pub(crate) held: u64,
    /// Batches in flight.
    pub(crate) in_flight: u64,
    /// How many batches may be in flight.
    pub(crate) concurrency: u64,
    /// How far the host's clock is ahead of the source's, or behind it if negative; only where it is 30 s or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock_ahead_seconds: Option<f64>,
}

/// One shard as the mapping sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ShardStatus {
    /// `shardId-…`.
    pub(crate) shard_id: String,
    /// Its saved checkpoint: `TRIM_HORIZON`, `AT_TIMESTAMP:…`, `LATEST:…`, `AFTER:…` or `END`.
    pub(crate) position: String,
    /// How old the last record of its last batch was when it went to the function; 0 once it is idle, null before
    /// its first batch.
    pub(crate) iterator_age_seconds: Option<f64>,
    /// Whether it is read.
    pub(crate) state: ShardState,
}

impl StreamStatus {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let gauges = &snapshot.gauges;
        let unsaved = gauges.unsaved_since_unix_ms.map(|since| snapshot.taken_unix_ms.saturating_sub(since));
        Self {
            iterator_age_seconds: snapshot.iterator_age.map(|age| age.as_secs_f64()),
            checkpoint_age_seconds: Duration::from_millis(unsaved.unwrap_or(0)).as_secs_f64(),
            held: gauges.held as u64,
            in_flight: gauges.in_flight as u64,
            concurrency: gauges.limit as u64,
            clock_ahead_seconds: Some(snapshot.clock_ahead_ms)
                .filter(|&ahead| ahead != 0)
                .map(|ahead| ahead as f64 / 1000.0),
        }
    }
}

impl ShardStatus {
    pub(super) fn all(snapshot: &Snapshot) -> Vec<Self> {
        let shards = snapshot.shards.iter().map(|(id, shard)| Self {
            shard_id: id.to_string(),
            position: shard.position.to_string(),
            iterator_age_seconds: shard.age.map(|age| age.as_secs_f64()),
            state: shard.state,
        });
        shards.collect()
    }
}

/// A time as people read it; empty where there is no such time.
pub(super) fn rfc3339(unix_ms: u64) -> String {
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map(|at| format!("{at:.0}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
