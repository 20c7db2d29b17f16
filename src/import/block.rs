//! The block of a mapping, read by the table of parameters: AWS's names and values as a mapping file holds them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::value::{Entries, Unknown, Val, ValKind, boolean_of_yaml_1_1, rendered};
use crate::mapping::reader::short;
use crate::mapping::{notation, suggest};
use crate::parameters::{self, MAPPING, Member, Owner, Shape, join};

/// What was read of a block.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) parameters: Map<String, Value>,
    /// Members without which the mapping is carried over.
    pub(super) left: Vec<(String, Unknown)>,
    /// Members without which it would be another mapping: none is written.
    pub(super) broken: Vec<(String, Unknown)>,
}

/// Reads a block.
pub(super) fn read(entries: &Entries) -> Block {
    let mut block = Block::default();
    block.parameters = block.members(entries, MAPPING, "");
    block.sources();
    block
}

impl Block {
    fn members(&mut self, entries: &Entries, table: &'static [Member], path: &str) -> Map<String, Value> {
        let mut found = Map::new();
        let mut seen = BTreeSet::new();
        for (key, value) in entries {
            let at = join(path, &short(&key.name));
            // It may bring anything.
            if key.name.starts_with("Fn::") || matches!(key.name.as_str(), "Ref" | "<<") {
                let help = "write into a copy of the file what it stands for, and import that";
                self.broken.push((at, Unknown::new(key.span, "it is not followed here", help)));
                continue;
            }
            let Some(member) = parameters::find(table, &key.name) else {
                let why = "an event source mapping has no such parameter".to_owned();
                let unknown = Unknown::new(key.span, why, suggest::help(table, &key.name));
                // Without its filters it would be another mapping.
                let is_filter = at.to_ascii_lowercase().contains("filter");
                if is_filter {
                    self.broken.push((at, unknown));
                } else {
                    self.left.push((at, unknown));
                }
                continue;
            };
            if !seen.insert(member.name) {
                self.broken.push((at, Unknown::new(key.span, "it is given twice", "remove one of the two")));
                continue;
            }
            let at = join(path, member.name);
            // An encrypted filter does not show, and without it every record would pass.
            if member.name == "FilterCriteriaError" && !value.says_nothing() {
                let why = "AWS could not read the mapping's filters, so they are not in this answer";
                let help = "let the caller use the key of the filters, and ask AWS again";
                self.broken.push((at, Unknown::new(key.span, why, help)));
                continue;
            }
            if member.owner == Owner::ReadOnly || value.says_nothing() {
                continue;
            }
            if let Some((why, help)) = refused(member, path) {
                self.left.push((at, Unknown::new(key.span, why, help)));
                continue;
            }
            match self.value(value, &member.shape, &at) {
                // Nothing of it was carried over.
                Ok(Value::Object(members)) if members.is_empty() => {}
                Ok(value) => drop(found.insert(member.name.into(), value)),
                Err(unknown) => self.broken.push((at, unknown)),
            }
        }
        found
    }

    /// A value in the form of mapping files. What has not the right type is kept as it is: reading the mapping file
    /// finds it.
    fn value(&mut self, value: &Val, shape: &Shape, path: &str) -> Result<Value, Unknown> {
        match (&value.kind, shape) {
            (ValKind::Map(entries), Shape::Map(table) | Shape::WordOrMap(_, table)) => {
                Ok(Value::Object(self.members(entries, table, path)))
            }
            (ValKind::List(items), Shape::List { of, .. }) => {
                let items = items.iter().map(|item| self.value(item, of, path));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            (ValKind::List(_) | ValKind::Map(_), Shape::Tags) => tags(value),
            (ValKind::Map(_), Shape::Pattern) => value.json().map(Value::String),
            (ValKind::Text { words, plain }, shape) => {
                let text = rendered(words, value.span)?;
                Ok(match shape {
                    // CloudFormation takes numbers and booleans as texts, too.
                    Shape::Integer { .. } => whole(&text),
                    Shape::Boolean => {
                        let said = notation::boolean(&text).ok();
                        let said = said.or_else(|| boolean_of_yaml_1_1(&text).filter(|_| *plain));
                        said.map_or(Value::String(text), Value::Bool)
                    }
                    _ => Value::String(text),
                })
            }
            _ => plain(value),
        }
    }

    /// What names the source and the function, in forebay's terms.
    fn sources(&mut self) {
        if let Some(Value::String(state)) = self.parameters.remove("State")
            && !self.parameters.contains_key("Enabled")
        {
            let enabled = !matches!(state.as_str(), "Disabled" | "Disabling");
            self.parameters.insert("Enabled".into(), enabled.into());
        }
        if let Some(arn) = self.parameters.remove("FunctionArn")
            && !self.parameters.contains_key("FunctionName")
        {
            self.parameters.insert("FunctionName".into(), arn);
        }
    }
}

/// What forebay does without: why, and what to do.
fn refused(member: &Member, path: &str) -> Option<(String, String)> {
    let dropped = |why: &str, help: &str| Some((why.to_owned(), help.to_owned()));
    match (path, member.name, member.owner) {
        (_, _, Owner::Others(sources)) => {
            Some((format!("it is a parameter of {sources} mappings"), "forebay has no use for it".into()))
        }
        ("", "KMSKeyArn", _) => dropped(
            "forebay does not encrypt filters: they stand in the mapping file",
            "keep what is secret out of the filters",
        ),
        ("", "ProvisionedPollerConfig", _) => dropped(
            "forebay is the poller",
            "write `ScalingConfig: { MaximumConcurrency: … }` where the concurrency is to be bounded; a poller of \
             AWS's carries 10",
        ),
        ("DestinationConfig", "OnSuccess", _) => {
            dropped("no event source mapping sends anywhere what has succeeded", "let the function send it")
        }
        _ => None,
    }
}

/// Whether a mapping is imported without this member, with any value.
pub(super) fn is_idle(name: &str) -> bool {
    let member = parameters::find(MAPPING, name);
    member.is_some_and(|member| member.owner == Owner::ReadOnly || refused(member, "").is_some())
}

fn whole(text: &str) -> Value {
    let number = notation::whole(text).ok().and_then(|number| i64::try_from(number).ok());
    number.map_or_else(|| Value::String(text.into()), Value::from)
}

/// Tags as a map, from a map or from a list of `Key` and `Value`.
fn tags(value: &Val) -> Result<Value, Unknown> {
    let mut found = Map::new();
    let mut add = |name: &str, value: &Val| {
        let text = match &value.kind {
            ValKind::Null => String::new(),
            ValKind::Text { words, .. } => rendered(words, value.span)?,
            _ => return Err(Unknown::new(value.span, "a tag's value is a text", "write a text")),
        };
        match found.insert(name.to_owned(), Value::String(text)) {
            Some(_) => Err(Unknown::new(value.span, "a tag is given twice", "remove one of the two")),
            None => Ok(()),
        }
    };
    match &value.kind {
        ValKind::Map(entries) => {
            for (key, value) in entries {
                add(&key.name, value)?;
            }
        }
        ValKind::List(items) => {
            for item in items {
                let of = |name: &str| match &item.kind {
                    ValKind::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value),
                    _ => None,
                };
                let name = of("Key").and_then(Val::as_literal);
                let wrong = || Unknown::new(item.span, "a tag needs a `Key` that is a text", "write `Key` and `Value`");
                add(name.ok_or_else(wrong)?, of("Value").ok_or_else(wrong)?)?;
            }
        }
        _ => {}
    }
    Ok(Value::Object(found))
}

/// A value of any type, as it is.
fn plain(value: &Val) -> Result<Value, Unknown> {
    Ok(match &value.kind {
        ValKind::Null => Value::Null,
        ValKind::Text { words, .. } => Value::String(rendered(words, value.span)?),
        ValKind::List(items) => Value::Array(items.iter().map(plain).collect::<Result<_, _>>()?),
        ValKind::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.name.clone(), plain(value)?)));
            Value::Object(entries.collect::<Result<_, Unknown>>()?)
        }
    })
}
