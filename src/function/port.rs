//! The port of functions.

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::machine::{Fault, FunctionSettings, InvokeResult};

/// Something that takes an event and answers: a Lambda function, or the simulator's model of one.
///
/// One call is one delivery: an implementation never sends an event twice on its own.
pub trait Function: Send + Sync + 'static {
    /// Sends the event and waits for the answer.
    fn invoke(&self, body: Bytes) -> BoxFuture<'_, InvokeResult>;

    /// What the function's configuration says, where we may read it.
    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>>;
}
