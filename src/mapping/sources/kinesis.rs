//! Kinesis streams.

use std::time::Duration;

use super::stream::{INSTEAD, SHOWN};
use super::{BatchSizes, DESTINATIONS, NOT_THERE, Rules, Shown};
use crate::filter::View;
use crate::machine::ShardReads;
use crate::mapping::arn;
use crate::mapping::code::Code;
use crate::mapping::impossible::{Holds, nothing, scalar, unknown};
use crate::mapping::model::Arn;
use crate::mapping::reader::{Reader, short};
use crate::mapping::spec::SourceKind;
use crate::mapping::text::Span;

/// How its shards are read.
pub(in crate::mapping) const READS: ShardReads = ShardReads {
    base_pause: Duration::from_secs(1),
    most_records: 10_000,
    // The clocks of the stream and ours may differ a little.
    window_grace: 1_000,
    by_time: true,
};

/// The rules of a Kinesis stream.
pub(super) const STREAM: Rules = Rules {
    label: "kinesis",
    noun: "stream",
    precisely: "stream",
    record: "record",
    drops: ("pass over", "skipped"),
    form: "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME",
    endpoint: "kinesis",
    sharded: true,
    grouped: false,
    batch_size: BatchSizes { default: 100, most: 10_000, most_at_once: 10_000 },
    longest_window: 300,
    positions: &["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"],
    view: View::Kinesis,
    fields,
    sample: SAMPLE,
    destinations: DESTINATIONS,
    instead: INSTEAD,
    unreached: Code::StreamUnreached,
    missing,
    shown: Shown {
        denied_actions: Some("GetRecords, GetShardIterator, DescribeStream, ListShards, and ListStreams"),
        batch_info: ("KinesisBatchInfo", false),
        ..SHOWN
    },
};

const SAMPLE: &str = r#"{
    "kinesis": {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "sample",
        "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
        "data": "eyJtZXNzYWdlIjoiSGVsbG8gZnJvbSBmb3JlYmF5IGludm9rZSJ9",
        "approximateArrivalTimestamp": 1760000000.0
    },
    "eventSource": "aws:kinesis",
    "eventVersion": "1.0",
    "eventID": "shardId-000000000000:49590338271490256608559692538361571095921575989136588898",
    "eventName": "aws:kinesis:record",
    "invokeIdentityArn": ""
}"#;

/// `stream/NAME`, or `stream/NAME/consumer/CONSUMER:CREATED`, which is a stream read by enhanced fan-out.
pub(super) fn kind(reader: &mut Reader<'_>, arn: &Arn, located: bool, span: Span) -> Option<SourceKind> {
    let parts: Vec<&str> = arn.resource.split('/').collect();
    match parts.as_slice() {
        ["stream", name] if located && arn::is_stream_name(name) => return Some(SourceKind::Kinesis),
        ["stream", name, "consumer", _] if located && arn::is_stream_name(name) => {
            let message = "enhanced fan-out is not supported yet, and this is the ARN of a consumer";
            let stream = arn.text.split("/consumer/").next().unwrap_or_default();
            reader.error(Code::FanOutNotYet, span, message, format!("map the stream itself: `{stream}`"));
            return Some(SourceKind::Kinesis);
        }
        _ => {}
    }
    let help = format!("write `{}`, with an account of 12 digits", STREAM.form);
    reader.error(Code::SourceArn, span, format!("{:?} is not a Kinesis stream's ARN", short(&arn.text)), help);
    None
}

fn missing(arn: &Arn) -> (String, &'static str) {
    (format!("stream {}", arn.resource.trim_start_matches("stream/")), NOT_THERE)
}

const RECORD: &[&str] = &[
    "data",
    "partitionKey",
    "sequenceNumber",
    "kinesisSchemaVersion",
    "approximateArrivalTimestamp",
    "kinesis",
    "eventSource",
    "eventVersion",
    "eventID",
    "eventName",
    "invokeIdentityArn",
    "awsRegion",
    "eventSourceARN",
];

fn fields(path: &[&str]) -> Holds {
    match path {
        ["kinesis"] => nothing("`kinesis` is an object", "name its member: `{\"data\": {…}}`"),
        ["kinesis", inner @ ..] if RECORD[..5].contains(&inner[0]) => fields(inner),
        // A stream that spreads records by itself gives them no partition key.
        ["data", ..] | ["partitionKey"] => Holds::Anything,
        ["approximateArrivalTimestamp", ..] => scalar(Holds::Number, path),
        ["eventSource", ..] => scalar(Holds::Words(&["aws:kinesis"]), path),
        ["eventName", ..] => scalar(Holds::Words(&["aws:kinesis:record"]), path),
        ["kinesis", name, ..] => unknown(&RECORD[..5], "data", name),
        [name, ..] if RECORD.contains(name) => scalar(Holds::Text, path),
        [name, ..] => unknown(RECORD, "data", name),
        [] => Holds::Anything,
    }
}
