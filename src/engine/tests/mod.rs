//! The engine with ports made for the test, on a paused clock.

mod calls;
mod checkpoints;
mod lifecycle;
pub(super) mod world;
