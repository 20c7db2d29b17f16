//! Kinesis and DynamoDB streams in memory, with all the liberties of the services, and the checks of what reads them.

mod acts;
mod basin;
mod destination;
mod draw;
mod event;
mod function;
mod invokes;
mod life;
mod pace;
mod plan;
mod reads;
mod rig;
mod scenes;
mod seeds;
mod session;
mod shards;
mod source;
mod store;
mod view;
mod windows;
mod work;
