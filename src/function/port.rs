//! The port of functions.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::machine::{Fault, InvokeResult};

/// Something that takes an event and answers: a Lambda function, or the simulator's model of one.
///
/// One call is one delivery: an implementation never sends an event twice on its own.
pub trait Function: Send + Sync + 'static {
    /// Sends the event and waits for the answer.
    fn invoke(&self, body: Bytes) -> BoxFuture<'_, InvokeResult>;

    /// What the function's configuration says, where we may read it.
    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>>;
}

/// What a function says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSettings {
    /// `Timeout`: the longest that an invocation may run.
    pub timeout: Duration,
    /// `ReservedConcurrentExecutions`, where it is known.
    pub reserved_concurrency: Option<u32>,
    /// `Role`: the ARN of the execution role, where it has one.
    pub role: Option<String>,
    /// `FunctionArn`, where the answer has it.
    pub arn: Option<String>,
}
