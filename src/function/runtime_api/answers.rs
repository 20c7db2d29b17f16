//! What a worker sends back: the result of an invocation, or its error.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::errors::{Answer, Refusal, accepted};
use super::headers::{echoed, error_of_stream, error_type, mode_is_valid};
use super::payloads::{cut_off, failed, invalid_mode, returned, too_large};
use super::slots::{Denied, Slots};
use crate::aws::LARGEST_ANSWER;

/// Of a body that does not count, no more is read: a client may not send without end.
const MOST_IGNORED: usize = 256 * 1024 * 1024;
/// The content type of errors that carry their causes for X-Ray.
const CAUSES: &str = "application/vnd.aws.lambda.error.cause+json";

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Response,
    Error,
}

impl Kind {
    /// As a refusal of AWS names the step.
    const fn transition(self) -> &'static str {
        match self {
            Self::Response => "InvocationResponse",
            Self::Error => "InvocationErrorResponse",
        }
    }
}

/// A request's body.
pub(super) enum Body {
    /// All of it, and what followed it.
    Whole(Bytes, HeaderMap),
    /// More than that, and the rest of it.
    TooLarge(Incoming),
    /// The connection closed before its end.
    Cut,
}

/// Takes the answer of an invocation. What counts is the first one that is whole.
pub(super) async fn take(
    slots: &Arc<Slots>,
    connection: u64,
    kind: Kind,
    request_id: &str,
    request: Request<Incoming>,
) -> Answer {
    let (head, body) = request.into_parts();
    let claim = match slots.claim(request_id, echoed(&head.headers), connection, kind.transition()) {
        Ok(claim) => claim,
        Err(denied) => {
            ignore(body).await;
            return match denied {
                Denied::Late => accepted(),
                Denied::Refused(refusal) => refusal.answer(),
            };
        }
    };
    let id = Arc::clone(&claim.request_id);
    if kind == Kind::Response && !mode_is_valid(&head.headers) {
        claim.finish(invalid_mode(&id));
        ignore(body).await;
        return Refusal::ResponseMode.answer();
    }
    let (payload, trailers) = match read(body, LARGEST_ANSWER).await {
        Body::Whole(payload, trailers) => (payload, trailers),
        Body::TooLarge(rest) => {
            claim.finish(too_large(&id));
            // The client is to read why, so it must get rid of the rest first.
            ignore(rest).await;
            return Refusal::TooLarge.answer();
        }
        Body::Cut => {
            claim.finish(cut_off(&id));
            return Refusal::Truncated.answer();
        }
    };
    let answer = match (kind, error_of_stream(&trailers)) {
        (Kind::Response, None) => returned(&id, payload),
        (Kind::Response, Some(error)) => failed(&id, error),
        (Kind::Error, _) => failed(&id, error_of(&head.headers, payload)),
    };
    if claim.finish(answer) { accepted() } else { Refusal::RequestId.answer() }
}

/// The error as the function's caller sees it: as it was sent, but without the causes that are for X-Ray alone.
fn error_of(headers: &HeaderMap, payload: Bytes) -> Bytes {
    /// The members that are passed on.
    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Error<'a> {
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        error_message: Option<&'a RawValue>,
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        error_type: Option<&'a RawValue>,
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        stack_trace: Option<&'a RawValue>,
    }
    let has_causes = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(CAUSES.as_bytes()));
    if payload.is_empty() {
        let kind = error_type(headers).unwrap_or_else(|| "Runtime.Unknown".into());
        return serde_json::json!({ "errorType": kind }).to_string().into();
    }
    let shorter = has_causes.then(|| serde_json::from_slice::<Error<'_>>(&payload).ok());
    match shorter.flatten().map(|error| serde_json::to_vec(&error)) {
        Some(Ok(shorter)) => shorter.into(),
        _ => payload,
    }
}

/// Reads a body frame by frame, because what follows it is lost otherwise.
pub(super) async fn read(mut body: Incoming, most: usize) -> Body {
    let (mut frames, mut length) = (Vec::new(), 0);
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Body::Cut };
        match frame.into_data() {
            Ok(data) => {
                length += data.len();
                if length > most {
                    return Body::TooLarge(body);
                }
                frames.push(data);
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    let whole = match frames.len() {
        1 => frames.swap_remove(0),
        _ => frames.concat().into(),
    };
    Body::Whole(whole, trailers)
}

/// Reads what does not count.
pub(super) async fn ignore(mut body: Incoming) {
    let mut read = 0_usize;
    while read < MOST_IGNORED
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn an_error_is_passed_on_without_its_causes() {
        let with = |kind: Option<&'static str>, payload: &'static str| {
            let headers = kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_static(kind))).into_iter().collect();
            error_of(&headers, Bytes::from(payload))
        };
        let full = r#"{"errorType":"E","causes":[1],"errorMessage":"no","stackTrace":[ "a" ]}"#;
        let short = r#"{"errorMessage":"no","errorType":"E","stackTrace":[ "a" ]}"#;
        assert_eq!(with(Some(CAUSES), full), short);
        assert_eq!(with(Some("application/vnd.aws.lambda.error.cause+json; charset=utf-8"), full), short);
        for (kind, payload) in [(Some("application/json"), full), (None, full), (Some(CAUSES), "no JSON")] {
            assert_eq!(with(kind, payload), payload);
        }
        assert_eq!(with(None, ""), r#"{"errorType":"Runtime.Unknown"}"#);
    }
}
