//! Where records go: the function, and the destinations of those that it does not get or fails.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::mismatch;
use crate::destination::Destination;
use crate::engine::Ports;
use crate::engine::limits::InvokeLimiter;
use crate::function::Function;
use crate::machine::{DeliverRequest, Fault};
use crate::mapping::Mapping;

/// The ports of one mapping that all kinds of sources have.
pub(crate) struct Outlets {
    function: Arc<dyn Function>,
    destination: Option<Arc<dyn Destination>>,
    filtered: Option<Arc<dyn Destination>>,
    rate: Option<NonZeroU32>,
    limiter: Option<Arc<InvokeLimiter>>,
}

impl Outlets {
    pub(super) fn new(ports: Ports, mapping: &Mapping, before: Option<&Self>) -> Self {
        let rate = mapping.poller.rate_limit;
        // Where the rate stays the same, the limiter knows when the last invoke was.
        let limiter = before.filter(|before| before.rate == rate).map(|before| before.limiter.clone());
        let limiter = limiter.unwrap_or_else(|| rate.map(|rate| Arc::new(InvokeLimiter::per_second(rate))));
        let Ports { function, destination, filtered, .. } = ports;
        Self { function, destination, filtered, rate, limiter }
    }

    pub(super) fn function(&self) -> Arc<dyn Function> {
        Arc::clone(&self.function)
    }

    /// How many invocations the function's target can have at a time; `None`: it does not say.
    pub(crate) fn capacity(&self) -> Option<watch::Receiver<u32>> {
        self.function.capacity()
    }

    /// Waits until one more invoke may begin, and says how long that took; `None` where the rate has no limit.
    pub(super) async fn admitted(&self) -> Option<Duration> {
        match &self.limiter {
            Some(limiter) => Some(limiter.admitted().await),
            None => None,
        }
    }

    pub(crate) async fn deliver(&self, request: DeliverRequest) -> Result<(), Fault> {
        let of_filters = request.failure.condition.is_of_filters();
        let filtered = self.filtered.as_ref().filter(|_| of_filters);
        match filtered.or(self.destination.as_ref()) {
            Some(destination) => destination.deliver(request.failure).await,
            None => Err(mismatch("the mapping has no destination for these records")),
        }
    }
}
