//! Streams of Kinesis and DynamoDB from end to end.

mod age;
mod answers;
mod cases;
mod checkpoint;
mod destinations;
mod dynamodb;
mod kill;
mod kinesis;
mod outage;
mod reshard;
mod sequences;
mod store;
