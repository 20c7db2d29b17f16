//! The rules that all mappings share: members of other sources, and what forebay does not take.

use super::code::Code;
use super::reader::Reader;
use super::spec::SourceKind;
use super::text::Span;
use super::value::{Kind, Members};
use crate::parameters::{MAPPING, Member, Owner, Shape, find};

/// Checks what every mapping has.
pub(crate) fn check(reader: &mut Reader<'_>, members: &Members, kind: SourceKind) {
    foreign(reader, members, MAPPING, "", kind);
    metrics(reader, members, kind);
    if members.says("KMSKeyArn") {
        let message = "forebay stores no filters outside this file, so there is nothing to encrypt";
        reader.error(Code::KmsKey, key(members, "KMSKeyArn"), message, "remove it");
    }
}

/// Where the key of a member stands.
pub(crate) fn key(members: &Members, name: &str) -> Span {
    members.key(name).unwrap_or_default()
}

/// Reports members that only other sources take. Empty ones, as answers carry them, pass.
fn foreign(reader: &mut Reader<'_>, members: &Members, table: &'static [Member], path: &str, kind: SourceKind) {
    let (queue, fifo) = (kind.noun() == "queue", kind == SourceKind::Fifo);
    for (name, span, value) in &members.entries {
        let Some(member) = find(table, name) else { continue };
        let owners = match member.owner {
            Owner::Others(sources) => Some(sources),
            Owner::Streams(sources) if queue => Some(sources),
            Owner::Queues if !queue => Some("SQS queues"),
            Owner::FifoQueues if !fifo => Some("SQS FIFO queues"),
            Owner::Every | Owner::Queues | Owner::FifoQueues | Owner::Streams(_) | Owner::ReadOnly => None,
        };
        if let Some(owner) = owners.filter(|_| value.says()) {
            let standard = if queue && member.owner == Owner::FifoQueues { "standard " } else { "" };
            let message = format!("`{path}{name}` is not for {standard}{}s: it belongs to {owner}", kind.noun());
            reader.error_of(name, Code::OtherSource, *span, message, help(name, queue));
        } else if let (Shape::Map(below), Kind::Map(members), None) = (member.shape, &value.kind, owners) {
            foreign(reader, members, below, &format!("{path}{name}."), kind);
        }
    }
}

fn help(name: &str, queue: bool) -> &'static str {
    match name {
        "ScalingConfig" => "remove it; `ParallelizationFactor` says how many batches of a shard are in flight",
        "MaximumRetryAttempts" if queue => {
            "remove it; the `maxReceiveCount` of the queue's redrive policy bounds retries"
        }
        "ParallelizationFactor" if queue => {
            "remove it; `ScalingConfig.MaximumConcurrency` bounds the batches in flight"
        }
        "OnFailureAttempts" => "remove it; `MaximumRetryAttempts` bounds the retries of a stream",
        "OnFiltered" => "remove it; a record of a stream is passed over, and stays in the stream",
        "GroupOrder" if queue => "remove it; a standard queue has no message groups that are kept in order",
        "GroupOrder" => "remove it; the records of a key are always in order",
        _ => "remove it",
    }
}

fn metrics(reader: &mut Reader<'_>, members: &Members, kind: SourceKind) {
    let Some(config) = members.map("MetricsConfig") else { return };
    for value in config.list("Metrics") {
        if let Kind::Text(group) = &value.kind
            && group != "EventCount"
        {
            let message = format!("the metrics `{group}` are not for {}s: they belong to Kafka", kind.noun());
            reader.error_of("Metrics", Code::OtherSource, value.span, message, "write `EventCount`, or remove it");
        }
    }
}
