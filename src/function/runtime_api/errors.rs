//! What the server of the Runtime API answers when it takes something, and when it does not.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::aws::LARGEST_ANSWER;

pub(super) type Answer = Response<Full<Bytes>>;

/// Why a request of a worker is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such invocation, or not any more.
    RequestId,
    /// A response mode that is none.
    ResponseMode,
    /// The body ended early.
    Truncated,
    /// Not in this state: from which, and to which.
    Transition(&'static str, &'static str),
    /// The body has more bytes than Lambda takes.
    TooLarge,
    /// An extension that may not: AWS's type and message.
    Extension(&'static str, &'static str),
    /// No such path.
    Path,
    /// The path takes another method.
    Method,
}

impl Refusal {
    /// Status, type and message, as AWS has them.
    fn parts(self) -> (StatusCode, &'static str, String) {
        match self {
            Self::RequestId => (StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID".into()),
            Self::ResponseMode => {
                (StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", "Invalid function response mode".into())
            }
            Self::Truncated => {
                (StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", "HTTP request detected as truncated".into())
            }
            Self::Transition(from, to) => {
                let message = format!(
                    "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
                );
                (StatusCode::FORBIDDEN, "InvalidStateTransition", message)
            }
            Self::TooLarge => {
                let message = format!("Exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes).");
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
            }
            Self::Extension(kind, message) => (StatusCode::FORBIDDEN, kind, message.into()),
            Self::Path => (StatusCode::NOT_FOUND, "NotFound", "there is no such path in the Runtime API".into()),
            Self::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "the path takes another method".into())
            }
        }
    }

    pub(super) fn answer(self) -> Answer {
        let (status, kind, message) = self.parts();
        // The order of the members is AWS's. Neither text has anything to escape.
        json(status, format!(r#"{{"errorMessage":"{message}","errorType":"{kind}"}}"#))
    }
}

/// A client of .NET reads the body, and ends where there is none.
pub(super) fn accepted() -> Answer {
    json(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}

pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn refusals_are_those_of_aws() {
        let from = "RuntimeResponseSentState";
        for (refusal, status, body) in [
            (Refusal::RequestId, 400, r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#),
            (
                Refusal::ResponseMode,
                400,
                r#"{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}"#,
            ),
            (
                Refusal::Truncated,
                400,
                r#"{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}"#,
            ),
            (
                Refusal::Transition(from, "InvocationResponse"),
                403,
                r#"{"errorMessage":"State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}"#,
            ),
            (
                Refusal::TooLarge,
                413,
                r#"{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}"#,
            ),
        ] {
            let answer = refusal.answer();
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["content-type"], "application/json");
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
        }
        assert_eq!(accepted().status(), 202);
    }
}
