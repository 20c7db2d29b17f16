//! The port of queue-like sources.

use futures_util::future::BoxFuture;

use crate::machine::{Fault, PollRequest, QueueAttributes, Receipt, Record, SettleEntry, SettleOutcome};

/// A queue that hides what it hands out: SQS, or the simulator's model of it.
///
/// Hidden contracts, made plain:
/// * an implementation does one call for one call: no batching, no retries of its own beyond
///   what its client does for a connection that could not be opened;
/// * answers have one outcome for each entry of the request, in its order, even when the service
///   answers out of order or leaves an entry out (then the entry has failed);
/// * deleting what is already deleted is [`SettleOutcome::Done`] or [`SettleOutcome::Gone`], never a fault;
/// * dropping a future gives its call up.
pub trait QueueSource: Send + Sync + 'static {
    /// Reads the queue's attributes.
    fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>>;

    /// Receives up to `request.max` (1 to 10) messages.
    fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Record>, Fault>>;

    /// Deletes up to ten messages.
    fn delete(&self, receipts: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<SettleOutcome>, Fault>>;

    /// Sets the visibility timeout of up to ten messages.
    fn change_visibility(&self, entries: Vec<SettleEntry>) -> BoxFuture<'_, Result<Vec<SettleOutcome>, Fault>>;
}
