//! AWS: the SDK's configuration, shared clients, and the tables that put every answer into a class.
//!
//! Nothing outside this folder and the adapters (`source/`, `function/lambda`, `destination/`) sees an SDK type.

mod asking;
mod bounded;
mod credentials;
mod delivery_faults;
mod endpoint;
mod failure;
mod faults;
mod http;
mod queue_url;
mod read_date;
mod sdk;
mod shares;

pub(crate) use asking::Asking;
pub use bounded::CallBounds;
pub(crate) use bounded::bounded;
pub(crate) use failure::{Call, Service, answered_too_much, chain, credentials_fault, fault_of, is_foreign, timed_out};
pub(crate) use faults::{receipt_is_gone, sqs_code_kind};
pub(crate) use http::LAMBDA as LARGEST_ANSWER;
pub(crate) use queue_url::QueueUrl;
pub(crate) use sdk::{Clients, Identity, Key};
pub(crate) use shares::{bound_calls, turn};
