//! FIFO queues from end to end: each message group in its order.

mod batches;
mod changes;
mod concurrency;
mod drain;
mod kill;
