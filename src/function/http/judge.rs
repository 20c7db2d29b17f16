//! What a service's answer means.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use hyper::{StatusCode, Uri};
use jiff::Timestamp;

use crate::clock::WallClock;
use crate::function::answers::{answer, error, said, too_large_answer};
use crate::function::wire::Answer;
use crate::machine::{Fault, FaultKind, FunctionAnswer, InvokeResult};
use crate::mapping::{StatusMeaning, Statuses};

/// Knows what the answers of one service mean.
pub(super) struct Judge {
    url: Uri,
    statuses: Statuses,
    /// The longest pause that the service may ask for; zero: none.
    longest_pause: Duration,
    wall: WallClock,
}

impl Judge {
    pub(super) const fn new(url: Uri, statuses: Statuses, longest_pause: Duration, wall: WallClock) -> Self {
        Self { url, statuses, longest_pause, wall }
    }

    pub(super) fn fault(&self, kind: FaultKind, reason: &str) -> Fault {
        Fault::new(kind, format!("POST {}: {reason}", self.url))
    }

    pub(super) fn judge(&self, answered: &Answer, request_id: &str) -> InvokeResult {
        let Answer { status, headers, body } = answered;
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(self.fault(FaultKind::Transient, "the answer is compressed, which was not asked for"));
        }
        let kind = match (self.statuses.meaning(status.as_u16()), status.as_u16()) {
            (Some(StatusMeaning::Success) | None, 200..=299) => {
                let failed = headers.contains_key("x-amz-function-error") || headers.contains_key("error-type");
                return Ok(body.clone().map_or_else(too_large_answer, |body| answer(request_id, failed, body)));
            }
            (Some(StatusMeaning::Failed), _) => return Ok(self.failed(request_id, *status, body)),
            (Some(StatusMeaning::Terminal), _) => {
                return Ok(FunctionAnswer { is_terminal: true, ..self.failed(request_id, *status, body) });
            }
            (Some(StatusMeaning::Throttle), _) | (None, 429 | 503) => FaultKind::Throttled,
            (Some(StatusMeaning::Transient), _) | (None, 408 | 425 | 502 | 504) => FaultKind::Transient,
            (_, 401 | 403 | 407) => FaultKind::Denied,
            // What answers so is not the service: something stands where it should be.
            (_, 404 | 405 | 100..=199 | 300..=399) => FaultKind::Missing,
            (_, 413) => FaultKind::TooLarge,
            _ => return Ok(self.failed(request_id, *status, body)),
        };
        let fault = self.fault(kind, &format!("HTTP {status}{}", said(body.as_deref().unwrap_or_default())));
        Err(Fault { retry_after: retry_after(headers, self.longest_pause, (self.wall)()), ..fault })
    }

    /// The service's own error, where it has the form of Lambda's; else one that says what came.
    fn failed(&self, request_id: &str, status: StatusCode, body: &Option<Bytes>) -> FunctionAnswer {
        let body = body.clone().unwrap_or_default();
        let own = serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(&body);
        if own.is_ok_and(|own| own.contains_key("errorMessage")) {
            return answer(request_id, true, body);
        }
        let message = format!("POST {}: HTTP {status}{}", self.url, said(&body));
        answer(request_id, true, error(&format!("Http.{}", status.as_u16()), &message))
    }
}

/// `Retry-After`, at most `longest`: in seconds, or as a date. That is compared with the answer's own, or else with the
/// host's clock.
fn retry_after(headers: &HeaderMap, longest: Duration, unix_ms: u64) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let asked = text(RETRY_AFTER)?;
    let pause = if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that no one can read is a long time.
        asked.parse().map_or(longest, Duration::from_secs)
    } else {
        let host = || Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok();
        let now = text(DATE).and_then(date).or_else(host)?;
        (date(asked)? - now).try_into().ok()?
    };
    Some(pause.min(longest)).filter(|pause| !pause.is_zero())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_by_a_date() {
        // Ten seconds before that.
        const HOST: u64 = 1_795_939_190_000;
        let date = "Sun, 29 Nov 2026 08:00:00 GMT";
        for (asked, sent, pause) in [
            ("7", None, Some(7)),
            (" 7 ", None, Some(7)),
            ("86400", None, Some(300)),
            ("Sun, 29 Nov 2026 08:00:20 GMT", Some(date), Some(20)),
            ("Sun, 29 Nov 2026 09:00:00 GMT", Some(date), Some(300)),
            ("Sun, 29 Nov 2026 07:00:00 GMT", Some(date), None),
            ("Sun, 29 Nov 2026 08:00:20 GMT", None, Some(30)),
            ("Sun, 29 Nov 2026 08:00:20 GMT", Some("yesterday"), Some(30)),
            ("99999999999999999999999", None, Some(300)),
            ("", Some(date), None),
            ("1.5", Some(date), None),
            ("-1", Some(date), None),
            ("soon", Some(date), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(asked));
            sent.map(|sent| headers.insert(DATE, HeaderValue::from_static(sent)));
            let found = retry_after(&headers, Duration::from_secs(300), HOST);
            assert_eq!(found, pause.map(Duration::from_secs), "{asked:?}");
        }
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        assert_eq!(retry_after(&headers, Duration::ZERO, HOST), None, "none is kept");
        assert_eq!(retry_after(&HeaderMap::new(), Duration::from_secs(300), HOST), None);
    }
}
