//! Failure records into SQS queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use md5::{Digest as _, Md5};

use super::Destination;
use super::call::{fitting, has_id, unconfirmed};
use super::names::group;
use super::record::Encoder;
use crate::aws::{Call, CallBounds, QueueUrl, Service, bounded};
use crate::machine::uuid::hyphenated;
use crate::machine::{Failure, Fault, FaultKind};
use crate::mapping::{Arn, Mapping};

/// The largest message that SQS takes: 1 MiB, where the queue's own `MaximumMessageSize` is not less.
const LARGEST: usize = 1 << 20;

/// An SQS queue that takes failure records, standard or FIFO.
///
/// A queue that takes less than SQS's largest message says so when it refuses one; from then on its
/// own limit counts.
pub(crate) struct SqsDestination {
    client: Client,
    encoder: Encoder,
    url: QueueUrl,
    fifo: bool,
    /// For messages.
    label: String,
    bounds: CallBounds,
    limit: AtomicUsize,
}

impl SqsDestination {
    pub(crate) fn new(
        client: Client,
        mapping: &Mapping,
        arn: &Arn,
        region: &str,
        fifo: bool,
        bounds: CallBounds,
    ) -> Self {
        Self {
            url: QueueUrl::new(client.clone(), &arn.resource, &arn.account),
            client,
            encoder: Encoder::new(mapping),
            fifo,
            label: format!("queue {} ({region}, account {})", arn.resource, arn.account),
            bounds,
            limit: AtomicUsize::new(LARGEST),
        }
    }

    async fn send(&self, failure: Arc<Failure>) -> Result<(), Fault> {
        let call = Call { service: Service::SqsDestination, operation: "SendMessage", target: &self.label };
        let limit = self.limit.load(Ordering::Relaxed);
        let text = fitting(call, self.encoder.message(&failure, limit), limit)?;
        let (bytes, digest) = (text.len(), md5(&text));
        let url = self.url.get(call, self.bounds.call).await?;
        let mut request = self.client.send_message().queue_url(&*url).message_body(text);
        if self.fifo {
            request = request.message_group_id(group(&failure)).message_deduplication_id(hyphenated(failure.uuid));
        }
        let mut fault = match bounded(call, self.bounds.call, request.send()).await {
            Ok(answer) => return confirmed(call, &answer, &digest),
            Err(fault) => fault,
        };
        match (fault.kind, refused_above(&fault.message)) {
            (FaultKind::Missing, _) => self.url.forget(&url),
            (FaultKind::Invalid, Some(most)) => {
                // "Shorter than" is meant as "at most", which the refusal of exactly so many bytes would disprove.
                self.limit.fetch_min(most.min(bytes.saturating_sub(1)), Ordering::Relaxed);
                fault.kind = FaultKind::TooLarge;
            }
            _ => {}
        }
        Err(fault)
    }
}

impl Destination for SqsDestination {
    fn deliver(&self, failure: Arc<Failure>) -> BoxFuture<'_, Result<(), Fault>> {
        self.send(failure).boxed()
    }
}

/// The queue has the message when it names the id that it gave it, and the checksum of what we sent.
fn confirmed(call: Call<'_>, answer: &SendMessageOutput, digest: &str) -> Result<(), Fault> {
    has_id(call, "a message id", answer.message_id())?;
    match answer.md5_of_message_body() {
        Some(kept) if kept.eq_ignore_ascii_case(digest) => Ok(()),
        _ => Err(unconfirmed(call, "the checksum of the message that was sent")),
    }
}

/// The checksum that SQS answers with.
fn md5(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The size in SQS's refusal of a message: `Message must be shorter than 262144 bytes`.
fn refused_above(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("Message must be shorter than ")?;
    rest.split_once(" bytes")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_counts_with_its_id_and_the_right_checksum() {
        let call = Call { service: Service::SqsDestination, operation: "SendMessage", target: "queue dead" };
        let digest = md5("hello");
        assert_eq!(digest, "5d41402abc4b2a76b9719d911017c592");
        let table = [
            (Some("id"), Some("5d41402abc4b2a76b9719d911017c592"), true),
            (Some("id"), Some("5D41402ABC4B2A76B9719D911017C592"), true),
            (Some("id"), Some("00000000000000000000000000000000"), false),
            (Some("id"), None, false),
            (Some(""), Some("5d41402abc4b2a76b9719d911017c592"), false),
            (None, Some("5d41402abc4b2a76b9719d911017c592"), false),
        ];
        for (id, sum, counts) in table {
            let answer = SendMessageOutput::builder()
                .set_message_id(id.map(Into::into))
                .set_md5_of_message_body(sum.map(Into::into))
                .build();
            let confirmed = confirmed(call, &answer, &digest);
            assert_eq!(confirmed.is_ok(), counts, "{id:?} {sum:?}");
            assert!(confirmed.err().is_none_or(|fault| fault.kind == FaultKind::Transient));
        }
    }

    #[test]
    fn the_refused_size_is_read_out_of_the_refusal() {
        let place = "SendMessage on queue q: InvalidParameterValue: One or more parameters are invalid. Reason:";
        for (text, size) in [
            ("Message must be shorter than 262144 bytes.", Some(262_144)),
            ("Message must be shorter than many bytes.", None),
            ("Message must be shorter than 262144", None),
            ("The request must contain the parameter MessageGroupId.", None),
        ] {
            assert_eq!(refused_above(&format!("{place} {text} (HTTP 400)")), size, "{text}");
        }
    }
}
