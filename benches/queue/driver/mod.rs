//! The driver: starts the fake and the programs under measurement, and prints the table.

mod child;
mod client;
mod options;
mod process;
mod programs;
mod report;

use std::io::Write;

use anyhow::Context;

pub(crate) use child::Child;
pub(crate) use client::FakeClient;
pub(crate) use options::{Options, Part};
pub(crate) use process::Sample;
pub(crate) use programs::{Bench, MappingFile, QUEUE};
pub(crate) use report::{Row, median};

/// Measures every part that was asked for, then prints the whole table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    let rows = runtime.block_on(async {
        let mut bench = Bench::start(options).await?;
        crate::measure::all(&mut bench, options).await
    })?;
    report::print(&rows, options)
}

/// Says what went wrong.
pub(crate) fn complain(error: &anyhow::Error) {
    writeln!(std::io::stderr(), "the bench failed: {error:?}").ok();
}

/// Says what is going on; the table alone goes to standard output.
pub(crate) fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
