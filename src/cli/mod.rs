//! The command line: one file a verb.

mod args;
mod aws_api;
mod checkpoint;
mod completions;
mod connect;
mod daemon;
mod describe;
mod descriptors;
mod exit;
mod explain;
mod export;
mod files;
mod filter;
mod fleet;
mod folder;
mod guard;
mod health;
mod import;
mod import_steps;
mod invoke;
mod list;
mod output;
mod reload;
mod reloads;
mod run;
#[cfg(test)]
mod sample;
mod signals;
mod status;
mod store;
mod stores;
mod switch;
mod table;
mod target;
mod validate;
mod version;
mod waits;
mod watch;

pub use args::main;
