//! Where records come from: small ports, and one adapter file for each service.

mod port;
mod sqs;

pub use port::{QueueSource, StreamSource};
pub use sqs::SqsQueue;
