//! The machine of one SQS standard queue, composed of batcher, outcome, backoff, visibility and scaler.

mod attempts;
mod delete;
mod drain;
mod give_up;
mod hide;
mod invoke;
mod machine;
mod options;
mod receive;
mod settle;
#[cfg(test)]
mod tests;

pub use machine::QueueMachine;
pub use options::{GroupOrder, OnFunctionError, QueueOptions};
