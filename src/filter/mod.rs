//! Event patterns: which records a mapping takes, decided as AWS decides it.
//!
//! Pure: no I/O, no clock. A `pattern` is read by `parse` and `operators`; `Filters` compiles those of a mapping into
//! one tree of names, and decides on a record by reading it once.

mod cidr;
mod elements;
mod error;
mod explain;
mod filters;
mod fold;
mod json;
mod leaf;
mod lex;
mod matcher;
mod memo;
mod number;
mod operators;
mod parse;
mod pattern;
mod search;
mod skip;
mod stream;
mod text;
mod trie;
mod verdict;
mod view;
mod wildcard;
mod words;

#[cfg(test)]
mod tests;

pub use error::{FiltersError, FiltersReason, PatternError, PatternReason};
pub use filters::Filters;
pub use pattern::Pattern;
pub use verdict::{Explanation, Outcome, Undecidable, Verdict};
pub use view::View;
