//! The measurements, one file each.

mod checkpoints;
mod idle;
mod lanes;
mod machine;
mod poison;
mod throughput;

use std::time::{Duration, Instant};

use crate::common::{Child, Row, say};
use crate::driver::{Bench, MappingFile, Options, Part};
use crate::fake::{Setup, Until};

/// Longer than any single measurement takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a program may take to end when it is asked to.
const ENDING: Duration = Duration::from_secs(40);
/// Small, so that a shard's two megabytes a second are not what is measured.
pub(crate) const DATA_BYTES: usize = 128;
/// Partition keys of a shard: so many that lanes get nearly the same number of records.
const KEYS: usize = 20_011;

/// Every part that was asked for, in the order of the table.
pub(crate) async fn all(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if options.wants(Part::Throughput) {
        rows.extend(throughput::measure(bench, options).await?);
    }
    if options.wants(Part::Lanes) {
        rows.extend(lanes::measure(bench, options).await?);
    }
    if options.wants(Part::Poison) {
        rows.extend(poison::measure(bench, options).await?);
    }
    if options.wants(Part::Checkpoints) {
        rows.extend(checkpoints::measure(bench, options).await?);
    }
    if options.wants(Part::Idle) {
        rows.extend(idle::measure(bench, options).await?);
    }
    if options.wants(Part::Machine) {
        say("the machine alone");
        rows.extend(machine::measure(options));
    }
    bench.check()?;
    Ok(rows)
}

fn setup(shards: usize, records: usize, function_ms: u64) -> Setup {
    Setup { shards, records, data_bytes: DATA_BYTES, keys: KEYS, function_ms, poison: None }
}

/// Figures of one run in which every record goes through the function once.
#[derive(Clone, Copy)]
struct Run {
    per_second: f64,
    cpu_us: f64,
    peak_mib: f64,
    /// How much of its core the fake was busy: near 1 it would be the fake that is measured.
    fake_busy: f64,
}

impl Run {
    fn words(&self) -> String {
        format!(
            "{:.0} records/s, {:.2} µs each, {:.1} MiB (fake {:.0} % of a core)",
            self.per_second,
            self.cpu_us,
            self.peak_mib,
            self.fake_busy * 100.0
        )
    }
}

/// forebay over a stream that waits for it.
async fn forebay(bench: &mut Bench, setup: &Setup, mapping: &MappingFile) -> anyhow::Result<Run> {
    bench.fake.reset(setup).await?;
    let mut running = bench.forebay(mapping)?;
    let run = emptied(bench, &mut running.child, setup).await?;
    let status = running.child.terminate(ENDING).await?;
    anyhow::ensure!(status.success(), "forebay ended with {status} when it was asked to end");
    Ok(run)
}

/// The bare loop over the same.
async fn bare(bench: &mut Bench, setup: &Setup, batch_size: usize) -> anyhow::Result<Run> {
    bench.fake.reset(setup).await?;
    let mut child = bench.bare(batch_size)?;
    let run = emptied(bench, &mut child, setup).await?;
    child.kill().await?;
    Ok(run)
}

/// Waits until every record went through the function and reads what that has cost.
async fn emptied(bench: &mut Bench, child: &mut Child, setup: &Setup) -> anyhow::Result<Run> {
    let records = setup.shards * setup.records;
    let (before, clock) = (bench.fake_sample()?, Instant::now());
    child.during(bench.fake.wait(Until { done: records, ..Until::default() }, PATIENCE)).await?;
    let used = child.sample()?;
    let fake = bench.fake_sample()?.cpu.saturating_sub(before.cpu);
    let fake_busy = fake.as_secs_f64() / clock.elapsed().as_secs_f64();
    let stats = bench.fake.stats().await?;
    anyhow::ensure!(
        stats.repeated == 0 && stats.out_of_order == 0 && stats.done == records,
        "every record should have gone through once, in its key's order: {stats:?}"
    );
    let span = stats.span_us.unwrap_or(1) as f64 / 1e6;
    Ok(Run {
        per_second: records as f64 / span,
        cpu_us: used.cpu.as_secs_f64() * 1e6 / records as f64,
        peak_mib: used.peak_kib as f64 / 1024.0,
        fake_busy,
    })
}
