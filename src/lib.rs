//! Forebay: event source mappings outside AWS.

pub mod aws;
mod aws_api;
pub mod cli;
pub mod clock;
mod connector;
mod control;
mod crowd;
pub mod destination;
pub mod engine;
pub mod filter;
pub mod fleet;
pub mod function;
mod import;
mod json;
pub mod machine;
pub mod mapping;
mod parameters;
mod replica;
pub mod source;
pub mod store;
pub mod telemetry;
mod view;

pub use connector::AwsConnector;
