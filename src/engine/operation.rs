//! What it means when an open call does not end by itself.

use std::fmt::Debug;

use tokio::task::JoinError;

use crate::machine::{Fault, FaultKind};

/// The fault of a call that was abandoned or that panicked: the machine always gets its answer.
pub(crate) fn not_ended(operation: impl Debug, error: &JoinError) -> Fault {
    if error.is_cancelled() {
        return Fault::new(FaultKind::Cancelled, "cancelled");
    }
    tracing::error!(?operation, %error, "a call panicked: please report this");
    Fault::new(FaultKind::Transient, format!("the call panicked: {error}"))
}
