//! Sources and functions that did not answer, and streams that have nothing more to say.

use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::model::{Mapping, SourceKind};

/// The problem of a source that could not be asked; `reason` says why, as a lowercase fragment. An error: nothing can be
/// polled that cannot be asked.
#[must_use]
pub fn source_unreached(mapping: &Mapping, reason: &str) -> Diagnostic {
    let noun = mapping.kind.noun();
    let (code, permission) = match mapping.kind {
        SourceKind::Sqs => (Code::QueueUnreached, "sqs:GetQueueAttributes"),
        SourceKind::Kinesis => (Code::StreamUnreached, "kinesis:ListShards"),
        SourceKind::DynamoDb => (Code::StreamUnreached, "dynamodb:DescribeStream"),
    };
    let message = format!("the {noun} {} could not be asked: {reason}", mapping.source.text);
    let help = format!("check that the {noun} exists, the region, the credentials, and the permission `{permission}`");
    of_mapping(code, Severity::Error, mapping, message, &help)
}

/// The problem of a stream that takes no more records; `reason` is what the source said of it.
#[must_use]
pub fn stream_disabled(mapping: &Mapping, reason: &str) -> Diagnostic {
    let help = "map the table's newest stream, or enable the table's stream again, which gives it a new ARN";
    of_mapping(Code::StreamDisabled, Severity::Error, mapping, reason.to_owned(), help)
}

/// The problem of a function that could not be asked; `reason` says why, as a lowercase fragment. A warning where only
/// the permission to read its configuration is missing, since it can be invoked all the same.
#[must_use]
pub fn function_unreached(mapping: &Mapping, severity: Severity, reason: &str) -> Diagnostic {
    let message = format!("the function {} could not be asked: {reason}", mapping.function.text);
    let help = "check that the function exists, the region, the credentials, and the permission `lambda:GetFunctionConfiguration`; \
                `Poller.Function.Timeout` serves where the configuration may not be read";
    of_mapping(Code::FunctionUnreached, severity, mapping, message, help)
}

/// A diagnostic that has a mapping, but no place in its file.
pub(crate) fn of_mapping(code: Code, severity: Severity, mapping: &Mapping, message: String, help: &str) -> Diagnostic {
    let mut diagnostic = Diagnostic::of_file(code, severity, mapping.origin.path(), message).with_help(help);
    diagnostic.mapping = Some(mapping.name.clone());
    diagnostic
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SQS: &str = "sqs:us-east-1:000000000000:q";
    const KINESIS: &str = "kinesis:us-east-1:000000000000:stream/s\nStartingPosition: LATEST";

    fn mapping(source: &str) -> Mapping {
        let text = format!("Name: m\nFunctionName: f\nEventSourceArn: arn:aws:{source}\n");
        super::super::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0)
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        let lost = source_unreached(&mapping(KINESIS), "it does not exist");
        assert_eq!((lost.is_error(), lost.code.as_str()), (true, "FB0511"));
        assert_eq!(
            lost.message,
            "the stream arn:aws:kinesis:us-east-1:000000000000:stream/s could not be asked: it does not exist"
        );
        assert!(lost.help.unwrap().contains("kinesis:ListShards"));
        let disabled = stream_disabled(&mapping(KINESIS), "the stream is disabled");
        assert_eq!((disabled.is_error(), disabled.code.as_str()), (true, "FB0520"));
        let queue = source_unreached(&mapping(SQS), "it does not exist");
        assert!(queue.is_error());
        assert_eq!(
            queue.message,
            "the queue arn:aws:sqs:us-east-1:000000000000:q could not be asked: it does not exist"
        );
        let function = function_unreached(&mapping(SQS), Severity::Warning, "access denied");
        assert_eq!((function.is_error(), function.code.as_str()), (false, "FB0510"));
        assert_eq!(function.mapping.as_deref(), Some("m"));
    }
}
