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
    /// Texts by name.
    Texts(BTreeMap<String, Named>),
    /// An event pattern.
    Pattern(Box<Written>),
    /// Accepted without a look.
    Unread,
}

/// A text under a name that the user chose.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) text: String,
    /// The place of its name.
    pub(crate) span: Span,
    /// It stands in the file as it is: no variable is in it.
    pub(crate) literal: bool,
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
    fn entry(&self, name: &str) -> Option<&(&'static str, Span, Value)> {
        self.entries.iter().find(|(found, ..)| *found == name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.entry(name).map(|(.., value)| value)
    }

    pub(crate) fn key(&self, name: &str) -> Option<Span> {
        self.entry(name).map(|(_, key, _)| *key)
    }

    /// What a kind holds, and where it stands.
    fn read<'v, T>(&'v self, name: &str, of: impl FnOnce(&'v Kind) -> Option<T>) -> Option<(T, Span)> {
        let value = self.get(name)?;
        Some((of(&value.kind)?, value.span))
    }

    pub(crate) fn text(&self, name: &str) -> Option<(&str, Span)> {
        self.read(name, |kind| if let Kind::Text(text) = kind { Some(text.as_str()) } else { None })
    }

    pub(crate) fn integer(&self, name: &str) -> Option<(i64, Span)> {
        self.read(name, |kind| if let Kind::Integer(number) = kind { Some(*number) } else { None })
    }

    pub(crate) fn time(&self, name: &str) -> Option<(u64, Span)> {
        self.read(name, |kind| if let Kind::Time(unix_ms) = kind { Some(*unix_ms) } else { None })
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.read(name, |kind| if let Kind::Boolean(value) = kind { Some(*value) } else { None })
            .map(|(value, _)| value)
    }

    pub(crate) fn duration(&self, name: &str) -> Option<(Duration, Span)> {
        self.read(name, |kind| if let Kind::Duration(duration) = kind { Some(*duration) } else { None })
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        if let Some(Kind::List(items)) = self.get(name).map(|value| &value.kind) { items } else { &[] }
    }

    pub(crate) fn map(&self, name: &str) -> Option<&Self> {
        if let Kind::Map(members) = &self.get(name)?.kind { Some(members) } else { None }
    }

    pub(crate) fn tags(&self, name: &str) -> BTreeMap<String, String> {
        if let Some(Kind::Tags(tags)) = self.get(name).map(|value| &value.kind) {
            tags.clone()
        } else {
            BTreeMap::new()
        }
    }

    pub(crate) fn texts(&self, name: &str) -> BTreeMap<String, Named> {
        if let Some(Kind::Texts(texts)) = self.get(name).map(|value| &value.kind) {
            texts.clone()
        } else {
            BTreeMap::new()
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
