//! The adapters over real sockets: against an AWS emulator with real functions, and against a scripted server
//! for what no emulator does. And the program itself as a process, from end to end.

#![expect(clippy::disallowed_methods, reason = "real processes and services follow the host's clock")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod adapter;
mod api;
mod fifo;
mod filter;
mod fleet;
mod harness;
mod process;
mod queue;
mod stream;
mod table;
mod wire;
#[path = "../clients/worker.rs"]
mod worker;
mod workers;
