//! What is invoked: one small port, and one adapter for each kind of target.

mod answers;
mod deadline;
mod files;
mod http;
mod lambda;
mod pool;
mod port;
mod rie;
mod runtime_api;
mod trace;
mod wire;

pub use http::HttpFunction;
pub(crate) use http::Signer;
pub use lambda::LambdaFunction;
pub(crate) use pool::Pools;
pub use port::{Function, Invocation, Part, PartState};
pub use rie::RieFunction;
pub use runtime_api::RuntimeApiFunction;
pub(crate) use runtime_api::{CONNECTIONS, Servers};

pub use crate::machine::FunctionSettings;

use answers::too_large_answer;

/// How requests to targets name their sender.
const AGENT: &str = concat!("forebay/", env!("CARGO_PKG_VERSION"));
