//! FIFO queues: their model, and what must be true of the order in which their messages are worked on.

mod attempts;
pub(crate) mod draw;
mod failing;
mod order;
mod queue;
mod scenes;
mod tails;

pub(crate) use attempts::Attempts;
pub(crate) use queue::{FifoState, attributes};
