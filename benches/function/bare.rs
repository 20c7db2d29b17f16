//! The plainest client of an HTTP service, and the plainest server of the Runtime API.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    next: AtomicU64,
}

impl RuntimeServer {
    pub(crate) async fn start() -> anyhow::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let waiting = tokio::sync::Mutex::new(waiting);
        let shared = Arc::new(Shared { waiting, open: Mutex::default(), next: AtomicU64::default() });
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

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"status":"OK"}"#)));
    *response.status_mut() = StatusCode::ACCEPTED;
    if request.method() == Method::GET {
        let job = shared.waiting.lock().await.recv().await;
        if let Some(Job { event, answer }) = job {
            let id = format!("{:036}", shared.next.fetch_add(1, Ordering::Relaxed));
            *response.status_mut() = StatusCode::OK;
            *response.body_mut() = Full::new(event);
            if let Ok(value) = id.parse() {
                response.headers_mut().insert("lambda-runtime-aws-request-id", value);
            }
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, answer);
        }
        return Ok(response);
    }
    let id = request.uri().path().rsplit('/').nth(1).unwrap_or_default().to_owned();
    if let Ok(body) = request.into_body().collect().await {
        let open = shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        open.map(|answer| answer.send(body.to_bytes()));
    }
    Ok(response)
}
