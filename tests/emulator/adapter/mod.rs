//! The adapters of queues, functions and failure destinations against an emulator.

pub(crate) mod destinations;
mod functions;
pub(crate) mod queues;
