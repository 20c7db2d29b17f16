//! The engine with ports made for the test, on a paused clock.

mod api;
mod calls;
mod checkpoints;
mod desired;
mod lifecycle;
mod panics;
mod receives;
mod removals;
mod streams;
pub(super) mod world;
