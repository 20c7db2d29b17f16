//! Fleets: the machines of several replicas over one model of their table, each with a clock of its own.
//!
//! No engine runs here. A small model of what the engine does with a lease claims, works, saves and releases.

mod draw;
mod host;
mod lease;
mod plan;
mod scenes;
mod seeds;
mod table;
mod watch;
mod worker;
mod world;
