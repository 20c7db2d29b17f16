//! The machine, driven by hand: tables of decisions, and thousands of generated lives.

mod changes;
mod deliveries;
mod destinations;
mod fifo;
mod futile;
mod lives;
mod panics;
pub(super) mod parts;
mod rig;
mod screening;
mod settlement;
mod stops;
mod tables;
