//! The headers of an invocation, as the Runtime API names them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Response, http};

use super::errors::Answer;
use super::slots::HandOver;
use crate::function::trace::Trace;

const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");

/// The answer of `/next`: the event, and what a runtime wants to know of it.
///
/// # Errors
/// When a header cannot hold its value.
pub(super) fn invocation(handed: &HandOver, function_arn: &str, now_unix_ms: u64) -> http::Result<Answer> {
    let timeout = u64::try_from(handed.timeout.as_millis()).unwrap_or(u64::MAX);
    let mut answer = Response::new(Full::new(handed.body.clone()));
    let headers = answer.headers_mut();
    headers.reserve(6);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REQUEST_ID, HeaderValue::from_str(&handed.request_id)?);
    headers.insert(DEADLINE, now_unix_ms.saturating_add(timeout).into());
    headers.insert(ARN, HeaderValue::from_str(function_arn)?);
    // Some runtimes do not work without.
    headers.insert(TRACE_ID, Trace::of(&handed.body, now_unix_ms / 1000).aws().try_into()?);
    headers.insert(INVOCATION_ID, HeaderValue::from_str(&handed.invocation_id)?);
    Ok(answer)
}

/// Whether an answer is an invocation.
pub(super) fn is_event(answer: &Answer) -> bool {
    answer.headers().contains_key(REQUEST_ID)
}

/// The event of an extension, by the headers of its worker's.
pub(super) fn extension_event(answer: &Answer, function_arn: &str) -> String {
    let text = |name: &HeaderName| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let deadline: u64 = text(&DEADLINE).parse().unwrap_or_default();
    serde_json::json!({
        "eventType": "INVOKE",
        "deadlineMs": deadline,
        "requestId": text(&REQUEST_ID),
        "invokedFunctionArn": function_arn,
        "tracing": { "type": "X-Amzn-Trace-Id", "value": text(&TRACE_ID) },
    })
    .to_string()
}

/// The id of the invocation that an answer names, where the client echoes it.
pub(super) fn echoed(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(INVOCATION_ID).map(HeaderValue::as_bytes)
}

/// Whether the response mode is one that there is: none, or `streaming`.
pub(super) fn mode_is_valid(headers: &HeaderMap) -> bool {
    headers.get(RESPONSE_MODE).is_none_or(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming"))
}

/// What the client calls itself.
pub(super) fn agent(headers: &HeaderMap) -> &[u8] {
    headers.get(USER_AGENT).map_or(b"", HeaderValue::as_bytes)
}

/// `Lambda-Runtime-Function-Error-Type`, as Lambda reads it: of AWS's form, or `Unknown`.
pub(super) fn error_type(headers: &HeaderMap) -> Option<String> {
    let given = String::from_utf8_lossy(headers.get(ERROR_TYPE)?.as_bytes()).into_owned();
    Some(if is_error_type(&given) {
        given
    } else if given.starts_with("Function.") {
        "Function.Unknown".into()
    } else {
        "Runtime.Unknown".into()
    })
}

/// `(Runtime|Function)\.[A-Z][a-zA-Z]+`, anywhere in the text.
fn is_error_type(text: &str) -> bool {
    ["Runtime.", "Function."].iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let mut rest = text[at + prefix.len()..].bytes();
            rest.next().is_some_and(|byte| byte.is_ascii_uppercase())
                && rest.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        })
    })
}

/// The error that a stream ended with, as its trailers say: its JSON.
pub(super) fn error_of_stream(trailers: &HeaderMap) -> Option<Bytes> {
    let body = trailers.get(ERROR_BODY).map(|body| base64_simd::STANDARD.decode_to_vec(body.as_bytes()));
    match body {
        Some(Ok(json)) => Some(json.into()),
        Some(Err(_)) | None => {
            let kind = error_type(trailers).or(body.map(|_| "Runtime.Unknown".into()))?;
            Some(serde_json::json!({ "errorType": kind, "errorMessage": "" }).to_string().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_types_are_read_as_lambda_reads_them() {
        for (given, read) in [
            ("Runtime.ExitError", "Runtime.ExitError"),
            ("Function.MyError2", "Function.MyError2"),
            ("xRuntime.Ab", "xRuntime.Ab"),
            ("Function.lower", "Function.Unknown"),
            ("Runtime.E", "Runtime.Unknown"),
            ("unhandled", "Runtime.Unknown"),
            ("", "Runtime.Unknown"),
        ] {
            let headers = HeaderMap::from_iter([(ERROR_TYPE, HeaderValue::from_static(given))]);
            assert_eq!(error_type(&headers).as_deref(), Some(read), "{given}");
        }
        assert_eq!(error_type(&HeaderMap::new()), None);
    }

    #[test]
    fn a_stream_ends_with_an_error_where_a_trailer_says_so() {
        let of = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            error_of_stream(&pairs.collect())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(ERROR_TYPE, "Function.X"), (ERROR_BODY, "e30=")]).unwrap(), "{}");
        let typed = r#"{"errorMessage":"","errorType":"Function.Xy"}"#;
        assert_eq!(of(&[(ERROR_TYPE, "Function.Xy")]).unwrap(), typed);
        assert_eq!(of(&[(ERROR_TYPE, "Function.Xy"), (ERROR_BODY, "no base64!")]).unwrap(), typed);
        assert_eq!(of(&[(ERROR_BODY, "!")]).unwrap(), r#"{"errorMessage":"","errorType":"Runtime.Unknown"}"#);
    }
}
