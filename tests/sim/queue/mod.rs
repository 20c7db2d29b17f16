//! SQS queues in memory, with all the liberties of the service, and the checks of the engine that works on them.

mod acts;
mod apply;
mod arrivals;
mod connector;
pub(crate) mod delivery;
pub(crate) mod destination;
mod draw;
mod function;
mod invokes;
pub(crate) mod leases;
mod pace;
mod panics;
pub(crate) mod plan;
pub(crate) mod receipts;
mod rest;
mod scenario;
pub(crate) mod scenes;
mod seeds;
pub(crate) mod session;
mod slow_down;
mod sqs;
pub(crate) mod subject;
