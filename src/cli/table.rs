//! Mappings as tables.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::engine::{MappingState, ShardState};
use crate::view::{HealthStatus, MappingStatus, QueueStatus, StreamStatus};

/// So much of a reason is shown on the narrowest terminal, too.
const LEAST_REASON: usize = 20;
pub(super) const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
pub(super) const RESET: &str = "\u{1b}[0m";

/// One column: its head, whether it is a number, and its cell.
type Column = (&'static str, bool, fn(&MappingStatus) -> String);

const NARROW: [Column; 7] = [
    ("NAME", false, |status| status.name.clone()),
    ("STATE", false, |status| if status.elsewhere { "Elsewhere".into() } else { format!("{:?}", status.state) }),
    ("HEALTH", false, |status| health(status).to_owned()),
    ("FUNCTION", false, |status| function(&status.function_arn).to_owned()),
    ("BACKLOG", true, |status| status.queue.as_ref().map_or_else(|| "-".into(), backlog)),
    ("LAG", true, |status| lag(status.stream.and_then(|stream| stream.iterator_age_seconds))),
    ("FAILED", true, |status| status.counters.failed.to_string()),
];

const WIDE: [Column; 18] = [
    ("SOURCE", false, |status| last_part(&status.event_source_arn).to_owned()),
    ("TARGET", false, target),
    ("BY", false, |status| status.enabled_by.clone()),
    ("IN-FLIGHT", true, |status| either(status, |queue| queue.in_flight, |stream| stream.in_flight)),
    ("CONCURRENCY", true, |status| either(status, |queue| queue.concurrency, |stream| stream.concurrency)),
    ("SHARDS", true, |status| number(status.shards.as_ref().map(|_| reading(status)))),
    ("HELD", true, |status| either(status, |queue| queue.held, |stream| stream.held)),
    ("BATCH", true, |status| status.batch_size.to_string()),
    ("WINDOW", true, |status| format!("{}s", status.maximum_batching_window_in_seconds)),
    ("POLLED", true, |status| status.counters.polled.to_string()),
    ("INVOKED", true, |status| status.counters.invoked.to_string()),
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

/// A line for each mapping, on a terminal no longer than its width if that is possible.
pub(super) fn list(mappings: &[MappingStatus], width: Option<usize>, colour: bool) -> String {
    columns(mappings, &NARROW, width, colour)
}

/// A line for each mapping, with everything.
pub(super) fn wide(mappings: &[MappingStatus], colour: bool) -> String {
    columns(mappings, &[NARROW.as_slice(), WIDE.as_slice()].concat(), None, colour)
}

/// The reason comes last, so that it alone is cut.
fn columns(mappings: &[MappingStatus], columns: &[Column], width: Option<usize>, colour: bool) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(columns.iter().map(|(head, ..)| *head));
    for status in mappings {
        table.add_row(columns.iter().map(|(.., cell)| one_line(&cell(status))));
    }
    for (place, (_, number, _)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(place) {
            column.set_padding((0, 2));
            if *number {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let reasons = std::iter::once("REASON".to_owned()).chain(mappings.iter().map(|status| one_line(&reason(status))));
    let lines = table.lines().zip(reasons).map(|(line, reason)| {
        let room = width.map(|width| width.saturating_sub(line.chars().count()).max(LEAST_REASON));
        line + &cut(&reason, room)
    });
    painted(lines, mappings, colour)
}

/// Why the mapping is degraded, or else what failed last if nothing has succeeded since: the error first, for there is
/// little room.
fn reason(status: &MappingStatus) -> String {
    match (&status.health_reason, &status.last_error) {
        (Some(reason), _) if status.health == HealthStatus::Degraded => reason.clone(),
        (_, Some(last)) if status.failed_in_a_row > 1 => {
            format!("{} ({} batches in a row)", last.headline(), status.failed_in_a_row)
        }
        (_, Some(last)) if status.failed_in_a_row == 1 => last.headline(),
        (reason, _) => reason.clone().unwrap_or_default(),
    }
}

/// What takes the batches, and how many of its parts there are in each state.
fn target(status: &MappingStatus) -> String {
    let Some(target) = &status.target else { return "Lambda".into() };
    let mut counts = BTreeMap::new();
    for part in &target.parts {
        *counts.entry(part.state.to_lowercase()).or_insert(0) += 1;
    }
    let counts = counts.iter().rev().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>();
    [&*target.kind, &*counts.join(", ")].join(" ").trim_end().to_owned()
}

/// Messages that wait, and those that are not visible.
fn backlog(queue: &QueueStatus) -> String {
    match (queue.backlog, queue.not_visible) {
        (Some(waiting), Some(hidden)) => format!("{waiting}+{hidden}"),
        (waiting, _) => number(waiting),
    }
}

pub(super) fn health(status: &MappingStatus) -> &'static str {
    match status.health {
        HealthStatus::Ok => "ok",
        HealthStatus::Degraded => "degraded",
        HealthStatus::Failing => "failing",
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

/// Seconds, as exact as a person wants them: `4.2s`, `7m 8s`, `3h 5m`, `2d 4h`.
pub(super) fn lag(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "-".into() };
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    match whole {
        0..60 => format!("{seconds:.1}s"),
        60..3_600 => format!("{}m {}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h {}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{}d {}h", whole / 86_400, whole / 3_600 % 24),
    }
}

/// The name of a queue, stream or table in its ARN.
fn last_part(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').last().unwrap_or(arn);
    resource.split('/').nth(1).unwrap_or(resource)
}

/// A function's name and qualifier, in each form that a name can have.
fn function(text: &str) -> &str {
    text.split_once(":function:").map_or(text, |(_, rest)| rest)
}

/// Text of others on one line, without what a terminal would obey.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn cut(text: &str, room: Option<usize>) -> String {
    match room {
        Some(room) if text.chars().count() > room => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        _ => text.to_owned(),
    }
}

/// Ends lines tidily; with colours, the head is bold, failing mappings red, degraded ones yellow and stopped ones dim.
fn painted(lines: impl Iterator<Item = String>, mappings: &[MappingStatus], colour: bool) -> String {
    let styles = std::iter::once(BOLD).chain(mappings.iter().map(|status| match (status.health, status.state) {
        (HealthStatus::Failing, _) => RED,
        (HealthStatus::Degraded, _) => YELLOW,
        (HealthStatus::Ok, MappingState::Disabled) => DIM,
        _ => "",
    }));
    let lines = lines.zip(styles).map(|(line, style)| {
        let line = line.trim_end();
        if colour && !style.is_empty() { format!("{style}{line}{RESET}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{broken, clicks, failing, made, orders};
    use super::*;

    #[test]
    fn ages_are_as_exact_as_a_person_wants_them() {
        let shown = |seconds: f64| lag(Some(seconds));
        assert_eq!([4.24, 59.9, 60.0, 428.2].map(shown), ["4.2s", "59.9s", "1m 0s", "7m 8s"]);
        assert_eq!([11_100.0, 187_200.0, -1.0].map(shown), ["3h 5m", "2d 4h", "-1.0s"]);
        assert_eq!(lag(None), "-");
    }

    #[test]
    fn lists_narrow_wide_and_empty() {
        let all = [orders(), failing(), broken(), clicks()];
        insta::assert_snapshot!("list", list(&all, None, false));
        insta::assert_snapshot!("list_80", list(&all, Some(80), false));
        insta::assert_snapshot!("list_100", list(&all, Some(100), false));
        insta::assert_snapshot!("list_160", list(&all, Some(160), false));
        insta::assert_snapshot!("list_wide", wide(&all, false));
        insta::assert_snapshot!("list_of_the_api", wide(&[made(), orders()], false));
        insta::assert_snapshot!("list_empty", list(&[], None, false));
    }

    #[test]
    fn a_reason_is_cut_to_the_terminal_and_whole_in_a_pipe() {
        let all = [orders(), failing(), broken()];
        for width in [100, 160] {
            let text = list(&all, Some(width), false);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            assert!(text.contains("ZeroDivision"), "{text}");
        }
        assert!(list(&all, Some(20), false).contains("the queue payments …\n"));
        assert!(list(&all, None, false).contains("or it is gone\n"));
    }

    #[test]
    fn a_good_mapping_shows_its_last_error_until_something_succeeds() {
        let mut status = MappingStatus { health: HealthStatus::Ok, health_reason: None, ..failing() };
        assert!(
            list(&[status.clone()], None, false)
                .contains("  ZeroDivisionError: division by zero (14 batches in a row)\n")
        );
        status.failed_in_a_row = 0;
        assert!(!list(&[status], None, false).contains("ZeroDivisionError"));
    }

    #[test]
    fn words_of_others_do_nothing_to_a_terminal() {
        assert_eq!(one_line("a\tb\r\nc\u{1b}[2Jd\u{9b}e"), "a b  c [2Jd e");
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
        let text = list(&[orders(), broken(), stopped, failing()], None, true);
        let starts: Vec<bool> = [BOLD, "orders", YELLOW, DIM, RED]
            .into_iter()
            .zip(text.lines())
            .map(|(start, line)| line.starts_with(start))
            .collect();
        assert_eq!(starts, [true; 5], "{text}");
        assert!(!list(&[broken()], None, false).contains('\u{1b}'));
    }
}
