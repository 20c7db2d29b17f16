//! One record of a source, encoded once when it was polled or read.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Screening;

/// A record that was polled or read and is not finished: what all kinds of sources have in common.
///
/// The adapter encodes it once into the JSON object that the function will see.
/// Batches, retries and splits only join these fragments, so sizes are exact and bytes never change.
#[derive(Clone, Debug)]
pub struct Record {
    /// What the function names in `batchItemFailures`: a message id or a sequence number.
    pub id: Arc<str>,
    /// The encoded JSON object.
    pub fragment: Bytes,
    /// When the source took the record in, in milliseconds since the Unix epoch.
    pub arrived_unix_ms: u64,
    /// What the mapping's filters say of it. Sources leave that open.
    pub screening: Screening,
}

/// A message of a queue, as one receive handed it out.
#[derive(Clone, Debug)]
pub struct Message {
    /// The record that the function gets.
    pub record: Record,
    /// What the queue requires to delete the message or to change its visibility timeout.
    pub receipt: Receipt,
    /// How often the queue has handed this message out, this time included.
    pub receive_count: u32,
    /// The message group, of a FIFO queue's message.
    pub group: Option<Arc<str>>,
}

/// A record of a stream's shard. Its id is the sequence number.
#[derive(Clone, Debug)]
pub struct StreamRecord {
    /// The record that the function gets.
    pub record: Record,
    /// A stable hash of the partition key or item key.
    pub key_hash: u64,
}

/// An SQS receipt handle: the right to delete or hide one delivery of a message.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receipt(Arc<str>);

impl Receipt {
    /// Wraps the handle exactly as the source gave it.
    #[must_use]
    pub fn new(handle: impl Into<Arc<str>>) -> Self {
        Self(handle.into())
    }

    /// The handle exactly as the source gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: String = self.0.chars().take(12).collect();
        write!(f, "Receipt({head}…)")
    }
}
