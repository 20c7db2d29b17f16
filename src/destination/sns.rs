//! Failure records into SNS topics.

use std::sync::Arc;

use aws_sdk_sns::Client;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::Destination;
use super::call::{fitting, has_id};
use super::names::group;
use super::record::Encoder;
use crate::aws::{Call, CallBounds, Service, bounded};
use crate::machine::uuid::hyphenated;
use crate::machine::{Failure, Fault};
use crate::mapping::{Arn, Mapping};

/// The largest message that SNS takes.
const LARGEST: usize = 256 << 10;

/// An SNS topic that takes failure records, standard or FIFO: the record is the notification's `Message`.
pub(crate) struct SnsDestination {
    client: Client,
    encoder: Encoder,
    arn: String,
    fifo: bool,
    /// For messages.
    label: String,
    bounds: CallBounds,
}

impl SnsDestination {
    pub(crate) fn new(
        client: Client,
        mapping: &Mapping,
        arn: &Arn,
        region: &str,
        fifo: bool,
        bounds: CallBounds,
    ) -> Self {
        Self {
            client,
            encoder: Encoder::new(mapping),
            arn: arn.text.clone(),
            fifo,
            label: format!("topic {} ({region}, account {})", arn.resource, arn.account),
            bounds,
        }
    }

    async fn publish(&self, failure: Arc<Failure>) -> Result<(), Fault> {
        let call = Call { service: Service::Sns, operation: "Publish", target: &self.label };
        let text = fitting(call, self.encoder.message(&failure, LARGEST), LARGEST)?;
        let mut request = self.client.publish().topic_arn(&self.arn).message(text);
        if self.fifo {
            request = request.message_group_id(group(&failure)).message_deduplication_id(hyphenated(failure.uuid));
        }
        let answer = bounded(call, self.bounds.call, request.send()).await?;
        has_id(call, "a message id", answer.message_id())
    }
}

impl Destination for SnsDestination {
    fn deliver(&self, failure: Arc<Failure>) -> BoxFuture<'_, Result<(), Fault>> {
        self.publish(failure).boxed()
    }
}
