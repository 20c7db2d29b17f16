//! The machine of one SQS queue, standard or FIFO, in parts: receiving, gathering, invoking and finishing.
//!
//! Each part has its own state and deadline, and is given what it works on. What concerns several of them is in
//! `received.rs`, `invoked.rs`, `failure.rs`, `lost.rs`, `change.rs`, `drain.rs` and `hand_over.rs`.

mod attempts;
mod change;
mod context;
mod drain;
mod draining;
mod failure;
mod finishing;
mod gather;
mod hand_over;
mod invoked;
mod invoking;
mod leases;
mod lost;
mod machine;
mod message;
mod options;
mod received;
mod receiving;
mod rules;
#[cfg(test)]
mod tests;

pub use leases::MAX_HIDDEN;
pub use machine::QueueMachine;
pub use options::{GroupOrder, LONG_POLL, MAX_ENTRIES, OnFunctionError, QueueOptions};
