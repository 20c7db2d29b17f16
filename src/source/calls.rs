//! Calls of streams: each one bounded, and each failure in its class.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::{Call, CallBounds, Service, fault_of, timed_out};
use crate::machine::{Fault, FaultKind};

/// What the calls of one stream have in common.
pub(super) struct Calls {
    pub(super) service: Service,
    /// The mapping, for the commands that help.
    pub(super) mapping: String,
    /// The stream, for messages.
    pub(super) label: String,
    pub(super) bounds: CallBounds,
}

/// A call that did not work.
pub(super) struct Failed {
    pub(super) fault: Fault,
    /// The service's error code; empty when it gave none.
    pub(super) code: String,
    /// The service's own text; empty when it gave none.
    pub(super) text: String,
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        failed.fault
    }
}

impl Calls {
    /// Waits for a call, but not longer than `bound`: a connection can be dead without a sign.
    pub(super) async fn bounded<T, E>(
        &self,
        operation: &'static str,
        shard: Option<&str>,
        bound: Duration,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failed>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        match tokio::time::timeout(bound, send).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let fault = fault_of(Call { service: self.service, operation, target: &self.target(shard) }, &error);
                let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
                let code = meta.and_then(|meta| meta.code()).unwrap_or_default().to_owned();
                let text = meta.and_then(|meta| meta.message()).unwrap_or_default().to_owned();
                Err(Failed { fault, code, text })
            }
            Err(_) => {
                let fault = timed_out(Call { service: self.service, operation, target: &self.target(shard) }, bound);
                Err(Failed { fault, code: String::new(), text: String::new() })
            }
        }
    }

    /// The fault of an answer that came, but cannot be used.
    pub(super) fn unusable(&self, operation: &str, shard: Option<&str>, reason: &str) -> Fault {
        Fault::new(FaultKind::Transient, format!("{operation} on {}: {reason}", self.target(shard)))
    }

    /// Ends the message of a fault when the stream does not know the sequence number of a checkpoint: it was made again
    /// under its old name, or the checkpoint is another stream's.
    pub(super) fn unknown_position(&self, shard: &str) -> String {
        format!(
            "; the checkpoint is none of this stream's (FB0612): if the stream was made again, `forebay checkpoint set \
             {} \
             {shard} TRIM_HORIZON --force` begins the shard again",
            self.mapping
        )
    }

    fn target(&self, shard: Option<&str>) -> String {
        match shard {
            Some(shard) => format!("{shard} of {}", self.label),
            None => self.label.clone(),
        }
    }
}
