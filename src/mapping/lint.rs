//! Advice that needs a look at the queue and the function: what AWS refuses or warns of, and what often goes wrong.

use std::time::Duration;

use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::model::Mapping;
use super::notation::show;
use crate::function::FunctionSettings;
use crate::machine::QueueAttributes;

/// Compares a mapping with its queue and function, as far as they are known. Pure; every answer is a warning.
#[must_use]
pub fn lint(
    mapping: &Mapping,
    queue: Option<&QueueAttributes>,
    function: Option<&FunctionSettings>,
) -> Vec<Diagnostic> {
    let mut lint = Lint { mapping, found: Vec::new() };
    let timeout = mapping.poller.function_timeout.or(function.map(|function| function.timeout));
    if let Some(queue) = queue {
        lint.redrive(queue);
        lint.retention(queue);
        if let Some(timeout) = timeout {
            lint.visibility(queue, timeout);
        }
    }
    if let Some(function) = function {
        lint.function(function);
    }
    lint.found
}

/// The problem of a queue that could not be asked; `reason` says why, as a lowercase fragment. An error: nothing can be
/// polled that cannot be asked.
#[must_use]
pub fn queue_unreached(mapping: &Mapping, reason: &str) -> Diagnostic {
    let message = format!("the queue {} could not be asked: {reason}", mapping.source.text);
    let help = "check that the queue exists, the region, the credentials, and the permission `sqs:GetQueueAttributes`";
    of_mapping(Code::QueueUnreached, Severity::Error, mapping, message, help)
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

fn of_mapping(code: Code, severity: Severity, mapping: &Mapping, message: String, help: &str) -> Diagnostic {
    let mut diagnostic = Diagnostic::of_file(code, severity, &mapping.file, message).with_help(help);
    diagnostic.mapping = Some(mapping.name.clone());
    diagnostic
}

struct Lint<'a> {
    mapping: &'a Mapping,
    found: Vec<Diagnostic>,
}

impl Lint<'_> {
    fn warn(&mut self, code: Code, message: String, help: impl Into<String>) {
        self.found.push(of_mapping(code, Severity::Warning, self.mapping, message, &help.into()));
    }

    fn visibility(&mut self, queue: &QueueAttributes, timeout: Duration) {
        let (visibility, whose, change) = match self.mapping.poller.visibility.timeout {
            Some(own) => (own, "the mapping's", "`Poller.Visibility.Timeout`"),
            None => (queue.visibility, "the queue's", "the queue's `VisibilityTimeout`"),
        };
        let advised = timeout.saturating_mul(6).saturating_add(self.mapping.window);
        if visibility < timeout {
            let message = format!(
                "{whose} visibility timeout, {}, is less than the function's timeout, {}",
                show(visibility),
                show(timeout)
            );
            let help = format!("raise {change} to {} or more; AWS refuses such a mapping", show(advised));
            self.warn(Code::VisibilityBelowTimeout, message, help);
        } else if visibility < advised {
            let message = format!(
                "{whose} visibility timeout, {}, is less than six times the function's timeout and the batching window, {}",
                show(visibility),
                show(advised)
            );
            self.warn(Code::VisibilityShort, message, format!("raise {change} to {} or more", show(advised)));
        }
    }

    fn redrive(&mut self, queue: &QueueAttributes) {
        match queue.max_receive_count {
            None => {
                let message =
                    "the queue has no redrive policy: a message that always fails comes back until it expires";
                let help =
                    "give the queue a redrive policy with a dead-letter queue and a `maxReceiveCount` of 5 or more";
                self.warn(Code::NoRedrive, message.into(), help);
            }
            Some(count) if count < 5 => {
                let message = format!("the queue dead-letters a message after {count} receives");
                self.warn(Code::ReceiveCountLow, message, "raise `maxReceiveCount` of the redrive policy to 5 or more");
            }
            Some(_) => {}
        }
    }

    fn retention(&mut self, queue: &QueueAttributes) {
        let Some(retention) = queue.retention else { return };
        let limit = self.mapping.poller.visibility.hold_limit;
        if retention <= limit {
            let message = format!(
                "the queue keeps messages for {}, and forebay may hold one through throttles for {}",
                show(retention),
                show(limit)
            );
            let help = "raise the queue's `MessageRetentionPeriod`, or lower `Poller.Visibility.HoldLimit`";
            self.warn(Code::RetentionShort, message, help);
        }
    }

    fn function(&mut self, function: &FunctionSettings) {
        if let Some(own) = self.mapping.poller.function_timeout
            && own < function.timeout
        {
            let message = format!(
                "`Poller.Function.Timeout` is {}, less than the function's own timeout, {}",
                show(own),
                show(function.timeout)
            );
            let help = "remove it: the function's configuration may be read, and says it better";
            self.warn(Code::FunctionTimeoutBelow, message, help);
        }
        let Some(reserved) = function.reserved_concurrency else { return };
        if reserved == 0 {
            let message = "the function's reserved concurrency is 0: every invocation will be throttled".into();
            self.warn(
                Code::ReservedZero,
                message,
                "raise the function's reserved concurrency, or write `Enabled: false`",
            );
        } else if let Some(concurrency) = self.mapping.maximum_concurrency.filter(|most| *most > reserved) {
            let message =
                format!("`MaximumConcurrency` is {concurrency}, but the function has only {reserved} reserved");
            let help = format!("write {reserved} or less; what is above is throttled");
            self.warn(Code::ConcurrencyAboveReserved, message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn mapping(more: &str) -> Mapping {
        let text = format!("Name: m\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:q\nFunctionName: f\n{more}");
        super::super::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0)
    }

    fn queue(visibility: u64, max_receive_count: Option<u32>) -> QueueAttributes {
        QueueAttributes {
            visibility: Duration::from_secs(visibility),
            backlog: None,
            in_flight: None,
            max_receive_count,
            retention: Some(Duration::from_secs(4 * 24 * 3600)),
        }
    }

    fn function(timeout: u64, reserved_concurrency: Option<u32>) -> FunctionSettings {
        FunctionSettings { timeout: Duration::from_secs(timeout), reserved_concurrency }
    }

    fn codes(more: &str, queue: &QueueAttributes, function: &FunctionSettings) -> Vec<&'static str> {
        lint(&mapping(more), Some(queue), Some(function)).iter().map(|found| found.code.as_str()).collect()
    }

    #[test]
    fn says_nothing_of_a_sound_pair() {
        assert_eq!(codes("", &queue(180, Some(5)), &function(30, None)), [""; 0]);
        assert_eq!(lint(&mapping(""), None, None), []);
    }

    #[test]
    fn compares_visibility_with_timeout_and_window() {
        assert_eq!(codes("", &queue(29, Some(5)), &function(30, None)), ["FB0501"]);
        assert_eq!(codes("", &queue(179, Some(5)), &function(30, None)), ["FB0502"]);
        assert_eq!(codes("MaximumBatchingWindowInSeconds: 20", &queue(199, Some(5)), &function(30, None)), ["FB0502"]);
        assert_eq!(codes("MaximumBatchingWindowInSeconds: 20", &queue(200, Some(5)), &function(30, None)), [""; 0]);
        assert_eq!(
            codes("Poller: { Visibility: { Timeout: 10s } }", &queue(180, Some(5)), &function(30, None)),
            ["FB0501"]
        );
    }

    #[test]
    fn looks_at_redrive_and_retention() {
        assert_eq!(codes("", &queue(180, Some(4)), &function(30, None)), ["FB0503"]);
        assert_eq!(codes("", &queue(180, None), &function(30, None)), ["FB0504"]);
        let short = QueueAttributes { retention: Some(Duration::from_secs(3600)), ..queue(180, Some(5)) };
        assert_eq!(codes("", &short, &function(30, None)), ["FB0506"]);
    }

    #[test]
    fn compares_concurrency_and_timeouts_of_the_function() {
        let scaling = "ScalingConfig: { MaximumConcurrency: 5 }";
        assert_eq!(codes(scaling, &queue(180, Some(5)), &function(30, Some(4))), ["FB0505"]);
        assert_eq!(codes(scaling, &queue(180, Some(5)), &function(30, Some(5))), [""; 0]);
        assert_eq!(codes(scaling, &queue(180, Some(5)), &function(30, Some(0))), ["FB0507"]);
        assert_eq!(
            codes("Poller: { Function: { Timeout: 10s } }", &queue(180, Some(5)), &function(30, None)),
            ["FB0508"]
        );
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        let queue = queue_unreached(&mapping(""), "it does not exist");
        assert!(queue.is_error());
        assert_eq!(
            queue.message,
            "the queue arn:aws:sqs:us-east-1:000000000000:q could not be asked: it does not exist"
        );
        let function = function_unreached(&mapping(""), Severity::Warning, "access denied");
        assert_eq!((function.is_error(), function.code.as_str()), (false, "FB0510"));
        assert_eq!(function.mapping.as_deref(), Some("m"));
    }

    #[test]
    fn every_answer_is_a_warning_with_help() {
        let found = lint(&mapping(""), Some(&queue(1, None)), Some(&function(30, Some(0))));
        assert_eq!(found.len(), 3);
        for one in found {
            assert!(!one.is_error() && one.help.is_some() && one.line.is_none());
            assert_eq!(one.mapping.as_deref(), Some("m"));
        }
    }
}
