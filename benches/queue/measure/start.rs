//! From the start of the process to its first receive.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{ENDING, PATIENCE, setup};
use crate::common::{Child, Row, median, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::Until;

/// Pairs, on a store that exists already.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let pairs = if options.quick { 3 } else { 20 };
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // The first start makes the store and brings both programs into the page cache.
    for number in 0..=pairs {
        let forebay = forebay(bench).await?;
        let bare = bare(bench).await?;
        if number > 0 {
            ours.push(forebay);
            theirs.push(bare);
            ratios.push(forebay / bare);
        }
    }
    let (ours, theirs, ratio) = (median(ours), median(theirs), median(ratios));
    say(&format!("start to first poll: forebay {ours:.1} ms, bare program {theirs:.1} ms, ratio {ratio:.2}"));
    let row = Row::pair("start to first poll", format!("{ours:.1} ms"), format!("{theirs:.1} ms"), ratio);
    Ok(vec![row.target("≤ 2", ratio <= 2.0)])
}

async fn forebay(bench: &mut Bench) -> anyhow::Result<f64> {
    bench.fake.reset(&setup(0, 0)).await?;
    let from = SystemTime::now();
    let mut child = bench.forebay(&MappingFile::default())?;
    let ms = first_receive(bench, &mut child, from).await?;
    child.terminate(ENDING).await?;
    Ok(ms)
}

async fn bare(bench: &mut Bench) -> anyhow::Result<f64> {
    bench.fake.reset(&setup(0, 0)).await?;
    let from = SystemTime::now();
    let child = bench.bare_start()?;
    let status = child.finish(ENDING).await?;
    anyhow::ensure!(status.success(), "the bare program ended with {status}");
    bench.fake.wait(Until { receives: 1, ..Until::default() }, PATIENCE).await?;
    since(bench, from).await
}

async fn first_receive(bench: &mut Bench, child: &mut Child, from: SystemTime) -> anyhow::Result<f64> {
    child.during(bench.fake.wait(Until { receives: 1, ..Until::default() }, PATIENCE)).await?;
    since(bench, from).await
}

/// The fake notes the moment itself, on the clock that all processes share.
async fn since(bench: &mut Bench, from: SystemTime) -> anyhow::Result<f64> {
    bench.check()?;
    let from = from.duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
    let first = bench.fake.stats().await?.first_receive_unix_us;
    let first = anyhow::Context::context(first, "nothing was received")?;
    Ok(first as f64 / 1e3 - from)
}
