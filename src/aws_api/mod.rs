//! AWS Lambda's event source mapping API: mappings are created, changed and deleted with the tools of AWS.

mod checks;
mod error;
mod registry;
mod routes;
mod service;

pub(crate) use error::ApiError;
pub(crate) use routes::routes;
pub(crate) use service::{Restored, Service, restore, warn_of_pairs};
