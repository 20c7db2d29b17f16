//! The rules of queues: what goes together, and what forebay does not take.

use super::code::Code;
use super::model::Arn;
use super::reader::Reader;
use super::rules::key;
use super::text::Span;
use super::value::Members;

/// Checks the members of a mapping whose source is an SQS queue.
pub(crate) fn check(reader: &mut Reader<'_>, members: &Members, source: &Arn) {
    let fifo = source.resource.ends_with(".fifo");
    batching(reader, members, fifo);
    provisioned(reader, members);
    if fifo {
        let span = members.get("EventSourceArn").map_or_else(Span::default, |value| value.span);
        let help = "map a standard queue, or wait for a later version";
        reader.error(Code::FifoNotYet, span, "FIFO queues are not supported yet", help);
    }
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
