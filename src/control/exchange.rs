//! One request of HTTP, and its answer.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Shorter than the timeouts that orchestrators use.
const PROBE_PATIENCE: Duration = Duration::from_secs(3);
/// More than thousands of mappings need.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// One request on a connection of its own.
pub(super) async fn exchange<I>(
    io: I,
    method: Method,
    host: &str,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
    // Ends with the exchange; its error is the exchange's error.
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", host).body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await?.to_bytes();
    connection.abort();
    Ok((status, body))
}

/// Asks a probe over TCP: the status, and the text that came with it.
pub(crate) async fn ask_probe(address: &str, path: &str) -> Result<(StatusCode, String), String> {
    let asked = async {
        let stream = TcpStream::connect(address).await?;
        exchange(stream, Method::GET, address, path, Bytes::new()).await
    };
    let (status, body) = tokio::time::timeout(PROBE_PATIENCE, asked)
        .await
        .map_err(|_| format!("no answer within {PROBE_PATIENCE:?}"))?
        .map_err(|error| error.to_string())?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
