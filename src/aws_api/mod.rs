//! AWS Lambda's event source mapping API: mappings are created, changed and deleted with the tools of AWS.

mod auth;
mod error;
mod http;
mod limits;

pub(crate) use auth::{Caller, Keys, KeysError};
pub(crate) use error::ApiError;
pub(crate) use http::{Access, guard};
pub(crate) use limits::CONNECTIONS;
