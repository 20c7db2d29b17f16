//! What was read: values that have the right type and range, each with its place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::pattern::Written;
use super::text::Span;

/// A checked value.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// The kinds of checked values.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Text(String),
    Integer(i64),
    /// Milliseconds since the Unix epoch.
    Time(u64),
    Boolean(bool),
    Duration(Duration),
    List(Vec<Value>),
    Map(Members),
    /// Tags by name.
    Tags(BTreeMap<String, String>),
    /// An event pattern.
    Pattern(Box<Written>),
    /// Accepted without a look.
    Unread,
}

/// The members of a map that are there and not null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    /// Canonical name, the key's place, the value.
    pub(crate) entries: Vec<(&'static str, Span, Value)>,
    /// Members that are there, but wrong: already reported, and not to be reported as missing.
    pub(crate) broken: Vec<&'static str>,
    /// Members that are there as null, by the key's place.
    pub(crate) nulls: Vec<(&'static str, Span)>,
}

impl Members {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(found, ..)| *found == name).map(|(.., value)| value)
    }

    pub(crate) fn key(&self, name: &str) -> Option<Span> {
        self.entries.iter().find(|(found, ..)| *found == name).map(|(_, key, _)| *key)
    }

    pub(crate) fn text(&self, name: &str) -> Option<(&str, Span)> {
        match self.get(name)? {
            Value { span, kind: Kind::Text(text) } => Some((text, *span)),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Option<(i64, Span)> {
        match self.get(name)? {
            Value { span, kind: Kind::Integer(number) } => Some((*number, *span)),
            _ => None,
        }
    }

    pub(crate) fn time(&self, name: &str) -> Option<(u64, Span)> {
        match self.get(name)? {
            Value { span, kind: Kind::Time(unix_ms) } => Some((*unix_ms, *span)),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name)?.kind {
            Kind::Boolean(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn duration(&self, name: &str) -> Option<(Duration, Span)> {
        match self.get(name)? {
            Value { span, kind: Kind::Duration(duration) } => Some((*duration, *span)),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        match self.get(name) {
            Some(Value { kind: Kind::List(items), .. }) => items,
            _ => &[],
        }
    }

    pub(crate) fn map(&self, name: &str) -> Option<&Self> {
        match self.get(name)? {
            Value { kind: Kind::Map(members), .. } => Some(members),
            _ => None,
        }
    }

    pub(crate) fn tags(&self, name: &str) -> BTreeMap<String, String> {
        match self.get(name) {
            Some(Value { kind: Kind::Tags(tags), .. }) => tags.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// Whether the member is there and says something.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::says)
    }
}

impl Value {
    /// Not `""`, `[]`, `{}` or a map of such.
    pub(crate) fn says(&self) -> bool {
        match &self.kind {
            Kind::Text(text) => !text.is_empty(),
            Kind::List(items) => !items.is_empty(),
            Kind::Map(members) => !members.broken.is_empty() || members.entries.iter().any(|(.., value)| value.says()),
            _ => true,
        }
    }
}
