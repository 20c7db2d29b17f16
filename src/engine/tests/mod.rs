//! The engine with ports made for the test, on a paused clock.

mod api;
mod calls;
mod checkpoints;
mod lifecycle;
mod panics;
mod receives;
mod removals;
mod streams;
mod wishes;
pub(super) mod world;
