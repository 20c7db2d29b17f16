//! The calls that a driver has open, and what it means when one of them does not end by itself.

use std::time::Duration;

use tokio::task::JoinError;

use crate::machine::{BatchId, Fault, FaultKind, Input, PollId, SettleId};

/// Names an open call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Describe,
    Poll(PollId),
    Invoke(BatchId),
    Settle(SettleId),
}

impl Operation {
    /// The input for a call that was given up or that panicked: the machine always gets its answer.
    pub(crate) fn failed(self, error: &JoinError) -> Input {
        let fault = if error.is_cancelled() {
            Fault::new(FaultKind::Cancelled, "given up")
        } else {
            tracing::error!(operation = ?self, %error, "a call panicked: please report this");
            Fault::new(FaultKind::Transient, format!("the call panicked: {error}"))
        };
        match self {
            Self::Describe => Input::Described(Err(fault)),
            Self::Poll(poll) => Input::Polled { poll, result: Err(fault) },
            Self::Invoke(batch) => Input::Invoked { batch, result: Err(fault), took: Duration::ZERO },
            Self::Settle(settle) => Input::Settled { settle, result: Err(fault) },
        }
    }
}
