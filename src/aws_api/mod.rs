//! AWS Lambda's event source mapping API: mappings are created, changed and deleted with the tools of AWS.

mod auth;
mod checks;
mod definition;
mod error;
mod http;
mod limits;
mod names;
mod paging;
mod refusals;
mod registry;
mod request;
mod routes;
mod service;
mod shape;

pub(crate) use auth::{Caller, Keys, KeysError};
pub(crate) use error::ApiError;
pub(crate) use http::{Access, guard};
pub(crate) use limits::CONNECTIONS;
pub(crate) use routes::routes;
pub(crate) use service::{Restored, Service, restore, warn_of_pairs};
