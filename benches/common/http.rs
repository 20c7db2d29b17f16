//! The HTTP side of a fake: one thread, one connection, one local task.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};

/// What every route answers.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Listens, and says where on standard output.
pub(crate) async fn bind(listen: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let address = listener.local_addr()?;
    writeln!(std::io::stdout(), "{address}")?;
    Ok((listener, address))
}

/// Serves until standard input ends: then the process that started this one is gone or done.
pub(crate) async fn serve<R, F>(listener: TcpListener, route: R) -> anyhow::Result<()>
where
    R: Fn(Parts, Bytes) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    tokio::task::spawn_local(async move {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(connection(stream, route.clone()));
            }
        }
    });
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // An error, too, means that the client is gone.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        ended.send(()).ok();
    });
    end.await.context("watching standard input")
}

async fn connection<R, F>(stream: TcpStream, route: R)
where
    R: Fn(Parts, Bytes) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request: Request<Incoming>| {
        let route = route.clone();
        async move {
            let (head, incoming) = request.into_parts();
            let Ok(body) = incoming.collect().await else {
                return Ok::<_, Infallible>(json(StatusCode::BAD_REQUEST, "{}"));
            };
            Ok(route(head, body.to_bytes()).await)
        }
    });
    // A client that is killed in the middle of a call is part of the measurements.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// An answer in the form of the JSON protocols, whose versions differ in nothing that a client looks at.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}

/// An error in the form of the JSON protocols.
pub(crate) fn error(status: StatusCode, kind: &'static str, message: &str) -> Answer {
    let body = serde_json::json!({ "__type": kind, "message": message }).to_string();
    let mut answer = json(status, body);
    let kind = kind.rsplit('#').next().unwrap_or(kind);
    answer.headers_mut().insert("x-amzn-errortype", hyper::header::HeaderValue::from_static(kind));
    answer
}

/// A control route's answer.
pub(crate) fn reply(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => json(StatusCode::OK, body),
        Err(problem) => refuse(&problem.to_string()),
    }
}

/// A control route that does not understand.
pub(crate) fn refuse(problem: &str) -> Answer {
    json(StatusCode::NOT_FOUND, serde_json::Value::from(problem).to_string())
}

/// Lambda's configuration of any function; `rest` is what follows `/functions/` in the path.
pub(crate) fn function_configuration(rest: &str) -> Answer {
    let Some(function) = rest.strip_suffix("/configuration") else {
        return error(StatusCode::NOT_FOUND, "ResourceNotFoundException", "the fake does not know this call");
    };
    let configuration = serde_json::json!({
        "FunctionName": function,
        "FunctionArn": format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
        "Timeout": 30, "State": "Active", "LastUpdateStatus": "Successful", "Version": "$LATEST",
    });
    json(StatusCode::OK, configuration.to_string())
}
