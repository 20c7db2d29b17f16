//! Filters from end to end, on queues and streams.

mod fifo;
mod kill;
mod queue;
mod streams;
pub(crate) mod traffic;
