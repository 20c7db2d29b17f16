//! The adapters over real sockets: against an AWS emulator with real functions, and against a scripted server
//! for what no emulator does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod functions;
mod harness;
mod queues;
mod scripted;
mod wire_access;
mod wire_environment;
mod wire_lambda;
mod wire_sqs;
mod zip;
