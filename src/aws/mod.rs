//! AWS: the SDK's configuration, shared clients, and the tables that put every answer into a class.
//!
//! Nothing outside this folder and the adapters beside it (`source/`, `function/lambda`, `destination/`) sees an SDK type.

mod asking;
mod bounded;
mod connector;
mod credentials;
mod delivery_faults;
mod endpoint;
mod failure;
mod faults;
mod http;
mod read_date;
mod sdk;
mod shares;

pub(crate) use asking::Asking;
pub(crate) use bounded::bounded;
pub use connector::{AwsConnector, CallBounds};
pub(crate) use failure::{Call, Service, answered_too_much, fault_of, is_foreign, timed_out};
pub(crate) use faults::{receipt_is_gone, sqs_code_kind};
pub(crate) use http::LAMBDA as LARGEST_ANSWER;
pub(crate) use shares::{bound_calls, turn};
