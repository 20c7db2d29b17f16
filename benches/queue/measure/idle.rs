//! What a process costs that has nothing to do.

use std::time::Duration;

use super::{ENDING, MIB, PATIENCE, setup};
use crate::common::{Child, Row, say};
use crate::driver::{BATCH, Bench, MappingFile, Options, QUEUE};
use crate::fake::{Setup, Until};

const MANY: usize = 200;

/// Figures of one idle process.
struct Idle {
    resident_mb: f64,
    /// Of one core.
    core: f64,
    threads: u64,
}

/// One mapping, then many, each next to a bare loop with one long poll for each queue.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (count, most_mb, most_core) in [(1, 25.0, None), (MANY, 80.0, Some(0.02))] {
        let queues: Vec<String> = match count {
            1 => vec![QUEUE.to_owned()],
            _ => (0..count).map(|number| format!("{QUEUE}-{number}")).collect(),
        };
        let mapping = MappingFile { queues: queues.clone(), concurrency: None, ..MappingFile::default() };
        reset(bench, &queues).await?;
        let mut child = bench.forebay(&mapping)?;
        let ours = watch(bench, &mut child, count, options).await?;
        child.terminate(ENDING).await?;
        reset(bench, &queues).await?;
        let mut child = bench.bare(&queues, 1, BATCH)?;
        let theirs = watch(bench, &mut child, count, options).await?;
        child.kill().await?;
        say(&format!("idle with {count}: forebay {}; bare loop {}", ours.words(), theirs.words()));
        let what = format!("{count} idle mapping{}", if count == 1 { "" } else { "s" });
        rows.push(
            Row::pair(
                format!("{what}: resident"),
                format!("{:.1} MB", ours.resident_mb),
                format!("{:.1} MB", theirs.resident_mb),
                ours.resident_mb / theirs.resident_mb,
            )
            .target(format!("≤ {most_mb} MB"), ours.resident_mb <= most_mb),
        );
        let mut core = Row::alone(format!("{what}: share of a core"), percent(ours.core));
        core.bare = percent(theirs.core);
        rows.push(match most_core {
            Some(most) => core.target(format!("≤ {}", percent(most)), ours.core <= most),
            None => core,
        });
    }
    Ok(rows)
}

async fn reset(bench: &Bench, queues: &[String]) -> anyhow::Result<()> {
    bench.fake.reset(&Setup { queues: queues.to_vec(), ..setup(0, 0) }).await
}

async fn watch(bench: &mut Bench, child: &mut Child, polls: usize, options: &Options) -> anyhow::Result<Idle> {
    let until = Until { waiting: polls as u64, ..Until::default() };
    child.during(bench.fake.wait(until, PATIENCE)).await?;
    // Longer than a long poll, so that every mapping polls again at least once.
    let (settle, span) = if options.quick { (1, 3) } else { (5, 45) };
    tokio::time::sleep(Duration::from_secs(settle)).await;
    let before = child.sample()?;
    let clock = std::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(span)).await;
    let after = child.sample()?;
    bench.check()?;
    Ok(Idle {
        resident_mb: after.resident_kib as f64 / 1024.0 * MIB / 1e6,
        core: (after.cpu.saturating_sub(before.cpu)).as_secs_f64() / clock.elapsed().as_secs_f64(),
        threads: after.threads,
    })
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

impl Idle {
    fn words(&self) -> String {
        format!("{:.1} MB, {} of a core, {} threads", self.resident_mb, percent(self.core), self.threads)
    }
}
