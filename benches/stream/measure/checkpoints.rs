//! How often the checkpoints of a shard are written while it is read without a pause.

use std::time::{Duration, Instant};

use super::{ENDING, PATIENCE, setup};
use crate::common::{Row, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::Until;

const SHARDS: usize = 10;
const BATCH_SIZE: usize = 10;
const FUNCTION_MS: u64 = 5;

/// Counts what forebay says it has saved over some seconds in the middle of its work.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    say("checkpoints under load");
    let seconds = options.length(15, 4);
    // More than can be done in the time: a lane does at most 200 batches a second.
    let load = setup(SHARDS, (seconds + 4) * BATCH_SIZE * 200, FUNCTION_MS);
    bench.fake.reset(&load).await?;
    let mut running = bench.forebay(&MappingFile { batch_size: BATCH_SIZE, lanes: 1 })?;
    running.child.during(bench.fake.wait(Until { done: SHARDS * BATCH_SIZE, ..Until::default() }, PATIENCE)).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (from, before) = (Instant::now(), saved(&running).await?);
    tokio::time::sleep(Duration::from_secs(u64::try_from(seconds)?)).await;
    let (span, after) = (from.elapsed().as_secs_f64(), saved(&running).await?);
    let stats = bench.fake.stats().await?;
    anyhow::ensure!(stats.done < stats.records, "the load was over before the count was: {stats:?}");
    running.child.terminate(ENDING).await?;
    let each = (after - before) / span / SHARDS as f64;
    let batches = stats.done as f64 / BATCH_SIZE as f64 / SHARDS as f64;
    say(&format!("checkpoints: {each:.2} a second and shard; {batches:.0} batches a shard were done"));
    let row = Row::alone(format!("{SHARDS} busy shards: checkpoints saved a second and shard"), format!("{each:.2}"));
    Ok(vec![row.target("≤ 1.1, not 0", each <= 1.1 && each > 0.0)])
}

async fn saved(running: &crate::driver::Running) -> anyhow::Result<f64> {
    running.metric("forebay_checkpoints_total", "result=\"saved\"").await
}
