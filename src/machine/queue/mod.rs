//! The machine of one SQS queue, standard or FIFO, composed of batcher, groups, outcome, backoff, visibility and scaler.

mod change;
mod delete;
mod drain;
mod fifo;
mod give_up;
mod hand_over;
mod hide;
mod invoke;
mod machine;
mod options;
mod receive;
mod screen;
mod settle;
#[cfg(test)]
mod tests;

pub use machine::QueueMachine;
pub use options::{GroupOrder, LONG_POLL, OnFunctionError, QueueOptions};
