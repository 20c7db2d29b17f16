//! SQS queues, standard and FIFO.

use super::find::form;
use super::{BatchSizes, DESTINATIONS, NOT_THERE, Rules, Shown};
use crate::filter::View;
use crate::mapping::arn;
use crate::mapping::code::Code;
use crate::mapping::impossible::{Holds, nothing, scalar, unknown};
use crate::mapping::model::Arn;
use crate::mapping::reader::{Reader, short};
use crate::mapping::spec::SourceKind;
use crate::mapping::text::Span;

/// A message with the system attributes that every queue gives it, and these.
macro_rules! sample {
    ($more:literal) => {
        concat!(
            r#"{"messageId":"00000000-0000-4000-8000-000000000000","receiptHandle":"sample","#,
            r#""body":"{\"message\":\"Hello from forebay invoke\"}","#,
            r#""md5OfBody":"db4c1976e08854c9ee30a4341f5e56ce","#,
            r#""attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1760000000000","SenderId":"forebay","#,
            r#""ApproximateFirstReceiveTimestamp":"1760000000000""#,
            $more,
            r#"},"messageAttributes":{},"eventSource":"aws:sqs"}"#
        )
    };
}

/// The rules of a standard queue.
pub(super) const QUEUE: Rules = Rules {
    label: "sqs",
    noun: "queue",
    precisely: "standard queue",
    record: "message",
    drops: ("delete", "deleted"),
    form: "arn:aws:sqs:REGION:ACCOUNT:QUEUE",
    endpoint: "sqs",
    sharded: false,
    grouped: false,
    batch_size: BatchSizes { default: 10, most: 10_000, most_at_once: 10 },
    longest_window: 300,
    positions: &[],
    view: View::Sqs,
    fields,
    sample: sample!(""),
    destinations: DESTINATIONS,
    instead: &[
        ("MaximumRetryAttempts", RETRIES),
        ("ParallelizationFactor", CONCURRENCY),
        ("GroupOrder", "remove it; a standard queue has no message groups that are kept in order"),
    ],
    unreached: Code::QueueUnreached,
    missing,
    shown: SHOWN,
};

/// The rules of a FIFO queue.
pub(super) const FIFO: Rules = Rules {
    precisely: "FIFO queue",
    grouped: true,
    batch_size: BatchSizes { default: 10, most: 10, most_at_once: 10 },
    longest_window: 0,
    sample: sample!(r#","MessageGroupId":"sample","MessageDeduplicationId":"sample","SequenceNumber":"1""#),
    instead: &[("MaximumRetryAttempts", RETRIES), ("ParallelizationFactor", CONCURRENCY)],
    ..QUEUE
};

const RETRIES: &str = "remove it; the `maxReceiveCount` of the queue's redrive policy bounds retries";
const CONCURRENCY: &str = "remove it; `ScalingConfig.MaximumConcurrency` bounds the batches in flight";

const SHOWN: Shown = Shown {
    transition_reason: "USER_INITIATED",
    destination: false,
    disabled_at_once: true,
    denied_actions: None,
    batch_info: ("", false),
};

/// A queue's name says which kind it is.
pub(super) fn kind(reader: &mut Reader<'_>, arn: &Arn, located: bool, span: Span) -> Option<SourceKind> {
    if !located || !arn::is_queue_name(&arn.resource) {
        reader.error(Code::SourceArn, span, format!("{:?} is not a queue's ARN", short(&arn.text)), form());
        return None;
    }
    Some(if arn.resource.ends_with(".fifo") { SourceKind::Fifo } else { SourceKind::Sqs })
}

fn missing(arn: &Arn) -> (String, &'static str) {
    (format!("queue {}", arn.resource), NOT_THERE)
}

const MESSAGE: &[&str] = &[
    "messageId",
    "receiptHandle",
    "body",
    "attributes",
    "messageAttributes",
    "md5OfBody",
    "md5OfMessageAttributes",
    "eventSource",
    "eventSourceARN",
    "awsRegion",
];

fn fields(path: &[&str]) -> Holds {
    match path {
        ["body" | "md5OfMessageAttributes", ..] => Holds::Anything,
        ["attributes"] => nothing("`attributes` is an object", "name one: `{\"attributes\": {\"SenderId\": […]}}`"),
        ["attributes", ..] => Holds::Text,
        ["messageAttributes", .., "stringValue" | "dataType" | "binaryValue"] if path.len() > 2 => Holds::Text,
        ["messageAttributes", .., "stringListValues" | "binaryListValues"] if path.len() > 2 => Holds::Anything,
        ["messageAttributes", ..] => nothing(
            "a message attribute is an object",
            "name its member: `{\"messageAttributes\": {\"NAME\": {\"stringValue\": [\"VALUE\"]}}}`",
        ),
        ["eventSource", ..] => scalar(Holds::Words(&["aws:sqs"]), path),
        [name, ..] if MESSAGE.contains(name) => scalar(Holds::Text, path),
        [name, ..] => unknown(MESSAGE, "body", name),
        [] => Holds::Anything,
    }
}
