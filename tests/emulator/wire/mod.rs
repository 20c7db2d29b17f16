//! Each call of the adapters on the wire, against a scripted server: what no emulator answers.

mod access;
mod destination_refusals;
mod destinations;
mod dynamodb;
mod environment;
mod http;
mod http_options;
mod http_tls;
mod kinesis;
mod kinesis_role;
mod kinesis_shards;
mod lambda;
mod pause;
mod rie;
mod runtime_api;
mod sqs;
mod stream_environment;
