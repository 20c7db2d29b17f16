//! What all benches need: processes and what they use, the fake's HTTP, and the table at the end.

mod child;
mod control;
mod http;
mod process;
mod report;
mod stage;

use std::io::Write;

pub(crate) use child::Child;
pub(crate) use control::FakeClient;
pub(crate) use http::{Answer, bind, error, function_configuration, json, refuse, reply, serve};
pub(crate) use process::Sample;
pub(crate) use report::{Row, median, print};
pub(crate) use stage::{Stage, free_address};

/// Says what went wrong.
pub(crate) fn complain(error: &anyhow::Error) {
    writeln!(std::io::stderr(), "the bench failed: {error:?}").ok();
}

/// Says what is going on; the table alone goes to standard output.
pub(crate) fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
