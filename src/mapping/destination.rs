//! `DestinationConfig`: where records go that the function could not process.

use super::arn;
use super::code::Code;
use super::filters;
use super::model::{Arn, DestinationKind, FailureDestination};
use super::reader::{Reader, short};
use super::sources::Rules;
use super::spec::SourceSpec;
use super::text::Span;
use super::value::Members;

const FORM: &str = "write the ARN of an SQS queue, an SNS topic (`arn:aws:sns:REGION:ACCOUNT:TOPIC`) or an S3 bucket \
                    (`arn:aws:s3:::BUCKET`)";

/// Reads the failure destination and checks what belongs to it. An empty `Destination` is none.
pub(crate) fn read(reader: &mut Reader<'_>, members: &Members, source: &SourceSpec) -> Option<FailureDestination> {
    let config = members.map("DestinationConfig");
    let of = |name: &str| config.and_then(|config| config.map(name));
    if let Some(destination) = of("OnSuccess").and_then(|side| side.get("Destination")).filter(|value| value.says()) {
        let message =
            "unsupported DestinationConfig parameter for given event source mapping type: no mapping takes `OnSuccess`";
        reader.error(Code::OnSuccess, destination.span, message, "remove it");
    }
    let written = of("OnFailure").and_then(|side| side.text("Destination")).filter(|(text, _)| !text.is_empty());
    let broken = [config, of("OnFailure")].into_iter().flatten().any(|side| !side.broken.is_empty());
    if written.is_none() && !broken {
        settings(reader, members, source.rules());
    }
    let (text, span) = written?;
    let found = parse(reader, source.rules(), text, span)?;
    if found.arn.text == source.id() {
        let message = format!("the failure destination is the mapping's own {}", source.rules().noun);
        let help = "name another: a record that fails would come back again and again";
        reader.error(Code::DestinationIsSource, span, message, help);
    }
    Some(found)
}

/// What says how failure records are sent says nothing without a place to send them to.
fn settings(reader: &mut Reader<'_>, members: &Members, rules: &Rules) {
    let Some(poller) = members.map("Poller") else { return };
    let attempts = poller.key("OnFailureAttempts").filter(|_| !rules.sharded);
    let payload = poller
        .key("OnFailurePayload")
        .filter(|_| poller.boolean("OnFailurePayload") == Some(true) && !filters::has_destination(members));
    for (name, key) in [("OnFailureAttempts", attempts), ("OnFailurePayload", payload)] {
        if let Some(key) = key {
            let message = format!("`Poller.{name}` has no effect: the mapping has no failure destination");
            let help = "write `DestinationConfig: { OnFailure: { Destination: … } }`, or remove it";
            reader.error(Code::DestinationMissing, key, message, help);
        }
    }
}

/// The destination that an ARN names; what is none is reported.
pub(crate) fn parse(reader: &mut Reader<'_>, rules: &Rules, text: &str, span: Span) -> Option<FailureDestination> {
    if text.starts_with("kafka://") && !rules.destinations.contains(&"kafka") {
        let message = "a Kafka topic takes the failure records of Kafka sources only";
        reader.error(Code::DestinationArn, span, message, FORM);
        return None;
    }
    let Some(arn) = Arn::parse(text) else {
        let help = arn::of_queue_url(text)
            .map_or_else(|| FORM.into(), |arn| format!("a queue's URL is not its ARN: write `{arn}`"));
        reader.error(Code::DestinationArn, span, format!("{:?} is not an ARN", short(text)), help);
        return None;
    };
    let located = !arn.account.is_empty() && !arn.region.is_empty();
    let fifo = arn.resource.ends_with(".fifo");
    let kind = match arn.service.as_str() {
        service if !rules.destinations.contains(&service) => {
            let message = format!("`{service}` is not a service that takes failure records");
            reader.error(Code::DestinationArn, span, message, FORM);
            return None;
        }
        "sqs" if located && arn::is_queue_name(&arn.resource) => DestinationKind::Sqs { fifo },
        "sns" if located && arn::is_topic_name(&arn.resource) => DestinationKind::Sns { fifo },
        "s3" if arn.account.is_empty() && arn.region.is_empty() && arn::is_bucket_name(&arn.resource) => {
            DestinationKind::S3
        }
        service => {
            let what = match service {
                "sqs" => "a queue's",
                "sns" => "a topic's",
                _ => "a bucket's",
            };
            reader.error(Code::DestinationArn, span, format!("{:?} is not {what} ARN", short(text)), FORM);
            return None;
        }
    };
    Some(FailureDestination { kind, arn })
}
