//! The real binary, from the outside: help, exit codes, errors, and the life of a daemon.

#![expect(clippy::disallowed_methods, reason = "real processes and services follow the host's clock")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod aws_api;
mod checkpoint;
mod daemon;
mod docs;
mod export;
mod fake;
mod filter;
mod filter_input;
mod flow;
mod help;
mod import;
mod invoke;
mod offline;
mod refusals;
mod support;
mod trust;
mod validate;
