//! AWS's runtime interface emulator, as it is in Lambda's base images.
//!
//! A second request kills an emulator that is at work. So an endpoint gets the next one only when the last was answered
//! to the end, even if its caller has gone.

mod judge;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use tokio::sync::{oneshot, watch};

use super::answers::timed_out;
use super::deadline::within;
use super::pool::{Permit, Pool, Pools, Reach, Watch};
use super::wire::{Answer, Connection, Dial, Lost};
use super::{AGENT, Function, FunctionSettings, Invocation, Part};
use crate::aws::{LARGEST_ANSWER, turn};
use crate::machine::{Fault, FaultKind, InvokeResult};
use crate::mapping::RieTarget;

/// The longest that a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a description waits for an emulator that is up.
const LOOK: Duration = Duration::from_secs(5);
/// The name of the function is always this one.
const PATH: &str = "/2015-03-31/functions/function/invocations";
/// Sets the id of the request, where the emulator takes several at a time.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A function in one or more runtime interface emulators.
pub struct RieFunction {
    pool: Pool,
    timeout: Duration,
    /// A result that looks like an error is one.
    error_shape: bool,
}

impl RieFunction {
    /// `pools` knows which emulators are at work, for all mappings together.
    pub(crate) fn new(target: &RieTarget, pools: &Pools) -> Self {
        let reach = Reach {
            limit: target.concurrency,
            dial: Dial { timeout: CONNECT, tls: None },
            watch: Watch::after_loss(CONNECT, false),
        };
        Self { pool: pools.open(&target.addresses, &reach), timeout: target.timeout, error_shape: target.error_shape }
    }

    async fn call(&self, invocation: Invocation) -> InvokeResult {
        let permit = self.pool.acquire().await.map_err(|reason| down(&reason))?;
        let url = format!("POST {}{PATH}", permit.address());
        let connection = match permit.client().connection().await {
            Ok(connection) => connection,
            Err(lost) => {
                permit.is_lost(lost.reason());
                return Err(Fault::new(FaultKind::Transient, format!("{url}: {}", lost.reason())));
            }
        };
        let id = invocation.id();
        let request = request(invocation.body, &id, permit.client().host());
        let (answered, answer) = oneshot::channel();
        let (caller, caller_gone) = oneshot::channel();
        tokio::spawn(exchange(permit, connection, request, answered, caller_gone));
        let answer = within(self.timeout, answer).await;
        drop::<oneshot::Sender<()>>(caller);
        match answer {
            Some(Ok(Ok(answer))) => judge::judge(&answer, &id, self.error_shape, &url),
            Some(Ok(Err(lost))) => Err(Fault::new(FaultKind::Transient, format!("{url}: {}", lost.reason()))),
            Some(Err(_)) => Err(Fault::new(FaultKind::Cancelled, format!("{url}: the call was abandoned"))),
            None => Ok(timed_out(&id, self.timeout)),
        }
    }
}

fn down(reason: &str) -> Fault {
    Fault::new(FaultKind::Transient, format!("no emulator can be invoked: {reason}"))
}

/// One exchange, which goes on when its caller has gone: the emulator is at work until it has answered.
async fn exchange(
    mut permit: Permit,
    connection: Connection,
    request: Request<Full<Bytes>>,
    answered: oneshot::Sender<Result<Answer, Lost>>,
    caller_gone: oneshot::Receiver<()>,
) {
    let client = permit.client();
    let mut exchange = pin!(client.exchange(connection, request));
    let answer = tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = caller_gone => {
            permit.is_late();
            exchange.await
        }
    };
    if let Err(lost) = &answer {
        permit.is_lost(lost.reason());
    }
    // First the endpoint is free, then its caller goes on: that finds it free.
    drop(permit);
    drop(answered.send(answer));
}

fn request(body: Bytes, id: &str, host: HeaderValue) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(PATH);
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    request
}

impl Function for RieFunction {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            // The emulator cuts off what is longer, and its function gets broken JSON.
            if invocation.body.len() > LARGEST_ANSWER {
                let message = format!("the event has more than {LARGEST_ANSWER} bytes, and an emulator cuts it off");
                return Err(Fault::new(FaultKind::TooLarge, message));
            }
            let _turn = turn("Invoke").await;
            self.call(invocation).await
        }
        .boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        async move {
            self.pool.look(LOOK).await.map_err(|reason| down(&reason))?;
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
