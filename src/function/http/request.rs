//! What is posted: the event, and headers that name it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Method, Request, Uri};

use super::cloud_events::{self, Ids};
use super::secret::HeldSecret;
use super::signature;
use super::sigv4::Signer;
use crate::clock::WallClock;
use crate::function::trace::Trace;
use crate::function::{AGENT, Invocation};
use crate::mapping::{Envelope, HttpTarget};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAPPING: HeaderName = HeaderName::from_static("forebay-mapping");
const ATTEMPT: HeaderName = HeaderName::from_static("forebay-attempt");
const DEADLINE: HeaderName = HeaderName::from_static("forebay-deadline-ms");
const AWS_TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const W3C_TRACE: HeaderName = HeaderName::from_static("traceparent");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIME: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Makes the requests of one service.
pub(super) struct Requests {
    path: Uri,
    /// What all requests have.
    headers: HeaderMap,
    timeout: Duration,
    envelope: Envelope,
    pub(super) auth: Shown,
    secrets: Vec<HeldSecret>,
    wall: WallClock,
}

/// How requests show who sends them.
pub(super) enum Shown {
    Nothing,
    Bearer(HeldSecret),
    SigV4(Signer),
}

impl Requests {
    /// For the mapping `mapping`, to the host and the path of `url`.
    pub(super) fn new(
        target: &HttpTarget,
        mapping: &str,
        url: &Uri,
        auth: Shown,
        wall: WallClock,
    ) -> Result<Self, String> {
        let value = |text: &str| HeaderValue::from_str(text).map_err(|error| error.to_string());
        let mut headers = HeaderMap::new();
        for (name, text) in &target.headers {
            let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is not the name of a header"))?;
            headers.insert(name, value(text)?);
        }
        headers.insert(HOST, value(url.authority().map_or("", |authority| authority.as_str()))?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(cloud_events::content_type(target.envelope)));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(MAPPING, value(mapping)?);
        // What each request has has its place, so that no request needs more room.
        for name in [REQUEST_ID, IDEMPOTENCY_KEY, ATTEMPT, DEADLINE, AWS_TRACE, W3C_TRACE] {
            headers.insert(name, HeaderValue::from_static(""));
        }
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            path: path.parse().map_err(|error: hyper::http::uri::InvalidUri| error.to_string())?,
            headers,
            timeout: target.timeout,
            envelope: target.envelope,
            auth,
            secrets: target.signature.iter().cloned().map(HeldSecret::new).collect(),
            wall,
        })
    }

    /// The request of an invocation with this id.
    ///
    /// # Errors
    /// When a secret is not there, or the event cannot be put into its envelope.
    pub(super) async fn of(&self, invocation: &Invocation, id: &str) -> Result<(Request<Full<Bytes>>, Ids), String> {
        let now_ms = (self.wall)();
        let (body, ids) = match self.envelope {
            Envelope::Lambda => (invocation.body.clone(), Ids::new()),
            Envelope::CloudEvents => cloud_events::batch(&invocation.body)?,
        };
        let mut headers = self.headers.clone();
        let value = |text: String| HeaderValue::try_from(text).map_err(|error| error.to_string());
        let id_value = value(id.to_owned())?;
        headers.insert(REQUEST_ID, id_value.clone());
        headers.insert(IDEMPOTENCY_KEY, id_value.clone());
        headers.insert(ATTEMPT, invocation.attempt.into());
        let timeout = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        headers.insert(DEADLINE, now_ms.saturating_add(timeout).into());
        let trace = Trace::of(&invocation.body, now_ms / 1000);
        headers.insert(AWS_TRACE, value(trace.aws())?);
        headers.insert(W3C_TRACE, value(trace.w3c())?);
        if !self.secrets.is_empty() {
            let mut secrets = Vec::new();
            for secret in &self.secrets {
                secrets.push(secret.read().await?);
            }
            let signature = signature::sign(secrets.iter().map(|secret| &**secret), id, now_ms / 1000, &body)?;
            headers.insert(WEBHOOK_ID, id_value);
            headers.insert(WEBHOOK_TIME, (now_ms / 1000).into());
            headers.insert(WEBHOOK_SIGNATURE, value(signature)?);
        }
        match &self.auth {
            Shown::Nothing => {}
            Shown::Bearer(secret) => {
                let text = format!("Bearer {}", secret.read().await?);
                let value = HeaderValue::from_str(&text).map_err(|_| "the bearer token is not plain ASCII".to_owned());
                let mut value = value?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            Shown::SigV4(signer) => {
                let target = self.path.path_and_query().map_or("/", |path| path.as_str());
                signer.sign(&mut headers, target, &body, now_ms).await?;
            }
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = headers;
        Ok((request, ids))
    }
}
