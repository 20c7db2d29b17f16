//! The measurements, one file each.

mod api;
mod drain;
mod errors;
mod fifo;
mod filter;
mod idle;
mod latency;
mod machine;
mod start;
mod throughput;

use std::time::Duration;

use anyhow::Context;

use crate::common::{Row, say};
use crate::driver::{Bench, Options, Part};
use crate::fake::{Content, Setup};

/// Longer than any single measurement takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a program may take to end when it is asked to.
const ENDING: Duration = Duration::from_secs(40);
const BODY_BYTES: usize = 1024;
const MIB: f64 = 1024.0 * 1024.0;

/// Every part that was asked for, in the order of the table.
pub(crate) async fn all(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if options.wants(Part::Size) {
        rows.push(size(bench)?);
    }
    if options.wants(Part::Start) {
        say("start to first poll");
        rows.extend(start::measure(bench, options).await?);
    }
    if options.wants(Part::Latency) {
        say("latency from send to function start");
        rows.extend(latency::measure(bench, options).await?);
    }
    if options.wants(Part::Throughput) || options.wants(Part::Memory) {
        rows.extend(throughput::measure(bench, options).await?);
    }
    if options.wants(Part::Idle) {
        rows.extend(idle::measure(bench, options).await?);
    }
    if options.wants(Part::Drain) {
        say("drain under load");
        rows.extend(drain::measure(bench, options).await?);
    }
    if options.wants(Part::Errors) {
        say("calls that Lambda refuses");
        rows.extend(errors::measure(bench, options).await?);
    }
    if options.wants(Part::Fifo) {
        say("FIFO queues: what SQS allows");
        rows.extend(fifo::bound(bench, options).await?);
    }
    if options.wants(Part::FifoFailing) {
        say("FIFO queues: a group that always fails");
        rows.extend(fifo::failing(bench, options).await?);
    }
    if options.wants(Part::Filter) {
        say("one filter and none");
        rows.extend(filter::measure(bench, options).await?);
    }
    if options.wants(Part::Api) {
        say("the AWS API");
        rows.extend(api::measure(bench, options).await?);
    }
    if options.wants(Part::Machine) {
        say("the machine alone");
        rows.extend(machine::measure(options));
    }
    bench.check()?;
    Ok(rows)
}

fn size(bench: &Bench) -> anyhow::Result<Row> {
    let path = bench.forebay_path();
    let bytes = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
    let mb = bytes as f64 / 1e6;
    Ok(Row::alone("release binary", format!("{mb:.1} MB")).target("≤ 20 MB", mb <= 20.0))
}

/// One queue with `messages` waiting in it.
fn setup(messages: usize, function_ms: u64) -> Setup {
    Setup {
        queues: vec![crate::driver::QUEUE.to_owned()],
        messages,
        content: Content::Note,
        body_bytes: BODY_BYTES,
        function_ms,
        visibility_s: 60,
        fifo: None,
        refusing: None,
    }
}
