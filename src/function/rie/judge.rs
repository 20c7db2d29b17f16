//! What an emulator's answer means. It says 200 for failures, too, and then only the form of the result shows them.

use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::{Map, Value};

use crate::function::answers::{answer, error, said, too_large_answer};
use crate::function::wire::Answer;
use crate::machine::{Fault, FaultKind, InvokeResult};

/// Members that runtimes add to errors.
const OF_ERRORS: [&str; 3] = ["stackTrace", "trace", "requestId"];
/// Members that errors do not have.
const OF_RESULTS: [&str; 2] = ["batchItemFailures", "statusCode"];

/// What became of an invocation. `error_shape`: a result in the form of an error is one.
pub(super) fn judge(answered: &Answer, request_id: &str, error_shape: bool, url: &str) -> InvokeResult {
    let Answer { status, headers, body } = answered;
    let Some(body) = body else { return Ok(too_large_answer()) };
    // Only the server for concurrent invocations has it, and only of failures.
    let failed = headers.contains_key("error-type") || headers.contains_key("x-amz-function-error");
    let kind = match status.as_u16() {
        200 if failed => return Ok(answer(request_id, true, body.clone())),
        200 => {
            return Ok(match timed_out_after(body) {
                Some(seconds) => {
                    let message = format!("RequestId: {request_id} Error: Task timed out after {seconds} seconds");
                    answer(request_id, true, error("Sandbox.Timedout", &message))
                }
                None => answer(request_id, error_shape && is_error(body), body.clone()),
            });
        }
        502 => return Ok(answer(request_id, true, failure(headers, body, request_id))),
        400 if failed => FaultKind::Throttled,
        413 => FaultKind::TooLarge,
        400 | 408 | 429 | 500..=599 => FaultKind::Transient,
        401 | 403 => FaultKind::Denied,
        // Something stands where the emulator should be.
        _ => FaultKind::Missing,
    };
    let hint = if kind == FaultKind::Missing { ", as no emulator answers" } else { "" };
    Err(Fault::new(kind, format!("{url}: HTTP {status}{hint}{}", said(body))))
}

/// The error of a 502: what the runtime has said, if it has said anything.
fn failure(headers: &HeaderMap, body: &Bytes, request_id: &str) -> Bytes {
    if members(body).is_some_and(|members| members.contains_key("errorMessage") || members.contains_key("errorType")) {
        return body.clone();
    }
    let kind = headers.get("error-type").and_then(|kind| kind.to_str().ok()).unwrap_or("Runtime.ExitError");
    let end = match said(body) {
        empty if empty.is_empty() => "Runtime exited without providing a reason".to_owned(),
        said => format!("Runtime exited{said}"),
    };
    error(kind, &format!("RequestId: {request_id} Error: {end}")).into()
}

/// `3.00` of `Task timed out after 3.00 seconds`, if that is all.
fn timed_out_after(body: &[u8]) -> Option<&str> {
    let seconds = std::str::from_utf8(body).ok()?.strip_prefix("Task timed out after ")?.strip_suffix(" seconds")?;
    let whole = seconds.strip_suffix(".00")?;
    (!whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit())).then_some(seconds)
}

/// Whether a result has the form of a runtime's error: a type, a message, and a trace, an id or nothing else.
fn is_error(body: &[u8]) -> bool {
    // Most results are told apart without reading them.
    if memchr::memmem::find(body, b"\"errorType\"").is_none() {
        return false;
    }
    let Some(members) = members(body) else { return false };
    let is_text = |name: &str| members.get(name).is_some_and(Value::is_string);
    let is_of_errors = |name: &&str| members.get(*name).is_some_and(|value| value.is_string() || value.is_array());
    is_text("errorType")
        && is_text("errorMessage")
        && (members.len() == 2 || OF_ERRORS.iter().any(is_of_errors))
        && !OF_RESULTS.iter().any(|name| members.contains_key(*name))
}

fn members(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use hyper::{StatusCode, header::HeaderValue};

    use super::*;

    #[test]
    fn errors_are_known_by_their_form() {
        for (body, is) in [
            (r#"{"errorType":"E","errorMessage":"m"}"#, true),
            (r#"{"errorMessage":"m","errorType":"E","requestId":"","stackTrace":[]}"#, true),
            (r#"{"errorType":"E","errorMessage":"m","trace":["at x"],"more":1}"#, true),
            (r#"{"errorType":"E","errorMessage":"m","stackTrace":"text"}"#, true),
            (r#"{"errorType":"E","errorMessage":"m","more":1}"#, false),
            (r#"{"errorType":"E","errorMessage":"m","trace":null}"#, false),
            (r#"{"errorType":"E","errorMessage":"m","trace":[],"batchItemFailures":[]}"#, false),
            (r#"{"errorType":"E","errorMessage":"m","trace":[],"statusCode":500}"#, false),
            (r#"{"errorType":"E","errorMessage":null}"#, false),
            (r#"{"errorType":"E"}"#, false),
            (r#"[{"errorType":"E","errorMessage":"m"}]"#, false),
            (r#""{\"errorType\":\"E\",\"errorMessage\":\"m\"}""#, false),
            (r#"{"errorType":"E","errorMessage":"m""#, false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_error(body.as_bytes()), is, "{body}");
        }
    }

    #[test]
    fn timeouts_are_known_by_their_words() {
        for (body, seconds) in [
            ("Task timed out after 3.00 seconds", Some("3.00")),
            ("Task timed out after 900.00 seconds", Some("900.00")),
            ("\"Task timed out after 3.00 seconds\"", None),
            ("Task timed out after 3.00 seconds\n", None),
            ("Task timed out after 3.50 seconds", None),
            ("Task timed out after .00 seconds", None),
            ("Task timed out after -3.00 seconds", None),
        ] {
            assert_eq!(timed_out_after(body.as_bytes()), seconds, "{body}");
        }
    }

    #[test]
    fn a_process_that_ended_without_a_word_has_an_error_of_its_own() {
        let answered = Answer {
            status: StatusCode::BAD_GATEWAY,
            headers: HeaderMap::from_iter([(hyper::header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]),
            body: Some(Bytes::new()),
        };
        let answer = judge(&answered, "id", true, "POST x").unwrap();
        let error = r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited without providing a reason"}"#;
        assert_eq!((answer.payload.as_ref(), answer.function_error.as_deref()), (error.as_bytes(), Some("Unhandled")));
    }
}
