//! The engine with ports made for the test, on a paused clock.

mod calls;
mod checkpoints;
mod lifecycle;
mod streams;
pub(super) mod world;
