//! What calls that Lambda refuses cost the others: errors at fixed rates, and the time after an outage.

use std::time::{Duration, Instant};

use super::{ENDING, PATIENCE, setup};
use crate::common::{Child, Row, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::{Refusing, Setup, Until};

/// Batches of one message, so that each message is a call.
const SLOTS: usize = 30;
const FUNCTION_MS: u64 = 200;
const PER_SECOND: usize = SLOTS * 1000 / FUNCTION_MS as usize;
/// How long the outage lasts.
const OUTAGE: Duration = Duration::from_secs(20);
/// How much of the work is to be done again so soon after it.
const BACK: Duration = Duration::from_secs(15);
/// Over how long a rate is taken.
const SPAN: Duration = Duration::from_secs(2);

pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let seconds = if options.quick { 3 } else { 20 };
    let quiet = at_rate(bench, seconds, None).await?;
    let mut rows = vec![Row::alone(what("no errors"), format!("{quiet:.0} calls/s"))];
    for status in [500, 429] {
        for (percent, least) in [(1, Some(0.9)), (5, Some(0.8)), (20, None)] {
            let refusing = Refusing { status, percent, from_ms: 0, until_ms: u64::MAX };
            let rate = at_rate(bench, seconds, Some(refusing)).await?;
            let ratio = rate / quiet;
            say(&format!("{percent} % of {status}: {rate:.0} calls/s, {ratio:.2}"));
            let name = what(&format!("{percent} % of {status}"));
            let row = Row::pair(name, format!("{rate:.0} calls/s"), format!("{quiet:.0} without"), ratio);
            rows.push(match least {
                Some(least) => row.target(format!("≥ {least}"), ratio >= least),
                None => row,
            });
        }
    }
    if !options.quick {
        for status in [500, 429] {
            rows.push(after_an_outage(bench, status, quiet).await?);
        }
    }
    Ok(rows)
}

fn what(errors: &str) -> String {
    format!("concurrency {SLOTS}, batches of 1, function {FUNCTION_MS} ms, {errors}")
}

async fn start(bench: &mut Bench, messages: usize, refusing: Option<Refusing>) -> anyhow::Result<Child> {
    bench.fake.reset(&Setup { refusing, ..setup(messages, FUNCTION_MS) }).await?;
    bench.forebay(&MappingFile { concurrency: Some(SLOTS), batch_size: 1, ..MappingFile::default() })
}

/// Messages a second of a run in which calls are refused at random.
async fn at_rate(bench: &mut Bench, seconds: usize, refusing: Option<Refusing>) -> anyhow::Result<f64> {
    let messages = seconds * PER_SECOND;
    let mut child = start(bench, messages, refusing).await?;
    child.during(bench.fake.wait(Until { deleted: messages, ..Until::default() }, PATIENCE)).await?;
    let stats = bench.fake.stats().await?;
    anyhow::ensure!(
        stats.repeated == 0 && stats.stale == 0 && stats.deleted == messages,
        "every message should have gone through once: {stats:?}"
    );
    let status = child.terminate(ENDING).await?;
    anyhow::ensure!(status.success(), "forebay ended with {status} when it was asked to end");
    Ok(messages as f64 / (stats.span_us.unwrap_or(1) as f64 / 1e6))
}

/// How long after an outage nine tenths of the rate are back.
async fn after_an_outage(bench: &mut Bench, status: u16, quiet: f64) -> anyhow::Result<Row> {
    let begins = Duration::from_secs(5);
    let ends = begins + OUTAGE;
    let messages = PER_SECOND * 60;
    let refusing = Refusing { status, percent: 100, from_ms: millis(begins), until_ms: millis(ends) };
    let mut child = start(bench, messages, Some(refusing)).await?;
    let clock = Instant::now();
    tokio::time::sleep(ends).await;
    let back = loop {
        let (before, at) = (bench.fake.stats().await?.deleted, clock.elapsed());
        tokio::time::sleep(SPAN).await;
        let span = (clock.elapsed() - at).as_secs_f64();
        let rate = (bench.fake.stats().await?.deleted - before) as f64 / span;
        say(&format!("{status}, {:.1} s after the outage: {rate:.0} calls/s", (at - ends).as_secs_f64()));
        if rate >= 0.9 * quiet || at > ends + PATIENCE {
            break at - ends;
        }
    };
    child.check()?;
    child.kill().await?;
    let name = what(&format!("all {status} for {} s: 0.9 of the rate is back", OUTAGE.as_secs()));
    Ok(Row::alone(name, format!("after {:.0} s", back.as_secs_f64()))
        .target(format!("≤ {} s", BACK.as_secs()), back <= BACK))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
