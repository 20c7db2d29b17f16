//! What is invoked: one small port, and one adapter file for each kind of target.

mod http;
mod lambda;
mod port;

pub use http::HttpFunction;
pub use lambda::LambdaFunction;
pub use port::{Function, Invocation};

pub use crate::machine::FunctionSettings;

use crate::aws::LARGEST_ANSWER;
use crate::machine::FunctionAnswer;

/// What Lambda answers where a function returns too much: the function has failed. An emulator without that limit would
/// else have its function called again and again for the same records.
fn too_large_answer() -> FunctionAnswer {
    let payload = format!(
        r#"{{"errorMessage":"Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes).","errorType":"Function.ResponseSizeTooLarge"}}"#
    );
    FunctionAnswer {
        status: 200,
        function_error: Some("Unhandled".into()),
        payload: payload.into(),
        ..FunctionAnswer::default()
    }
}
