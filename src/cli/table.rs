//! Mappings as tables.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::engine::{HealthStatus, MappingState, MappingStatus};

/// How much of a reason a narrow table shows.
const REASON_WIDTH: usize = 60;
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const YELLOW: &str = "\u{1b}[33m";
const RESET: &str = "\u{1b}[0m";

/// One column: its head, whether it is a number, and its cell.
type Column = (&'static str, bool, fn(&MappingStatus) -> String);

const NARROW: [Column; 8] = [
    ("NAME", false, |status| status.name.clone()),
    ("STATE", false, |status| format!("{:?}", status.state)),
    ("BY", false, |status| status.enabled_by.clone()),
    ("HEALTH", false, |status| health(status).to_owned()),
    ("SOURCE", false, |status| last_part(&status.event_source_arn).to_owned()),
    ("FUNCTION", false, |status| function(&status.function_arn).to_owned()),
    ("IN-FLIGHT", true, |status| queue(status, |queue| Some(queue.in_flight))),
    ("BACKLOG", true, |status| queue(status, |queue| queue.backlog)),
];

const WIDE: [Column; 11] = [
    ("CONCURRENCY", true, |status| queue(status, |queue| Some(queue.concurrency))),
    ("HELD", true, |status| queue(status, |queue| Some(queue.held))),
    ("BATCH", true, |status| status.batch_size.to_string()),
    ("WINDOW", true, |status| format!("{}s", status.maximum_batching_window_in_seconds)),
    ("POLLED", true, |status| status.counters.polled.to_string()),
    ("INVOKED", true, |status| status.counters.invoked.to_string()),
    ("FAILED", true, |status| status.counters.failed.to_string()),
    ("DELETED", true, |status| status.counters.deleted.to_string()),
    ("THROTTLES", true, |status| status.counters.throttles.to_string()),
    ("SINCE", false, |status| status.since.clone()),
    ("FILE", false, |status| status.file.clone()),
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

/// One mapping, a line for each of its members.
pub(super) fn one(status: &MappingStatus, colour: bool) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("Name", status.name.clone()),
        ("UUID", status.uuid.clone()),
        ("File", status.file.clone()),
        ("Source", status.event_source_arn.clone()),
        ("Function", status.function_arn.clone()),
        ("State", format!("{:?} ({})", status.state, status.state_transition_reason)),
        ("Enabled by", status.enabled_by.clone()),
        ("Health", format!("{} since {}", health(status), status.since)),
    ];
    lines.extend(status.health_reason.iter().map(|reason| ("Reason", reason.clone())));
    lines.extend([
        ("Last result", status.last_processing_result.clone()),
        ("Batch", format!("{} records, {} s window", status.batch_size, status.maximum_batching_window_in_seconds)),
        ("Responses", or_dash(&status.function_response_types.join(", "))),
        (
            "Concurrency",
            status.scaling_config.map_or_else(|| "adaptive".into(), |scaling| scaling.maximum_concurrency.to_string()),
        ),
    ]);
    lines.extend(status.queue.map(|queue| {
        let number = |known: Option<u64>| known.map_or_else(|| "-".into(), |known| known.to_string());
        let text = format!(
            "{} waiting, {} held, {} of {} batches in flight, {} s visibility",
            number(queue.backlog),
            queue.held,
            queue.in_flight,
            queue.concurrency,
            number(queue.visibility_timeout),
        );
        ("Queue", text)
    }));
    let counters = &status.counters;
    lines.push((
        "Records",
        format!(
            "{} polled, {} invoked, {} failed, {} deleted, {} filtered",
            counters.polled, counters.invoked, counters.failed, counters.deleted, counters.filtered
        ),
    ));
    lines.push((
        "Invokes",
        format!(
            "{}, of them {} throttled; {} malformed responses",
            counters.invokes, counters.throttles, counters.malformed_responses
        ),
    ));
    let width = lines.iter().map(|(head, _)| head.len()).max().unwrap_or_default() + 1;
    let (bold, reset) = if colour { (BOLD, RESET) } else { ("", "") };
    lines
        .iter()
        .map(|(head, text)| {
            let text = one_line(text);
            format!("{bold}{:<width$}{reset} {text}\n", format!("{head}:"))
        })
        .collect()
}

fn health(status: &MappingStatus) -> &'static str {
    match status.health {
        HealthStatus::Ok => "ok",
        HealthStatus::Degraded => "degraded",
    }
}

fn queue(status: &MappingStatus, number: impl Fn(&crate::engine::QueueStatus) -> Option<u64>) -> String {
    status.queue.as_ref().and_then(number).map_or_else(|| "-".into(), |number| number.to_string())
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.into() }
}

/// A queue's name in its ARN.
fn last_part(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// A function's name and qualifier in whatever form it was named.
fn function(text: &str) -> &str {
    text.split_once(":function:").map_or(text, |(_, rest)| rest)
}

fn one_line(text: &str) -> String {
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
    use super::*;
    use crate::engine::{Counters, QueueStatus, ScalingConfig};

    fn orders() -> MappingStatus {
        MappingStatus {
            uuid: "0b8e1f0e-1f6c-5f4e-9a56-3a4f8a3f9c11".into(),
            name: "orders".into(),
            event_source_arn: "arn:aws:sqs:us-east-1:000000000000:orders".into(),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:process-orders:live".into(),
            batch_size: 10,
            maximum_batching_window_in_seconds: 0,
            function_response_types: vec!["ReportBatchItemFailures".into()],
            scaling_config: Some(ScalingConfig { maximum_concurrency: 20 }),
            state: MappingState::Enabled,
            state_transition_reason: "USER_INITIATED".into(),
            last_processing_result: "OK".into(),
            last_modified: 1_760_000_000.5,
            health: HealthStatus::Ok,
            health_reason: None,
            since: "2026-11-20T08:00:00Z".into(),
            enabled_by: "file".into(),
            file: "mappings/orders.yaml".into(),
            counters: Counters {
                polled: 1000,
                invoked: 1010,
                failed: 10,
                deleted: 990,
                invokes: 101,
                ..Counters::default()
            },
            queue: Some(QueueStatus {
                backlog: Some(12),
                held: 40,
                in_flight: 4,
                concurrency: 20,
                visibility_timeout: Some(30),
            }),
        }
    }

    fn broken() -> MappingStatus {
        MappingStatus {
            name: "payments".into(),
            function_arn: "pay".into(),
            health: HealthStatus::Degraded,
            health_reason: Some(
                "the queue payments does not exist in us-east-1 of account 000000000000\nor it is gone".into(),
            ),
            scaling_config: None,
            function_response_types: vec![],
            queue: None,
            ..orders()
        }
    }

    #[test]
    fn lists_narrow_wide_and_empty() {
        insta::assert_snapshot!("list", list(&[orders(), broken()], false, false));
        insta::assert_snapshot!("list_wide", list(&[orders(), broken()], true, false));
        insta::assert_snapshot!("list_empty", list(&[], false, false));
    }

    #[test]
    fn shows_one() {
        insta::assert_snapshot!("one", one(&orders(), false));
        insta::assert_snapshot!("one_degraded", one(&broken(), false));
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
