//! Mappings as tables.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::engine::{HealthStatus, MappingState, MappingStatus, QueueStatus, ShardState, StreamStatus};

/// How much of a reason a narrow table shows.
const REASON_WIDTH: usize = 60;
pub(super) const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const YELLOW: &str = "\u{1b}[33m";
pub(super) const RESET: &str = "\u{1b}[0m";

/// One column: its head, whether it is a number, and its cell.
type Column = (&'static str, bool, fn(&MappingStatus) -> String);

const NARROW: [Column; 9] = [
    ("NAME", false, |status| status.name.clone()),
    ("STATE", false, |status| format!("{:?}", status.state)),
    ("BY", false, |status| status.enabled_by.clone()),
    ("HEALTH", false, |status| health(status).to_owned()),
    ("SOURCE", false, |status| last_part(&status.event_source_arn).to_owned()),
    ("FUNCTION", false, |status| function(&status.function_arn).to_owned()),
    ("IN-FLIGHT", true, |status| either(status, |queue| queue.in_flight, |stream| stream.in_flight)),
    ("BACKLOG", true, |status| number(status.queue.and_then(|queue| queue.backlog))),
    ("LAG", true, |status| lag(status.stream.and_then(|stream| stream.iterator_age_seconds))),
];

const WIDE: [Column; 15] = [
    ("CONCURRENCY", true, |status| either(status, |queue| queue.concurrency, |stream| stream.concurrency)),
    ("SHARDS", true, |status| number(status.shards.as_ref().map(|_| reading(status)))),
    ("HELD", true, |status| either(status, |queue| queue.held, |stream| stream.held)),
    ("BATCH", true, |status| status.batch_size.to_string()),
    ("WINDOW", true, |status| format!("{}s", status.maximum_batching_window_in_seconds)),
    ("POLLED", true, |status| status.counters.polled.to_string()),
    ("INVOKED", true, |status| status.counters.invoked.to_string()),
    ("FAILED", true, |status| status.counters.failed.to_string()),
    ("DELETED", true, |status| number(status.queue.map(|_| status.counters.deleted))),
    ("DROPPED", true, |status| number(status.stream.map(|_| status.counters.dropped))),
    ("DELIVERED", true, |status| {
        number(status.destination_config.as_ref().map(|_| status.counters.delivered_to_destination))
    }),
    ("BISECTIONS", true, |status| number(status.stream.map(|_| status.counters.bisections))),
    ("THROTTLES", true, |status| status.counters.throttles.to_string()),
    ("SINCE", false, |status| status.since.clone()),
    ("FILE", false, file),
];

/// A line for each mapping.
pub(super) fn list(mappings: &[MappingStatus], wide: bool, colour: bool) -> String {
    let mut columns: Vec<Column> = NARROW.to_vec();
    if wide {
        columns.extend(WIDE);
    }
    columns.push(("REASON", false, |status| status.health_reason.clone().unwrap_or_default()));
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(columns.iter().map(|(head, ..)| *head));
    for status in mappings {
        let cells = columns.iter().map(|(head, _, cell)| {
            let text = one_line(&cell(status));
            if *head == "REASON" && !wide { shortened(&text) } else { text }
        });
        table.add_row(cells);
    }
    for (place, (_, number, _)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(place) {
            column.set_padding((0, 2));
            if *number {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    painted(&table.to_string(), mappings, colour)
}

pub(super) fn health(status: &MappingStatus) -> &'static str {
    match status.health {
        HealthStatus::Ok => "ok",
        HealthStatus::Degraded => "degraded",
    }
}

/// A number that queues and streams have both.
fn either(
    status: &MappingStatus,
    of_queue: impl Fn(&QueueStatus) -> u64,
    of_stream: impl Fn(&StreamStatus) -> u64,
) -> String {
    number(status.queue.as_ref().map(of_queue).or_else(|| status.stream.as_ref().map(of_stream)))
}

/// How many shards are read.
pub(super) fn reading(status: &MappingStatus) -> u64 {
    let shards = status.shards.iter().flatten();
    shards.filter(|shard| shard.state == ShardState::Reading).count() as u64
}

pub(super) fn number(known: Option<u64>) -> String {
    known.map_or_else(|| "-".into(), |known| known.to_string())
}

/// The file that defines a mapping, or what does instead.
pub(super) fn file(status: &MappingStatus) -> String {
    if status.origin == "api" { "(api)".into() } else { status.file.clone() }
}

/// Seconds, as exact as a person wants them.
pub(super) fn lag(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".into(), |seconds| format!("{seconds:.1}s"))
}

/// The name of a queue, stream or table in its ARN.
fn last_part(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').last().unwrap_or(arn);
    resource.split('/').nth(1).unwrap_or(resource)
}

/// A function's name and qualifier in whatever form it was named.
fn function(text: &str) -> &str {
    text.split_once(":function:").map_or(text, |(_, rest)| rest)
}

pub(super) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= REASON_WIDTH {
        return text.to_owned();
    }
    text.chars().take(REASON_WIDTH - 1).chain(['…']).collect()
}

/// Ends lines tidily; with colours, the head is bold, degraded mappings yellow and stopped ones dim.
fn painted(table: &str, mappings: &[MappingStatus], colour: bool) -> String {
    let styles = std::iter::once(BOLD).chain(mappings.iter().map(|status| match status {
        status if status.health == HealthStatus::Degraded => YELLOW,
        status if status.state == MappingState::Disabled => DIM,
        _ => "",
    }));
    let lines = table.lines().zip(styles).map(|(line, style)| {
        let line = line.trim_end();
        if colour && !style.is_empty() { format!("{style}{line}{RESET}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{broken, clicks, made, orders};
    use super::*;

    #[test]
    fn lists_narrow_wide_and_empty() {
        insta::assert_snapshot!("list", list(&[orders(), broken(), clicks()], false, false));
        insta::assert_snapshot!("list_wide", list(&[orders(), broken(), clicks()], true, false));
        insta::assert_snapshot!("list_of_the_api", list(&[made(), orders()], true, false));
        insta::assert_snapshot!("list_empty", list(&[], false, false));
    }

    #[test]
    fn sources_are_named_briefly() {
        assert_eq!(last_part("arn:aws:sqs:us-east-1:000000000000:orders"), "orders");
        assert_eq!(last_part("arn:aws:kinesis:us-east-1:000000000000:stream/clicks"), "clicks");
        let stream = "arn:aws:dynamodb:us-east-1:000000000000:table/carts/stream/2026-11-20T08:00:00.000";
        assert_eq!(last_part(stream), "carts");
        assert_eq!(last_part("odd"), "odd");
    }

    #[test]
    fn paints_only_when_asked() {
        let stopped = MappingStatus { state: MappingState::Disabled, ..orders() };
        let text = list(&[orders(), broken(), stopped], false, true);
        let starts: Vec<bool> = [BOLD, "orders", YELLOW, DIM]
            .into_iter()
            .zip(text.lines())
            .map(|(start, line)| line.starts_with(start))
            .collect();
        assert_eq!(starts, [true; 4], "{text}");
        assert!(!list(&[broken()], false, false).contains('\u{1b}'));
    }
}
