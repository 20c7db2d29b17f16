//! What requests say, checked as far as it needs no AWS. Pure: no I/O, no clock.
//!
//! A body passes four gates, each with the error that AWS gives there: JSON and types (`body`), the model's constraints, all that
//! are not met in one message (`constraints`), what goes with which source and together (`rules`); what comes out is canonical.

mod body;
mod canonical;
mod change;
mod constraints;
mod function;
mod list;
mod members;
mod patterns;
mod rules;
mod source;
mod tags;

#[cfg(test)]
mod tests;

pub(crate) use canonical::Parameters;
pub(crate) use change::{Update, create, update};
pub(crate) use list::{ListQuery, list};
pub(crate) use tags::{add_tags, remove_tags, tag_keys, tag_resource, tags_to_add};
