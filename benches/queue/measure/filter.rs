//! What one filter adds to the processor time of a message.

use super::throughput::{Run, drained, shape};
use super::{ENDING, PATIENCE, setup};
use crate::common::{Row, median, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::{Content, Setup, Until};

/// A body has about as many bytes.
const BODY_BYTES: usize = 850;
/// At most this part may be added.
const MOST: f64 = 0.05;
/// The difference is small against the noise of a machine: more pairs than elsewhere.
const MORE_PAIRS: usize = 2;
/// How many messages a filter must keep from the function before it is measured.
const KEPT: usize = 1_000;
const CONCURRENCY: usize = 10;

/// A filter of one pattern on two fields: all orders match, or none does.
fn filter(least: usize) -> String {
    format!(
        "    FilterCriteria: {{ Filters: [{{ Pattern: {{ body: {{ type: [order.created], total: [{{ numeric: [\">=\", \
         {least}] }}] }} }} }}] }}\n"
    )
}

/// Pairs of runs with the filter and without it, in turn the one and the other first.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    keeps(bench).await?;
    let mut rows = Vec::new();
    for &concurrency in &options.concurrency() {
        let mut pairs = Vec::new();
        for number in 0..MORE_PAIRS * options.runs() {
            // Equal runs show how far runs differ here.
            let filter = if options.noise { String::new() } else { filter(100) };
            let ((with, filtered), (without, whole)) = if number % 2 == 0 {
                let with = run(bench, options, concurrency, &filter).await?;
                (with, run(bench, options, concurrency, "").await?)
            } else {
                let without = run(bench, options, concurrency, "").await?;
                (run(bench, options, concurrency, &filter).await?, without)
            };
            anyhow::ensure!(
                shape(&filtered) == shape(&whole),
                "behind a filter the function does not get the same: {filtered} and {whole}"
            );
            say(&format!(
                "concurrency {concurrency}, pair {}: one filter: {}; none: {}",
                number + 1,
                with.words(),
                without.words()
            ));
            pairs.push((with, without));
        }
        rows.push(row(&pairs, concurrency));
    }
    Ok(rows)
}

fn row(pairs: &[(Run, Run)], concurrency: usize) -> Row {
    let with = median(pairs.iter().map(|(with, _)| with.cpu_us));
    let without = median(pairs.iter().map(|(_, without)| without.cpu_us));
    let more = median(pairs.iter().map(|(with, without)| with.cpu_us / without.cpu_us)) - 1.0;
    let what = format!("one filter, concurrency {concurrency}, function 0 ms: CPU a message");
    let mut row =
        Row::alone(what, format!("{with:.1} µs")).target(format!("adds ≤ {:.0} %", MOST * 100.0), more <= MOST);
    row.bare = format!("{without:.1} µs without it");
    row.ratio = format!("{:+.1} %", more * 100.0);
    row
}

fn orders(messages: usize) -> Setup {
    Setup { content: Content::Order, body_bytes: BODY_BYTES, ..setup(messages, 0) }
}

/// One run of forebay with further lines in its mapping, and the first event that the function was given.
async fn run(
    bench: &mut Bench,
    options: &Options,
    concurrency: usize,
    more: &str,
) -> anyhow::Result<(Run, serde_json::Value)> {
    let messages = options.messages();
    bench.fake.reset(&orders(messages)).await?;
    let mapping = MappingFile { concurrency: Some(concurrency), more: more.to_owned(), ..MappingFile::default() };
    let mut child = bench.forebay(&mapping)?;
    let run = drained(bench, &mut child, messages).await?;
    let status = child.terminate(ENDING).await?;
    anyhow::ensure!(status.success(), "forebay ended with {status} when it was asked to end");
    Ok((run, bench.fake.event().await?))
}

/// Fails unless a filter that no message matches keeps them all from the function: else nothing would be measured.
async fn keeps(bench: &mut Bench) -> anyhow::Result<()> {
    bench.fake.reset(&orders(KEPT)).await?;
    let mapping = MappingFile { concurrency: Some(CONCURRENCY), more: filter(1_000), ..MappingFile::default() };
    let mut child = bench.forebay(&mapping)?;
    let until = Until { deleted: KEPT, ..Until::default() };
    child.during(bench.fake.wait(until, PATIENCE)).await?;
    let stats = bench.fake.stats().await?;
    anyhow::ensure!(stats.invoked == 0, "the filter should have kept all messages from the function: {stats:?}");
    child.terminate(ENDING).await?;
    Ok(())
}
