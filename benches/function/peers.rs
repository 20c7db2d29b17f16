//! The other ends: an HTTP service, and workers of the Runtime API.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::http;

fn local(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}

/// Answers `null`.
pub(crate) fn serve() -> anyhow::Result<()> {
    local(async {
        let (listener, _) = http::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        http::serve(listener, |_, _| async { Response::new(Full::new(Bytes::from_static(b"null"))) }).await
    })
}

/// So many workers, each with a connection of its own.
pub(crate) fn attach(api: SocketAddr, count: usize) -> anyhow::Result<()> {
    local(async move {
        for _ in 0..count {
            let stream = TcpStream::connect(api).await.context("attaching")?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::task::spawn_local(connection);
            tokio::task::spawn_local(work(sender));
        }
        // Standard input ends with the driver.
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
        Ok(())
    })
}

/// Takes one event after the other, as AWS's own runtimes do.
async fn work(mut api: SendRequest<Full<Bytes>>) -> anyhow::Result<()> {
    loop {
        let event = api.send_request(request(Method::GET, "next", Bytes::new())?).await?;
        let id = event.headers().get("lambda-runtime-aws-request-id").context("an event has no id")?;
        let path = format!("{}/response", id.to_str()?);
        event.into_body().collect().await?;
        let answer = api.send_request(request(Method::POST, &path, Bytes::from_static(b"null"))?).await?;
        anyhow::ensure!(answer.status() == StatusCode::ACCEPTED, "an answer is refused: {}", answer.status());
        answer.into_body().collect().await?;
    }
}

fn request(method: Method, path: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
    let uri = format!("/2018-06-01/runtime/invocation/{path}");
    // The user agent of AWS's runtime for Rust.
    let request = Request::builder().method(method).uri(uri).header("host", "127.0.0.1");
    Ok(request.header("user-agent", "aws-lambda-rust/1.1.1").body(Full::new(body))?)
}
