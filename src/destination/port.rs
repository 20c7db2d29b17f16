//! The port of failure destinations.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::machine::{Failure, Fault};

/// Takes failure records: an SQS queue, an SNS topic, an S3 bucket, or the simulator's model of one.
///
/// One call is one try: the machine repeats a delivery that was not confirmed, with the same [`Failure`]. An
/// implementation answers `Ok` only when the service has confirmed that it keeps the record.
pub trait Destination: Send + Sync + 'static {
    /// Delivers one failure record.
    fn deliver(&self, failure: Arc<Failure>) -> BoxFuture<'_, Result<(), Fault>>;
}
