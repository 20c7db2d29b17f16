//! The plainest client of an HTTP service, and the plainest server of the Runtime API.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// Posts events.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl HttpClient {
    pub(crate) fn new(service: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), url: format!("http://{service}/") }
    }

    /// Success is 200, and a body that was read to its end.
    pub(crate) async fn invoke(&self, event: Bytes) -> anyhow::Result<Bytes> {
        let request = Request::post(&self.url).header("content-type", "application/json").body(Full::new(event))?;
        let answer = self.client.request(request).await?;
        anyhow::ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}

/// An event that waits for a worker.
struct Job {
    event: Bytes,
    answer: oneshot::Sender<Bytes>,
}

/// Hands events to whoever asks first.
#[derive(Clone)]
pub(crate) struct RuntimeServer {
    jobs: mpsc::UnboundedSender<Job>,
}

struct Shared {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Job>>,
    open: Mutex<HashMap<String, oneshot::Sender<Bytes>>>,
}

impl RuntimeServer {
    pub(crate) async fn start() -> anyhow::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { waiting: tokio::sync::Mutex::new(waiting), open: Mutex::default() });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).ok();
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok((Self { jobs }, address))
    }

    pub(crate) async fn invoke(&self, event: Bytes) -> anyhow::Result<Bytes> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job { event, answer })?;
        Ok(answered.await?)
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let result = if request.method() == Method::GET { next(&shared).await } else { take(&shared, request).await };
    Ok(result.unwrap_or_else(|_| {
        let mut failed = Response::new(Full::default());
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    }))
}

/// What a runtime gets with an event.
async fn next(shared: &Shared) -> anyhow::Result<Answer> {
    let job = shared.waiting.lock().await.recv().await;
    let Job { event, answer } = job.ok_or_else(|| anyhow::anyhow!("the end"))?;
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    let (first, second, third) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
    let id = format!("{first:08x}-{second:04x}-4{third:03x}-a{:03x}-{:012x}", low >> 52, low & 0xffff_ffff_ffff);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let trace = format!(
        "Root=1-{:08x}-{:024x};Parent={:016x};Sampled=0",
        now.as_secs(),
        fastrand::u128(..) >> 32,
        fastrand::u64(..)
    );
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &id)
        .header("lambda-runtime-deadline-ms", (now.as_millis() + 60_000).to_string())
        .header("lambda-runtime-invoked-function-arn", ARN)
        .header("lambda-runtime-trace-id", trace)
        .body(Full::new(event))?;
    shared.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, answer);
    Ok(response)
}

/// The answer of an invocation.
async fn take(shared: &Shared, request: Request<Incoming>) -> anyhow::Result<Answer> {
    let id = request.uri().path().rsplit('/').nth(1).unwrap_or_default().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let open = shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    open.map(|answer| answer.send(body));
    let accepted = Response::builder().status(StatusCode::ACCEPTED).header("content-type", "application/json");
    Ok(accepted.body(Full::new(Bytes::from_static(br#"{"status":"OK"}"#)))?)
}
