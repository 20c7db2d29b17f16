//! Failure records into S3 buckets.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::Destination;
use super::call::has_id;
use super::names::object_key;
use super::record::Encoder;
use crate::aws::{Call, CallBounds, Service, bounded};
use crate::machine::{Failure, Fault};
use crate::mapping::{Arn, Mapping};

/// The content type that AWS gives its objects.
const CONTENT_TYPE: &str = "application/octet-stream";

/// An S3 bucket that takes failure records, each an object of its own with the whole event in it.
pub(crate) struct S3Destination {
    client: Client,
    encoder: Encoder,
    /// For the keys of the objects.
    mapping: Mapping,
    bucket: String,
    /// For messages.
    label: String,
    bounds: CallBounds,
}

impl S3Destination {
    pub(crate) fn new(client: Client, mapping: &Mapping, arn: &Arn, region: &str, bounds: CallBounds) -> Self {
        Self {
            client,
            encoder: Encoder::new(mapping),
            mapping: mapping.clone(),
            bucket: arn.resource.clone(),
            label: format!("bucket {} ({region})", arn.resource),
            bounds,
        }
    }

    async fn put(&self, failure: Arc<Failure>) -> Result<(), Fault> {
        let call = Call { service: Service::S3, operation: "PutObject", target: &self.label };
        let send = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(object_key(&self.mapping, &failure))
            .content_type(CONTENT_TYPE)
            .body(ByteStream::from(self.encoder.object(&failure)))
            .send();
        let answer = bounded(call, self.bounds.call, send).await?;
        has_id(call, "the ETag of the object", answer.e_tag())
    }
}

impl Destination for S3Destination {
    fn deliver(&self, failure: Arc<Failure>) -> BoxFuture<'_, Result<(), Fault>> {
        self.put(failure).boxed()
    }
}
