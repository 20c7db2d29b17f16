//! The port of functions.

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
    pub request_id: u128,
    /// 1 for the first delivery of the batch.
    pub attempt: u32,
    /// The event.
    pub body: Bytes,
}

impl Invocation {
    /// The first delivery of an event, under a random name.
    #[must_use]
    pub fn first(body: impl Into<Bytes>) -> Self {
        Self { request_id: random(&mut fastrand::Rng::new()), attempt: 1, body: body.into() }
    }

    /// The request id as text.
    #[must_use]
    pub fn id(&self) -> String {
        hyphenated(self.request_id)
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

    /// Why the target can have no invocation, where that does not pass by itself: a lowercase fragment.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// What keeps the target from having an invocation now, which may pass: a lowercase fragment.
    fn waits_for(&self) -> Option<String> {
        self.trouble()
    }

    /// What the target consists of: addresses, or workers. Empty for one that is a whole.
    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }
}

/// An address or a worker of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of an address, the address; of a worker, its number, or from where it attached.
    pub name: String,
    /// Whether it takes invocations.
    pub state: PartState,
    /// How many invocations it has, those included whose time is over.
    pub in_flight: u32,
    /// Why it is down, or what it calls itself.
    pub note: Option<String>,
}

/// Whether a part of a target takes invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartState {
    /// It has not been reached, or has not asked for an event, so far.
    Starting,
    /// It takes invocations.
    Up,
    /// It is at work for an invocation whose time is over, and takes the next one after that.
    Late,
    /// It ends when it has answered what it has.
    Ending,
    /// It takes none.
    Down,
}
