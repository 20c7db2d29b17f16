//! From a message's send to the start of the function, while the queue is idle.

use super::{BODY_BYTES, ENDING, PATIENCE, setup};
use crate::common::{Child, Row, median, say};
use crate::driver::{BATCH, Bench, MappingFile, Options};
use crate::fake::{Trickle, Until};

/// Not a divisor of any timer's period, and long enough for the queue to be idle again.
const GAP_MS: u64 = 73;

/// Pairs of runs; the figure of a run is its median.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let count = if options.quick { 20 } else { 100 };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..options.runs() {
        bench.fake.reset(&setup(0, 0)).await?;
        let mut child = bench.forebay(&MappingFile::default())?;
        let forebay = run(bench, &mut child, count).await?;
        child.terminate(ENDING).await?;
        bench.fake.reset(&setup(0, 0)).await?;
        let mut child = bench.bare(&[crate::driver::QUEUE.to_owned()], 10, BATCH)?;
        let bare = run(bench, &mut child, count).await?;
        child.kill().await?;
        say(&format!(
            "latency, pair {}: forebay {:.2} ms (p95 {:.2}); bare loop {:.2} ms (p95 {:.2})",
            number + 1,
            forebay.0,
            forebay.1,
            bare.0,
            bare.1
        ));
        ours.push(forebay);
        theirs.push(bare);
    }
    let difference = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours.0 - theirs.0));
    let (our_median, their_median) = (median(ours.iter().map(|run| run.0)), median(theirs.iter().map(|run| run.0)));
    let (our_p95, their_p95) = (median(ours.iter().map(|run| run.1)), median(theirs.iter().map(|run| run.1)));
    let mut row = Row::alone("send to function start, queue idle: median", format!("{our_median:.2} ms"))
        .target("within 5 ms", difference <= 5.0);
    row.bare = format!("{their_median:.2} ms");
    row.ratio = format!("{difference:+.2} ms");
    let mut tail = Row::alone("send to function start, queue idle: 95th percentile", format!("{our_p95:.2} ms"));
    tail.bare = format!("{their_p95:.2} ms");
    tail.ratio = format!("{:+.2} ms", our_p95 - their_p95);
    Ok(vec![row, tail])
}

/// The median and the 95th percentile of one run, in milliseconds.
async fn run(bench: &mut Bench, child: &mut Child, count: usize) -> anyhow::Result<(f64, f64)> {
    let until = Until { waiting: 1, ..Until::default() };
    child.during(bench.fake.wait(until, PATIENCE)).await?;
    // The first message opens the connection to the function, which is not what is measured.
    let warm = Trickle { count: 3, gap_ms: GAP_MS, body_bytes: BODY_BYTES };
    child.during(bench.fake.trickle(&warm)).await?;
    let what = Trickle { count, ..warm };
    let latencies = child.during(bench.fake.trickle(&what)).await?;
    bench.check()?;
    anyhow::ensure!(latencies.never_started == 0, "{} messages never reached the function", latencies.never_started);
    let mut ms: Vec<f64> = latencies.us.iter().map(|&us| us as f64 / 1e3).collect();
    ms.sort_by(f64::total_cmp);
    let p95 = ms.get(ms.len() * 95 / 100).copied().unwrap_or(0.0);
    Ok((median(ms), p95))
}
