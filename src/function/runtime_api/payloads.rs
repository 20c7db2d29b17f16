//! The answers of a function as Lambda's Invoke gives them, and the errors that Lambda writes itself.

use bytes::Bytes;

use crate::function::answers::{answer, error};
use crate::function::too_large_answer;
use crate::machine::FunctionAnswer;

/// What the function returned.
pub(super) fn returned(request_id: &str, payload: Bytes) -> FunctionAnswer {
    answer(request_id, false, payload)
}

/// The function has failed.
pub(super) fn failed(request_id: &str, payload: impl Into<Bytes>) -> FunctionAnswer {
    answer(request_id, true, payload)
}

/// The worker ended before it answered. `how` is what its process ended with: `exit status 3`, `signal: killed`.
pub(super) fn exited(request_id: &str, how: Option<&str>) -> FunctionAnswer {
    match how {
        Some(how) => platform(request_id, "Runtime.ExitError", &format!("Runtime exited with error: {how}")),
        None => platform(request_id, "Runtime.ExitError", "Runtime exited without providing a reason"),
    }
}

pub(super) fn cut_off(request_id: &str) -> FunctionAnswer {
    platform(request_id, "Runtime.TruncatedResponse", "The connection closed in the middle of the answer")
}

pub(super) fn invalid_mode(request_id: &str) -> FunctionAnswer {
    platform(request_id, "Runtime.InvalidResponseModeHeader", "The response mode is none that there is")
}

pub(super) fn too_large(request_id: &str) -> FunctionAnswer {
    failed(request_id, too_large_answer().payload)
}

/// An error of the platform.
fn platform(request_id: &str, kind: &str, text: &str) -> FunctionAnswer {
    failed(request_id, error(kind, &format!("RequestId: {request_id} Error: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_written_as_lambda_writes_them() {
        for (answer, payload) in [
            (
                exited("id", Some("exit status 3")),
                r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 3"}"#,
            ),
            (
                exited("id", None),
                r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited without providing a reason"}"#,
            ),
            (
                too_large("id"),
                r#"{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}"#,
            ),
        ] {
            assert_eq!(answer.payload, payload);
            assert_eq!(
                (answer.function_error.as_deref(), answer.request_id.as_deref()),
                (Some("Unhandled"), Some("id"))
            );
        }
        assert_eq!(returned("id", Bytes::from("null")).function_error, None);
    }
}
