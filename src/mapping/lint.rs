//! Advice that needs a look at the source and the function: what AWS refuses or warns of, and what often goes wrong.

use std::time::Duration;

use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::model::Mapping;
use super::notation::show;
use super::spec::{QueueSpec, StreamSpec};
use super::unreached::of_mapping;
use crate::machine::{FunctionSettings, QueueAttributes, Shard};

/// What a source says of itself.
#[derive(Clone, Copy, Debug)]
pub enum SourceFacts<'a> {
    /// A queue's attributes.
    Queue(&'a QueueAttributes),
    /// A stream's shards.
    Stream(&'a [Shard]),
}

/// Compares a mapping with its source and function, as far as they are known. Pure; every answer is a warning.
#[must_use]
pub fn lint(
    mapping: &Mapping,
    source: Option<SourceFacts<'_>>,
    function: Option<&FunctionSettings>,
) -> Vec<Diagnostic> {
    let mut lint = Lint { mapping, found: Vec::new() };
    if let Some(stream) = mapping.source.stream() {
        lint.retries(stream);
    }
    if let (Some(spec), Some(SourceFacts::Queue(queue))) = (mapping.source.queue(), source) {
        lint.redrive(spec, queue);
        lint.retention(spec, queue);
        if let Some(timeout) = mapping.target.lambda().timeout.or(function.map(|function| function.timeout)) {
            lint.visibility(spec, queue, timeout);
        }
    }
    if let Some(function) = function {
        let shards = match source {
            Some(SourceFacts::Stream(shards)) => shards.iter().filter(|shard| !shard.closed).count(),
            _ => 0,
        };
        lint.function(function, u32::try_from(shards).unwrap_or(u32::MAX));
    }
    lint.found
}

struct Lint<'a> {
    mapping: &'a Mapping,
    found: Vec<Diagnostic>,
}

impl Lint<'_> {
    fn warn(&mut self, code: Code, message: String, help: impl Into<String>) {
        self.found.push(of_mapping(code, Severity::Warning, self.mapping, message, Some(&help.into())));
    }

    fn visibility(&mut self, spec: &QueueSpec, queue: &QueueAttributes, timeout: Duration) {
        let (visibility, whose, change) = match spec.visibility.timeout {
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
                "{whose} visibility timeout, {}, is less than six times the function's timeout and the batching \
                 window, {}",
                show(visibility),
                show(advised)
            );
            self.warn(Code::VisibilityShort, message, format!("raise {change} to {} or more", show(advised)));
        }
    }

    fn retries(&mut self, stream: &StreamSpec) {
        let endless = stream.maximum_retry_attempts.is_none() && stream.maximum_record_age.is_none();
        if endless {
            let message = "retries have no limit: a record that always fails holds up its lane until the stream drops \
                it, \
                           and what waits behind it may be dropped with it";
            let help =
                "write `MaximumRetryAttempts`, `BisectBatchOnFunctionError: true` and `DestinationConfig.OnFailure`";
            self.warn(Code::NoRetryLimit, message.into(), help);
        } else if self.mapping.on_failure.is_none() {
            let message =
                "records that are given up after their last retry, or for their age, are gone without a trace";
            let help = "write `DestinationConfig: { OnFailure: { Destination: … } }` with a queue, a topic or a bucket";
            self.warn(Code::NoDestination, message.into(), help);
        }
    }

    fn redrive_first(&mut self, message: String, enough: u32) {
        let help = format!(
            "raise `maxReceiveCount` of the redrive policy to {} or more, or lower `Poller.OnFailureAttempts`",
            enough.max(5)
        );
        self.warn(Code::RedriveFirst, message, help);
    }

    fn redrive(&mut self, spec: &QueueSpec, queue: &QueueAttributes) {
        let attempts = spec.on_failure_attempts;
        let fifo = self.mapping.source.rules().grouped;
        match (queue.max_receive_count, &self.mapping.on_failure) {
            // One try too many for those behind: they must be received once more after the failing one is gone.
            (Some(count), Some(_)) if fifo && count <= attempts => {
                let message = format!(
                    "the queue dead-letters a message after {count} receives, and each of {attempts} tries of a \
                     failing message receives those behind it in its group, too"
                );
                self.redrive_first(message, attempts.saturating_mul(2));
            }
            (Some(count), Some(_)) if count < attempts => {
                let message = format!(
                    "the queue dead-letters a message after {count} receives, before the function failed it {attempts} \
                     times"
                );
                self.redrive_first(message, attempts.saturating_add(2));
            }
            // The failure destination takes what always fails.
            (None, Some(_)) => {}
            (None, None) => {
                let message = if fifo {
                    "the queue has no redrive policy: a message that always fails holds up its group until it expires"
                } else {
                    "the queue has no redrive policy: a message that always fails comes back until it expires"
                };
                let help = "give the queue a redrive policy with a dead-letter queue and a `maxReceiveCount` of 5 or \
                    more, or write `DestinationConfig.OnFailure`";
                self.warn(Code::NoRedrive, message.into(), help);
            }
            (Some(count), _) if count < 5 => {
                let message = format!("the queue dead-letters a message after {count} receives");
                self.warn(Code::ReceiveCountLow, message, "raise `maxReceiveCount` of the redrive policy to 5 or more");
            }
            (Some(_), _) => {}
        }
    }

    fn retention(&mut self, spec: &QueueSpec, queue: &QueueAttributes) {
        let Some(retention) = queue.retention else { return };
        let limit = spec.visibility.hold_limit;
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

    /// A stream has a lane for each open shard times its factor.
    fn function(&mut self, function: &FunctionSettings, open_shards: u32) {
        if let Some(own) = self.mapping.target.lambda().timeout
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
        } else if let Some(concurrency) =
            self.mapping.source.queue().and_then(|queue| queue.maximum_concurrency).filter(|most| *most > reserved)
        {
            let message =
                format!("`MaximumConcurrency` is {concurrency}, but the function has only {reserved} reserved");
            let help = format!("write {reserved} or less; what is above is throttled");
            self.warn(Code::ConcurrencyAboveReserved, message, help);
        }
        let factor = self.mapping.source.stream().map_or(0, |stream| stream.parallelization);
        let lanes = open_shards.saturating_mul(factor);
        if reserved > 0 && lanes > reserved {
            let message = format!(
                "{open_shards} open shards with a `ParallelizationFactor` of {factor} make {lanes} lanes, but the \
                 function has only {reserved} reserved"
            );
            let help = "lower the factor, or raise the function's reserved concurrency; what is above is throttled";
            self.warn(Code::ConcurrencyAboveReserved, message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const QUEUE: &str = "sqs:us-east-1:000000000000:q\n";
    const STREAM: &str = "kinesis:us-east-1:000000000000:stream/s\nStartingPosition: LATEST\n";

    fn mapping(source: &str, more: &str) -> Mapping {
        let text = format!("Name: m\nFunctionName: f\nEventSourceArn: arn:aws:{source}{more}");
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
        FunctionSettings { timeout: Duration::from_secs(timeout), reserved_concurrency, role: None, arn: None }
    }

    fn codes(more: &str, queue: &QueueAttributes, function: &FunctionSettings) -> Vec<&'static str> {
        let queue = Some(SourceFacts::Queue(queue));
        lint(&mapping(QUEUE, more), queue, Some(function)).iter().map(|found| found.code.as_str()).collect()
    }

    fn of_stream(more: &str, shards: &[Shard], function: Option<&FunctionSettings>) -> Vec<&'static str> {
        let found = lint(&mapping(STREAM, more), Some(SourceFacts::Stream(shards)), function);
        found.iter().map(|found| found.code.as_str()).collect()
    }

    fn shard(id: &str, closed: bool) -> Shard {
        Shard { id: id.into(), parents: Vec::new(), closed, begins: None }
    }

    const ON_FAILURE: &str = "DestinationConfig: { OnFailure: { Destination: \"arn:aws:s3:::failed\" } }\n";

    #[test]
    fn says_nothing_of_a_sound_pair() {
        assert_eq!(codes("", &queue(180, Some(5)), &function(30, None)), [""; 0]);
        assert_eq!(lint(&mapping(QUEUE, ""), None, None), []);
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
    fn looks_at_the_retries_of_streams() {
        assert_eq!(of_stream("", &[], None), ["FB0512"]);
        assert_eq!(of_stream(ON_FAILURE, &[], None), ["FB0512"]);
        assert_eq!(of_stream("BisectBatchOnFunctionError: true", &[], None), ["FB0512"]);
        assert_eq!(of_stream("MaximumRetryAttempts: 3", &[], None), ["FB0513"]);
        assert_eq!(of_stream("MaximumRecordAgeInSeconds: 60", &[], None), ["FB0513"]);
        assert_eq!(of_stream(&format!("{ON_FAILURE}MaximumRetryAttempts: 0"), &[], None), [""; 0]);
        assert_eq!(lint(&mapping(STREAM, ""), None, None).len(), 1, "it needs no answer of the stream");
    }

    #[test]
    fn compares_lanes_with_the_reserved_concurrency() {
        let more = format!("{ON_FAILURE}MaximumRetryAttempts: 3\nParallelizationFactor: 2\n");
        let shards = [shard("0", true), shard("1", false), shard("2", false)];
        assert_eq!(of_stream(&more, &shards, Some(&function(30, Some(3)))), ["FB0505"]);
        assert_eq!(of_stream(&more, &shards, Some(&function(30, Some(4)))), [""; 0], "closed shards run dry");
        assert_eq!(of_stream(&more, &shards, Some(&function(30, Some(0)))), ["FB0507"]);
        assert_eq!(of_stream(&more, &shards, Some(&function(30, None))), [""; 0]);
    }

    #[test]
    fn compares_the_redrive_policy_with_the_attempts() {
        let function = function(30, None);
        assert_eq!(codes(ON_FAILURE, &queue(180, None), &function), [""; 0], "the destination takes them");
        assert_eq!(codes(ON_FAILURE, &queue(180, Some(2)), &function), ["FB0514"]);
        assert_eq!(codes(ON_FAILURE, &queue(180, Some(3)), &function), ["FB0503"]);
        let ten = format!("{ON_FAILURE}Poller: {{ OnFailureAttempts: 10 }}");
        assert_eq!(codes(&ten, &queue(180, Some(9)), &function), ["FB0514"]);
        assert_eq!(codes(&ten, &queue(180, Some(10)), &function), [""; 0]);
    }

    #[test]
    fn knows_that_a_group_waits_for_its_failing_message() {
        let of_fifo = |more: &str, max_receive_count| {
            let text =
                format!("Name: m\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:q.fifo\nFunctionName: f\n{more}");
            let mapping = super::super::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0);
            let queue = queue(29, max_receive_count);
            lint(&mapping, Some(SourceFacts::Queue(&queue)), Some(&function(30, None)))
        };
        let codes = |more: &str, max_receive_count| -> Vec<_> {
            of_fifo(more, max_receive_count).iter().map(|found| found.code.as_str()).collect()
        };
        let unbounded = of_fifo("", None);
        assert_eq!(unbounded[0].code, Code::NoRedrive);
        assert!(unbounded[0].message.contains("holds up its group"), "{}", unbounded[0].message);
        assert_eq!(codes("", Some(4)), ["FB0503", "FB0501"], "as of a standard queue");
        // Those behind a message that was given up are received once more.
        assert_eq!(codes(ON_FAILURE, Some(3)), ["FB0514", "FB0501"]);
        let ten = format!("{ON_FAILURE}Poller: {{ OnFailureAttempts: 10 }}");
        assert_eq!(codes(&ten, Some(10)), ["FB0514", "FB0501"]);
        assert_eq!(codes(&ten, Some(11)), ["FB0501"]);
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
    fn every_answer_is_a_warning_with_help() {
        let found = lint(&mapping(QUEUE, ""), Some(SourceFacts::Queue(&queue(1, None))), Some(&function(30, Some(0))));
        assert_eq!(found.len(), 3);
        for one in found {
            assert!(!one.is_error() && one.help.is_some() && one.line.is_none());
            assert_eq!(one.mapping.as_deref(), Some("m"));
        }
    }
}
