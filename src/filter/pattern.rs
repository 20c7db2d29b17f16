//! A pattern as it was read: its fields, and which of them hold together.

use std::fmt;

use super::error::PatternError;
use super::leaf::Test;
use super::parse;

/// An event pattern, valid by itself.
///
/// The language is that of Amazon EventBridge (as its engine event-ruler has it), of which Lambda documents a part; see
/// `docs/filters.md`. Two patterns are equal when their texts are.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    fields: Vec<Field>,
    branches: Vec<Vec<usize>>,
}

/// A field that a pattern names, with what it wants there.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The names that lead there, joined by dots: `{"a": {"b": …}}` and `{"a.b": …}` are the same.
    pub path: Vec<u8>,
    /// Where its list begins in the pattern's text, in bytes.
    pub offset: usize,
    pub test: Test,
}

impl Field {
    /// The path for messages.
    pub(super) fn label(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

impl Pattern {
    /// Reads a pattern from its JSON text.
    ///
    /// Members of the same name are merged as AWS merges them: lists replace each other, objects must all hold.
    ///
    /// # Errors
    ///
    /// If the text is no valid pattern. One wrong value makes all of it invalid, as on AWS.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (fields, branches) = parse::parse(text.as_bytes())?;
        Ok(Self { text: text.to_owned(), fields, branches })
    }

    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The paths of all fields that it looks at, with dots, in the order of the text; a path may come more than once.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.fields.iter().map(Field::label)
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Which fields must hold together; one of these is enough. More than one where the pattern has `$or`. Each is
    /// sorted by path.
    pub(super) fn branches(&self) -> &[Vec<usize>] {
        &self.branches
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pattern").field(&self.text).finish()
    }
}
