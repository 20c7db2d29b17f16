//! Records a second, processor time a record and peak memory with one lane a shard, at equal batch size.

use super::{Run, bare, forebay, setup};
use crate::common::{Row, median, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::Setup;

const BATCH_SIZE: usize = 100;

/// Pairs at each number of shards.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut busiest: f64 = 0.0;
    for shards in options.shards() {
        let load = load(shards, options);
        let pairs = pairs(bench, options, &load).await?;
        busiest = pairs.iter().flat_map(|(a, b)| [a.fake_busy, b.fake_busy]).fold(busiest, f64::max);
        rows.extend(rows_of(&pairs, &load));
    }
    rows.push(Row::alone("the fake's share of a core, at most", format!("{:.0} %", busiest * 100.0)));
    Ok(rows)
}

/// Few shards wait for the function, or the two megabytes a second of a shard would be measured; many keep the
/// processor busy.
fn load(shards: usize, options: &Options) -> Setup {
    match shards {
        1 => setup(1, options.length(100_000, 10_000), 10),
        2..=20 => setup(shards, options.length(600_000, 30_000) / shards, 10),
        _ => setup(shards, options.length(600_000, 60_000) / shards, 0),
    }
}

async fn pairs(bench: &mut Bench, options: &Options, load: &Setup) -> anyhow::Result<Vec<(Run, Run)>> {
    let mapping = MappingFile { batch_size: BATCH_SIZE, lanes: 1 };
    let mut pairs = Vec::new();
    for number in 0..options.runs() {
        let ours =
            if options.noise { bare(bench, load, BATCH_SIZE).await? } else { forebay(bench, load, &mapping).await? };
        let our_event = bench.fake.event().await?;
        let theirs = bare(bench, load, BATCH_SIZE).await?;
        let their_event = bench.fake.event().await?;
        anyhow::ensure!(
            shape(&our_event) == shape(&their_event),
            "the two programs do not deliver the same: {our_event} and {their_event}"
        );
        say(&format!("{}, pair {}: forebay {}; bare loop {}", words(load), number + 1, ours.words(), theirs.words()));
        pairs.push((ours, theirs));
    }
    Ok(pairs)
}

fn words(load: &Setup) -> String {
    let plural = if load.shards == 1 { "" } else { "s" };
    format!("{} shard{plural}, function {} ms", load.shards, load.function_ms)
}

fn rows_of(pairs: &[(Run, Run)], load: &Setup) -> Vec<Row> {
    let sides = |figure: fn(&Run) -> f64| {
        (
            median(pairs.iter().map(|(ours, _)| figure(ours))),
            median(pairs.iter().map(|(_, theirs)| figure(theirs))),
            median(pairs.iter().map(|(ours, theirs)| figure(ours) / figure(theirs))),
        )
    };
    let what = words(load);
    let (ours, theirs, speed) = sides(|run| run.per_second);
    let (our_cpu, their_cpu, cpu) = sides(|run| run.cpu_us);
    let (our_peak, their_peak, peak) = sides(|run| run.peak_mib);
    vec![
        Row::pair(format!("{what}: records/s"), format!("{ours:.0}"), format!("{theirs:.0}"), speed)
            .target("≥ 0.95", speed >= 0.95),
        Row::pair(format!("{what}: CPU a record"), format!("{our_cpu:.2} µs"), format!("{their_cpu:.2} µs"), cpu)
            .target("≤ 1.15", cpu <= 1.15),
        Row::pair(format!("{what}: peak memory"), format!("{our_peak:.1} MiB"), format!("{their_peak:.1} MiB"), peak),
    ]
}

/// An event without what differs from record to record.
fn shape(event: &serde_json::Value) -> serde_json::Value {
    let mut shape = event.clone();
    for record in shape.get_mut("Records").and_then(serde_json::Value::as_array_mut).into_iter().flatten() {
        for name in ["/eventID", "/kinesis/partitionKey", "/kinesis/sequenceNumber"] {
            if let Some(value) = record.pointer_mut(name) {
                *value = value.is_string().into();
            }
        }
        if let Some(value) = record.pointer_mut("/kinesis/approximateArrivalTimestamp") {
            *value = value.is_f64().into();
        }
    }
    shape
}
