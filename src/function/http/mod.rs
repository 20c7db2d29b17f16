//! HTTP services: an event is the body of a POST, and the status says what became of it.
//!
//! Nothing counts as processed but by a 2xx whose body was read to its end.

mod judge;

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use tokio::sync::watch;

use super::answers::timed_out;
use super::pool::{Pool, Pools, Reach, Watch};
use super::wire::{Dial, Lost, Tls};
use super::{AGENT, Function, FunctionSettings, Invocation};
use crate::aws::turn;
use crate::machine::{Fault, FaultKind, InvokeResult};
use crate::mapping::{Addresses, HttpTarget, TlsOptions};

/// The longest that a connection may take; less where the function's own timeout is shorter.
const CONNECT: Duration = Duration::from_secs(2);
/// So many calls in a row without a connection, and the service is down until it takes connections again.
const REFUSED: u32 = 5;

/// An HTTP service that takes events.
///
/// It gets each event once, as `POST` with the JSON that a Lambda function would get. Redirects are not followed.
pub struct HttpFunction {
    pool: Pool,
    url: Uri,
    host: HeaderValue,
    /// The path and the query.
    path: Uri,
    timeout: Duration,
}

impl HttpFunction {
    pub(crate) fn new(target: &HttpTarget) -> Result<Self, Fault> {
        let invalid = |error: &dyn std::fmt::Display| {
            Fault::new(FaultKind::Invalid, format!("{} cannot be called: {error}", target.url))
        };
        let url: Uri = target.url.parse().map_err(|error| invalid(&error))?;
        let Some(authority) = url.authority() else { return Err(invalid(&"it has no host")) };
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| invalid(&error))?;
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let path = path.parse().map_err(|error| invalid(&error))?;
        let tls = match url.scheme_str() {
            Some("https") => Some(Tls::new(TlsOptions::default(), authority.host()).map_err(|error| invalid(&error))?),
            _ => None,
        };
        let origin = format!("{}://{authority}", url.scheme_str().unwrap_or("http"));
        let reach = Reach {
            limit: 64,
            dial: Dial { timeout: CONNECT.min(target.timeout), tls: tls.map(Into::into) },
            watch: Watch::after_loss(CONNECT, true),
        };
        let pool = Pools::default().open(&Addresses::Fixed(vec![origin]), &reach);
        Ok(Self { pool, url, host, path, timeout: target.timeout })
    }

    async fn call(&self, invocation: Invocation) -> InvokeResult {
        let permit = self.pool.acquire().await.map_err(|reason| self.fault(FaultKind::Transient, &reason))?;
        let client = permit.client();
        let connection = client.connection().await;
        permit.connected(connection.as_ref().map(drop).map_err(Lost::reason), REFUSED);
        let connection = connection.map_err(|lost| self.fault(FaultKind::Transient, lost.reason()))?;
        let request = self.request(&invocation);
        match tokio::time::timeout(self.timeout, client.exchange(connection, request)).await {
            Ok(Ok(answer)) => judge::judge(&answer, &invocation.request_id, &self.url),
            Ok(Err(lost)) => Err(self.fault(FaultKind::Transient, lost.reason())),
            // The service has been at work for all this time, as a function of Lambda that times out.
            Err(_) => Ok(timed_out(&invocation.request_id, self.timeout)),
        }
    }

    fn request(&self, invocation: &Invocation) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(invocation.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        request
    }

    fn fault(&self, kind: FaultKind, reason: &str) -> Fault {
        Fault::new(kind, format!("POST {}: {reason}", self.url))
    }
}

impl Function for HttpFunction {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            let _turn = turn("Invoke").await;
            self.call(invocation).await
        }
        .boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        let settings = FunctionSettings { timeout: self.timeout, reserved_concurrency: None, role: None, arn: None };
        async move { Ok(settings) }.boxed()
    }

    fn capacity(&self) -> Option<watch::Receiver<u32>> {
        Some(self.pool.capacity())
    }
}
