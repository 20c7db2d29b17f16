//! Items as they are read: attributes by name, and what an item that is not as it was written is called.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::TableError;

/// The attributes of an item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// An item that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row(pub(super) Item);

impl Row {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_n().ok()?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or(false)
    }

    /// The sort key, which every item has.
    pub(super) fn sk(&self) -> &str {
        self.text("sk").unwrap_or_default()
    }

    pub(super) fn text_of(&self, name: &'static str) -> Result<&str, TableError> {
        self.text(name).ok_or_else(|| self.unreadable(&format!("it has no text {name:?}")))
    }

    pub(super) fn number_of(&self, name: &'static str) -> Result<u64, TableError> {
        self.number(name).ok_or_else(|| self.unreadable(&format!("it has no number {name:?}")))
    }

    /// The error of an item that is not as forebay writes it.
    pub(super) fn unreadable(&self, reason: &str) -> TableError {
        let item = format!("{}/{}", self.text("pk").unwrap_or("?"), self.sk());
        TableError::Item { item, reason: reason.to_owned() }
    }
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) const fn flag(flag: bool) -> AttributeValue {
    AttributeValue::Bool(flag)
}
