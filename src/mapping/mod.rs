//! Mapping files: as they are written, as they are validated, and everything that can be said about them.
//!
//! A file becomes a `tree` whose nodes know their places, the `reader` reads it by the table of
//! `crate::parameters`, `build` makes a [`Mapping`] of it; `rules` and `sources` know what goes
//! together. Nothing stops at the first problem: each becomes a [`Diagnostic`].

mod arn;
mod build;
mod code;
mod definition;
mod destination;
mod diagnostic;
pub(crate) mod events;
mod explain;
mod filters;
mod impossible;
pub(crate) mod interpolate;
mod layout;
mod lint;
mod load;
mod model;
pub(crate) mod notation;
mod paths;
mod pattern;
mod placed;
mod poller;
pub(crate) mod reader;
mod rules;
mod scalar;
mod schema;
mod sources;
mod spec;
pub(crate) mod suggest;
mod tags;
mod targets;
pub(crate) mod text;
pub(crate) mod tree;
mod unique;
mod unreached;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use arn::partition_of;
pub use code::Code;
pub use definition::of_definition;
pub use diagnostic::{Diagnostic, Severity};
pub use explain::{CodePage, codes, explain};
pub use lint::{SourceFacts, lint};
pub use load::{Loaded, load, parse, parse_at};
pub use model::{Arn, DestinationKind, FailureDestination, FunctionRef, Mapping, Origin, Poller, Side};
pub use pattern::parse_pattern;
pub use schema::schema;
pub(crate) use sources::Rules;
pub(crate) use spec::Parts;
pub use spec::{FifoSpec, QueueSpec, SourceKind, SourceSpec, StreamSpec, VisibilityOptions};
pub use targets::{
    Addresses, Auth, CommandSpec, Dns, Envelope, Health, HttpTarget, LambdaTarget, LateAnswers, RieTarget,
    RuntimeApiTarget, Secret, StatusMeaning, Statuses, Target, TlsOptions,
};
pub(crate) use unique::{same_function, same_pair};
pub use unreached::{function_missing, function_unreached, source_missing, source_unreached, stream_disabled};
