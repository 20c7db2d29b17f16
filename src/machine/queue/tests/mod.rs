//! The machine, driven by hand: tables of decisions, and thousands of generated lives.

mod capacity;
mod changes;
mod deliveries;
mod describing;
mod destinations;
mod fifo;
mod fifo_leases;
mod futile;
mod lives;
mod panics;
pub(super) mod parts;
mod receipts;
mod rig;
mod screening;
mod stops;
mod tables;
