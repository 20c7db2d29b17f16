//! AWS Lambda's event source mapping API: mappings are created, changed and deleted with the tools of AWS.

mod error;

pub(crate) use error::ApiError;
