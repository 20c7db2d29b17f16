//! How long a call may take, and what gives it up when that time has passed.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Call, fault_of, timed_out, turn};
use crate::machine::Fault;

/// How much longer than the service itself a call may take before it is abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallBounds {
    /// Added to the wait time of a receive.
    pub receive_grace: Duration,
    /// The least that any call but Invoke may take. Covers the first call of a process, which also fetches
    /// credentials.
    pub call: Duration,
    /// The longest that a read of a shard may take: an answer has up to 10 MiB.
    pub read: Duration,
    /// Added to the function's timeout, for the way there and for a cold start.
    pub invoke_grace: Duration,
}

impl Default for CallBounds {
    fn default() -> Self {
        Self {
            receive_grace: Duration::from_secs(5),
            call: Duration::from_secs(10),
            read: Duration::from_secs(30),
            invoke_grace: Duration::from_secs(10),
        }
    }
}

/// Waits for the turn of a call, and for the call itself, but for that not longer than `bound`: a connection can be
/// dead without a sign.
pub(crate) async fn bounded<T, E>(
    call: Call<'_>,
    bound: Duration,
    send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Fault>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let _turn = turn(call.operation).await;
    match tokio::time::timeout(bound, send).await {
        Ok(result) => result.map_err(|error| fault_of(call, &error)),
        Err(_) => Err(timed_out(call, bound)),
    }
}
