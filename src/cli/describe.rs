//! One mapping, a line for each of its members.

use super::output::counted;
use super::table::{BOLD, RESET, file, health, lag, number, one_line, reading};
use super::target;
use crate::engine::{MappingState, ShardState};
use crate::view::{LoweredStatus, MappingStatus, QueueStatus, StreamConfiguration};

/// A limit that is lowered for less than this (seconds) is not worth a line.
const LOWERED_FOR_LONG: u64 = 60;

type Line = (&'static str, String);

/// One mapping, a line for each of its members, and its shards at the end.
pub(super) fn one(status: &MappingStatus, colour: bool) -> String {
    let mut lines: Vec<Line> = vec![
        ("Name", status.name.clone()),
        ("UUID", status.uuid.clone()),
        ("File", file(status)),
        ("Source", status.event_source_arn.clone()),
        ("Function", status.function_arn.clone()),
    ];
    lines.extend(status.target.as_ref().map(|known| ("Target", target::line(known))));
    lines.extend(status.target.iter().flat_map(target::parts));
    lines.extend([
        (
            "State",
            if status.elsewhere {
                format!("{:?}, on another replica: `forebay fleet` shows which", status.state)
            } else {
                format!("{:?} ({})", status.state, status.state_transition_reason)
            },
        ),
        ("Enabled by", status.enabled_by.clone()),
        ("Health", format!("{} since {}", health(status), status.since)),
    ]);
    lines.extend(status.health_reason.iter().map(|reason| ("Reason", reason.clone())));
    lines.push(("Last result", status.last_processing_result.clone()));
    lines.extend(status.last_error.iter().map(|last| {
        let times = if last.count == 1 { "once".into() } else { format!("{} times", last.count) };
        ("Last error", format!("{} ({times}, last at {})", last.headline(), last.at))
    }));
    lines.extend([
        ("Batch", format!("{} records, {} s window", status.batch_size, status.maximum_batching_window_in_seconds)),
        ("Responses", or_dash(&status.function_response_types.join(", "))),
    ]);
    lines.extend(filters(status));
    match &status.stream_configuration {
        Some(stream) => lines.extend(configuration(stream)),
        None => lines.push(("Concurrency", concurrency(status))),
    }
    lines.extend(status.destination_config.iter().map(|config| {
        let destination = config.on_failure.destination.as_deref().unwrap_or_default();
        ("On failure", or_dash(destination))
    }));
    lines.extend(status.queue.as_ref().map(|known| ("Queue", queue(known, status.state))));
    lines.extend(status.queue.as_ref().and_then(lowered));
    lines.extend(stream(status));
    lines.push(("Records", records(status)));
    let counters = &status.counters;
    lines.push((
        "Invokes",
        format!(
            "{}, of them {} throttled; {} malformed responses",
            counters.invokes, counters.throttles, counters.malformed_responses
        ),
    ));
    lines.extend(shards(status));
    let width = lines.iter().map(|(head, _)| head.len()).max().unwrap_or_default() + 1;
    let (bold, reset) = if colour { (BOLD, RESET) } else { ("", "") };
    lines
        .iter()
        .map(|(head, text)| {
            let head = if head.is_empty() { String::new() } else { format!("{head}:") };
            let text = one_line(text);
            format!("{bold}{head:<width$}{reset} {text}\n")
        })
        .collect()
}

/// A line for each pattern.
fn filters(status: &MappingStatus) -> impl Iterator<Item = Line> {
    const SHOWN: usize = 120;
    let patterns = status.filter_criteria.iter().flat_map(|criteria| &criteria.filters).map(|filter| {
        let more = if filter.pattern.chars().count() > SHOWN { "…" } else { "" };
        filter.pattern.chars().take(SHOWN).chain(more.chars()).collect()
    });
    std::iter::once("Filters").chain(std::iter::repeat("")).zip(patterns)
}

fn concurrency(status: &MappingStatus) -> String {
    status.scaling_config.map_or_else(|| "adaptive".into(), |scaling| scaling.maximum_concurrency.to_string())
}

fn configuration(stream: &StreamConfiguration) -> Vec<Line> {
    let start = match stream.starting_position_timestamp {
        Some(seconds) => format!("{} {seconds:.3}", stream.starting_position),
        None => stream.starting_position.clone(),
    };
    let retries = match stream.maximum_retry_attempts {
        ..=-1 => "unlimited retries".to_owned(),
        1 => "1 retry".to_owned(),
        retries => format!("{retries} retries"),
    };
    let age = match stream.maximum_record_age_in_seconds {
        ..=-1 => "records of any age".to_owned(),
        seconds => format!("records up to {seconds} s old"),
    };
    let bisect = if stream.bisect_batch_on_function_error { ", failed batches are split" } else { "" };
    let mut lines = vec![
        ("Starts at", start),
        (
            "Concurrency",
            match stream.parallelization_factor {
                1 => "1 batch a shard".to_owned(),
                batches => format!("{batches} batches a shard"),
            },
        ),
        ("Failures", format!("{retries}, {age}{bisect}")),
    ];
    if stream.tumbling_window_in_seconds > 0 {
        lines.push(("Window", format!("{} s, tumbling", stream.tumbling_window_in_seconds)));
    }
    lines
}

fn queue(queue: &QueueStatus, state: MappingState) -> String {
    let leaves = matches!(state, MappingState::Disabling | MappingState::Disabled | MappingState::Deleting);
    let open = match queue.open_receives {
        open if leaves && open > 0 => {
            format!(", {} still open", counted(usize::try_from(open).unwrap_or(0), "receive"))
        }
        _ => String::new(),
    };
    format!(
        "{} waiting, {} not visible, {} held, {} of {} batches in flight, {} s visibility{open}",
        number(queue.backlog),
        number(queue.not_visible),
        queue.held,
        queue.in_flight,
        queue.concurrency,
        number(queue.visibility_timeout),
    )
}

/// A limit that refused calls have kept low for long.
fn lowered(queue: &QueueStatus) -> Option<Line> {
    let LoweredStatus { from, seconds } = queue.lowered.filter(|lowered| lowered.seconds >= LOWERED_FOR_LONG)?;
    let text = format!(
        "{} batches at once instead of {from}, for {seconds} s: Lambda throttles or fails too many calls",
        queue.concurrency
    );
    Some(("Lowered", text))
}

fn stream(status: &MappingStatus) -> Option<Line> {
    let stream = status.stream.as_ref()?;
    let saved = if stream.checkpoint_age_seconds > 0.0 {
        format!("{} not saved", lag(Some(stream.checkpoint_age_seconds)))
    } else {
        "all saved".into()
    };
    let clock = match stream.clock_ahead_seconds {
        Some(ahead) if ahead > 0.0 => format!(", this host's clock {ahead:.0} s ahead"),
        Some(behind) => format!(", this host's clock {:.0} s behind", -behind),
        None => String::new(),
    };
    let text = format!(
        "{} lag, {} read, {} held, {} of {} batches in flight, {saved}{clock}",
        lag(stream.iterator_age_seconds),
        counted(usize::try_from(reading(status)).unwrap_or_default(), "shard"),
        stream.held,
        stream.in_flight,
        stream.concurrency,
    );
    Some(("Stream", text))
}

fn records(status: &MappingStatus) -> String {
    let counters = &status.counters;
    let mut text = format!("{} polled, {} invoked, {} failed", counters.polled, counters.invoked, counters.failed);
    if status.stream.is_some() {
        text.push_str(&format!(", {} dropped, {} bisections", counters.dropped, counters.bisections));
    } else {
        if counters.exhausted > 0 {
            text.push_str(&format!(", {} to the dead-letter queue", counters.exhausted));
        }
        text.push_str(&format!(", {} deleted", counters.deleted));
        if counters.kept_in_order > 0 {
            text.push_str(&format!(", {} kept in order", counters.kept_in_order));
        }
    }
    if status.destination_config.is_some() {
        text.push_str(&format!(", {} to the destination", counters.delivered_to_destination));
    }
    text.push_str(&format!(", {} filtered", counters.filtered));
    if counters.undecidable > 0 {
        text.push_str(&format!(", {} not evaluated", counters.undecidable));
    }
    text
}

/// A line for each shard; ended ones only as a number.
fn shards(status: &MappingStatus) -> Vec<Line> {
    let all = || status.shards.iter().flatten();
    let shown = all().filter(|shard| shard.state != ShardState::Ended).map(|shard| {
        let (state, lag) = (format!("{:?}", shard.state), lag(shard.iterator_age_seconds));
        format!("{}  {state:<7}  {lag:>8}  {}", shard.shard_id, shard.position)
    });
    let ended = all().filter(|shard| shard.state == ShardState::Ended).count();
    let ended = (ended > 0).then(|| format!("and {ended} finished"));
    let heads = std::iter::once("Shards").chain(std::iter::repeat(""));
    heads.zip(shown.chain(ended)).collect()
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::super::output::{json, yaml};
    use super::super::sample::{broken, clicks, failing, made, orders};
    use super::*;
    use crate::view::{FilterCriteria, MappingStatus, TargetStatus};

    #[test]
    fn shows_one() {
        insta::assert_snapshot!("one", one(&orders(), false));
        insta::assert_snapshot!("one_of_the_api", one(&made(), false));
        insta::assert_snapshot!("one_degraded", one(&broken(), false));
        insta::assert_snapshot!("one_failing", one(&failing(), false));
        insta::assert_snapshot!("one_stream", one(&clicks(), false));
    }

    #[test]
    fn shows_a_target_that_is_no_lambda_function() {
        let mut status = orders();
        assert!(!one(&status, false).contains("Target") && !json(&status).unwrap().contains("Target"));
        let place = "127.0.0.1:9001, python3 -m awslambdaric app.handler".to_owned();
        let part = |name: &str, state: &str, in_flight, note: Option<&str>| {
            let note = note.map(str::to_owned);
            crate::view::PartStatus { name: name.into(), state: state.into(), in_flight, note }
        };
        let mut parts = vec![
            part("worker 1", "Up", 1, None),
            part("worker 12", "Down", 0, Some("exit status 3")),
            part("127.0.0.1:40112", "Late", 1, Some("aws-lambda-python/3.11.7-4.2.2")),
        ];
        parts.extend((0..20).map(|number| part(&format!("worker {number}"), "Starting", 0, None)));
        status.target = Some(TargetStatus { kind: "RuntimeApi".into(), place, capacity: Some(4), parts });
        let text = one(&status, false);
        let line =
            "Target:      RuntimeApi (127.0.0.1:9001, python3 -m awslambdaric app.handler), 4 invocations at a time\n";
        assert!(text.contains(line), "{text}");
        let workers = "Workers:     worker 1         Up        1 in flight
             worker 12        Down      exit status 3
             127.0.0.1:40112  Late      1 in flight  aws-lambda-python/3.11.7-4.2.2
             worker 0         Starting
";
        assert!(text.contains(workers) && text.contains("             and 7 more\n"), "{text}");
        assert_eq!(serde_json::from_str::<MappingStatus>(&json(&status).unwrap()).unwrap(), status);
    }

    #[test]
    fn says_what_refused_calls_have_kept_low_for_long() {
        let mut status = orders();
        let mut shown = |lowered| {
            status.queue = status.queue.map(|queue| QueueStatus { concurrency: 3, lowered, ..queue });
            one(&status, false)
        };
        assert!(!shown(Some(LoweredStatus { from: 30, seconds: 59 })).contains("Lowered"));
        let text = shown(Some(LoweredStatus { from: 30, seconds: 170 }));
        assert!(text.contains("Lowered:     3 batches at once instead of 30, for 170 s: "), "{text}");
    }

    #[test]
    fn says_what_was_kept_in_order_where_something_was() {
        let mut status = orders();
        assert!(!one(&status, false).contains("kept"));
        status.counters.kept_in_order = 7;
        assert!(one(&status, false).contains(" 990 deleted, 7 kept in order, 0 filtered\n"), "{}", one(&status, false));
    }

    #[test]
    fn shows_filters_a_line_each() {
        let mut status = orders();
        assert!(!one(&status, false).contains("Filters"));
        let long = format!("{{\"body\":{{\"a\":[\"{}\"]}}}}", "é".repeat(200));
        status.filter_criteria = FilterCriteria::new(&["{\"body\":\n{\"a\":[1]}}".into(), long]);
        status.counters.filtered = 5;
        status.counters.undecidable = 2;
        let text = one(&status, false);
        assert!(text.contains("Filters:     {\"body\": {\"a\":[1]}}\n             {\"body\":{\"a\":[\"éé"), "{text}");
        assert!(text.contains("é…\n") && text.contains(", 5 filtered, 2 not evaluated\n"), "{text}");
        let read: serde_json::Value = serde_json::from_str(&json(&status).unwrap()).unwrap();
        assert_eq!(read["FilterCriteria"]["Filters"][0]["Pattern"], "{\"body\":\n{\"a\":[1]}}");
        assert_eq!(read["Counters"]["Undecidable"], 2);
        assert_eq!(serde_json::from_value::<MappingStatus>(read).unwrap(), status);
    }

    #[test]
    fn shows_a_clock_that_is_wrong() {
        let mut status = clicks();
        assert!(!one(&status, false).contains("clock") && !json(&status).unwrap().contains("Clock"));
        for (ahead, said) in
            [(90.4, "all saved, this host's clock 90 s ahead\n"), (-7200.0, ", this host's clock 7200 s behind\n")]
        {
            let stream = status.stream.as_mut().unwrap();
            (stream.clock_ahead_seconds, stream.checkpoint_age_seconds) = (Some(ahead), 0.0);
            assert!(one(&status, false).contains(said), "{}", one(&status, false));
        }
    }

    #[test]
    fn paints_only_when_asked() {
        assert!(one(&clicks(), true).lines().all(|line| line.starts_with(BOLD)));
        assert!(!one(&clicks(), false).contains('\u{1b}'));
    }

    #[test]
    fn json_and_yaml_hold_the_same_and_can_be_read_back() {
        insta::assert_snapshot!("stream_json", json(&clicks()).unwrap());
        insta::assert_snapshot!("stream_yaml", yaml(&clicks()).unwrap());
        for status in [orders(), broken(), failing(), clicks(), made()] {
            let text = json(&status).unwrap();
            assert_eq!(serde_json::from_str::<MappingStatus>(&text).unwrap(), status);
        }
        let older = json(&orders()).unwrap().replace("  \"Origin\": \"file\",\n", "");
        let older = older.replace("  \"FailedInARow\": 0,\n", "").replace("    \"Exhausted\": 0,\n", "");
        assert_eq!(
            serde_json::from_str::<MappingStatus>(&older).unwrap(),
            orders(),
            "an older daemon knows files only"
        );
        assert!(!older.contains("Origin"), "{older}");
        let queue = json(&orders()).unwrap();
        for absent in ["StartingPosition", "Shards", "Stream", "DestinationConfig", "ParallelizationFactor"] {
            assert!(!queue.contains(absent), "{absent} in {queue}");
        }
    }
}
