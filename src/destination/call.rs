//! One call of a destination.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::record::{Message, Oversized};
use crate::aws::{Call, fault_of, timed_out};
use crate::machine::{Fault, FaultKind};

/// Waits for a call, but not longer than `bound`: a connection can be dead without a sign.
pub(super) async fn bounded<T, E>(
    call: Call<'_>,
    bound: Duration,
    send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Fault>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match tokio::time::timeout(bound, send).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(fault_of(call, &error)),
        Err(_) => Err(timed_out(call, bound)),
    }
}

/// The text to send, with a warning when something had to be left out; a fault when even that is too large.
pub(super) fn fitting(call: Call<'_>, record: Result<Message, Oversized>, limit: usize) -> Result<String, Fault> {
    match record {
        Ok(Message { text, omitted }) => {
            if let Some(member) = omitted {
                tracing::warn!(
                    destination = call.target,
                    limit,
                    "the failure record is too large: it goes without {member}; an S3 bucket takes all of it"
                );
            }
            Ok(text)
        }
        Err(Oversized { bytes }) => Err(Fault::new(
            FaultKind::TooLarge,
            format!(
                "{} on {}: the failure record has {bytes} bytes, and at most {limit} are taken; use an S3 bucket as \
                 destination",
                call.operation, call.target
            ),
        )),
    }
}
