//! Answers of `aws lambda list-event-source-mappings` and `get-event-source-mapping`, and mapping files.

use super::carry::{Found, Origin, short_name};
use super::model::{Taken, Task};
use super::resolver::{Resolver, Verbatim, member};
use super::value::{Entries, Unknown, Val, ValKind, spoken};
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::tree::{Node, NodeKind};
use crate::parameters::same;

/// Carries every mapping of an answer over.
pub(super) fn read(task: &mut Task<'_>, document: &Node, taken: &mut Taken) {
    let mut resolver = Resolver::new(task.options);
    match &document.kind {
        NodeKind::List(items) => items.iter().for_each(|item| one(task, &mut resolver, item, true, taken)),
        NodeKind::Map(entries) if member(entries, "EventSourceMappings").is_some() => {
            for (key, value) in entries {
                match (key.as_text(), &value.kind) {
                    (Some("EventSourceMappings"), NodeKind::List(items)) => {
                        items.iter().for_each(|item| one(task, &mut resolver, item, true, taken));
                    }
                    (Some("EventSourceMappings"), _) => {
                        let unknown = Unknown::new(value.span, "it is no list", "name an answer of AWS's");
                        task.leave("`EventSourceMappings`", unknown);
                    }
                    (Some("NextMarker" | "NextToken"), _) if !value.is_empty() => {
                        let help =
                            "ask AWS for the rest, too: `aws lambda list-event-source-mappings` without --max-items";
                        let why = "the answer is one page of several";
                        task.leave("the mappings of later pages", Unknown::new(key.span, why, help));
                    }
                    (Some("NextMarker" | "NextToken" | "ResponseMetadata"), _) => {}
                    (name, _) => {
                        let what = format!("`{}` next to `EventSourceMappings`", short(name.unwrap_or("a key")));
                        task.leave(what, Unknown::new(key.span, "no answer of AWS's has it", "remove it"));
                    }
                }
            }
        }
        _ => one(task, &mut resolver, document, false, taken),
    }
    task.import.used.extend(resolver.used);
}

/// One mapping; `listed` in an answer of `list-event-source-mappings`.
fn one<'n>(task: &mut Task<'_>, resolver: &mut Resolver<'n>, node: &'n Node, listed: bool, taken: &mut Taken) {
    let Some(entries) = node.as_map() else {
        let why = format!("an event source mapping is a map of parameters, and this is {}", node.describe());
        return task.leave("a mapping", Unknown::new(node.span, why, "remove it"));
    };
    // AWS's answers have neither: this is a mapping file, in which `${…}` is a variable.
    let own = entries.iter().any(|(key, _)| key.as_text().is_some_and(|key| same("Name", key) || same("Poller", key)));
    resolver.verbatim = Some(if own { Verbatim::Written } else { Verbatim::Literal });
    resolver.begin();
    match resolver.needed(node) {
        Ok(Val { kind: ValKind::Map(entries), .. }) => {
            let found = described(node, entries, own);
            match kept_back(&found, listed && !own) {
                Some(unknown) => task.leave(format!("the mapping of {}", found.what), unknown),
                None => task.carry(found, taken),
            }
        }
        Ok(_) => {}
        Err(unknown) => task.leave("a mapping", unknown),
    }
}

/// Why AWS's answer is not enough to go by.
fn kept_back(found: &Found, listed: bool) -> Option<Unknown> {
    let said = |name: &str| found.entries.iter().find(|(key, value)| same(name, &key.name) && !value.says_nothing());
    if let Some((key, _)) = said("State").filter(|(_, state)| state.as_literal() == Some("Deleting")) {
        return Some(Unknown::new(key.span, "AWS is deleting it", "nothing, where that is meant"));
    }
    // Without them every record would pass.
    let has_filters = said("FilterCriteria").or_else(|| said("FilterCriteriaError")).is_some();
    let (key, _) = said("KMSKeyArn").filter(|_| listed && !has_filters)?;
    let uuid = match &found.origin {
        Origin::Aws(uuid) => short(uuid),
        _ => "UUID".into(),
    };
    let why = "it has a key for its filters, and a list of mappings does not show encrypted filters";
    let help = format!("ask AWS for this one: aws lambda get-event-source-mapping --uuid {uuid} | forebay import -");
    Some(Unknown::new(key.span, why, help))
}

/// By its name; AWS's mappings have none, so by its function and its source.
fn described(node: &Node, entries: Entries, own: bool) -> Found {
    let text = |name: &str| spoken(entries.iter().find(|(key, _)| same(name, &key.name)).map(|(_, value)| value));
    let name = match text("Name") {
        Some(name) => name.show().into_owned(),
        None => {
            let function = text("FunctionName").or_else(|| text("FunctionArn"));
            let parts = [function, text("EventSourceArn")].into_iter().flatten().map(short_name);
            parts.collect::<Vec<_>>().join("-")
        }
    };
    let uuid = text("UUID").and_then(Words::as_literal);
    let what = format!("event source mapping {}", short(uuid.unwrap_or(&name)));
    let origin = match uuid {
        _ if own => Origin::Forebay,
        Some(uuid) => Origin::Aws(uuid.into()),
        None => Origin::Template,
    };
    Found { name, what, span: node.span, entries, origin }
}
