//! HTTP services: an event is the body of a POST, and the status says what became of it.
//!
//! Nothing counts as processed but by a 2xx whose body was read to its end.

mod cloud_events;
mod judge;
mod request;
mod secret;
mod signature;
mod sigv4;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::header::HeaderValue;
use tokio::sync::watch;

use super::answers::timed_out;
use super::deadline::within;
use super::pool::{Pool, Pools, Probe, Reach, Watch};
use super::wire::{Dial, Lost, Tls};
use super::{Function, FunctionSettings, Invocation, Part};
use crate::aws::turn;
use crate::clock::WallClock;
use crate::machine::{Fault, FaultKind, InvokeResult};
use crate::mapping::{Addresses, Auth, HttpTarget};
use judge::Judge;
use request::{Requests, Shown};
pub(crate) use sigv4::Signer;

/// So many calls in a row without a connection, and an address is down until it takes connections again.
const REFUSED: u32 = 5;
/// How long a description waits for an address that is up.
const LOOK: Duration = Duration::from_secs(5);

/// An HTTP service that takes events.
///
/// It gets each event once, as `POST` with the JSON that a Lambda function would get. Redirects are not followed.
pub struct HttpFunction {
    pool: Pool,
    requests: Requests,
    judge: Judge,
    timeout: Duration,
}

impl HttpFunction {
    /// For the mapping `mapping`; `signer` where requests are signed for AWS.
    pub(crate) fn new(
        target: &HttpTarget,
        mapping: &str,
        signer: Option<Signer>,
        wall: WallClock,
    ) -> Result<Self, Fault> {
        Self::open(target, mapping, signer, wall)
            .map_err(|error| Fault::new(FaultKind::Invalid, format!("{} cannot be called: {error}", target.url)))
    }

    fn open(target: &HttpTarget, mapping: &str, signer: Option<Signer>, wall: WallClock) -> Result<Self, String> {
        let url: Uri = target.url.parse().map_err(|error: hyper::http::uri::InvalidUri| error.to_string())?;
        let authority = url.authority().ok_or("it has no host")?;
        let (scheme, tls) = match url.scheme_str() {
            Some("https") => ("https", Some(Tls::new(target.tls.clone(), authority.host())?.into())),
            _ => ("http", None),
        };
        let shown = match (&target.auth, signer) {
            (Auth::None, _) => Shown::Nothing,
            (Auth::Bearer(secret), _) => Shown::Bearer(secret::HeldSecret::new(secret.clone())),
            (Auth::SigV4 { .. }, Some(signer)) => Shown::SigV4(signer),
            (Auth::SigV4 { .. }, None) => return Err("there are no credentials to sign with".to_owned()),
        };
        let own = Addresses::Fixed(vec![format!("{scheme}://{authority}")]);
        let reach = Reach {
            limit: target.max_connections,
            dial: Dial { timeout: target.connect_timeout, tls },
            watch: watch_of(target, authority.as_str())?,
        };
        let requests = Requests::new(target, mapping, &url, shown, Arc::clone(&wall))?;
        Ok(Self {
            pool: Pools::default().open(target.addresses.as_ref().unwrap_or(&own), &reach),
            requests,
            judge: Judge::new(url, target.statuses.clone(), target.retry_after_max, wall),
            timeout: target.timeout,
        })
    }

    async fn call(&self, invocation: Invocation) -> InvokeResult {
        let transient = |reason: &str| self.judge.fault(FaultKind::Transient, reason);
        let permit = self.pool.acquire().await.map_err(|reason| transient(&reason))?;
        let client = permit.client();
        let connection = client.connection().await;
        permit.connected(connection.as_ref().map(drop).map_err(Lost::reason), REFUSED);
        let connection = connection.map_err(|lost| transient(lost.reason()))?;
        let id = invocation.id();
        let request = self.requests.of(&invocation, &id).await;
        // Somebody has to put the secret back.
        let (request, ids) = request.map_err(|reason| self.judge.fault(FaultKind::Denied, &reason))?;
        match within(self.timeout, client.exchange(connection, request)).await {
            Some(Ok(answer)) => {
                let mut answer = self.judge.judge(&answer, &id)?;
                if !ids.is_empty() {
                    answer.payload = cloud_events::translate(answer.payload, &ids);
                }
                Ok(answer)
            }
            Some(Err(lost)) => Err(transient(lost.reason())),
            // The service has been at work for all this time, as a function of Lambda that times out.
            None => Ok(timed_out(&id, self.timeout)),
        }
    }
}

fn watch_of(target: &HttpTarget, host: &str) -> Result<Watch, String> {
    let Some(health) = &target.health else { return Ok(Watch::after_loss(target.connect_timeout, true)) };
    let probe = match &health.path {
        None => Probe::Tcp,
        Some(path) => Probe::Get {
            path: path.parse().map_err(|error: hyper::http::uri::InvalidUri| format!("{path}: {error}"))?,
            host: HeaderValue::from_str(host).map_err(|error| error.to_string())?,
        },
    };
    let (every, timeout) = (Some(health.every), health.timeout);
    Ok(Watch { probe, every, timeout, healthy: health.healthy, unhealthy: health.unhealthy, trusting: false })
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
        async move {
            self.pool.look(LOOK).await.map_err(|reason| self.judge.fault(FaultKind::Transient, &reason))?;
            Ok(FunctionSettings { timeout: self.timeout, reserved_concurrency: None, role: None, arn: None })
        }
        .boxed()
    }

    fn capacity(&self) -> Option<watch::Receiver<u32>> {
        Some(self.pool.capacity())
    }

    fn waits_for(&self) -> Option<String> {
        self.pool.why_none()
    }

    fn parts(&self) -> Vec<Part> {
        self.pool.parts()
    }
}
