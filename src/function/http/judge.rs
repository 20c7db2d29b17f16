//! What a service's answer means.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use hyper::{StatusCode, Uri};

use crate::function::answers::{answer, error, said, too_large_answer};
use crate::function::wire::Answer;
use crate::machine::{Fault, FaultKind, InvokeResult};

/// The longest pause that a service may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

pub(super) fn judge(answered: &Answer, request_id: &str, url: &Uri) -> InvokeResult {
    let Answer { status, headers, body } = answered;
    let fault = |kind, reason: &str| Fault::new(kind, format!("POST {url}: {reason}"));
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(fault(FaultKind::Transient, "the answer is compressed, which was not asked for"));
    }
    let body = match body {
        Some(body) => body.clone(),
        None if status.is_success() => return Ok(too_large_answer()),
        None => Bytes::new(),
    };
    let failed = headers.contains_key("x-amz-function-error") || headers.contains_key("error-type");
    let kind = match status.as_u16() {
        200..=299 => return Ok(answer(request_id, failed, body)),
        429 | 503 => FaultKind::Throttled,
        408 | 425 | 502 | 504 => FaultKind::Transient,
        401 | 403 | 407 => FaultKind::Denied,
        404 | 405 => FaultKind::Missing,
        413 => FaultKind::TooLarge,
        100..=199 | 300..=399 => FaultKind::Invalid,
        _ => return Ok(answer(request_id, true, error_of(*status, &body, url))),
    };
    let fault = fault(kind, &format!("HTTP {status}{}", said(&body)));
    Err(Fault { retry_after: retry_after(headers), ..fault })
}

/// The service's own error, where it has the form of Lambda's; else one that says what came.
fn error_of(status: StatusCode, body: &Bytes, url: &Uri) -> Bytes {
    let own = serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(body);
    if own.is_ok_and(|own| own.contains_key("errorMessage")) {
        return body.clone();
    }
    let message = format!("POST {url}: HTTP {status}{}", said(body));
    error(&format!("Http.{}", status.as_u16()), &message).into()
}

/// `Retry-After`, at most [`LONGEST_PAUSE`]: in seconds, or as a date, which is compared with the answer's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let asked = text(RETRY_AFTER)?;
    let pause = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (date(asked)? - date(text(DATE)?)?).try_into().ok()?,
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_by_a_date() {
        let date = "Sun, 29 Nov 2026 08:00:00 GMT";
        for (asked, sent, pause) in [
            ("7", None, Some(7)),
            (" 7 ", None, Some(7)),
            ("86400", None, Some(300)),
            ("Sun, 29 Nov 2026 08:00:20 GMT", Some(date), Some(20)),
            ("Sun, 29 Nov 2026 09:00:00 GMT", Some(date), Some(300)),
            ("Sun, 29 Nov 2026 07:00:00 GMT", Some(date), None),
            ("Sun, 29 Nov 2026 08:00:20 GMT", None, None),
            ("1.5", Some(date), None),
            ("-1", Some(date), None),
            ("soon", Some(date), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(asked));
            sent.map(|sent| headers.insert(DATE, HeaderValue::from_static(sent)));
            assert_eq!(retry_after(&headers), pause.map(Duration::from_secs), "{asked:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
