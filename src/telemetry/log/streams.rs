//! The log lines about shards, checkpoints and records that failed for good.

use std::time::Duration;

use tokio::time::Instant;

use super::EventLog;
use crate::machine::{Event, FaultKind};
use crate::telemetry::repeats::Topic;

impl EventLog {
    /// What happens to one shard. A loss is said for each shard: another one's does not silence it.
    pub(super) fn shard(&self, event: &Event) {
        match event {
            Event::ShardStarted { shard, from } => {
                line!(info, self, shard = &**shard, %from, "reading shard");
            }
            Event::PinMoved { shard, from, to } => {
                line!(
                    warn,
                    self,
                    shard = &**shard,
                    %from,
                    %to,
                    "the starting position of a shard was in the future, because a clock was wrong: it is moved to now"
                );
            }
            Event::ShardEnded { shard } => {
                self.repeats.forget(shard);
                line!(info, self, shard = &**shard, "closed shard finished");
            }
            Event::ShardGone { shard } => {
                self.repeats.forget(shard);
                line!(warn, self, shard = &**shard, "the stream no longer lists a shard: its unread records are lost");
            }
            Event::Trimmed { shard } => {
                if let Some(silenced) = self.repeats.admit_of(shard, Topic::Trimmed, "", Instant::now()) {
                    line!(
                        warn,
                        self,
                        shard = &**shard,
                        silenced,
                        "records were trimmed before they were read, and are lost: continuing at the oldest record"
                    );
                }
            }
            Event::IteratorExpired { shard } => {
                if let Some(silenced) = self.repeats.admit(Topic::IteratorExpired, "", Instant::now()) {
                    line!(info, self, shard = &**shard, silenced, "an iterator expired: opening the shard again");
                }
            }
            _ => {}
        }
    }

    /// What happens to a stream's checkpoints and to records that failed for good.
    pub(super) fn stream(&self, event: &Event) {
        match event {
            Event::CheckpointFailed { message, retry_in } => self.warn(Topic::Checkpoint, "", |silenced| {
                line!(warn, self, error = message, ?retry_in, silenced, "checkpoints could not be saved: retrying");
            }),
            Event::ListFailed { kind, message, retry_in } => self.list_failed(*kind, message, *retry_in),
            Event::Dropped { records, condition } => self.warn(Topic::Dropped, condition.as_str(), |silenced| {
                let condition = condition.as_str();
                line!(
                    warn,
                    self,
                    records,
                    condition,
                    silenced,
                    "records discarded: the mapping has no failure destination"
                );
            }),
            Event::DeliveredToDestination { records, condition } => {
                let condition = condition.as_str();
                if let Some(silenced) = self.repeats.admit(Topic::Delivered, condition, Instant::now()) {
                    line!(info, self, records, condition, silenced, "failure record delivered");
                }
            }
            Event::DestinationFailed { records, kind, message, retry_in } => {
                if let Some(silenced) = self.admit(Topic::Destination, *kind) {
                    let kind = kind.as_str();
                    line!(
                        warn,
                        self,
                        records,
                        kind,
                        error = message,
                        ?retry_in,
                        silenced,
                        "the destination did not confirm a failure record: delivering it again"
                    );
                }
            }
            _ => {}
        }
    }

    fn list_failed(&self, kind: FaultKind, message: &str, retry_in: Duration) {
        let label = kind.as_str();
        match self.admit(Topic::List, kind) {
            Some(silenced) if kind.needs_operator() => {
                line!(warn, self, kind = label, error = message, ?retry_in, silenced, "shards cannot be listed");
            }
            Some(silenced) => {
                line!(info, self, kind = label, error = message, ?retry_in, silenced, "shards cannot be listed");
            }
            None => {
                line!(debug, self, kind = label, error = message, ?retry_in, "shards cannot be listed");
            }
        }
    }
}
