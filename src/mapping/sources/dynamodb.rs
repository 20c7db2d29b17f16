//! The streams of DynamoDB tables.

use std::time::Duration;

use super::stream::SHOWN;
use super::{Rules, Shown, kinesis};
use crate::filter::View;
use crate::machine::ShardReads;
use crate::mapping::arn;
use crate::mapping::code::Code;
use crate::mapping::impossible::{Holds, nothing, scalar, unknown};
use crate::mapping::model::Arn;
use crate::mapping::reader::{Reader, short};
use crate::mapping::spec::SourceKind;
use crate::mapping::suggest;
use crate::mapping::text::Span;

/// How its shards are read.
pub(in crate::mapping) const READS: ShardReads = ShardReads {
    base_pause: Duration::from_millis(250),
    most_records: 1_000,
    // It does not say whether an answer is behind; AWS, too, waits for two minutes.
    window_grace: 120_000,
    by_time: false,
};

/// The rules of a DynamoDB stream: but for these, those of a Kinesis stream.
pub(super) const STREAM: Rules = Rules {
    label: "dynamodb",
    form: "arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL",
    endpoint: "dynamodbstreams",
    positions: &["TRIM_HORIZON", "LATEST"],
    view: View::DynamoDb,
    fields,
    sample: SAMPLE,
    missing,
    shown: Shown {
        denied_actions: Some("GetRecords, GetShardIterator, DescribeStream, and ListStreams"),
        batch_info: ("DDBStreamBatchInfo", true),
        ..SHOWN
    },
    ..kinesis::STREAM
};

const SAMPLE: &str = r#"{
    "eventID": "00000000-0000-4000-8000-000000000000",
    "eventName": "INSERT",
    "eventVersion": "1.1",
    "eventSource": "aws:dynamodb",
    "dynamodb": {
        "ApproximateCreationDateTime": 1760000000,
        "Keys": { "id": { "S": "sample" } },
        "NewImage": { "id": { "S": "sample" } },
        "SequenceNumber": "100000000000000000001",
        "SizeBytes": 16,
        "StreamViewType": "NEW_AND_OLD_IMAGES"
    }
}"#;

/// `table/NAME/stream/LABEL`; the label is the time at which the stream was enabled.
pub(super) fn kind(reader: &mut Reader<'_>, arn: &Arn, located: bool, span: Span) -> Option<SourceKind> {
    let parts: Vec<&str> = arn.resource.split('/').collect();
    let help: &str = match parts.as_slice() {
        ["table", name, "stream", label] if located && arn::is_stream_name(name) && arn::is_stream_label(label) => {
            return Some(SourceKind::DynamoDb);
        }
        ["table", _] => {
            "a table's ARN is not its stream's: write the `LatestStreamArn` that `aws dynamodb describe-table` shows"
        }
        _ => &format!("write `{}`, with an account of 12 digits", STREAM.form),
    };
    reader.error(Code::SourceArn, span, format!("{:?} is not a DynamoDB stream's ARN", short(&arn.text)), help);
    None
}

fn missing(arn: &Arn) -> (String, &'static str) {
    let table = arn.resource.split('/').nth(1).unwrap_or(&arn.resource);
    let help = "enable it, or correct `EventSourceArn`: a table's stream gets a new ARN each time it is enabled";
    (format!("stream of table {table}"), help)
}

const RECORD: &[&str] =
    &["dynamodb", "eventName", "eventID", "eventVersion", "eventSource", "eventSourceARN", "awsRegion", "userIdentity"];
const CHANGE: &[&str] =
    &["NewImage", "OldImage", "Keys", "ApproximateCreationDateTime", "SequenceNumber", "SizeBytes", "StreamViewType"];

fn fields(path: &[&str]) -> Holds {
    match path {
        ["userIdentity", ..] | ["dynamodb"] | [] => Holds::Anything,
        ["dynamodb", "ApproximateCreationDateTime" | "SizeBytes"] => Holds::Number,
        ["dynamodb", "SequenceNumber"] => Holds::Text,
        ["dynamodb", "StreamViewType"] => Holds::Words(&["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]),
        ["dynamodb", "NewImage" | "OldImage" | "Keys", rest @ ..] => attribute(rest),
        ["dynamodb", name, ..] => match suggest::word(CHANGE, name) {
            Some(meant) => nothing(format!("`dynamodb` has no `{}`", short(name)), format!("write `{meant}`")),
            None if CHANGE.contains(name) => nothing(format!("`{name}` has no fields"), "write its values as a list"),
            None => nothing(
                format!("`dynamodb` has no `{}`", short(name)),
                format!("write `{{\"dynamodb\": {{\"NewImage\": {{\"{}\": …}}}}}}`", short(name)),
            ),
        },
        ["eventSource", ..] => scalar(Holds::Words(&["aws:dynamodb"]), path),
        ["eventName", ..] => scalar(Holds::Words(&["INSERT", "MODIFY", "REMOVE"]), path),
        [name, ..] if RECORD.contains(name) => scalar(Holds::Text, path),
        [name, ..] => unknown(RECORD, "dynamodb", name),
    }
}

/// An attribute's value stands below the tag of its type; an attribute may itself have the name of a tag.
fn attribute(path: &[&str]) -> Holds {
    match path {
        [_, .., "N" | "NS"] => Holds::NumberAsText,
        [_, .., "S" | "SS" | "B" | "BS"] => Holds::Text,
        [_, .., "BOOL" | "NULL"] => Holds::Boolean,
        _ => nothing(
            "the values of attributes stand below the tags of their types",
            "name the type: `{\"dynamodb\": {\"NewImage\": {\"ATTRIBUTE\": {\"S\": [\"VALUE\"]}}}}`; `N` for a number, \
             `BOOL`, `NULL`",
        ),
    }
}
