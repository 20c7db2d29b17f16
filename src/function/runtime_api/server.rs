//! The server of a function's Runtime API: its listener, its connections and its paths.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::answers::{self, Body, Kind, ignore, read};
use super::connections::Connections;
use super::errors::{Answer, Refusal, accepted, json};
use super::extensions::{self, Host};
use super::headers::{self, is_event};
use super::shared::{PUBLIC, Shared};
use super::slots::Place;
use super::stream::Stream;
use crate::aws::LARGEST_ANSWER;
use crate::crowd::Seat;

/// X-Ray's cause of an error is a header of up to 1 MiB.
const HEAD_BYTES: usize = 2 * 1024 * 1024;
/// The pause before a listener is tried again that could not be opened, or that could not take a connection.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// The most of a worker's error at its start that is kept.
const LAST_WORDS: usize = 1000;
/// A process of forebay's own is waited for so long where its connection has closed: it says how it ended.
const ENDS: Duration = Duration::from_secs(1);

/// Clients that keep one connection for as long as they live, by how they call themselves.
const KEEPERS: [&str; 4] = ["aws-lambda-python/", "aws-lambda-rust/", "aws-lambda-go/", "AWS_Lambda_Cpp/"];

/// Opens the listener that others attach at, however long that takes, and serves it. Never ends.
pub(super) async fn serve(shared: Arc<Shared>, address: SocketAddr) {
    let mut said = None;
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => {
                let trouble = format!("{address} cannot be listened on: {error}");
                if said.replace(error.kind()) != Some(error.kind()) {
                    tracing::error!(function = %shared.function, "{trouble}");
                }
                shared.set_trouble(Some(trouble));
                sleep(AGAIN).await;
            }
        }
    };
    shared.set_trouble(None);
    tracing::info!(function = %shared.function, %address, "workers may attach");
    Connections::new(shared, listener, PUBLIC).serve().await;
}

/// One connection, as the requests on it see it.
struct Connection {
    id: u64,
    host: Host,
    from: SocketAddr,
    seat: Seat,
    /// How many requests have come.
    requests: AtomicU64,
    /// An answer came on it: the client uses it for more than one request.
    has_answered: AtomicBool,
    /// An event was asked for on it: the client has started.
    has_asked: AtomicBool,
}

pub(super) async fn connection(shared: Arc<Shared>, (stream, from): (TcpStream, SocketAddr), port: u64, seat: Seat) {
    let host = Host { port, address: from.ip() };
    // An answer of a few bytes is not to wait for more.
    stream.set_nodelay(true).ok();
    let id = shared.connections.fetch_add(1, Ordering::Relaxed);
    let own = Arc::new(Connection {
        id,
        host,
        from,
        seat,
        requests: AtomicU64::new(0),
        has_answered: AtomicBool::new(false),
        has_asked: AtomicBool::new(false),
    });
    let (stream, was_reset) = Stream::over(stream);
    let service = service_fn(|request| {
        let (shared, own) = (Arc::clone(&shared), Arc::clone(&own));
        async move { Ok::<_, Infallible>(route(&shared, &own, request).await) }
    });
    let served = http1::Builder::new()
        .max_buf_size(HEAD_BYTES + 64 * 1024)
        .max_header_size(HEAD_BYTES)
        .header_read_timeout(None)
        // Scripts look for the headers as AWS writes them.
        .title_case_headers(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = served => ended,
        () = own.seat.lost.cancelled() => {
            shared.seats.displaced(&shared.function);
            Ok(())
        }
    };
    let broken = ended.err().is_some_and(|error| {
        let function = &*shared.function;
        tracing::debug!(function, error = &error as &dyn std::error::Error, "a worker's connection broke");
        std::error::Error::source(&error).is_some_and(|source| source.is::<io::Error>())
    }) || was_reset.load(Ordering::Relaxed);
    shared.clients.gone(id);
    let requests = own.requests.load(Ordering::Relaxed);
    if host.port == PUBLIC {
        shared.slots.closed(id, requests, broken);
    } else {
        tokio::spawn(async move {
            sleep(ENDS).await;
            shared.slots.closed(id, requests, broken);
        });
    }
}

async fn route(shared: &Arc<Shared>, connection: &Connection, request: Request<Incoming>) -> Answer {
    let number = connection.requests.fetch_add(1, Ordering::Relaxed) + 1;
    if !connection.seat.work() {
        // The connection is about to be closed: nothing of this is to happen.
        std::future::pending::<()>().await;
    }
    let answer = answer(shared, connection, number, request).await;
    // A client that has got an event is not waited for, however long it takes.
    if !is_event(&answer) {
        connection.seat.wait();
    }
    answer
}

async fn answer(shared: &Arc<Shared>, connection: &Connection, number: u64, request: Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let Some(rest) = path.strip_prefix("/2018-06-01/") else {
        // The future of what comes with each event stays small.
        return Box::pin(extension(shared, connection, request)).await;
    };
    let method = request.method().clone();
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        ["runtime", "invocation", "next"] if method == Method::GET => next(shared, connection, number, &request).await,
        ["runtime", "invocation", id, kind @ ("response" | "error")] if method == Method::POST => {
            let kind = if *kind == "response" { Kind::Response } else { Kind::Error };
            connection.has_answered.store(true, Ordering::Relaxed);
            let id = (*id).to_owned();
            answers::take(&shared.slots, connection.id, kind, &id, request).await
        }
        ["runtime", "init", "error"] if method == Method::POST => {
            Box::pin(init_error(shared, connection, request)).await
        }
        ["ping"] if method == Method::GET => {
            let mut answer = Response::new(Full::new(Bytes::from_static(b"pong")));
            *answer.status_mut() = StatusCode::OK;
            answer
        }
        ["runtime", "invocation", "next"]
        | ["runtime", "invocation", _, "response" | "error"]
        | ["runtime", "init", "error"]
        | ["ping"] => {
            ignore(request.into_body()).await;
            Refusal::Method.answer()
        }
        _ => {
            ignore(request.into_body()).await;
            Refusal::Path.answer()
        }
    }
}

/// Waits for an event, for however long: a client sets no timeout.
async fn next(shared: &Shared, connection: &Connection, number: u64, request: &Request<Incoming>) -> Answer {
    let agent = headers::agent(request.headers());
    let closes = request.version() == Version::HTTP_10
        || request.headers().get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
    let is_known = KEEPERS.iter().any(|keeper| agent.starts_with(keeper.as_bytes()));
    let keeps = !closes && (is_known || connection.has_answered.load(Ordering::Relaxed));
    if !connection.has_asked.swap(true, Ordering::Relaxed) {
        let agent = String::from_utf8_lossy(agent).into_owned();
        tracing::debug!(function = %shared.function, agent, "a worker asks for its first event");
        shared.clients.asks(connection.id, connection.from, agent);
    }
    shared.outputs.read_up(connection.host.port).await;
    let place = Place { port: connection.host.port, connection: connection.id, request: number, keeps };
    let mut attached = shared.slots.attach(place);
    let Some(handed) = attached.event().await else {
        return json(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL);
    };
    match headers::invocation(&handed, &shared.arn, (shared.wall)()) {
        Ok(answer) => {
            shared.extensions.invoked(connection.host, || headers::extension_event(&answer, &shared.arn));
            handed.taken();
            answer
        }
        Err(error) => {
            tracing::error!(function = %shared.function, %error, "an invocation that no header can hold");
            json(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL)
        }
    }
}

/// What extensions ask.
async fn extension(shared: &Shared, connection: &Connection, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let body = match read(body, LARGEST_ANSWER).await {
        Body::Whole(body, _) => body,
        Body::TooLarge(rest) => {
            ignore(rest).await;
            return Refusal::TooLarge.answer();
        }
        Body::Cut => return Refusal::Truncated.answer(),
    };
    let extensions = &shared.extensions;
    match (head.method.as_str(), head.uri.path()) {
        ("POST", "/2020-01-01/extension/register") => {
            extensions.register(connection.host, &shared.function, &head.headers, &body)
        }
        ("GET", "/2020-01-01/extension/event/next") => extensions.next(&head.headers).await,
        ("POST", "/2020-01-01/extension/init/error" | "/2020-01-01/extension/exit/error") => {
            extensions.failed(&head.headers, &shared.function, &body)
        }
        ("PUT", "/2020-08-15/logs") => extensions::telemetry("Logs"),
        ("PUT", "/2022-07-01/telemetry") => extensions::telemetry("Telemetry"),
        _ => Refusal::Path.answer(),
    }
}

const INTERNAL: &str = r#"{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}"#;

/// A worker could not start, and ends. Why, is the last that it says.
async fn init_error(shared: &Shared, connection: &Connection, request: Request<Incoming>) -> Answer {
    let body = match read(request.into_body(), LARGEST_ANSWER).await {
        Body::Whole(body, _) => body,
        Body::TooLarge(rest) => {
            ignore(rest).await;
            return Refusal::TooLarge.answer();
        }
        Body::Cut => return Refusal::Truncated.answer(),
    };
    if connection.has_asked.load(Ordering::Relaxed) {
        return Refusal::Transition("RuntimeReadyState", "InitError").answer();
    }
    let said = String::from_utf8_lossy(&body[..body.len().min(LAST_WORDS)]).into_owned();
    tracing::error!(function = %shared.function, "a worker could not start: {said}");
    shared.set_trouble(Some(format!("a worker could not start: {said}")));
    accepted()
}
