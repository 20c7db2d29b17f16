//! Mapping files from what people already have: answers of AWS's API, templates of CloudFormation and SAM,
//! `serverless.yml`.
//!
//! A file becomes a tree with places, `resolver` resolves what its values refer to, `block` reads a mapping by the
//! table of parameters, and what comes out is read again as a mapping file before it counts. What is not carried over
//! is listed.

mod answer;
mod block;
mod carry;
mod check;
mod conditions;
mod definition;
mod file;
mod functions;
mod model;
mod names;
mod overrides;
mod placeholders;
mod prepare;
mod read;
mod reader;
mod resolver;
mod sam;
mod serverless;
mod service_event;
mod template;
mod terraform;
mod value;
mod variables;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use definition::exported;
pub(crate) use model::{AtAws, Dialect, Import, Imported, Left, Options, Taken};
pub(crate) use read::{LARGEST, import};
