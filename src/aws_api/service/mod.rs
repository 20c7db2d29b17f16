//! What the operations of the API do.
//!
//! Every change goes one way: it is checked, it is made durable in the store, the engine takes it over, it is answered.
//! A process that is killed anywhere on this way finds at its next start what it has answered; what it has not answered
//! may have happened or not.

mod change;
mod core;
mod create;
mod delete;
mod restore;
mod show;
mod tags;
#[cfg(test)]
mod tests;
mod update;

pub(crate) use core::Service;
pub(crate) use restore::{Restored, restore, warn_of_pairs};
pub(crate) use tags::Tags;
