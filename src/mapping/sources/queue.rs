//! What only mappings of queues have, and its rules.

use std::time::Duration;

use super::{BatchSizes, Rules};
use crate::machine::{BackoffPolicy, GroupOrder, OnFunctionError};
use crate::mapping::build::narrow;
use crate::mapping::code::Code;
use crate::mapping::model::Arn;
use crate::mapping::poller::backoff;
use crate::mapping::reader::Reader;
use crate::mapping::rules::key;
use crate::mapping::spec::{QueueSpec, SourceKind, VisibilityOptions};
use crate::mapping::value::{Kind, Members};

/// The backoff of failed messages where only the word is written.
const VISIBILITY_BACKOFF: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(15 * 60) };

/// So many failures of a message are enough for the failure destination where the mapping does not say.
const ON_FAILURE_ATTEMPTS: u32 = 3;

/// Reads the parameters of a queue and checks them; what is missing or wrong has its default.
pub(crate) fn read(reader: &mut Reader<'_>, members: &Members, kind: SourceKind, arn: Arn) -> QueueSpec {
    batching(reader, members, kind.rules());
    provisioned(reader, members);
    let poller = members.map("Poller");
    let number = |members: Option<&Members>, name| members.and_then(|members| members.integer(name));
    QueueSpec {
        arn,
        maximum_concurrency: number(members.map("ScalingConfig"), "MaximumConcurrency").map(|(most, _)| narrow(most)),
        receive_wait: poller.and_then(|poller| receive_wait(reader, poller)),
        visibility: poller
            .and_then(|poller| poller.map("Visibility"))
            .map_or_else(VisibilityOptions::default, |options| visibility(reader, options)),
        on_failure_attempts: number(poller, "OnFailureAttempts")
            .map_or(ON_FAILURE_ATTEMPTS, |(attempts, _)| narrow(attempts)),
    }
}

/// `Poller.GroupOrder`. Without reports of single messages a batch succeeds or fails as a whole, so there is no choice
/// to make.
pub(crate) fn group_order(reader: &mut Reader<'_>, members: &Members) -> GroupOrder {
    let Some(poller) = members.map("Poller") else { return GroupOrder::Protect };
    let reports = members.says("FunctionResponseTypes") || members.broken.contains(&"FunctionResponseTypes");
    if let Some(span) = poller.key("GroupOrder").filter(|_| !reports) {
        let message = "`Poller.GroupOrder` has no effect: the function does not report which messages failed";
        let help = "write `FunctionResponseTypes: [ReportBatchItemFailures]`, or remove it";
        reader.warning(Code::GroupOrderIdle, span, message, help);
    }
    match poller.text("GroupOrder") {
        Some(("AsReported", _)) => GroupOrder::AsReported,
        _ => GroupOrder::Protect,
    }
}

fn receive_wait(reader: &mut Reader<'_>, members: &Members) -> Option<Duration> {
    let (wait, span) = members.duration("ReceiveWait")?;
    if wait.subsec_nanos() > 0 {
        let help = "write `1s` to `20s`: SQS counts in seconds";
        reader.error(Code::DurationRange, span, "`Poller.ReceiveWait` is not a whole number of seconds", help);
    }
    Some(wait)
}

fn visibility(reader: &mut Reader<'_>, members: &Members) -> VisibilityOptions {
    let mut options = VisibilityOptions {
        timeout: members.duration("Timeout").map(|(timeout, _)| timeout),
        ..VisibilityOptions::default()
    };
    if let Some((limit, _)) = members.duration("HoldLimit") {
        options.hold_limit = limit;
    }
    options.on_function_error = match members.get("OnFunctionError").map(|value| &value.kind) {
        Some(Kind::Text(word)) if word == "Release" => OnFunctionError::Release,
        Some(Kind::Text(word)) if word == "Backoff" => OnFunctionError::Backoff(VISIBILITY_BACKOFF),
        Some(Kind::Map(choice)) => {
            if choice.entries.is_empty() && choice.broken.is_empty() && choice.nulls.is_empty() {
                let span = members.get("OnFunctionError").map(|value| value.span).unwrap_or_default();
                let help = "write `Wait`, `Release`, `Backoff` or `{ Backoff: { Initial: 1s, Maximum: 15m } }`";
                reader.error(Code::NotAllowed, span, "`Poller.Visibility.OnFunctionError` is an empty map", help);
            }
            OnFunctionError::Backoff(backoff(reader, choice.map("Backoff"), VISIBILITY_BACKOFF))
        }
        _ => OnFunctionError::Wait,
    };
    options
}

fn batching(reader: &mut Reader<'_>, members: &Members, rules: &Rules) {
    let window = members.integer("MaximumBatchingWindowInSeconds");
    if let (0, Some((seconds @ 1.., span))) = (rules.longest_window, window) {
        let message = format!("batching window is not supported for {}s, and this is {seconds}", rules.precisely);
        reader.error(Code::FifoWindow, span, message, "remove it, or write 0");
    }
    let Some((size, span)) = members.integer("BatchSize") else { return };
    let BatchSizes { most, most_at_once, .. } = rules.batch_size;
    if size > most.into() {
        let message = format!("`BatchSize` is {size}, but a {} takes {most} at most", rules.precisely);
        reader.error(Code::FifoBatch, span, message, format!("write a number from 1 to {most}"));
    } else if size > most_at_once.into()
        && window.is_none_or(|(seconds, _)| seconds == 0)
        && !members.broken.contains(&"MaximumBatchingWindowInSeconds")
    {
        let message = format!(
            "`BatchSize` is {size}: maximum batch window in seconds must be greater than 0 if maximum batch size is \
             greater than {most_at_once}"
        );
        let help =
            format!("write `MaximumBatchingWindowInSeconds: 1` or more, or a `BatchSize` of at most {most_at_once}");
        reader.error(Code::BatchNeedsWindow, span, message, help);
    }
}

fn provisioned(reader: &mut Reader<'_>, members: &Members) {
    let Some(config) = members.map("ProvisionedPollerConfig").filter(|config| config.broken.is_empty()) else { return };
    if !config.says("MinimumPollers") && !config.says("MaximumPollers") {
        return;
    }
    if let (Some((minimum, _)), Some((maximum, span))) =
        (config.integer("MinimumPollers"), config.integer("MaximumPollers"))
        && maximum < minimum
    {
        let message = format!("`MaximumPollers` is {maximum}, less than `MinimumPollers`, {minimum}");
        reader.error(Code::PollersOrder, span, message, format!("write {minimum} or more"));
    }
    let span = key(members, "ProvisionedPollerConfig");
    let scaling = members.map("ScalingConfig").is_some_and(|scaling| scaling.says("MaximumConcurrency"));
    if scaling {
        let message = "provisioned pollers and `MaximumConcurrency` exclude each other";
        reader.error(Code::PollersAndConcurrency, span, message, "remove `ProvisionedPollerConfig`");
    }
    let help =
        "remove it; `ScalingConfig.MaximumConcurrency` bounds the batches in flight, and a poller of AWS's has ten";
    reader.error(Code::ProvisionedPollers, span, "forebay has no provisioned pollers: it is the poller", help);
}
