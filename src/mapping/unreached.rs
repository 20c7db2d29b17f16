//! Sources and functions that did not answer, and streams that have nothing more to say.

use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::model::Mapping;
use super::targets::Target;

/// The problem of a source that could not be asked; `reason` says why and what to do, as a lowercase fragment. An
/// error: nothing can be polled that cannot be asked.
#[must_use]
pub fn source_unreached(mapping: &Mapping, reason: &str) -> Diagnostic {
    let message = format!("the {} {} could not be asked: {reason}", mapping.source.rules().noun, mapping.source.id());
    of_mapping(mapping.source.rules().unreached, Severity::Error, mapping, message, None)
}

/// The problem of a stream that takes no more records; `reason` is what the source said of it.
#[must_use]
pub fn stream_disabled(mapping: &Mapping, reason: &str) -> Diagnostic {
    let help = "map the table's newest stream, or enable the table's stream again, which gives it a new ARN";
    of_mapping(Code::StreamDisabled, Severity::Error, mapping, reason.to_owned(), Some(help))
}

/// The problem of a source that does not exist where it was looked for.
#[must_use]
pub fn source_missing(mapping: &Mapping) -> Diagnostic {
    let (arn, region) = (mapping.source.arn(), mapping.source_region());
    let (name, help) = (mapping.source.rules().missing)(arn);
    let message = format!("{name} not found in account {} ({region})", arn.account);
    of_mapping(mapping.source.rules().unreached, Severity::Error, mapping, message, Some(help))
}

/// The problem of a function that could not be asked; `reason` says why and what to do, as a lowercase fragment. A
/// warning where only the permission to read its configuration is missing, since it can be invoked all the same.
#[must_use]
pub fn function_unreached(mapping: &Mapping, severity: Severity, reason: &str) -> Diagnostic {
    let message = format!("the function {} could not be asked: {reason}", mapping.function.text);
    let help = match (&mapping.target, severity) {
        (Target::Lambda(_), Severity::Warning) => {
            Some("`Poller.Function.Timeout` serves where the configuration may not be read")
        }
        (Target::Lambda(_), Severity::Error) => None,
        _ => Some("start it, or correct its address: nothing is received until it can be reached"),
    };
    of_mapping(Code::FunctionUnreached, severity, mapping, message, help)
}

/// The problem of a function, or of its version or alias, that does not exist where it was looked for.
#[must_use]
pub fn function_missing(mapping: &Mapping) -> Diagnostic {
    let function = &mapping.function;
    let region = function.region.as_deref().or(mapping.target.region()).unwrap_or(&mapping.source.arn().region);
    let place = match &function.account {
        Some(account) => format!("in account {account} ({region})"),
        None => format!("in {region}"),
    };
    let (what, help) = match &function.qualifier {
        Some(qualifier) => (
            format!("function {}:{qualifier}", function.name),
            "create the function and its version or alias, or correct `FunctionName` and its region",
        ),
        None => (format!("function {}", function.name), "create it, or correct `FunctionName` and its region"),
    };
    of_mapping(Code::FunctionUnreached, Severity::Error, mapping, format!("{what} not found {place}"), Some(help))
}

/// A diagnostic that has a mapping, but no place in its file.
pub(crate) fn of_mapping(
    code: Code,
    severity: Severity,
    mapping: &Mapping,
    message: String,
    help: Option<&str>,
) -> Diagnostic {
    let mut diagnostic = Diagnostic::of_file(code, severity, mapping.origin.path(), message);
    diagnostic.help = help.map(Into::into);
    diagnostic.mapping = Some(mapping.name.clone());
    diagnostic
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::mapping::FunctionRef;

    const SQS: &str = "sqs:us-east-1:000000000000:q";
    const KINESIS: &str = "kinesis:us-east-1:000000000000:stream/s\nStartingPosition: LATEST";

    fn mapping(source: &str) -> Mapping {
        let text = format!("Name: m\nFunctionName: f\nEventSourceArn: arn:aws:{source}\n");
        super::super::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0)
    }

    #[test]
    fn what_cannot_be_asked_is_told_with_its_reason() {
        let lost = source_unreached(&mapping(KINESIS), "no route; check it");
        assert_eq!((lost.is_error(), lost.code.as_str(), lost.help), (true, "FB0511", None));
        assert_eq!(
            lost.message,
            "the stream arn:aws:kinesis:us-east-1:000000000000:stream/s could not be asked: no route; check it"
        );
        let disabled = stream_disabled(&mapping(KINESIS), "the stream is disabled");
        assert_eq!((disabled.is_error(), disabled.code.as_str()), (true, "FB0520"));
        let queue = source_unreached(&mapping(SQS), "no route");
        assert_eq!((queue.is_error(), queue.code.as_str()), (true, "FB0509"));
        assert_eq!(queue.message, "the queue arn:aws:sqs:us-east-1:000000000000:q could not be asked: no route");
        let function = function_unreached(&mapping(SQS), Severity::Warning, "access denied");
        assert_eq!((function.is_error(), function.code.as_str()), (false, "FB0510"));
        assert!(function.help.unwrap().contains("Poller.Function.Timeout"));
        assert_eq!(function.mapping.as_deref(), Some("m"));
        assert_eq!(function_unreached(&mapping(SQS), Severity::Error, "no route").help, None);
    }

    #[test]
    fn what_does_not_exist_is_named_with_the_place_where_it_was_looked_for() {
        let table = "dynamodb:us-east-1:000000000000:table/t/stream/2026-11-01T00:00:00.000\nStartingPosition: LATEST";
        let elsewhere = "sqs:us-east-1:000000000000:q\nPoller: { Source: { Region: eu-west-1 } }";
        for (source, code, message, help) in [
            (SQS, "FB0509", "queue q not found in account 000000000000 (us-east-1)", "its own account"),
            (elsewhere, "FB0509", "queue q not found in account 000000000000 (eu-west-1)", "its own account"),
            (KINESIS, "FB0511", "stream s not found in account 000000000000 (us-east-1)", "its own account"),
            (table, "FB0511", "stream of table t not found in account 000000000000 (us-east-1)", "a new ARN"),
        ] {
            let missing = source_missing(&mapping(source));
            assert_eq!((missing.code.as_str(), missing.message.as_str()), (code, message));
            assert!(missing.is_error() && missing.help.unwrap().contains(help), "{source}");
        }
        for (function, message) in [
            ("f", "function f not found in us-east-1"),
            ("f:live", "function f:live not found in us-east-1"),
            ("111122223333:function:f", "function f not found in account 111122223333 (us-east-1)"),
        ] {
            let mut mapping = mapping(SQS);
            mapping.function = FunctionRef::parse(function).unwrap();
            assert_eq!(function_missing(&mapping).message, message);
        }
    }
}
