//! The patterns of a mapping together.

use super::error::{FiltersError, FiltersReason};
use super::pattern::Pattern;
use super::verdict::{Explanation, Outcome, Undecidable, Verdict};
use super::view::View;

/// The patterns of a mapping, made ready for many records. One match is enough.
///
/// Without patterns everything matches: callers ask [`Filters::is_empty`] and need not encode the record at all.
#[derive(Debug, Clone)]
pub struct Filters {
    view: View,
    patterns: Vec<Pattern>,
}

impl Filters {
    /// Makes the patterns of a mapping ready.
    ///
    /// # Errors
    ///
    /// If a pattern cannot hold for the source: values for a stream's `data` or `dynamodb` as a whole, which AWS refuses when the mapping is
    /// created.
    pub fn new(view: View, patterns: Vec<Pattern>) -> Result<Self, FiltersError> {
        for (index, pattern) in patterns.iter().enumerate() {
            for field in pattern.fields() {
                let reason = match (view, &field.path[..]) {
                    (View::Kinesis, b"data" | b"kinesis.data") => FiltersReason::DataNotAnObject,
                    (View::DynamoDb, b"dynamodb") => FiltersReason::DynamoDbNotAnObject,
                    _ => continue,
                };
                return Err(FiltersError { pattern: index, offset: field.offset, path: field.label(), reason });
            }
        }
        Ok(Self { view, patterns })
    }

    /// What they see of a record.
    pub const fn view(&self) -> View {
        self.view
    }

    /// The patterns, as given.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether there is no pattern, so that every record matches.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Decides on a record: the JSON that the function would get as one item of `Records`.
    pub fn decide(&self, _record: &[u8]) -> Verdict {
        Verdict::Undecidable(Undecidable::TooComplex)
    }

    /// Says for each pattern whether it matches, or why not. Slower than [`Filters::decide`], with which it agrees.
    pub fn explain(&self, _record: &[u8]) -> Vec<Explanation> {
        let outcome = Outcome::Undecidable(Undecidable::TooComplex);
        (0..self.patterns.len()).map(|pattern| Explanation { pattern, outcome: outcome.clone() }).collect()
    }
}
