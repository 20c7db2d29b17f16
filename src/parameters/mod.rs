//! The one table of parameters: what an event source mapping can say, in files and through the AWS API.
//!
//! A row is a parameter: its name, its shape with its range, the sources that take it, and its place in AWS's model.
//! Mapping files, the AWS API, `forebay schema`, `forebay import` and the checks of the docs all read these rows, so a
//! new parameter is a new row. Rules across parameters are code in `mapping`; AWS's words for them are in
//! `aws_api/definition.rs`.

use std::time::Duration;

mod form;
mod function;
mod poller;
mod table;

pub(crate) use form::{FUNCTION, Form, TAG, TAGGABLE, is_tag};
#[cfg(test)]
pub(crate) use poller::ENDPOINTS;
pub(crate) use table::{MAPPING, TAG_ENTRY, TAGGING};

/// One member of a map.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// A few sentences for editors.
    pub(crate) about: &'static str,
    pub(crate) shape: Shape,
    pub(crate) owner: Owner,
    /// Its place among its siblings in the model of AWS's API; 0: only files have it.
    pub(crate) place: u8,
    /// `CreateEventSourceMapping` has it, and `UpdateEventSourceMapping` has not.
    pub(crate) fixed: bool,
    /// The number with which it says nothing, because it is AWS's default; for booleans 0 is false. Empty texts, lists
    /// and maps never say anything.
    pub(crate) silent: Option<i64>,
    /// The least of the API's model, where files take less or more.
    pub(crate) least: Option<i64>,
}

/// Who takes a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Every mapping.
    Every,
    /// Mappings of queues only.
    Queues,
    /// Mappings of FIFO queues only.
    FifoQueues,
    /// Mappings of streams, and of those other sources that the text names.
    Streams(&'static str),
    /// AWS: its answers carry it.
    ReadOnly,
    /// Mappings of these other sources, none of which forebay polls.
    Others(&'static str),
}

/// What may be written.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Text of so many characters; the API also asks for a form.
    Text {
        min: usize,
        max: usize,
        form: Option<&'static Form>,
    },
    /// A whole number in a range; where it is a limit, or -1: none.
    Integer {
        min: i64,
        max: i64,
        limit: bool,
    },
    /// A moment: RFC 3339, or seconds since the Unix epoch.
    Time,
    Boolean,
    /// A number with a unit, in a range.
    Span {
        min: Duration,
        max: Duration,
    },
    /// One of these words, in the order of AWS's refusal.
    Word(&'static [&'static str]),
    /// So many of one shape.
    List {
        of: &'static Self,
        min: usize,
        max: usize,
    },
    /// Up to so many of one shape, or a map with these members.
    ListOrMap {
        of: &'static Self,
        max: usize,
        map: &'static [Member],
    },
    /// A map with these members.
    Map(&'static [Member]),
    /// One of these words, or a map with the one member.
    WordOrMap(&'static [&'static str], &'static [Member]),
    /// A map of any names to texts.
    Texts,
    /// A number of three digits, or a range of them as text.
    Status,
    /// AWS's map of tags, or CloudFormation's list of `Key` and `Value`.
    Tags,
    /// One of these words, or the ARN of a destination.
    WordOrArn(&'static [&'static str]),
    /// A filter pattern: a map, or the JSON text of one.
    Pattern,
    /// Not looked at; through the API, a map.
    Any,
}

/// The most characters of a filter pattern, as JSON.
pub(crate) const LONGEST_PATTERN: usize = 4096;
/// The most filters of a mapping: AWS's five can be raised to as many.
pub(crate) const MOST_FILTERS: usize = 10;
/// The most texts of a map of texts, and the longest of them.
pub(crate) const MOST_TEXTS: usize = 100;
pub(crate) const LONGEST_TEXT: usize = 4096;
/// The longest key and the longest value of a tag, and the most tags of a mapping.
pub(crate) const LONGEST_KEY: usize = 128;
pub(crate) const LONGEST_VALUE: usize = 256;
pub(crate) const MOST_TAGS: usize = 50;

/// A table: each row is the documentation of a member, its name, what may be written, and the columns that are not as
/// usual.
macro_rules! members {
    ($($(#[doc = $about:literal])* $name:ident: $shape:expr $(, $column:ident = $value:expr)*;)+) => {
        &[$($crate::parameters::Member {
            $($column: $value,)*
            ..$crate::parameters::Member::new(stringify!($name), concat!($($about),*), $shape)
        }),+]
    };
}
use members;

impl Member {
    const fn new(name: &'static str, about: &'static str, shape: Shape) -> Self {
        Self { name, about, shape, owner: Owner::Every, place: 0, fixed: false, silent: None, least: None }
    }

    /// Whether some mapping takes it.
    pub(crate) const fn is_taken(&self) -> bool {
        !matches!(self.owner, Owner::ReadOnly | Owner::Others(_))
    }
}

const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, form: None }
}

const fn formed(min: usize, max: usize, form: &'static Form) -> Shape {
    Shape::Text { min, max, form: Some(form) }
}

const fn integer(min: i64, max: i64) -> Shape {
    Shape::Integer { min, max, limit: false }
}

const fn limit(min: i64, max: i64) -> Shape {
    Shape::Integer { min, max, limit: true }
}

const fn span(min: Duration, max: Duration) -> Shape {
    Shape::Span { min, max }
}

const fn list(of: &'static Shape, min: usize, max: usize) -> Shape {
    Shape::List { of, min, max }
}

/// The members of the API, in the order of its model.
pub(crate) fn of_the_api(table: &'static [Member]) -> Vec<&'static Member> {
    let mut members: Vec<_> = table.iter().filter(|member| member.place > 0).collect();
    members.sort_by_key(|member| member.place);
    members
}

/// The member of a table that a key names: AWS's spelling, or the same with a lower-case first letter.
pub(crate) fn find(table: &'static [Member], key: &str) -> Option<&'static Member> {
    // CloudFormation spells this one differently from the API.
    let key = if matches!(key, "KmsKeyArn" | "kmsKeyArn") { "KMSKeyArn" } else { key };
    table.iter().find(|member| same(member.name, key))
}

/// Whether a key is a name, but for the case of the first letter.
pub(crate) fn same(name: &str, key: &str) -> bool {
    let (mut name, mut key) = (name.chars(), key.chars());
    match (name.next(), key.next()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b) && name.as_str() == key.as_str(),
        _ => false,
    }
}

/// The members below a shape, if it has any.
pub(crate) const fn below(shape: &Shape) -> Option<&'static [Member]> {
    match *shape {
        Shape::Map(members) | Shape::WordOrMap(_, members) | Shape::ListOrMap { map: members, .. } => Some(members),
        Shape::List { of: Shape::Map(members), .. } => Some(members),
        _ => None,
    }
}

/// The path of a member of what stands at a path.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests;
