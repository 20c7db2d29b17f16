//! The driver: starts the fake and the programs under measurement, and prints the table.

mod client;
mod options;
mod programs;

use anyhow::Context;

use crate::common::print;

pub(crate) use options::{Options, Part};
pub(crate) use programs::{Bench, MappingFile, Running};

/// Measures every part that was asked for, then prints the whole table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    let rows = runtime.block_on(async {
        let mut bench = Bench::start(options).await?;
        crate::measure::all(&mut bench, options).await
    })?;
    let head = format!("medians of {} pairs; records of {} bytes", options.runs(), crate::measure::DATA_BYTES);
    print(&rows, &head, options.quick)
}
