//! Mapping files: as they are written, as they are validated, and everything that can be said about them.

mod model;

pub use model::{Arn, FunctionRef, Mapping, Poller, Side, SourceKind, VisibilityOptions};
