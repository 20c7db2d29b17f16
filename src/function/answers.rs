//! What targets answer in Lambda's terms.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::aws::LARGEST_ANSWER;
use crate::machine::FunctionAnswer;

/// What a function returned; `function_error` where it has failed.
pub(super) fn answer(request_id: &str, failed: bool, payload: impl Into<Bytes>) -> FunctionAnswer {
    FunctionAnswer {
        status: 200,
        function_error: failed.then(|| "Unhandled".into()),
        executed_version: Some("$LATEST".into()),
        request_id: Some(request_id.into()),
        payload: payload.into(),
        is_terminal: false,
    }
}

/// An error in the form of Lambda's.
pub(super) fn error(kind: &str, message: &str) -> String {
    format!(r#"{{"errorType":{},"errorMessage":{}}}"#, Value::from(kind), Value::from(message))
}

/// A function that took too long.
pub(super) fn timed_out(request_id: &str, timeout: Duration) -> FunctionAnswer {
    let message = format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", timeout.as_secs_f64());
    answer(request_id, true, error("Sandbox.Timedout", &message))
}

/// What Lambda answers where a function returns too much: the function has failed. An emulator without that limit would
/// else have its function called again and again for the same records.
pub(super) fn too_large_answer() -> FunctionAnswer {
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

/// The most characters of an answer's text in an error.
const SHOWN: usize = 200;

/// The beginning of what an answer says, on one line, after a colon.
pub(super) fn said(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(&payload[..payload.len().min(4 * SHOWN)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.join(" ") {
        empty if empty.is_empty() => empty,
        text => format!(": {}", text.chars().take(SHOWN).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_is_shown_on_one_short_line() {
        assert_eq!(said(b""), "");
        assert_eq!(said(b" <html>\n  Bad Gateway\r\n"), ": <html> Bad Gateway");
        assert_eq!(said("\u{fffd}x".repeat(1000).as_bytes()).chars().count(), 2 + SHOWN);
    }

    #[test]
    fn a_timeout_has_lambdas_words() {
        let answer = timed_out("a-b", Duration::from_millis(1500));
        let error = r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: a-b Error: Task timed out after 1.50 seconds"}"#;
        assert_eq!((answer.payload.as_ref(), answer.request_id.as_deref()), (error.as_bytes(), Some("a-b")));
    }
}
