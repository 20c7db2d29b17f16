//! One record of a source, encoded once when it was polled.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Screening;

/// A record that was polled and not yet settled.
///
/// The adapter encodes it once, at poll time, into the JSON object that the function will see.
/// Batches, retries and splits only join these fragments, so sizes are exact and bytes never change.
#[derive(Clone, Debug)]
pub struct Record {
    /// What the function names in `batchItemFailures`: a message id or a sequence number.
    pub id: Arc<str>,
    /// What the source wants back when the record is settled.
    pub receipt: Receipt,
    /// The message group of a FIFO queue's message.
    pub key: Option<Arc<str>>,
    /// A stable hash of the partition key or item key of a stream's record; 0 for messages of queues.
    pub key_hash: u64,
    /// The encoded JSON object.
    pub fragment: Bytes,
    /// How often the source has handed this record out, this time included.
    pub receive_count: u32,
    /// When the source took the record in, in milliseconds since the Unix epoch.
    pub arrived_unix_ms: u64,
    /// What the mapping's filters say of it. Sources leave that open.
    pub screening: Screening,
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
