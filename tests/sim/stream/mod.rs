//! Kinesis and DynamoDB streams in memory, with all the liberties of the services, and the checks of what reads them.

mod acts;
mod connector;
mod destination;
mod draw;
mod event;
mod function;
mod invokes;
pub(crate) mod model;
mod pace;
mod plan;
mod reads;
mod scenario;
mod scenes;
mod seeds;
mod session;
mod shards;
mod source;
mod store;
mod troubles;
mod view;
mod windows;
mod work;
