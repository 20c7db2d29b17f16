//! What a record that always fails in one lane means for the others.

use super::{ENDING, PATIENCE, setup};
use crate::common::{Row, median, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::{Feed, Setup, Until};

const LANES: usize = 10;
const PER_SECOND: usize = 500;
const FUNCTION_MS: u64 = 5;
/// Records that warm the connections up; the poison is the first of the feed that follows.
const WARM: usize = 500;

/// Figures of one run.
struct Run {
    /// From a record's first read to its function's start, in milliseconds.
    median: f64,
    p99: f64,
    never: usize,
}

/// Pairs: the same feed without and with a poison record among the first.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    say("a poison record");
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for number in 0..options.runs() {
        let clean = run(bench, options, None).await?;
        anyhow::ensure!(clean.never == 0, "{} records never went through the function", clean.never);
        let poisoned = run(bench, options, Some(WARM)).await?;
        let fed = PER_SECOND * options.length(10, 3);
        // The lane of the poison record stands still, a tenth of all; more would be other lanes.
        anyhow::ensure!(
            (1..=fed / 5).contains(&poisoned.never),
            "{} of {fed} records stood still behind the poison record, not about {}",
            poisoned.never,
            fed / LANES
        );
        say(&format!(
            "poison, pair {}: without {:.1} ms (p99 {:.1}), with {:.1} ms (p99 {:.1}), {} stand behind it",
            number + 1,
            clean.median,
            clean.p99,
            poisoned.median,
            poisoned.p99,
            poisoned.never
        ));
        without.push(clean);
        with.push(poisoned);
    }
    let differ = |figure: fn(&Run) -> f64| {
        let difference = median(without.iter().zip(&with).map(|(without, with)| figure(with) - figure(without)));
        (median(with.iter().map(figure)), median(without.iter().map(figure)), difference)
    };
    let (with_p99, without_p99, p99) = differ(|run| run.p99);
    let (with_median, without_median, middle) = differ(|run| run.median);
    let what = format!("read to function start in {} of {LANES} lanes", LANES - 1);
    let mut tail = Row::alone(format!("{what}, poison in the other: p99"), format!("{with_p99:.1} ms"))
        .target("within 5 ms", p99 <= 5.0);
    tail.bare = format!("{without_p99:.1} ms without poison");
    tail.ratio = format!("{p99:+.1} ms");
    let mut row = Row::alone(format!("{what}, poison in the other: median"), format!("{with_median:.1} ms"));
    row.bare = format!("{without_median:.1} ms without poison");
    row.ratio = format!("{middle:+.1} ms");
    Ok(vec![tail, row])
}

async fn run(bench: &mut Bench, options: &Options, poison: Option<usize>) -> anyhow::Result<Run> {
    bench.fake.reset(&Setup { poison, ..setup(1, WARM, FUNCTION_MS) }).await?;
    let mut running = bench.forebay(&MappingFile { batch_size: 10, lanes: LANES })?;
    running.child.during(bench.fake.wait(Until { done: WARM, ..Until::default() }, PATIENCE)).await?;
    let seconds = u64::try_from(options.length(10, 3))?;
    let feed = Feed { per_second: PER_SECOND, seconds, settle_ms: 2_500 };
    let latencies = running.child.during(bench.fake.feed(&feed)).await?;
    let stats = bench.fake.stats().await?;
    anyhow::ensure!(
        stats.out_of_order == 0 && stats.repeated == 0,
        "the order is broken, or records are repeated: {stats:?}"
    );
    anyhow::ensure!(poison.is_none() || stats.function_errors > 1, "the poison record was not tried: {stats:?}");
    if poison.is_some() {
        // Its lane never drains.
        running.child.kill().await?;
    } else {
        running.child.terminate(ENDING).await?;
    }
    let mut ms: Vec<f64> = latencies.us.iter().map(|&us| us as f64 / 1e3).collect();
    ms.sort_by(f64::total_cmp);
    let p99 = ms.get(ms.len() * 99 / 100).copied().unwrap_or(0.0);
    Ok(Run { median: median(ms), p99, never: latencies.never })
}
