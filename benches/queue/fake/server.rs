//! The HTTP side: one connection, one local task; a request goes to SQS, Lambda or the control routes.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::state::{Shared, State};
use super::{control, invoke, sqs};

/// What every route answers.
pub(super) type Answer = Response<Full<Bytes>>;

/// Messages whose hiding ends while everybody waits are shown within this time.
const REVEAL_EVERY: Duration = Duration::from_millis(50);

pub(super) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let address = listener.local_addr()?;
    let state: Shared = Rc::new(RefCell::new(State::new(format!("http://{address}"))));
    writeln!(std::io::stdout(), "{address}")?;
    tokio::task::spawn_local(reveal(Rc::clone(&state)));
    tokio::task::spawn_local(async move {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(connection(stream, Rc::clone(&state)));
            }
        }
    });
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // An error, too, means that nobody is there any more.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        ended.send(()).ok();
    });
    end.await.context("watching standard input")
}

async fn reveal(state: Shared) {
    let mut ticks = tokio::time::interval(REVEAL_EVERY);
    loop {
        let now = ticks.tick().await;
        for queue in &mut state.borrow_mut().queues {
            queue.reveal(now);
        }
    }
}

async fn connection(stream: TcpStream, state: Shared) {
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| route(request, Rc::clone(&state)));
    // A client that is killed in the middle of a call is part of the measurements.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn route(request: Request<Incoming>, state: Shared) -> Result<Answer, Infallible> {
    let (head, incoming) = request.into_parts();
    let Ok(body) = incoming.collect().await else {
        return Ok(json(StatusCode::BAD_REQUEST, "{}"));
    };
    let body = body.to_bytes();
    let path = head.uri.path();
    if let Some(target) = head.headers.get("x-amz-target") {
        let operation = target.to_str().unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned();
        return Ok(sqs::answer(&operation, &body, &state).await);
    }
    if let Some(rest) = path.strip_prefix("/2015-03-31/functions/") {
        if let Some(function) = rest.strip_suffix("/invocations").filter(|_| head.method == Method::POST) {
            return Ok(invoke::invoke(function, body, &state).await);
        }
        return Ok(invoke::describe(rest, &state));
    }
    Ok(control::answer(path, &body, &state).await)
}

/// An answer in the form of the JSON protocols.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}

/// An error in the form of the JSON protocols.
pub(super) fn error(status: StatusCode, kind: &'static str, message: &str) -> Answer {
    let body = serde_json::json!({ "__type": kind, "message": message }).to_string();
    let mut answer = json(status, body);
    let kind = kind.rsplit('#').next().unwrap_or(kind);
    answer.headers_mut().insert("x-amzn-errortype", hyper::header::HeaderValue::from_static(kind));
    answer
}
