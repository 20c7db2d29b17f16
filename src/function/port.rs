//! The port of functions.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::machine::uuid::{hyphenated, random};
use crate::machine::{Fault, FunctionSettings, InvokeResult};

/// One delivery of an event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Names the batch to targets that are not asked through Lambda's own API: a UUID (version 4), the same for every
    /// retry of the batch while it stays unchanged.
    pub request_id: Arc<str>,
    /// 1 for the first delivery of the batch.
    pub attempt: u32,
    /// The event.
    pub body: Bytes,
}

impl Invocation {
    /// The first delivery of an event, under a random name.
    #[must_use]
    pub fn first(body: impl Into<Bytes>) -> Self {
        Self { request_id: hyphenated(random(&mut fastrand::Rng::new())).into(), attempt: 1, body: body.into() }
    }
}

/// Something that takes an event and answers: a Lambda function, or the simulator's model of one.
///
/// One call is one delivery: an implementation never sends an event twice on its own.
pub trait Function: Send + Sync + 'static {
    /// Sends the event and waits for the answer.
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, InvokeResult>;

    /// What the function's configuration says, where we may read it; of other targets, whether one can be connected to.
    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>>;

    /// How many invocations the target can have at a time now, from all its callers together; `None`: it does not say.
    fn capacity(&self) -> Option<watch::Receiver<u32>> {
        None
    }

    /// Why the target can have no invocation, as far as it knows: a lowercase fragment.
    fn trouble(&self) -> Option<String> {
        None
    }
}
