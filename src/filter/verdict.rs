//! What is said of a record.

use std::fmt;

use thiserror::Error;

/// Whether a mapping takes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does: the index of the first pattern that matches; 0 also if there are no patterns.
    Match(usize),
    /// It does not.
    NoMatch,
    /// It cannot be evaluated, because the record has not the form that the patterns ask for. AWS drops such a record.
    Undecidable(Undecidable),
}

/// Why patterns cannot be held against a record.
///
/// The first four are the format rules of Lambda's Developer Guide, "Properly filtering" messages and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Undecidable {
    /// The pattern names fields of `body`, but the message is plain text. A number or string alone is plain text too.
    #[error("the pattern looks into `body`, but the body is not a JSON object or list")]
    BodyNotJson,
    /// The pattern lists values of `body`, but the message is JSON.
    #[error("the pattern lists values for `body` as a plain string, but the body is JSON")]
    BodyIsJson,
    /// The pattern names fields of `data`, but the record's data is no JSON object or list.
    #[error("the pattern looks into `data`, but the data is not a JSON object or list")]
    DataNotJson,
    /// The record's data, or the record itself, is not UTF-8.
    #[error("the data is not UTF-8")]
    NotUtf8,
    /// The record's `data` is not Base64.
    #[error("`data` is not Base64")]
    NotBase64,
    /// The record itself is not a JSON object or list.
    #[error("the record is not a JSON object or list (byte {offset})")]
    Malformed {
        /// Where it ends to be JSON, in bytes.
        offset: usize,
    },
    /// To decide would take longer than a record may take. Only lists within lists made for it do that.
    #[error("the lists of the record combine in too many ways")]
    TooComplex,
}

impl Undecidable {
    /// The same for a log line, without what differs from record to record.
    #[must_use]
    pub const fn in_short(self) -> &'static str {
        match self {
            Self::BodyNotJson => "the body is not JSON, and a filter looks into it",
            Self::BodyIsJson => "the body is JSON, and a filter compares it as plain text",
            Self::DataNotJson => "the data is not JSON, and a filter looks into it",
            Self::NotUtf8 => "the data is not UTF-8",
            Self::NotBase64 => "the data is not Base64",
            Self::Malformed { .. } => "the record is not JSON",
            Self::TooComplex => "the lists of the record combine in too many ways",
        }
    }
}

/// What became of one pattern, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which pattern, from 0.
    pub pattern: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// Whether one pattern matches a record, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It matches.
    Matched,
    /// It does not: the first field that failed. With `$or`, that of the branch that came furthest.
    Failed {
        /// The field, with dots.
        path: String,
        /// What the pattern wants there, in words.
        wanted: String,
        /// What the record has there, in words.
        found: String,
    },
    /// It cannot be held against the record.
    Undecidable(Undecidable),
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched => formatter.write_str("matches"),
            Self::Failed { path, wanted, found } => write!(formatter, "{path}: wanted {wanted}, found {found}"),
            Self::Undecidable(why) => write!(formatter, "cannot be decided: {why}"),
        }
    }
}
