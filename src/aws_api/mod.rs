//! AWS Lambda's event source mapping API: mappings are created, changed and deleted with the tools of AWS.

mod error;
mod paging;
mod refusals;
mod request;

pub(crate) use error::ApiError;
