//! The ports of sources: queues, and streams.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::clock::ServiceClock;
use crate::machine::{
    Fault, Message, PollRequest, QueueAttributes, ReadAnswer, ReadRequest, Receipt, ReceiptEntry, ReceiptOutcome,
    StreamListing,
};

/// A queue that hides what it hands out: SQS, or the simulator's model of it.
///
/// Hidden contracts, made plain:
/// * an implementation does one call for one call: no batching, no retries of its own beyond
///   what its client does for a connection that could not be opened;
/// * answers have one outcome for each entry of the request, in its order, even when the service
///   answers out of order or leaves an entry out (then the entry has failed);
/// * deleting what is already deleted is [`ReceiptOutcome::Done`] or [`ReceiptOutcome::Gone`], never a fault;
/// * dropping a future gives its call up.
pub trait QueueSource: Send + Sync + 'static {
    /// Reads the queue's attributes.
    fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>>;

    /// Receives up to `request.max` (1 to 10) messages.
    fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Message>, Fault>>;

    /// Deletes up to ten messages.
    fn delete(&self, receipts: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>>;

    /// Sets the visibility timeout of up to ten messages.
    fn change_visibility(&self, entries: Vec<ReceiptEntry>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>>;
}

/// A stream of shards: Kinesis, DynamoDB Streams, or the simulator's model of them.
///
/// Hidden contracts, made plain:
/// * a read opens its shard first where the request says so, and then reads once: no retries, no reading on;
/// * an iterator that is past its time is [`FaultKind::Expired`](crate::machine::FaultKind::Expired) (as are
///   expired credentials: the machine opens the shard again in both cases), a position that the stream no longer
///   holds is [`FaultKind::Trimmed`](crate::machine::FaultKind::Trimmed), a shard or stream that does not exist is
///   [`FaultKind::Missing`](crate::machine::FaultKind::Missing);
/// * records come in the order of the shard, each encoded, with the sequence number as its id and the hash of its
///   ordering key;
/// * dropping a future gives its call up; a read takes nothing from anybody, so it can always be made again.
pub trait StreamSource: Send + Sync + 'static {
    /// Lists every shard that the stream holds records of, closed ones included, over all pages.
    fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>>;

    /// Reads a shard once.
    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>>;

    /// Follows the service's clock, where its answers tell the time: what is compared with times that it wrote goes by
    /// it.
    fn clock(&self) -> Option<Arc<ServiceClock>> {
        None
    }
}
