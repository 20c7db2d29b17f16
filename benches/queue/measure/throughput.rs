//! Messages a second, processor time a message and peak memory, at equal concurrency and batch size.

use std::time::Instant;

use super::{ENDING, MIB, PATIENCE, setup};
use crate::common::{Child, Row, median, say};
use crate::driver::{BATCH, Bench, MappingFile, Options, Part};
use crate::fake::Until;

/// Figures of one run.
#[derive(Clone, Copy)]
pub(super) struct Run {
    per_second: f64,
    pub(super) cpu_us: f64,
    peak_mib: f64,
    /// How much of its core the fake was busy: near 1 it would be the fake that is measured.
    fake_busy: f64,
}

/// Pairs at each concurrency and function time; then forebay alone with no limit given.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut peaks: Vec<f64> = Vec::new();
    let mut busiest: f64 = 0.0;
    if options.wants(Part::Throughput) {
        for &function_ms in &options.function_ms() {
            for &concurrency in &options.concurrency() {
                let pairs = pairs(bench, options, concurrency, function_ms).await?;
                busiest = pairs.iter().flat_map(|(a, b)| [a.fake_busy, b.fake_busy]).fold(busiest, f64::max);
                peaks.extend(pairs.iter().map(|(forebay, _)| forebay.peak_mib));
                rows.extend(rows_of(&pairs, concurrency, function_ms));
            }
        }
        rows.push(Row::alone("the fake's share of a core, at most", format!("{:.0} %", busiest * 100.0)));
    }
    if options.wants(Part::Memory) {
        let mut adaptive = Vec::new();
        for number in 0..options.runs().div_ceil(2) {
            let run = forebay(bench, options.messages(), 0, None).await?;
            say(&format!("adaptive, run {}: {}", number + 1, run.words()));
            adaptive.push(run);
        }
        peaks.extend(adaptive.iter().map(|run| run.peak_mib));
        let words = format!(
            "{:.0} msg/s, {:.1} µs",
            median(adaptive.iter().map(|run| run.per_second)),
            median(adaptive.iter().map(|run| run.cpu_us))
        );
        rows.push(Row::alone("adaptive concurrency, function 0 ms", words));
        let peak = peaks.into_iter().fold(0.0, f64::max) * MIB / 1e6;
        rows.push(
            Row::alone(
                format!("highest peak memory of a run of {} messages", options.messages()),
                format!("{peak:.1} MB"),
            )
            .target("≤ 60 MB", peak <= 60.0),
        );
    }
    Ok(rows)
}

async fn pairs(
    bench: &mut Bench,
    options: &Options,
    concurrency: usize,
    function_ms: u64,
) -> anyhow::Result<Vec<(Run, Run)>> {
    let mut pairs = Vec::new();
    for number in 0..options.runs() {
        let ours = if options.noise {
            bare(bench, options.messages(), function_ms, concurrency).await?
        } else {
            forebay(bench, options.messages(), function_ms, Some(concurrency)).await?
        };
        let our_event = bench.fake.event().await?;
        let theirs = bare(bench, options.messages(), function_ms, concurrency).await?;
        let their_event = bench.fake.event().await?;
        anyhow::ensure!(
            shape(&our_event) == shape(&their_event),
            "the two programs do not deliver the same: {our_event} and {their_event}"
        );
        say(&format!(
            "concurrency {concurrency}, function {function_ms} ms, pair {}: forebay {}; bare loop {}",
            number + 1,
            ours.words(),
            theirs.words()
        ));
        pairs.push((ours, theirs));
    }
    Ok(pairs)
}

fn rows_of(pairs: &[(Run, Run)], concurrency: usize, function_ms: u64) -> Vec<Row> {
    let sides = |figure: fn(&Run) -> f64| {
        (
            median(pairs.iter().map(|(ours, _)| figure(ours))),
            median(pairs.iter().map(|(_, theirs)| figure(theirs))),
            median(pairs.iter().map(|(ours, theirs)| figure(ours) / figure(theirs))),
        )
    };
    let what = format!("concurrency {concurrency}, function {function_ms} ms");
    let (ours, theirs, speed) = sides(|run| run.per_second);
    let (our_cpu, their_cpu, cpu) = sides(|run| run.cpu_us);
    let (our_peak, their_peak, peak) = sides(|run| run.peak_mib);
    vec![
        Row::pair(format!("{what}: messages/s"), format!("{ours:.0}"), format!("{theirs:.0}"), speed)
            .target("≥ 0.95", speed >= 0.95),
        Row::pair(format!("{what}: CPU a message"), format!("{our_cpu:.1} µs"), format!("{their_cpu:.1} µs"), cpu)
            .target("≤ 1.15", cpu <= 1.15),
        Row::pair(format!("{what}: peak memory"), format!("{our_peak:.1} MiB"), format!("{their_peak:.1} MiB"), peak),
    ]
}

async fn forebay(
    bench: &mut Bench,
    messages: usize,
    function_ms: u64,
    concurrency: Option<usize>,
) -> anyhow::Result<Run> {
    bench.fake.reset(&setup(messages, function_ms)).await?;
    let mut child = bench.forebay(&MappingFile { concurrency, ..MappingFile::default() })?;
    let run = drained(bench, &mut child, messages).await?;
    let status = child.terminate(ENDING).await?;
    anyhow::ensure!(status.success(), "forebay ended with {status} when it was asked to end");
    Ok(run)
}

async fn bare(bench: &mut Bench, messages: usize, function_ms: u64, concurrency: usize) -> anyhow::Result<Run> {
    bench.fake.reset(&setup(messages, function_ms)).await?;
    let mut child = bench.bare(&[crate::driver::QUEUE.to_owned()], concurrency, BATCH)?;
    let run = drained(bench, &mut child, messages).await?;
    child.kill().await?;
    Ok(run)
}

/// Waits until every message is deleted and reads what that has cost.
pub(super) async fn drained(bench: &mut Bench, child: &mut Child, messages: usize) -> anyhow::Result<Run> {
    let (before, clock) = (bench.fake_sample()?, Instant::now());
    let until = Until { deleted: messages, ..Until::default() };
    child.during(bench.fake.wait(until, PATIENCE)).await?;
    let used = child.sample()?;
    let fake = bench.fake_sample()?.cpu.saturating_sub(before.cpu);
    let fake_busy = fake.as_secs_f64() / clock.elapsed().as_secs_f64();
    let stats = bench.fake.stats().await?;
    anyhow::ensure!(
        stats.repeated == 0 && stats.stale == 0 && stats.invoked == messages as u64,
        "every message should have gone through once: {stats:?}"
    );
    let span = stats.span_us.unwrap_or(1) as f64 / 1e6;
    Ok(Run {
        per_second: messages as f64 / span,
        cpu_us: used.cpu.as_secs_f64() * 1e6 / messages as f64,
        peak_mib: used.peak_kib as f64 / 1024.0,
        fake_busy,
    })
}

/// An event without what differs from message to message.
pub(super) fn shape(event: &serde_json::Value) -> serde_json::Value {
    let mut shape = event.clone();
    for record in shape.get_mut("Records").and_then(serde_json::Value::as_array_mut).into_iter().flatten() {
        for name in ["messageId", "receiptHandle", "body", "md5OfBody"] {
            if let Some(value) = record.get_mut(name) {
                *value = value.is_string().into();
            }
        }
        if let Some(attributes) = record.get_mut("attributes").and_then(serde_json::Value::as_object_mut) {
            for (_, value) in attributes.iter_mut().filter(|(name, _)| differs(name)) {
                *value = value.is_string().into();
            }
        }
    }
    shape
}

/// The attributes that differ from message to message; the last three are those of FIFO queues.
fn differs(attribute: &str) -> bool {
    attribute.ends_with("Timestamp")
        || ["SequenceNumber", "MessageGroupId", "MessageDeduplicationId"].contains(&attribute)
}

impl Run {
    pub(super) fn words(&self) -> String {
        format!(
            "{:.0} msg/s, {:.1} µs/msg, {:.1} MiB (fake {:.0} % of a core)",
            self.per_second,
            self.cpu_us,
            self.peak_mib,
            self.fake_busy * 100.0
        )
    }
}
