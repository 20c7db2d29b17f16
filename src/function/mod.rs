//! What is invoked: one small port, and one adapter file for each kind of target.

mod port;

pub use port::{Function, FunctionSettings};
