//! What shards cost in which nothing arrives.

use std::time::{Duration, Instant};

use super::{ENDING, PATIENCE, setup};
use crate::common::{Child, Row, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::Until;

const SHARDS: usize = 1_000;

/// Figures of one idle process.
struct Idle {
    resident_kib: f64,
    peak_kib: f64,
    /// Of one core.
    core: f64,
    threads: u64,
}

/// The engine over one shard in memory and over many, then the whole forebay and the bare loop over as many.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    say("idle shards");
    let mut child = bench.shards(1)?;
    let one = watch(&mut child, options).await?;
    child.kill().await?;
    let mut child = bench.shards(SHARDS)?;
    let many = watch(&mut child, options).await?;
    child.kill().await?;
    let until = Until { reads: 2, ..Until::default() };
    bench.fake.reset(&setup(SHARDS, 0, 0)).await?;
    let mut running = bench.forebay(&MappingFile { batch_size: 100, lanes: 1 })?;
    running.child.during(bench.fake.wait(until.clone(), PATIENCE)).await?;
    let ours = watch(&mut running.child, options).await?;
    running.child.terminate(ENDING).await?;
    bench.fake.reset(&setup(SHARDS, 0, 0)).await?;
    let mut child = bench.bare(100)?;
    child.during(bench.fake.wait(until, PATIENCE)).await?;
    let theirs = watch(&mut child, options).await?;
    child.kill().await?;
    bench.check()?;
    say(&format!(
        "idle: 1 shard in memory {}; {SHARDS} {}; on the fake: forebay {}; bare loop {}",
        one.words(),
        many.words(),
        ours.words(),
        theirs.words()
    ));
    let mb = |kib: f64| kib * 1024.0 / 1e6;
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let what = format!("{SHARDS} idle shards in memory");
    let peak = mb(many.peak_kib);
    let more = (SHARDS - 1) as f64;
    let mut resident =
        Row::alone(format!("{SHARDS} idle shards on the fake: resident"), format!("{:.1} MB", mb(ours.resident_kib)));
    resident.bare = format!("{:.1} MB", mb(theirs.resident_kib));
    let mut core = Row::alone(format!("{SHARDS} idle shards on the fake: share of a core"), percent(ours.core));
    core.bare = percent(theirs.core);
    Ok(vec![
        Row::alone(format!("{what}: peak memory"), format!("{peak:.1} MB")).target("≤ 100 MB", peak <= 100.0),
        Row::alone(format!("{what}: share of a core"), percent(many.core)).target("≤ 5.00 %", many.core <= 0.05),
        Row::alone(
            "each more idle shard in memory",
            format!(
                "{:.1} KiB, {:.0} µs a second",
                (many.resident_kib - one.resident_kib) / more,
                (many.core - one.core) / more * 1e6
            ),
        ),
        resident,
        core,
    ])
}

async fn watch(child: &mut Child, options: &Options) -> anyhow::Result<Idle> {
    // Every shard is read about once a second.
    let seconds = |full, quick| Duration::from_secs(options.length(full, quick) as u64);
    tokio::time::sleep(seconds(5, 2)).await;
    let before = child.sample()?;
    let clock = Instant::now();
    tokio::time::sleep(seconds(30, 4)).await;
    let after = child.sample()?;
    Ok(Idle {
        resident_kib: after.resident_kib as f64,
        peak_kib: after.peak_kib as f64,
        core: after.cpu.saturating_sub(before.cpu).as_secs_f64() / clock.elapsed().as_secs_f64(),
        threads: after.threads,
    })
}

impl Idle {
    fn words(&self) -> String {
        format!(
            "{:.1} MiB (peak {:.1}), {:.2} % of a core, {} threads",
            self.resident_kib / 1024.0,
            self.peak_kib / 1024.0,
            self.core * 100.0,
            self.threads
        )
    }
}
