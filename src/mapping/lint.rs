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
        if let Some(timeout) = mapping.target.timeout().or(function.map(|function| function.timeout)) {
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
            let message = "retries have no limit: a record that always fails blocks the records behind it until it \
                expires, and these may expire with it";
            let help =
                "write `MaximumRetryAttempts`, `BisectBatchOnFunctionError: true` and `DestinationConfig.OnFailure`";
            self.warn(Code::NoRetryLimit, message.into(), help);
        } else if self.mapping.on_failure.is_none() {
            let message =
                "there is no failure destination: records that fail their last retry, or become too old, are discarded";
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

    /// A stream has as many concurrent batches as open shards times its factor.
    fn function(&mut self, function: &FunctionSettings, open_shards: u32) {
        if let Some(own) = self.mapping.target.timeout()
            && own < function.timeout
        {
            let message = format!(
                "`Poller.Function.Timeout` is {}, less than the function's own timeout, {}",
                show(own),
                show(function.timeout)
            );
            let help = "remove it: forebay can read the function's configuration";
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
            let help = format!("write {reserved} or less; further invocations are throttled");
            self.warn(Code::ConcurrencyAboveReserved, message, help);
        }
        let factor = self.mapping.source.stream().map_or(0, |stream| stream.parallelization);
        let batches = open_shards.saturating_mul(factor);
        if reserved > 0 && batches > reserved {
            let message = format!(
                "{open_shards} open shards with a `ParallelizationFactor` of {factor} make {batches} concurrent \
                 batches, but the function has only {reserved} reserved"
            );
            let help =
                "lower the factor, or raise the function's reserved concurrency; further invocations are throttled";
            self.warn(Code::ConcurrencyAboveReserved, message, help);
        }
    }
}

#[cfg(test)]
mod tests;
