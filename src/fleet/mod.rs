//! The pure core of a fleet: replicas that share the streams of their mappings through one table.
//!
//! Like `machine`, nothing in here performs I/O, awaits, reads a clock or draws a random number. Time is an argument,
//! fresh ids are [`Input`]s, and each access of the table is a [`Request`] that the driver carries out.
//!
//! The contract for the driver of a fleet's machine: after every `handle` it calls `poll_output` until that answers
//! [`Output::Timeout`] or [`Output::Done`]. Only then comes the next `handle`. Extra timeouts are harmless. Every
//! request is answered once, at the latest after [`Request::bound`].

mod contract;
mod machine;
mod names;
mod periods;
pub mod plan;
mod request;
mod rows;

pub use contract::{CallId, Input, Members, Output};
pub use machine::{FleetMachine, FleetOptions};
pub use names::{ReplicaId, Unit};
pub use periods::Periods;
pub use request::{Answer, Beat, Request, TakePlan, Written};
pub use rows::{Assignment, Head, Offer, ReplicaRow, ReplicaState, Sight};
