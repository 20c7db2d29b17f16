//! `EventSourceArn`: what feeds the mapping.

use super::{dynamodb, kinesis, queue, sqs, stream};
use crate::mapping::arn;
use crate::mapping::build::missing;
use crate::mapping::code::Code;
use crate::mapping::model::Arn;
use crate::mapping::reader::{Reader, short};
use crate::mapping::spec::{FifoSpec, SourceKind, SourceSpec};
use crate::mapping::text::Span;
use crate::mapping::value::Members;

const POLLED: &str = "map an SQS queue, a Kinesis stream or a DynamoDB stream";

/// A source, as its ARN names it.
pub(crate) struct Source {
    pub(crate) arn: Arn,
    pub(crate) kind: SourceKind,
    pub(crate) span: Span,
}

/// What to write where an ARN is not one of a source.
pub(super) fn form() -> String {
    let [queue, kinesis, dynamodb] = [sqs::QUEUE.form, kinesis::STREAM.form, dynamodb::STREAM.form];
    format!("write `{queue}`, `{kinesis}` or `{dynamodb}`, with an account of 12 digits")
}

/// Reads the source; none, and reported, when it is not one that forebay polls.
pub(crate) fn read(reader: &mut Reader<'_>, members: &Members, span: Span) -> Option<Source> {
    let Some((text, span)) = members.text("EventSourceArn") else {
        if members.says("SelfManagedEventSource") {
            let key = members.key("SelfManagedEventSource").unwrap_or(span);
            reader.error(Code::SourceUnsupported, key, "forebay does not poll Kafka", POLLED);
        } else {
            missing(reader, members, "EventSourceArn", span, &form());
        }
        return None;
    };
    let Some(arn) = Arn::parse(text) else {
        let help =
            arn::of_queue_url(text).map_or_else(form, |arn| format!("a queue's URL is not its ARN: write `{arn}`"));
        reader.error(Code::SourceArn, span, format!("{:?} is not an ARN", short(text)), help);
        return None;
    };
    let located = !arn.account.is_empty() && !arn.region.is_empty();
    let kind = match arn.service.as_str() {
        "sqs" => sqs::kind(reader, &arn, located, span)?,
        "kinesis" => kinesis::kind(reader, &arn, located, span)?,
        "dynamodb" => dynamodb::kind(reader, &arn, located, span)?,
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
            reader.error(Code::SourceArn, span, message, form());
            return None;
        }
    };
    Some(Source { arn, kind, span })
}

/// The source with all that belongs to it; what is missing or wrong is reported and has its default.
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
