//! `EventSourceArn`: what feeds the mapping.

use super::arn;
use super::build::missing;
use super::code::Code;
use super::model::Arn;
use super::reader::{Reader, short};
use super::spec::{FifoSpec, SourceKind, SourceSpec};
use super::text::Span;
use super::value::Members;
use super::{queue, stream};

const FORM: &str = "write `arn:aws:sqs:REGION:ACCOUNT:QUEUE`, `arn:aws:kinesis:REGION:ACCOUNT:stream/NAME` or \
                    `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`, with an account of 12 digits";
const POLLED: &str = "map an SQS queue, a Kinesis stream or a DynamoDB stream";

/// A source, as its ARN tells it.
pub(crate) struct Source {
    pub(crate) arn: Arn,
    pub(crate) kind: SourceKind,
    pub(crate) span: Span,
}

impl SourceKind {
    /// What a user calls it.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Sqs | Self::Fifo => "queue",
            Self::Kinesis | Self::DynamoDb => "stream",
        }
    }

    /// Its key under `Poller.Endpoints`.
    pub(crate) const fn endpoint_key(self) -> &'static str {
        match self {
            Self::Sqs | Self::Fifo => "sqs",
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodbstreams",
        }
    }
}

/// Reads the source; none, and reported, when it is not one that forebay polls.
pub(crate) fn read(reader: &mut Reader<'_>, members: &Members, span: Span) -> Option<Source> {
    let Some((text, span)) = members.text("EventSourceArn") else {
        if members.says("SelfManagedEventSource") {
            let key = members.key("SelfManagedEventSource").unwrap_or(span);
            reader.error(Code::SourceUnsupported, key, "forebay does not poll Kafka", POLLED);
        } else {
            missing(reader, members, "EventSourceArn", span, FORM);
        }
        return None;
    };
    let Some(arn) = Arn::parse(text) else {
        let help = arn::of_queue_url(text)
            .map_or_else(|| FORM.into(), |arn| format!("a queue's URL is not its ARN: write `{arn}`"));
        reader.error(Code::SourceArn, span, format!("{:?} is not an ARN", short(text)), help);
        return None;
    };
    let located = !arn.account.is_empty() && !arn.region.is_empty();
    let kind = match arn.service.as_str() {
        "sqs" if located && arn::is_queue_name(&arn.resource) => {
            if arn.resource.ends_with(".fifo") {
                SourceKind::Fifo
            } else {
                SourceKind::Sqs
            }
        }
        "sqs" => {
            reader.error(Code::SourceArn, span, format!("{:?} is not a queue's ARN", short(text)), FORM);
            return None;
        }
        "kinesis" => kinesis(reader, &arn, located, span)?,
        "dynamodb" => dynamodb(reader, &arn, located, span)?,
        "kafka" | "mq" | "rds" => {
            let what = match arn.service.as_str() {
                "kafka" => "Amazon MSK",
                "mq" => "Amazon MQ",
                _ => "Amazon DocumentDB",
            };
            reader.error(Code::SourceUnsupported, span, format!("forebay does not poll {what}"), POLLED);
            return None;
        }
        service => {
            let message = format!("`{service}` is not a service that event source mappings poll");
            reader.error(Code::SourceArn, span, message, FORM);
            return None;
        }
    };
    Some(Source { arn, kind, span })
}

/// The source with all that belongs to it; whatever is missing or wrong is reported and has its default.
pub(crate) fn spec(reader: &mut Reader<'_>, members: &Members, kind: SourceKind, arn: Arn, span: Span) -> SourceSpec {
    match kind {
        SourceKind::Sqs => SourceSpec::Queue(queue::read(reader, members, kind, arn)),
        SourceKind::Fifo => SourceSpec::Fifo(FifoSpec {
            queue: queue::read(reader, members, kind, arn),
            group_order: queue::group_order(reader, members),
        }),
        SourceKind::Kinesis => SourceSpec::Kinesis(stream::read(reader, members, kind, arn, span)),
        SourceKind::DynamoDb => SourceSpec::DynamoDb(stream::read(reader, members, kind, arn, span)),
    }
}

/// `stream/NAME`, or `stream/NAME/consumer/CONSUMER:CREATED`, which is a stream read by enhanced fan-out.
fn kinesis(reader: &mut Reader<'_>, arn: &Arn, located: bool, span: Span) -> Option<SourceKind> {
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
    let help = "write `arn:aws:kinesis:REGION:ACCOUNT:stream/NAME`, with an account of 12 digits";
    reader.error(Code::SourceArn, span, format!("{:?} is not a Kinesis stream's ARN", short(&arn.text)), help);
    None
}

/// `table/NAME/stream/LABEL`; the label is the time at which the stream was enabled.
fn dynamodb(reader: &mut Reader<'_>, arn: &Arn, located: bool, span: Span) -> Option<SourceKind> {
    let parts: Vec<&str> = arn.resource.split('/').collect();
    let help = match parts.as_slice() {
        ["table", name, "stream", label] if located && arn::is_stream_name(name) && arn::is_stream_label(label) => {
            return Some(SourceKind::DynamoDb);
        }
        ["table", _] => {
            "a table's ARN is not its stream's: write the `LatestStreamArn` that `aws dynamodb describe-table` shows"
        }
        _ => "write `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`, with an account of 12 digits",
    };
    reader.error(Code::SourceArn, span, format!("{:?} is not a DynamoDB stream's ARN", short(&arn.text)), help);
    None
}
