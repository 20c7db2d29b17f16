//! Serves HTTP so that no client, slow, silent or greedy, can hold the process.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at a time for the control API and for the probes; more wait in the kernel's queue.
pub(crate) const CONNECTIONS: usize = 64;
/// A request's head must have come within this time, and be no larger than this.
const HEAD_TIME: Duration = Duration::from_secs(10);
const HEAD_BYTES: usize = 16 * 1024;
/// An old connection is ended after its current answer: a reader that stalls does not keep its place for ever.
const OLDEST: Duration = Duration::from_secs(15 * 60);
/// How long answers on their way may still take when the process ends.
const GRACE: Duration = Duration::from_millis(500);

/// Serves `router` until `stop`, at most `connections` at a time, then ends open connections within half a second.
pub(crate) async fn serve<L: Listener>(mut listener: L, router: Router, connections: usize, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(connections));
    let open = TaskTracker::new();
    loop {
        let admitted = async {
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((slot, listener.accept().await.0))
        };
        let (slot, io) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            admitted = admitted => match admitted {
                Some(admitted) => admitted,
                None => break,
            },
        };
        open.spawn(connection(io, router.clone(), stop.clone(), slot));
    }
    drop(listener);
    open.close();
    open.wait().await;
}

async fn connection<I>(io: I, router: Router, stop: CancellationToken, _slot: OwnedSemaphorePermit)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = tokio::time::sleep(OLDEST) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a client's connection ended badly");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn served() -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let big = get(async || vec![b'x'; 64 * 1024 * 1024]);
        let router = Router::new().route("/", get(async || "hello")).route("/big", big);
        (address, stop.clone(), tokio::spawn(serve(listener, router, CONNECTIONS, stop)))
    }

    #[tokio::test]
    async fn silent_and_stalled_clients_do_not_hold_the_end() {
        let (address, stop, server) = served().await;
        let silent = TcpStream::connect(address).await.unwrap();
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        let mut stalled = TcpStream::connect(address).await.unwrap();
        stalled.write_all(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        stalled.readable().await.unwrap();
        stop.cancel();
        tokio::time::timeout(GRACE * 8, server).await.expect("clients hold the server").unwrap();
        drop((silent, half, stalled));
    }

    #[tokio::test]
    async fn an_endless_head_is_refused() {
        let (address, stop, server) = served().await;
        let mut greedy = TcpStream::connect(address).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(HEAD_BYTES * 2));
        // The server may close while we still write.
        greedy.write_all(head.as_bytes()).await.ok();
        let mut answer = Vec::new();
        greedy.read_to_end(&mut answer).await.ok();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_http_is_dropped() {
        let (address, stop, server) = served().await;
        let mut odd = TcpStream::connect(address).await.unwrap();
        odd.write_all(b"\x16\x03\x01 this is not HTTP\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        odd.read_to_end(&mut answer).await.ok();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
        stop.cancel();
        server.await.unwrap();
    }
}
