//! What requests say, checked as far as it needs no AWS. Pure: no I/O, no clock.
//!
//! A body passes two gates, each with the error that AWS gives there: JSON and types (`body`), then the model's
//! constraints, all that are not met in one message (`constraints`). What comes out is canonical. What goes with which
//! source and together is checked where a mapping is made of it (`aws_api/definition.rs`).

mod body;
mod canonical;
mod change;
mod constraints;
mod function;
mod list;
mod tags;

#[cfg(test)]
mod tests;

pub(crate) use canonical::Parameters;
pub(crate) use change::{Update, create, update};
pub(crate) use list::{ListQuery, list};
pub(crate) use tags::{add_tags, check_tags, remove_tags, tag_keys, tag_resource, tags_to_add};
