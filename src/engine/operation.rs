//! What it means when an open call does not end by itself.

use std::time::Duration;

use tokio::task::JoinError;

use crate::machine::{Fault, FaultKind, Input, Operation};

impl Operation {
    /// The input for a call that was given up or that panicked: the machine always gets its answer.
    pub(crate) fn failed(self, error: &JoinError) -> Input {
        let fault = if error.is_cancelled() {
            Fault::new(FaultKind::Cancelled, "cancelled")
        } else {
            tracing::error!(operation = ?self, %error, "a call panicked: please report this");
            Fault::new(FaultKind::Transient, format!("the call panicked: {error}"))
        };
        match self {
            Self::Describe => Input::Described(Err(fault)),
            Self::Poll(poll) => Input::Polled { poll, result: Err(fault) },
            Self::Invoke(batch) => Input::Invoked { batch, result: Err(fault), took: Duration::ZERO },
            Self::Settle(settle) => Input::Settled { settle, result: Err(fault) },
            Self::List => Input::Listed(Err(fault)),
            Self::Claim => Input::Claimed(Err(fault)),
            Self::Read(read) => Input::Read { read, result: Err(fault) },
            Self::Save(save) => Input::Saved { save, result: Err(fault) },
            Self::Deliver(delivery) => Input::Delivered { delivery, result: Err(fault) },
        }
    }
}
