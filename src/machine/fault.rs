//! What can go wrong outside, in the few classes that change a decision.

use std::time::Duration;

use thiserror::Error;

use super::labels::labels;

labels! {
    /// The class of a fault. Every answer of AWS is put into one of these once, in `aws/`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum FaultKind {
        /// The service asks for less: 429 and its kin. Never spends a receive count or a retry.
        Throttled => "throttled",
        /// The service or the way to it is broken for now: 5xx, resets, refused connections.
        Transient => "transient",
        /// No answer within the time allowed; whether the request took effect is unknown.
        Timeout => "timeout",
        /// Credentials or permissions are not enough.
        Denied => "denied",
        /// The queue, stream or function does not exist (here, in this account and region).
        Missing => "missing",
        /// The handle, iterator or credential is past its time.
        Expired => "expired",
        /// The position was trimmed from the stream.
        Trimmed => "trimmed",
        /// The payload is larger than the service takes.
        TooLarge => "too_large",
        /// The service refuses the request as it is, and will again.
        Invalid => "invalid",
        /// The operation was abandoned on our side before it ended.
        Cancelled => "cancelled",
        /// Another task has taken over the checkpoints: this one has lost what it holds.
        Fenced => "fenced",
    }
}

impl FaultKind {
    /// Whether somebody must act before it can work again: the mapping shows degraded at once,
    /// not only after repeated failures.
    #[must_use]
    pub const fn needs_operator(self) -> bool {
        matches!(self, Self::Denied | Self::Missing | Self::Expired | Self::Invalid)
    }
}

/// One classified fault.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct Fault {
    /// The class that decides what happens next.
    pub kind: FaultKind,
    /// What to show: which call, which error code, what the service said.
    pub message: String,
    /// The pause that the service asked for.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault without a pause asked for.
    #[must_use]
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}
