//! What the patterns of a source see of a record.

use std::borrow::Cow;

use super::trie::Branch;
use super::verdict::Undecidable;

/// What a record is, and so what patterns see of it. Records are the JSON that the function would get, as one item of
/// `Records`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The document itself.
    Event,
    /// The record of a queue. Where the patterns name fields of `body`, it is read as JSON.
    Sqs,
    /// The record of a Kinesis stream: the members of `kinesis` stand at the top too, and `data` is what its Base64
    /// holds, read as JSON.
    Kinesis,
    /// The record of a DynamoDB stream as it is, with type tags.
    DynamoDb,
}

/// A string that is a document of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// JSON or plain text.
    Body,
    /// JSON in Base64.
    Data,
}

/// What a record's content turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The record has none, or no pattern looks at it.
    Absent,
    /// A JSON object or list.
    Json,
    /// Anything else, with what it means for patterns that look into it.
    Other(Undecidable),
}

impl View {
    /// The path of what is a document of its own, as the record has it.
    pub(super) fn content(self, place: &[u8]) -> Option<Content> {
        match (self, place) {
            (Self::Sqs, b"body") => Some(Content::Body),
            (Self::Kinesis, b"kinesis.data") => Some(Content::Data),
            _ => None,
        }
    }

    /// Whether a pattern's path is the content as a whole.
    pub(super) fn is_content(self, path: &[u8]) -> bool {
        match self {
            Self::Sqs => path == b"body",
            Self::Kinesis => matches!(path, b"data" | b"kinesis.data"),
            Self::Event | Self::DynamoDb => false,
        }
    }

    /// Whether a pattern's path is a part of the content.
    pub(super) fn looks_into_content(self, path: &[u8]) -> bool {
        match self {
            Self::Sqs => path.starts_with(b"body."),
            Self::Kinesis => path.starts_with(b"data.") || path.starts_with(b"kinesis.data."),
            Self::Event | Self::DynamoDb => false,
        }
    }

    /// Where in a record the values of a pattern's path stand. What is within `kinesis` is seen at the top as well.
    pub(super) fn places(self, path: &[u8]) -> Vec<Cow<'_, [u8]>> {
        match self {
            Self::Kinesis if !path.starts_with(b"kinesis.") && path != b"kinesis" => {
                vec![Cow::Owned([b"kinesis.", path].concat()), Cow::Borrowed(path)]
            }
            _ => vec![Cow::Borrowed(path)],
        }
    }
}

impl Branch {
    /// Why the branch cannot be held against content of a form.
    pub(super) const fn mismatch(&self, form: Form) -> Option<Undecidable> {
        match form {
            Form::Json if self.takes_content_whole => Some(Undecidable::BodyIsJson),
            Form::Other(why) if self.looks_into_content => Some(why),
            _ => None,
        }
    }
}
