//! Mapping files: as they are written, as they are validated, and everything that can be said about them.
//!
//! A file becomes a `tree` whose nodes know their places, the `reader` reads it by the table of
//! `parameters`, `build` makes a [`Mapping`] of it and `queue` knows the rules. Nothing stops at
//! the first problem: each becomes a [`Diagnostic`].

mod arn;
mod build;
mod code;
mod diagnostic;
mod events;
mod explain;
mod interpolate;
mod layout;
mod lint;
mod load;
mod model;
mod notation;
mod parameters;
mod poller;
mod queue;
mod reader;
mod scalar;
mod schema;
mod suggest;
mod text;
mod tree;
mod unique;
mod value;

#[cfg(test)]
mod tests;

pub use code::Code;
pub use diagnostic::{Diagnostic, Severity};
pub use explain::{CodePage, codes, explain};
pub use lint::{function_unreached, lint, queue_unreached};
pub use load::{Loaded, load, parse};
pub use model::{
    Arn, DestinationKind, FailureDestination, FunctionRef, Mapping, Poller, Side, SourceKind, StreamParameters,
    VisibilityOptions,
};
pub use schema::schema;
