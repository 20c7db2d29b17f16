//! From a resolved block to a mapping file.

use serde_json::{Map, Value};

use super::block;
use super::check;
use super::file::{mapping_file, sound_name};
use super::model::{AtAws, Imported, Taken, Task};
use super::reader::LEAVE_IT;
use super::value::{Entries, Key, Unknown, Val, ValKind};
use super::words::Words;
use crate::mapping::text::Span;

/// A mapping that was found, with everything resolved.
pub(super) struct Found {
    /// What it would be named, if all names were free and sound.
    pub(super) name: String,
    /// What the file calls it: `resource Orders`, `function ship, event 2`.
    pub(super) what: String,
    pub(super) span: Span,
    pub(super) entries: Entries,
    /// What AWS calls it.
    pub(super) origin: Origin,
}

/// Where a mapping comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A template: AWS gives the mapping a UUID when it is deployed.
    Template,
    /// An answer of AWS's, with the mapping's UUID.
    Aws(String),
    /// A mapping file.
    Forebay,
}

impl Found {
    pub(super) fn get(&self, name: &str) -> Option<&Val> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    pub(super) fn set(&mut self, name: &str, value: Val) {
        self.entries.push((Key { name: name.into(), span: value.span }, value));
    }
}

impl Task<'_> {
    /// Carries a mapping over, or says why not.
    pub(super) fn carry(&mut self, mut found: Found, taken: &mut Taken) {
        if let Some(noun) = other_source(&found.entries) {
            let unknown = Unknown::new(found.span, format!("forebay does not poll {noun}"), LEAVE_IT);
            return self.leave(format!("the mapping of {}", found.what), unknown);
        }
        self.share(&mut found);
        let mut block = block::read(&found.entries);
        if !block.broken.is_empty() {
            for (member, unknown) in block.broken {
                self.leave(format!("the mapping of {}, for its `{member}`", found.what), unknown);
            }
            return;
        }
        let name = free_name(&sound_name(&found.name), taken);
        block.parameters.insert("Name".into(), Value::String(name.clone()));
        let at_aws = at_aws(&block.parameters, found.origin);
        if self.options.disabled {
            block.parameters.insert("Enabled".into(), Value::Bool(false));
        }
        let line = self.text.line(found.span);
        let origin = format!("{}:{line}, {}", self.text.file.display(), found.what);
        let refused = |why: String, help: String| Unknown::new(found.span, why, help);
        let text = match mapping_file(&origin, &block.parameters) {
            Ok(text) => text,
            Err(why) => {
                let help = "write the text without such characters".to_owned();
                return self.leave(format!("the mapping of {}", found.what), refused(why, help));
            }
        };
        let checked = check::check(&format!("{name}.yaml"), &text, self.options.now);
        if !checked.errors.is_empty() {
            for (why, help) in checked.errors {
                self.leave(format!("the mapping of {}", found.what), refused(why, help));
            }
            return;
        }
        if let Some(other) = checked.mapping.as_ref().and_then(|mapping| taken.pairs.note(mapping)) {
            let why = format!("`{other}` maps the same source to the same function");
            let help = "keep one of the two, or map another version or alias".to_owned();
            return self.leave(format!("the mapping of {}", found.what), refused(why, help));
        }
        taken.names.insert(name.to_ascii_lowercase());
        for (member, unknown) in block.left {
            self.leave(format!("`{member}` of {name}, which is imported without it"), unknown);
        }
        self.import.variables.extend(checked.variables);
        self.import.mappings.push(Imported { name, text, at_aws });
    }

    /// A consumer of enhanced fan-out is read as the stream that it reads.
    fn share(&mut self, found: &mut Found) {
        let Some((_, arn)) = found.entries.iter_mut().find(|(key, _)| is_source(key)) else { return };
        let Some(words) = arn.words().filter(|words| words.show().contains("/consumer/")) else { return };
        let stream = words.split("/consumer/").into_iter().next().unwrap_or_default();
        let span = arn.span;
        arn.kind = ValKind::Text { words: stream, plain: false };
        self.leave(format!("the consumer of {}", found.what), no_fan_out(span));
    }
}

pub(super) fn no_fan_out(span: Span) -> Unknown {
    let why = "enhanced fan-out is not supported: the stream itself is read, within the limits that all readers share";
    Unknown::new(span, why, "nothing, where the stream has room for another reader")
}

/// AWS's own mapping.
fn at_aws(parameters: &Map<String, Value>, origin: Origin) -> Option<AtAws> {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str).map(str::to_owned);
    let uuid = match origin {
        Origin::Forebay => return None,
        Origin::Template => None,
        Origin::Aws(uuid) => Some(uuid),
    };
    let enabled = parameters.get("Enabled") != Some(&Value::Bool(false));
    let (source, function) = (text("EventSourceArn")?, text("FunctionName")?);
    Some(AtAws { uuid, source, function, enabled, start: text("StartingPosition") })
}

fn is_source(key: &Key) -> bool {
    matches!(key.name.as_str(), "EventSourceArn" | "eventSourceArn")
}

/// What feeds a mapping that forebay cannot run.
fn other_source(entries: &Entries) -> Option<&'static str> {
    let said = |name: &str| entries.iter().any(|(key, value)| key.name == name && !value.says_nothing());
    if said("SelfManagedEventSource") {
        return Some("Kafka");
    }
    let (_, arn) = entries.iter().find(|(key, _)| is_source(key))?;
    match arn.words()?.show().split(':').nth(2)? {
        "kafka" => Some("Amazon MSK"),
        "mq" => Some("Amazon MQ"),
        "rds" => Some("Amazon DocumentDB"),
        _ => None,
    }
}

/// The name, or the name with the first number that is free.
fn free_name(name: &str, taken: &Taken) -> String {
    let is_free = |name: &str| !taken.names.contains(&name.to_ascii_lowercase());
    if is_free(name) {
        return name.into();
    }
    let numbered = |number: usize| {
        let end = format!("-{number}");
        format!("{}{end}", &name[..name.len().min(64 - end.len())])
    };
    (2..).map(numbered).find(|name| is_free(name)).unwrap_or_else(|| name.into())
}

/// What a source or function is called: the last part of its ARN, or what comes nearest.
pub(super) fn short_name(words: &Words) -> String {
    let parts: Vec<String> = words.split(":").iter().map(|part| part.show().into_owned()).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let last = match parts.as_slice() {
        ["arn", _, "lambda", _, _, "function", name, ..] | [_, "function", name, ..] => name,
        // A label or a consumer has colons of its own.
        ["arn", _, _, _, _, resource, ..] => resource,
        ["arn", .., last] => last,
        [name, ..] => name,
        [] => "",
    };
    match last.split('/').collect::<Vec<_>>().as_slice() {
        ["stream" | "table", name, ..] => (*name).into(),
        _ => last.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_functions_have_short_names() {
        for (arn, name) in [
            ("arn:aws:sqs:us-east-1:123456789012:orders.fifo", "orders.fifo"),
            ("arn:aws:kinesis:us-east-1:123456789012:stream/clicks", "clicks"),
            ("arn:aws:dynamodb:us-east-1:123456789012:table/stock/stream/2026-11-20T08:30:00.000", "stock"),
            ("arn:aws:lambda:us-east-1:123456789012:function:ship:live", "ship"),
            ("123456789012:function:ship", "ship"),
            ("ship:live", "ship"),
            ("ship", "ship"),
            ("", ""),
        ] {
            assert_eq!(short_name(&Words::literal(arn)), name, "{arn}");
        }
        let mut words = Words::literal("arn:aws:sqs:");
        words.push(Words::written("${AWS_REGION:-us-east-1}"));
        words.push_literal(":123456789012:orders");
        assert_eq!(short_name(&words), "orders");
    }

    #[test]
    fn names_that_are_taken_get_a_number() {
        let mut taken = Taken::default();
        taken.names.insert("orders".into());
        assert_eq!(free_name("Orders", &taken), "Orders-2");
        taken.names.insert("orders-2".into());
        assert_eq!(free_name("orders", &taken), "orders-3");
        let long = "a".repeat(64);
        taken.names.insert(long.clone());
        assert_eq!(free_name(&long, &taken), format!("{}-2", "a".repeat(62)));
    }
}
