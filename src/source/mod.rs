//! Where records come from: small ports, and one adapter file for each service.

mod calls;
mod dynamodb_streams;
mod fragments;
mod kinesis;
mod listing;
mod port;
mod sqs;
mod time;

pub use dynamodb_streams::DynamoDbStream;
pub(crate) use kinesis::AskRole;
pub use kinesis::KinesisStream;
pub use port::{QueueSource, StreamSource};
pub use sqs::SqsQueue;
