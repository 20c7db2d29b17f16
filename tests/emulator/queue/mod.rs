//! Standard queues from end to end: what a function answers, and what becomes of each message.

mod answers;
mod batches;
mod failures;
mod http;
mod kill;
mod on_failure;
mod receives;
mod rie;
mod runtime_api;
mod targets;
mod throttle;
