//! The engine with ports made for the test, on a paused clock.

mod calls;
mod lifecycle;
mod streams;
mod world;
