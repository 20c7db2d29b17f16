//! The rules that all mappings share: members of other sources, and what forebay does not take.

use super::code::Code;
use super::reader::Reader;
use super::sources::Rules;
use super::text::Span;
use super::value::{Kind, Members};
use crate::parameters::{MAPPING, Member, Owner, Shape, find};

/// Checks what every mapping has.
pub(crate) fn check(reader: &mut Reader<'_>, members: &Members, rules: &Rules) {
    foreign(reader, members, MAPPING, "", rules);
    metrics(reader, members, rules);
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
fn foreign(reader: &mut Reader<'_>, members: &Members, table: &'static [Member], path: &str, rules: &Rules) {
    for (name, span, value) in &members.entries {
        let Some(member) = find(table, name) else { continue };
        let (owner, noun) = match member.owner {
            Owner::Others(sources) => (Some(sources), rules.noun),
            Owner::Streams(sources) if !rules.sharded => (Some(sources), rules.noun),
            Owner::Queues if rules.sharded => (Some("SQS queues"), rules.noun),
            Owner::FifoQueues if !rules.grouped => (Some("SQS FIFO queues"), rules.precisely),
            Owner::Every | Owner::Queues | Owner::FifoQueues | Owner::Streams(_) | Owner::ReadOnly => (None, ""),
        };
        if let Some(owner) = owner.filter(|_| value.says()) {
            let message = format!("`{path}{name}` is not for {noun}s: it belongs to {owner}");
            let instead = rules.instead.iter().find(|(parameter, _)| parameter == name);
            reader.error_of(name, Code::OtherSource, *span, message, instead.map_or("remove it", |(_, help)| help));
        } else if let (Shape::Map(below), Kind::Map(members), None) = (member.shape, &value.kind, owner) {
            foreign(reader, members, below, &format!("{path}{name}."), rules);
        }
    }
}

fn metrics(reader: &mut Reader<'_>, members: &Members, rules: &Rules) {
    let Some(config) = members.map("MetricsConfig") else { return };
    for value in config.list("Metrics") {
        if let Kind::Text(group) = &value.kind
            && group != "EventCount"
        {
            let message = format!("the metrics `{group}` are not for {}s: they belong to Kafka", rules.noun);
            reader.error_of("Metrics", Code::OtherSource, value.span, message, "write `EventCount`, or remove it");
        }
    }
}
