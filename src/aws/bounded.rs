//! One call, given up when its bound has passed.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Call, fault_of, timed_out, turn};
use crate::machine::Fault;

/// Waits for the turn of a call, and for the call itself, but for that not longer than `bound`: a connection can be dead
/// without a sign.
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
