//! Where failure records go.

mod call;
#[cfg(test)]
mod fixture;
mod names;
mod port;
mod record;
mod s3;
mod sns;
mod sqs;

pub use port::Destination;
pub(crate) use s3::S3Destination;
pub(crate) use sns::SnsDestination;
pub(crate) use sqs::SqsDestination;
