//! What is said of shards, marks and records that are given up.

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
                tell!(info, self, shard = &**shard, %from, "a shard is read");
            }
            Event::PinMoved { shard, from, to } => {
                tell!(
                    warn,
                    self,
                    shard = &**shard,
                    %from,
                    %to,
                    "a shard was pinned at a time that is still to come, by a clock that was wrong: it is pinned at \
                     this time"
                );
            }
            Event::ShardEnded { shard } => {
                self.repeats.forget(shard);
                tell!(info, self, shard = &**shard, "a closed shard was processed to its end");
            }
            Event::ShardGone { shard } => {
                self.repeats.forget(shard);
                tell!(
                    warn,
                    self,
                    shard = &**shard,
                    "the stream no longer lists a shard: what was not read of it is lost"
                );
            }
            Event::Trimmed { shard } => {
                if let Some(silenced) = self.repeats.admit_of(shard, Topic::Trimmed, "", Instant::now()) {
                    tell!(
                        warn,
                        self,
                        shard = &**shard,
                        silenced,
                        "records were trimmed before they were read: they are lost, going on with the oldest"
                    );
                }
            }
            Event::IteratorExpired { shard } => {
                if let Some(silenced) = self.repeats.admit(Topic::IteratorExpired, "", Instant::now()) {
                    tell!(info, self, shard = &**shard, silenced, "an iterator has expired: opening the shard again");
                }
            }
            _ => {}
        }
    }

    /// What happens to a stream's marks and to records that are given up.
    pub(super) fn stream(&self, event: &Event) {
        match event {
            Event::CheckpointFailed { message, retry_in } => self.warn(Topic::Checkpoint, "", |silenced| {
                tell!(warn, self, error = message, ?retry_in, silenced, "checkpoint failed, trying again");
            }),
            Event::ListFailed { kind, message, retry_in } => self.list_failed(*kind, message, *retry_in),
            Event::Dropped { records, condition } => self.warn(Topic::Dropped, condition.as_str(), |silenced| {
                let condition = condition.as_str();
                tell!(warn, self, records, condition, silenced, "records were given up, and there is no destination");
            }),
            Event::DeliveredToDestination { records, condition } => {
                let condition = condition.as_str();
                if let Some(silenced) = self.repeats.admit(Topic::Delivered, condition, Instant::now()) {
                    tell!(
                        info,
                        self,
                        records,
                        condition,
                        silenced,
                        "records were given up and told to the destination"
                    );
                }
            }
            Event::DestinationFailed { records, kind, message, retry_in } => {
                if let Some(silenced) = self.admit(Topic::Destination, *kind) {
                    let kind = kind.as_str();
                    tell!(
                        warn,
                        self,
                        records,
                        kind,
                        error = message,
                        ?retry_in,
                        silenced,
                        "the destination did not confirm a failure record, delivering again"
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
                tell!(warn, self, kind = label, error = message, ?retry_in, silenced, "shards cannot be listed");
            }
            Some(silenced) => {
                tell!(info, self, kind = label, error = message, ?retry_in, silenced, "shards cannot be listed");
            }
            None => {
                tell!(debug, self, kind = label, error = message, ?retry_in, "shards cannot be listed");
            }
        }
    }
}
