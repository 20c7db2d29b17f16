//! SQS queues.

mod attributes;
mod encode;
mod entries;
mod json;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
    QueueAttributeName,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::encode::Encoder;
use super::QueueSource;
use crate::aws::{Call, CallBounds, QueueUrl, Service, bounded};
use crate::clock::WallClock;
use crate::machine::{
    Fault, FaultKind, MAX_HIDDEN, Message, PollRequest, QueueAttributes, Receipt, ReceiptEntry, ReceiptOutcome,
};
use crate::mapping::Mapping;

/// An SQS queue, standard or FIFO.
///
/// A message without an id or without a receipt handle, which SQS never sends, is left in the queue: it could
/// neither be named by the function nor be deleted.
pub struct SqsQueue {
    client: Client,
    url: QueueUrl,
    /// For messages.
    label: String,
    encoder: Encoder,
    bounds: CallBounds,
}

impl SqsQueue {
    pub(crate) fn new(client: Client, mapping: &Mapping, bounds: CallBounds, wall: WallClock) -> Self {
        let (arn, region) = (mapping.source.arn(), mapping.source_region());
        Self {
            url: QueueUrl::new(client.clone(), &arn.resource, &arn.account),
            client,
            label: format!("queue {} ({region}, account {})", arn.resource, arn.account),
            encoder: Encoder::new(&arn.text, &arn.region, !mapping.window.is_zero(), wall),
            bounds,
        }
    }

    async fn receive_batch(&self, request: PollRequest) -> Result<Vec<Message>, Fault> {
        let url = self.url().await?;
        let wait = Duration::from_secs(request.wait.as_secs().min(20));
        let send = self
            .client
            .receive_message()
            .queue_url(&*url)
            .max_number_of_messages(i32::try_from(request.max.clamp(1, 10)).unwrap_or(10))
            .wait_time_seconds(whole_seconds(wait))
            .set_visibility_timeout(request.visibility.map(whole_seconds))
            .set_receive_request_attempt_id(request.attempt.as_deref().map(str::to_owned))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send();
        let bound = (wait + self.bounds.receive_grace).max(self.bounds.call);
        let answer = self.bounded("ReceiveMessage", &url, bound, send).await?;
        let messages = answer.messages.unwrap_or_default();
        let mut records = Vec::with_capacity(messages.len());
        for message in messages {
            match self.encoder.message(message) {
                Ok(record) => records.push(record),
                Err(lacking) => {
                    tracing::warn!(queue = %self.label, lacking, "a message without these members was not delivered: \
                        it stays in the queue");
                }
            }
        }
        Ok(records)
    }

    async fn delete_batch(&self, receipts: Vec<Receipt>) -> Result<Vec<ReceiptOutcome>, Fault> {
        let count = receipts.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let url = self.url().await?;
        let entries = receipts.iter().enumerate().map(|(index, receipt)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt.as_str())
                .build()
                .expect("an entry with an id and a receipt handle is complete")
        });
        let send = self.client.delete_message_batch().queue_url(&*url).set_entries(Some(entries.collect())).send();
        let answer = self.bounded("DeleteMessageBatch", &url, self.bounds.call, send).await?;
        let done = answer.successful.iter().map(|entry| entry.id.as_str());
        Ok(entries::outcomes(self.call("DeleteMessageBatch"), count, done, &answer.failed))
    }

    async fn change_batch(&self, entries: Vec<ReceiptEntry>) -> Result<Vec<ReceiptOutcome>, Fault> {
        let count = entries.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let url = self.url().await?;
        let entries = entries.iter().enumerate().map(|(index, entry)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(entry.receipt.as_str())
                .visibility_timeout(whole_seconds(entry.visibility))
                .build()
                .expect("an entry with an id and a receipt handle is complete")
        });
        let send =
            self.client.change_message_visibility_batch().queue_url(&*url).set_entries(Some(entries.collect())).send();
        let answer = self.bounded("ChangeMessageVisibilityBatch", &url, self.bounds.call, send).await?;
        let done = answer.successful.iter().map(|entry| entry.id.as_str());
        Ok(entries::outcomes(self.call("ChangeMessageVisibilityBatch"), count, done, &answer.failed))
    }

    async fn read_attributes(&self) -> Result<QueueAttributes, Fault> {
        let url = self.url().await?;
        let send = self.client.get_queue_attributes().queue_url(&*url).attribute_names(QueueAttributeName::All).send();
        let answer = self.bounded("GetQueueAttributes", &url, self.bounds.call, send).await?;
        attributes::read(self.call("GetQueueAttributes"), &answer.attributes.unwrap_or_default())
    }

    async fn url(&self) -> Result<Arc<str>, Fault> {
        self.url.get(self.call("GetQueueUrl"), self.bounds.call).await
    }

    fn call(&self, operation: &'static str) -> Call<'_> {
        Call { service: Service::Sqs, operation, target: &self.label }
    }

    /// Waits for a call, but not longer than `bound`: a connection can be dead without a sign.
    async fn bounded<T, E>(
        &self,
        operation: &'static str,
        url: &Arc<str>,
        bound: Duration,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Fault>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let result = bounded(self.call(operation), bound, send).await;
        if result.as_ref().is_err_and(|fault| fault.kind == FaultKind::Missing) {
            self.url.forget(url);
        }
        result
    }
}

impl QueueSource for SqsQueue {
    fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>> {
        self.read_attributes().boxed()
    }

    fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Message>, Fault>> {
        self.receive_batch(request).boxed()
    }

    fn delete(&self, receipts: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        self.delete_batch(receipts).boxed()
    }

    fn change_visibility(&self, entries: Vec<ReceiptEntry>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        self.change_batch(entries).boxed()
    }
}

/// Whole seconds for SQS, rounded up: hiding a message a little longer is safe, a little shorter is not.
fn whole_seconds(span: Duration) -> i32 {
    let seconds = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0));
    i32::try_from(seconds.min(MAX_HIDDEN.as_secs())).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_end_at_twelve_hours() {
        for (span, seconds) in [
            (Duration::ZERO, 0),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(30), 30),
            (Duration::from_millis(30_001), 31),
            (Duration::from_secs(43_200), 43_200),
            (Duration::from_secs(43_201), 43_200),
            (Duration::MAX, 43_200),
        ] {
            assert_eq!(whole_seconds(span), seconds, "{span:?}");
        }
    }
}
