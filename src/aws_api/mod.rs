//! AWS Lambda's event source mapping API: mappings are created, changed and deleted with the tools of AWS.

mod auth;
mod error;
mod http;
mod limits;
mod names;
mod paging;
mod refusals;
mod request;
mod shape;

pub(crate) use auth::{Caller, Keys, KeysError};
pub(crate) use error::ApiError;
pub(crate) use http::{Access, guard};
