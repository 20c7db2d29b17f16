//! The rules of queues: what goes together, and what forebay does not take.

use super::code::Code;
use super::reader::Reader;
use super::rules::key;
use super::value::Members;

/// Checks the members of a mapping whose source is an SQS queue.
pub(crate) fn check(reader: &mut Reader<'_>, members: &Members, fifo: bool) {
    batching(reader, members, fifo);
    provisioned(reader, members);
    if fifo {
        group_order(reader, members);
    }
}

/// Without reports of single messages a batch succeeds or fails as a whole, so there is no choice to make.
fn group_order(reader: &mut Reader<'_>, members: &Members) {
    let reports = members.says("FunctionResponseTypes") || members.broken.contains(&"FunctionResponseTypes");
    let Some(span) = members.map("Poller").and_then(|poller| poller.key("GroupOrder")).filter(|_| !reports) else {
        return;
    };
    let message = "`Poller.GroupOrder` has no effect: the function does not report which messages failed";
    let help = "write `FunctionResponseTypes: [ReportBatchItemFailures]`, or remove it";
    reader.warning(Code::GroupOrderIdle, span, message, help);
}

fn batching(reader: &mut Reader<'_>, members: &Members, fifo: bool) {
    let batch = members.integer("BatchSize");
    let window = members.integer("MaximumBatchingWindowInSeconds");
    if let (true, Some((seconds @ 1.., span))) = (fifo, window) {
        let message = format!("batching window is not supported for FIFO queues, and this is {seconds}");
        reader.error(Code::FifoWindow, span, message, "remove it, or write 0");
    }
    let Some((size @ 11.., span)) = batch else { return };
    if fifo {
        let message = format!("`BatchSize` is {size}, but a FIFO queue takes 10 at most");
        reader.error(Code::FifoBatch, span, message, "write a number from 1 to 10");
    } else if window.is_none_or(|(seconds, _)| seconds == 0)
        && !members.broken.contains(&"MaximumBatchingWindowInSeconds")
    {
        let message = format!(
            "`BatchSize` is {size}: maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        );
        let help = "write `MaximumBatchingWindowInSeconds: 1` or more beside it, or a `BatchSize` of 10 at most";
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
