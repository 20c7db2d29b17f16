//! An event on its way to a worker.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Slots;
use super::turns::Call;

/// An event for a worker. Dropped before it is [taken](Self::taken), it goes to the next one: that was no attempt.
pub(in crate::function::runtime_api) struct HandOver {
    slots: Arc<Slots>,
    pub(in crate::function::runtime_api) request_id: Arc<str>,
    pub(in crate::function::runtime_api) invocation_id: Arc<str>,
    pub(in crate::function::runtime_api) body: Bytes,
    pub(in crate::function::runtime_api) timeout: Duration,
    is_taken: bool,
}

impl HandOver {
    pub(super) fn new(slots: &Arc<Slots>, call: &Call, invocation_id: &Arc<str>) -> Self {
        Self {
            slots: Arc::clone(slots),
            request_id: Arc::clone(&call.request_id),
            invocation_id: Arc::clone(invocation_id),
            body: call.body.clone(),
            timeout: call.timeout,
            is_taken: false,
        }
    }

    /// It is in the answer to the worker now.
    pub(in crate::function::runtime_api) fn taken(mut self) {
        self.is_taken = true;
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        if !self.is_taken {
            self.slots.give_back(&self.request_id, &self.invocation_id);
        }
    }
}
