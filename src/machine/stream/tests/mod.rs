//! The machine as a whole, fed by hand.

mod beginnings;
mod capacity;
mod failures;
mod rig;
mod screening;
mod standing;
mod stops;
mod windows;
