//! The front door over real sockets: what passes, what does not, and that nothing that does not reaches a handler.

mod clients;
mod limits;
mod refusals;
mod replays;
mod without_keys;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Extension;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::aws_api::auth::Caller;
use crate::aws_api::auth::tests::{Signer, keys};
use crate::aws_api::limits::CONNECTIONS;
use crate::control::serve;

/// What the server's clock shows.
const NOW: u64 = 1_800_000_000;
const MAPPINGS: &str = "/2015-03-31/event-source-mappings";

/// A server with handlers that count.
struct Door {
    address: SocketAddr,
    handled: Arc<AtomicUsize>,
    _stop: DropGuard,
}

impl Door {
    async fn open(access: Access, wall: WallClock, limits: Limits) -> Self {
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        let echo = async move |caller: Option<Extension<Caller>>, body: String| {
            count.fetch_add(1, Ordering::SeqCst);
            let caller = caller.map(|Extension(caller)| format!("{} {}", caller.access_key, caller.region));
            serde_json::json!({ "caller": caller, "body": body }).to_string()
        };
        let all = get(echo.clone()).post(echo.clone()).put(echo.clone()).delete(echo.clone());
        let handlers = Router::new()
            .route(MAPPINGS, get(echo.clone()).post(echo.clone()))
            .route("/2015-03-31/event-source-mappings/", get(echo.clone()).post(echo))
            .route("/2015-03-31/event-source-mappings/{uuid}", all.clone())
            .route("/2017-03-31/tags/{arn}", all)
            .route("/panic", post(async || -> &'static str { panic!("on purpose") }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = limited(handlers, access, wall, limits);
        tokio::spawn(serve(listener, router, CONNECTIONS, stop.clone()));
        Self { address, handled, _stop: stop.drop_guard() }
    }

    /// For those who sign, at [`NOW`].
    async fn signed() -> Self {
        Self::open(Access::Keys(keys()), Arc::new(|| NOW * 1000), Limits::DEFAULT).await
    }

    fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    /// Sends bytes and reads all that comes until the server closes.
    async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read everything.
        stream.write_all(bytes).await.ok();
        Answer::read(stream).await
    }

    async fn send(&self, request: &Sent) -> Answer {
        self.raw(&request.bytes()).await
    }
}

/// A request as it goes over the wire.
#[derive(Clone)]
struct Sent {
    method: String,
    target: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    /// Signed as it should be.
    fn signed(method: &str, target: &str, body: &str) -> Self {
        Self::by(&Signer::at(NOW), method, target, &[("host", "forebay:9002")], body)
    }

    fn by(signer: &Signer<'_>, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = signer.sign(method, target, headers, body.as_bytes());
        Self { method: method.into(), target: target.into(), version: "1.1", headers, body: body.into() }
    }

    fn plain(method: &str, target: &str, body: &str) -> Self {
        let headers = vec![("host".to_owned(), "forebay:9002".to_owned())];
        Self { method: method.into(), target: target.into(), version: "1.1", headers, body: body.into() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/{}\r\n", self.method, self.target, self.version);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let framed = |name: &str| self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if !framed("content-length") && !framed("transfer-encoding") && !self.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("connection: close\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)).unwrap().1
    }

    /// The same with something changed after it was signed.
    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same with another text in its Authorization header.
    fn authorized(self, from: &str, to: &str) -> Self {
        self.but(|sent| {
            let value = sent.header("authorization");
            assert!(value.contains(from), "{value}");
            *value = value.replace(from, to);
        })
    }

    fn version(self, version: &'static str) -> Self {
        self.but(|sent| sent.version = version)
    }

    fn without(self, name: &str) -> Self {
        self.but(|sent| sent.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name)))
    }

    fn with(self, name: &str, value: &str) -> Self {
        self.but(|sent| sent.headers.push((name.into(), value.into())))
    }
}

#[derive(Debug)]
struct Answer {
    /// 0 where the server closed without a word.
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    async fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Status and code, after a look at what every answer has.
    fn code(&self) -> (u16, String) {
        let id = self.header("x-amzn-requestid").unwrap_or_else(|| panic!("{self:?}"));
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let code = self.header("x-amzn-errortype").unwrap_or_default();
        (self.status, code.strip_suffix("exception").unwrap_or(code).to_owned())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn message(&self) -> String {
        let json = self.json();
        json["message"].as_str().or(json["Message"].as_str()).unwrap().to_owned()
    }
}
