//! What is invoked: one small port, and one adapter file for each kind of target.

mod lambda;
mod port;

pub use lambda::LambdaFunction;
pub use port::Function;

pub use crate::machine::FunctionSettings;
