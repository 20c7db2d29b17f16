//! The rules of queues: what goes together, and what forebay does not take.

use super::build::of_other_sources;
use super::code::Code;
use super::model::Arn;
use super::parameters::{self, MAPPING, Shape};
use super::reader::Reader;
use super::text::Span;
use super::value::{Kind, Members};

/// Checks the members of a mapping whose source is an SQS queue.
pub(crate) fn check(reader: &mut Reader<'_>, members: &Members, source: &Arn) {
    let fifo = source.resource.ends_with(".fifo");
    batching(reader, members, fifo);
    of_other_sources(reader, members, MAPPING, "");
    metrics(reader, members);
    provisioned(reader, members);
    destinations(reader, members);
    if members.map("FilterCriteria").is_some_and(|criteria| criteria.says("Filters")) {
        let help = "remove the filters and let the function skip what it does not want, or wait for a later version";
        reader.error(Code::FiltersNotYet, key(members, "FilterCriteria"), "filters are not supported yet", help);
    }
    if members.says("KMSKeyArn") {
        let message = "forebay stores no filters outside this file, so there is nothing to encrypt";
        reader.error(Code::KmsKey, key(members, "KMSKeyArn"), message, "remove it");
    }
    if fifo {
        let span = members.get("EventSourceArn").map_or_else(Span::default, |value| value.span);
        let help = "map a standard queue, or wait for a later version";
        reader.error(Code::FifoNotYet, span, "FIFO queues are not supported yet", help);
    }
}

fn key(members: &Members, name: &str) -> Span {
    members.key(name).unwrap_or_default()
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

fn metrics(reader: &mut Reader<'_>, members: &Members) {
    let Some(config) = members.map("MetricsConfig") else { return };
    for value in config.list("Metrics") {
        if let Kind::Text(group) = &value.kind
            && group != "EventCount"
        {
            let message = format!("the metrics `{group}` are not for queues: they belong to Kafka");
            reader.error(Code::OtherSource, value.span, message, "write `EventCount`, or remove it");
        }
    }
}

fn provisioned(reader: &mut Reader<'_>, members: &Members) {
    let Some(config) = members.map("ProvisionedPollerConfig").filter(|config| config.broken.is_empty()) else { return };
    if let Some(Shape::Map(table)) = parameters::find(MAPPING, "ProvisionedPollerConfig").map(|member| member.shape) {
        of_other_sources(reader, config, table, "ProvisionedPollerConfig.");
    }
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

fn destinations(reader: &mut Reader<'_>, members: &Members) {
    let Some(config) = members.map("DestinationConfig") else { return };
    let of = |name: &str| config.map(name).and_then(|side| side.get("Destination")).filter(|value| value.says());
    if let Some(destination) = of("OnSuccess") {
        let message =
            "unsupported DestinationConfig parameter for given event source mapping type: no mapping takes `OnSuccess`";
        reader.error(Code::OnSuccess, destination.span, message, "remove it");
    }
    if let Some(destination) = of("OnFailure") {
        let help = "remove it, and give the queue a redrive policy with a dead-letter queue";
        reader.error(
            Code::DestinationNotYet,
            destination.span,
            "failure destinations of queues are not supported yet",
            help,
        );
    }
}
