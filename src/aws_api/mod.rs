//! AWS Lambda's event source mapping API: mappings are created, changed and deleted with the tools of AWS.

mod error;
mod names;
mod paging;
mod refusals;
mod request;
mod shape;

pub(crate) use error::ApiError;
