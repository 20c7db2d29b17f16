//! What only mappings of Kinesis and DynamoDB streams have, and its rules.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Shown;
use crate::machine::StartingPosition;
use crate::mapping::build::{missing, narrow};
use crate::mapping::code::Code;
use crate::mapping::model::Arn;
use crate::mapping::reader::Reader;
use crate::mapping::spec::{SourceKind, StreamSpec};
use crate::mapping::text::Span;
use crate::mapping::value::Members;

/// What AWS's answers show of streams; what failure records say of their batches is the source's own.
pub(super) const SHOWN: Shown = Shown {
    transition_reason: "User action",
    destination: true,
    disabled_at_once: false,
    denied_actions: None,
    batch_info: ("", false),
};

/// What to do instead of writing what only queues take.
pub(super) const INSTEAD: &[(&str, &str)] = &[
    ("ScalingConfig", "remove it; `ParallelizationFactor` says how many batches of a shard are in flight"),
    ("OnFailureAttempts", "remove it; `MaximumRetryAttempts` bounds the retries of a stream"),
    ("OnFiltered", "remove it; a record of a stream is passed over, and stays in the stream"),
    ("GroupOrder", "remove it; the records of a key are always in order"),
];

/// What Kinesis allows all readers of one shard together.
const READS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("not zero");

/// Reads the parameters of a stream; what is missing or wrong is reported and has its default.
pub(crate) fn read(reader: &mut Reader<'_>, members: &Members, kind: SourceKind, arn: Arn, span: Span) -> StreamSpec {
    let limit = |name: &str| members.integer(name).and_then(|(number, _)| u32::try_from(number).ok());
    let (parallelization, factor) = parallelization(members);
    let window = members.integer("TumblingWindowInSeconds").filter(|(seconds, _)| *seconds > 0);
    if let Some((_, window)) = window {
        tumbling(reader, members, parallelization, factor.unwrap_or(window), window);
    }
    let reads = members.map("Poller").and_then(|poller| poller.integer("ReadsPerSecond"));
    StreamSpec {
        start: start(reader, members, &arn, kind, span),
        arn,
        parallelization,
        maximum_retry_attempts: limit("MaximumRetryAttempts"),
        maximum_record_age: limit("MaximumRecordAgeInSeconds").map(seconds),
        bisect: members.boolean("BisectBatchOnFunctionError").unwrap_or(false),
        tumbling_window: window.map(|(number, _)| seconds(narrow(number))),
        reads_per_second: reads.and_then(|(number, _)| NonZeroU32::new(narrow(number))).unwrap_or(READS_PER_SECOND),
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

/// The factor that counts, and where it is written.
fn parallelization(members: &Members) -> (u32, Option<Span>) {
    let beyond = members.map("Poller").and_then(|poller| poller.integer("ParallelizationFactor"));
    match beyond.or_else(|| members.integer("ParallelizationFactor")) {
        Some((number, span)) => (narrow(number), Some(span)),
        None => (1, None),
    }
}

/// A window's state is one for the shard, so its batches go one after the other; and AWS refuses filters with it, too.
fn tumbling(reader: &mut Reader<'_>, members: &Members, parallelization: u32, factor: Span, window: Span) {
    if parallelization > 1 {
        let message =
            format!("tumbling windows exclude a `ParallelizationFactor` above 1, and this is {parallelization}");
        let help = "write 1, or remove `TumblingWindowInSeconds`";
        reader.error(Code::WindowAndParallelization, factor, message, help);
    }
    if members.map("FilterCriteria").is_some_and(|criteria| criteria.says("Filters")) {
        let help = "remove `FilterCriteria` or `TumblingWindowInSeconds`";
        reader.error(Code::WindowAndFilters, window, "tumbling windows exclude filters", help);
    }
}

fn start(reader: &mut Reader<'_>, members: &Members, source: &Arn, kind: SourceKind, span: Span) -> StartingPosition {
    const HELP: &str = "write `StartingPosition: TRIM_HORIZON` to begin with the oldest record, or `LATEST` to begin \
        with \
                        what arrives from now on";
    let timestamp = members.time("StartingPositionTimestamp");
    let given = timestamp.is_some() || members.broken.contains(&"StartingPositionTimestamp");
    let Some((word, at)) = members.text("StartingPosition") else {
        missing(reader, members, "StartingPosition", span, HELP);
        return StartingPosition::TrimHorizon;
    };
    let positions = kind.rules().positions;
    if !positions.contains(&word) {
        let message = format!("unsupported starting position for arn type: {}", source.text);
        reader.error(Code::PositionUnsupported, at, message, HELP);
        return StartingPosition::TrimHorizon;
    }
    if word == "AT_TIMESTAMP" {
        if !given {
            let message = "`AT_TIMESTAMP` needs a `StartingPositionTimestamp`";
            let help = "add `StartingPositionTimestamp: 2026-11-20T08:30:00Z`, with the time that you mean";
            reader.error(Code::TimestampPosition, at, message, help);
        }
        return StartingPosition::Timestamp(timestamp.map_or(0, |(unix_ms, _)| unix_ms));
    }
    if let Some((_, span)) = timestamp {
        let message = format!("`StartingPositionTimestamp` needs `AT_TIMESTAMP`, and the position is `{word}`");
        let help = if positions.contains(&"AT_TIMESTAMP") {
            "write `StartingPosition: AT_TIMESTAMP`, or remove it"
        } else {
            "remove it: a DynamoDB stream cannot be read from a time on"
        };
        reader.error(Code::TimestampPosition, span, message, help);
    }
    if word == "LATEST" { StartingPosition::Latest } else { StartingPosition::TrimHorizon }
}
