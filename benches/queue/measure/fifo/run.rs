//! One program on one FIFO queue for some seconds.

use std::time::{Duration, Instant};

use super::super::{ENDING, PATIENCE, setup};
use crate::common::Child;
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::{Failing, Fifo, Setup, Stats, Until};

const QUEUE: &str = "bench.fifo";
/// How long a program runs before anything counts: connections are open then, and all slots are taken.
const WARM: Duration = Duration::from_millis(1_500);

/// A queue whose groups always have messages waiting, and how a program works on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) groups: u32,
    /// Messages that exist of each group at any time.
    pub(super) depth: usize,
    pub(super) batch: usize,
    /// `MaximumConcurrency`; without it there may be as many batches in flight as there are groups.
    pub(super) concurrency: Option<usize>,
    pub(super) function_ms: u64,
    pub(super) visibility_s: u64,
    /// How the function fails for the first group.
    pub(super) failing: Option<Failing>,
    /// Further lines of the mapping, indented by four.
    pub(super) more: &'static str,
}

/// What was counted in the seconds that count.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Messages deleted, by group.
    pub(super) deleted: Vec<u64>,
    /// The same since the start.
    all_deleted: Vec<u64>,
    pub(super) seconds: f64,
    /// How many cores the program used, and how many the fake.
    pub(super) cores: f64,
    pub(super) fake_cores: f64,
    pub(super) stats: Stats,
}

impl Load {
    /// How many batches may be in flight at once.
    pub(super) fn slots(&self) -> usize {
        let groups = self.groups as usize;
        self.concurrency.map_or(groups, |concurrency| concurrency.min(groups))
    }

    async fn reset(&self, bench: &Bench) -> anyhow::Result<()> {
        let messages = self.groups as usize * self.depth;
        let fifo = Some(Fifo { groups: self.groups, failing: self.failing });
        let setup = Setup {
            queues: vec![QUEUE.to_owned()],
            fifo,
            visibility_s: self.visibility_s,
            ..setup(messages, self.function_ms)
        };
        bench.fake.reset(&setup).await
    }
}

impl Run {
    pub(super) fn per_second(&self) -> f64 {
        self.deleted.iter().sum::<u64>() as f64 / self.seconds
    }

    /// The same without the first group.
    pub(super) fn others_per_second(&self) -> f64 {
        self.deleted.iter().skip(1).sum::<u64>() as f64 / self.seconds
    }

    /// How many cores the program and the fake used together.
    pub(super) const fn busy(&self) -> f64 {
        self.cores + self.fake_cores
    }

    /// The fewest and the most that one of the groups behind the first got done.
    pub(super) fn spread(&self) -> (u64, u64) {
        let others = || self.deleted.iter().skip(1).copied();
        (others().min().unwrap_or(0), others().max().unwrap_or(0))
    }

    pub(super) fn words(&self) -> String {
        let (fewest, most) = self.spread();
        format!(
            "{:.0} msg/s, {fewest} to {most} a group, {:.2} cores (fake {:.2}); {}",
            self.per_second(),
            self.cores,
            self.fake_cores,
            self.phases()
        )
    }

    /// What a message costs besides the function, from the start of the program on.
    fn phases(&self) -> String {
        let Stats { phases, calls, deleted, .. } = &self.stats;
        let mean = |sum: Duration, count: u64| sum.as_secs_f64() * 1e3 / count.max(1) as f64;
        let each = |call: &str| calls.get(call).copied().unwrap_or(0) as f64 / (*deleted).max(1) as f64;
        format!(
            "{:.2} ms to the function, {:.2} ms from it to the deletion, group free for {:.2} ms, \
             {:.2} receives and {:.2} deletions a message",
            mean(phases.to_function, phases.deleted),
            mean(phases.to_deletion, phases.deleted),
            mean(phases.free, phases.handed_out),
            each("ReceiveMessage"),
            each("DeleteMessageBatch")
        )
    }
}

pub(super) async fn forebay(bench: &mut Bench, options: &Options, load: &Load) -> anyhow::Result<Run> {
    load.reset(bench).await?;
    let mut child = bench.forebay(&MappingFile {
        queues: vec![QUEUE.to_owned()],
        concurrency: load.concurrency,
        batch_size: load.batch,
        more: load.more.to_owned(),
        ..MappingFile::default()
    })?;
    let mut run = window(bench, &mut child, options, load).await?;
    let status = child.terminate(ENDING).await?;
    anyhow::ensure!(status.success(), "forebay ended with {status} when it was asked to end");
    run.stats = bench.fake.stats().await?;
    check(&run, load)?;
    Ok(run)
}

pub(super) async fn bare(bench: &mut Bench, options: &Options, load: &Load, workers: usize) -> anyhow::Result<Run> {
    load.reset(bench).await?;
    let mut child = bench.bare(&[QUEUE.to_owned()], workers, load.batch)?;
    let run = window(bench, &mut child, options, load).await?;
    child.kill().await?;
    check(&run, load)?;
    Ok(run)
}

/// Lets the program run warm, then counts for some seconds. Both ends of the time are deletions, so that batches are
/// counted whole.
async fn window(bench: &mut Bench, child: &mut Child, options: &Options, load: &Load) -> anyhow::Result<Run> {
    let span = Duration::from_secs(if options.quick { 1 } else { 5 });
    let until = Until { deleted: load.slots() * load.batch, ..Until::default() };
    child.during(bench.fake.wait(until, PATIENCE)).await?;
    tokio::time::sleep(WARM).await;
    let (used, fake, clock) = (child.sample()?, bench.fake_sample()?, Instant::now());
    let from = bench.fake.mark().await?;
    tokio::time::sleep(span).await;
    let to = bench.fake.mark().await?;
    let elapsed = clock.elapsed().as_secs_f64();
    let share = |before: Duration, after: Duration| after.saturating_sub(before).as_secs_f64() / elapsed;
    anyhow::ensure!(to.at_us > from.at_us, "nothing was deleted in {span:?}: {:?}", bench.fake.stats().await?);
    Ok(Run {
        deleted: to.deleted.iter().zip(&from.deleted).map(|(to, from)| to - from).collect(),
        seconds: (to.at_us - from.at_us) as f64 / 1e6,
        all_deleted: to.deleted,
        cores: share(used.cpu, child.sample()?.cpu),
        fake_cores: share(fake.cpu, bench.fake_sample()?.cpu),
        stats: bench.fake.stats().await?,
    })
}

/// A run counts only if order was kept, no group was forgotten, and nothing failed but what was to fail.
fn check(run: &Run, load: &Load) -> anyhow::Result<()> {
    let stats = &run.stats;
    anyhow::ensure!(stats.early == 0 && stats.misordered == 0, "the order of a group was broken: {stats:?}");
    anyhow::ensure!(
        !run.all_deleted.iter().skip(1).any(|&deleted| deleted == 0),
        "a group was forgotten: {:?}",
        run.all_deleted
    );
    match load.failing {
        None => anyhow::ensure!(stats.repeated == 0 && stats.stale == 0, "something went through twice: {stats:?}"),
        Some(_) => {
            anyhow::ensure!(stats.failures > 1, "the failing group was not tried again: {stats:?}");
            anyhow::ensure!(
                run.all_deleted.first() == Some(&0),
                "the failing group was deleted: {:?}",
                run.all_deleted
            );
        }
    }
    Ok(())
}
