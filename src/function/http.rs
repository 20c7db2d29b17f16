//! HTTP services: an event is the body of a POST, and the status says what became of it.
//!
//! Nothing counts as processed but by a 2xx whose body was read to its end.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::{Function, FunctionSettings, Invocation, too_large_answer};
use crate::aws::{LARGEST_ANSWER, chain, turn};
use crate::machine::{Fault, FaultKind, FunctionAnswer, InvokeResult};
use crate::mapping::HttpTarget;

/// The longest that a connection may take; less where the function's own timeout is shorter.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest pause that a service may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The most characters of an answer's text in an error.
const SHOWN: usize = 200;

/// An HTTP service that takes events.
///
/// It gets each event once, as `POST` with the JSON that a Lambda function would get. Redirects are not followed.
pub struct HttpFunction {
    client: Wire,
    url: Uri,
    timeout: Duration,
}

/// The certificates of the system are read only where TLS is used: an image may have none.
enum Wire {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl HttpFunction {
    pub(crate) fn new(target: &HttpTarget) -> Result<Self, Fault> {
        let invalid = |error: &dyn std::fmt::Display| {
            Fault::new(FaultKind::Invalid, format!("{} cannot be called: {error}", target.url))
        };
        let url: Uri = target.url.parse().map_err(|error| invalid(&error))?;
        let mut plain = HttpConnector::new();
        plain.set_connect_timeout(Some(CONNECT.min(target.timeout)));
        plain.set_nodelay(true);
        let client = if url.scheme_str() == Some("https") {
            plain.enforce_http(false);
            let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| invalid(&error))?;
            let tls = tls.https_only().enable_http1().wrap_connector(plain);
            Wire::Tls(Client::builder(TokioExecutor::new()).build(tls))
        } else {
            Wire::Plain(Client::builder(TokioExecutor::new()).build(plain))
        };
        Ok(Self { client, url, timeout: target.timeout })
    }

    async fn call(&self, body: Bytes) -> InvokeResult {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let sent = match &self.client {
            Wire::Plain(client) => client.request(request).await,
            Wire::Tls(client) => client.request(request).await,
        };
        let (head, body) = sent.map_err(|error| self.unanswered(&error))?.into_parts();
        if head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(self.fault(FaultKind::Transient, "the answer is compressed, which was not asked for"));
        }
        let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if head.status.is_success() && announced.is_some_and(|length| length > LARGEST_ANSWER) {
            return Ok(too_large_answer());
        }
        match read(body).await {
            Ok(Some(payload)) => self.judge(head.status, &head.headers, payload),
            Ok(None) if head.status.is_success() => Ok(too_large_answer()),
            Ok(None) => self.judge(head.status, &head.headers, Bytes::new()),
            Err(error) => Err(self.fault(FaultKind::Transient, &format!("the answer was cut off: {error}"))),
        }
    }

    fn judge(&self, status: StatusCode, headers: &HeaderMap, payload: Bytes) -> InvokeResult {
        let failed = headers.contains_key("x-amz-function-error") || headers.contains_key("error-type");
        let kind = match status.as_u16() {
            200..=299 if failed => return Ok(answer(Some("Unhandled"), payload)),
            200..=299 => return Ok(answer(None, payload)),
            429 | 503 => FaultKind::Throttled,
            408 | 425 | 502 | 504 => FaultKind::Transient,
            401 | 403 | 407 => FaultKind::Denied,
            404 | 405 => FaultKind::Missing,
            413 => FaultKind::TooLarge,
            300..=399 => FaultKind::Invalid,
            _ => return Ok(answer(Some("Unhandled"), self.error_of(status, &payload))),
        };
        let fault = self.fault(kind, &format!("HTTP {status}{}", said(&payload)));
        Err(Fault { retry_after: retry_after(headers), ..fault })
    }

    /// The service's own error, where it has the form of Lambda's; else one that says what came.
    fn error_of(&self, status: StatusCode, payload: &Bytes) -> Bytes {
        let own = serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(payload);
        if own.is_ok_and(|own| own.contains_key("errorMessage")) {
            return payload.clone();
        }
        let message = format!("POST {}: HTTP {status}{}", self.url, said(payload));
        serde_json::json!({ "errorType": format!("Http.{}", status.as_u16()), "errorMessage": message })
            .to_string()
            .into()
    }

    /// No answer came. The outermost error alone says too little.
    fn unanswered(&self, error: &(dyn Error + 'static)) -> Fault {
        let causes: Vec<String> = chain(error).map(ToString::to_string).collect();
        self.fault(FaultKind::Transient, &causes.join(": "))
    }

    fn fault(&self, kind: FaultKind, reason: &str) -> Fault {
        Fault::new(kind, format!("POST {}: {reason}", self.url))
    }
}

const AGENT: &str = concat!("forebay/", env!("CARGO_PKG_VERSION"));

impl Function for HttpFunction {
    fn invoke(&self, Invocation { body, .. }: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            let _turn = turn("Invoke").await;
            match tokio::time::timeout(self.timeout, self.call(body)).await {
                Ok(result) => result,
                // The service has been at work for all this time, as a function of Lambda that times out.
                Err(_) => Ok(timed_out(self.timeout)),
            }
        }
        .boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        let settings = FunctionSettings { timeout: self.timeout, reserved_concurrency: None, role: None, arn: None };
        async move { Ok(settings) }.boxed()
    }
}

fn answer(function_error: Option<&str>, payload: Bytes) -> FunctionAnswer {
    FunctionAnswer { status: 200, function_error: function_error.map(Into::into), payload, ..FunctionAnswer::default() }
}

fn timed_out(timeout: Duration) -> FunctionAnswer {
    let seconds = timeout.as_secs_f64();
    let error =
        format!(r#"{{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after {seconds:.2} seconds"}}"#);
    answer(Some("Unhandled"), error.into())
}

/// The whole body; `None` where it is longer than Lambda lets an answer be.
async fn read(body: Incoming) -> Result<Option<Bytes>, String> {
    match Limited::new(body, LARGEST_ANSWER).collect().await {
        Ok(whole) => Ok(Some(whole.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(error.to_string()),
    }
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

/// The beginning of what an answer says, on one line.
fn said(payload: &[u8]) -> String {
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

    #[test]
    fn what_an_answer_says_is_shown_on_one_short_line() {
        assert_eq!(said(b""), "");
        assert_eq!(said(b" <html>\n  Bad Gateway\r\n"), ": <html> Bad Gateway");
        assert_eq!(said("\u{fffd}x".repeat(1000).as_bytes()).chars().count(), 2 + SHOWN);
    }
}
