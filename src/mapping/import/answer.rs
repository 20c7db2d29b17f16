//! Answers of `aws lambda list-event-source-mappings` and `get-event-source-mapping`, and mapping files.

use super::carry::{Found, short_name};
use super::model::{Taken, Task};
use super::read::finish;
use super::resolver::{Resolver, Verbatim, member};
use super::value::{Entries, Key, Unknown, Val, ValKind};
use super::words::Words;
use crate::mapping::parameters::same;
use crate::mapping::reader::short;
use crate::mapping::tree::{Node, NodeKind};

/// Carries every mapping of an answer over.
pub(super) fn read(task: &mut Task<'_>, document: &Node, taken: &mut Taken) {
    let mut resolver = Resolver::new(task.options);
    match &document.kind {
        NodeKind::List(items) => items.iter().for_each(|item| one(task, &mut resolver, item, taken)),
        NodeKind::Map(entries) if member(entries, "EventSourceMappings").is_some() => {
            for (key, value) in entries {
                match (key.as_text(), &value.kind) {
                    (Some("EventSourceMappings"), NodeKind::List(items)) => {
                        items.iter().for_each(|item| one(task, &mut resolver, item, taken));
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
                        let what = format!("`{}` beside `EventSourceMappings`", short(name.unwrap_or("a key")));
                        task.leave(what, Unknown::new(key.span, "no answer of AWS's has it", "remove it"));
                    }
                }
            }
        }
        _ => one(task, &mut resolver, document, taken),
    }
    finish(task, resolver);
}

fn one<'n>(task: &mut Task<'_>, resolver: &mut Resolver<'n>, node: &'n Node, taken: &mut Taken) {
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
            let found = described(node, entries);
            let is_state =
                |(key, value): &&(Key, Val)| same("State", &key.name) && value.as_literal() == Some("Deleting");
            match found.entries.iter().find(is_state).map(|(key, _)| key.span) {
                Some(span) => {
                    let unknown = Unknown::new(span, "AWS is deleting it", "nothing, where that is meant");
                    task.leave(format!("the mapping of {}", found.what), unknown);
                }
                None => task.carry(found, taken),
            }
        }
        Ok(_) => {}
        Err(unknown) => task.leave("a mapping", unknown),
    }
}

/// By its name; AWS's mappings have none, so by its function and its source.
fn described(node: &Node, entries: Entries) -> Found {
    let text = |name: &str| {
        let found = entries.iter().find(|(key, _)| same(name, &key.name)).map(|(_, value)| value);
        found.and_then(Val::words).filter(|words| !words.is_empty())
    };
    let name = match text("Name") {
        Some(name) => name.show().into_owned(),
        None => {
            let function = text("FunctionName").or_else(|| text("FunctionArn"));
            let parts = [function, text("EventSourceArn")].into_iter().flatten().map(short_name);
            parts.collect::<Vec<_>>().join("-")
        }
    };
    let what = match text("UUID").and_then(Words::as_literal) {
        Some(uuid) => format!("event source mapping {}", short(uuid)),
        None => format!("event source mapping {}", short(&name)),
    };
    Found { name, what, span: node.span, entries }
}
