//! Connections to one address. Connecting and the exchange are two steps, because only the second is the target's time.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::http::response::Parts;
use hyper::rt::{Read, Write};
use hyper::{HeaderMap, Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::{Instant, timeout};
use tower_service::Service;

use super::Tls;
use crate::aws::{LARGEST_ANSWER, chain};

/// Balancers and NAT gateways forget idle flows after 350 s, and a call may be silent for longer.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// A connection that has waited for longer is not used: many servers have closed it by then.
const OLDEST: Duration = Duration::from_secs(60);
/// How long a connection may need to be ready for the next request, after an answer that came early.
const READY: Duration = Duration::from_millis(100);

type Sender = http1::SendRequest<Full<Bytes>>;

/// How an address is connected to.
#[derive(Clone)]
pub(crate) struct Dial {
    /// The longest that name resolution, TCP and TLS may take together.
    pub(crate) timeout: Duration,
    /// `None` for plain HTTP.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// One address, and the connections to it that wait for work.
pub(crate) struct Client {
    /// Where connections go: scheme, host and port.
    origin: Uri,
    plain: HttpConnector,
    dial: Dial,
    /// The last one has waited least.
    idle: Mutex<Vec<(Sender, Instant)>>,
}

/// A connection on which nothing is under way.
pub(crate) struct Connection {
    sender: Sender,
    /// It has served before, so the server may be about to close it.
    reused: bool,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `None` where it is longer than Lambda lets an answer be.
    pub(crate) body: Option<Bytes>,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The request was not sent.
    Unsent(String),
    /// The request was sent, at least in part.
    Broken(String),
}

impl Lost {
    pub(crate) fn reason(&self) -> &str {
        let (Self::Unsent(reason) | Self::Broken(reason)) = self;
        reason
    }
}

impl Client {
    pub(crate) fn new(origin: Uri, dial: Dial) -> Self {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_keepalive(Some(KEEPALIVE));
        Self { origin, plain, dial, idle: Mutex::default() }
    }

    /// The value of `Host` for this address.
    pub(crate) fn host(&self) -> HeaderValue {
        let authority = self.origin.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        authority.unwrap_or_else(|| HeaderValue::from_static("localhost"))
    }

    /// A connection: one that waits, or a new one.
    pub(crate) async fn connection(&self) -> Result<Connection, Lost> {
        while let Some(mut sender) = self.waiting() {
            if matches!(timeout(READY, sender.ready()).await, Ok(Ok(()))) {
                return Ok(Connection { sender, reused: true });
            }
        }
        self.connect().await
    }

    fn waiting(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((sender, since)) = idle.pop() {
            if since.elapsed() > OLDEST {
                // Those below have waited even longer.
                idle.clear();
            } else if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Connection, Lost> {
        let sender = match timeout(self.dial.timeout, self.open()).await {
            Ok(opened) => opened.map_err(Lost::Unsent)?,
            Err(_) => {
                let limit = self.dial.timeout;
                return Err(Lost::Unsent(format!("there was no connection within {limit:?}")));
            }
        };
        Ok(Connection { sender, reused: false })
    }

    async fn open(&self) -> Result<Sender, String> {
        match &self.dial.tls {
            None => {
                handshake(self.plain.clone().call(self.origin.clone()).await.map_err(|error| causes(&error))?).await
            }
            Some(tls) => {
                let mut connector = tls.connector(self.plain.clone()).await?;
                handshake(connector.call(self.origin.clone()).await.map_err(|error| causes(&*error))?).await
            }
        }
    }

    /// Whether the address takes TCP connections.
    pub(crate) async fn knock(&self) -> Result<(), String> {
        match timeout(self.dial.timeout, self.plain.clone().call(self.origin.clone())).await {
            Ok(connected) => connected.map(drop).map_err(|error| causes(&error)),
            Err(_) => Err(format!("there was no connection within {:?}", self.dial.timeout)),
        }
    }

    /// Whether there is a connection, with TLS where the address has it.
    pub(crate) async fn try_connection(&self) -> Result<(), Lost> {
        self.connect().await.map(drop)
    }

    /// Sends one request and reads its answer to the end.
    ///
    /// A connection that the server closed while it waited is replaced once, as long as nothing was sent on it.
    pub(crate) async fn exchange(
        &self,
        mut connection: Connection,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, Lost> {
        let answer = loop {
            let Connection { sender, reused } = &mut connection;
            match sender.try_send_request(request).await {
                Ok(answer) => break answer,
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if *reused => request = unsent,
                    Some(_) => return Err(Lost::Unsent(causes(failed.error()))),
                    None => return Err(Lost::Broken(causes(failed.error()))),
                },
            }
            connection = self.connect().await?;
        };
        let (Parts { status, headers, .. }, body) = answer.into_parts();
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > LARGEST_ANSWER) {
            return Ok(Answer { status, headers, body: None });
        }
        let body = read(body).await.map_err(|error| Lost::Broken(format!("the answer was cut off: {error}")))?;
        if body.is_some() && !connection.sender.is_closed() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((connection.sender, Instant::now()));
        }
        Ok(Answer { status, headers, body })
    }
}

async fn handshake<I: Read + Write + Unpin + Send + 'static>(io: I) -> Result<Sender, String> {
    let (sender, connection) = http1::handshake(io).await.map_err(|error| causes(&error))?;
    // Its errors reach whoever has sent a request.
    tokio::spawn(connection);
    Ok(sender)
}

/// The whole body; `None` where it is longer than Lambda lets an answer be.
async fn read(body: Incoming) -> Result<Option<Bytes>, String> {
    match Limited::new(body, LARGEST_ANSWER).collect().await {
        Ok(whole) => Ok(Some(whole.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(causes(&*error)),
    }
}

/// The outermost error alone says too little.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = chain(error).map(ToString::to_string).collect();
    // Some errors repeat their cause.
    causes.dedup();
    causes.join(": ")
}
