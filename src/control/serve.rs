//! Serves HTTP so that no client, slow, silent or greedy, can hold the process.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::crowd::{Crowd, Seat};

/// Connections at a time for the control API and for the probes; for one more, that which waits for its client is
/// closed.
pub(crate) const CONNECTIONS: usize = 64;
/// A request's head must have come within this time, and be no larger than this.
const HEAD_TIME: Duration = Duration::from_secs(10);
const HEAD_BYTES: usize = 16 * 1024;
/// An old connection is ended after its current answer: a reader that stalls does not keep its place for ever.
const OLDEST: Duration = Duration::from_secs(15 * 60);
/// How long answers on their way may still take when the process ends.
const GRACE: Duration = Duration::from_millis(500);

/// Serves `router` until `stop`, at most `connections` at a time, then ends open connections within half a second. A
/// client that has not sent a whole request, or is idle, makes room for a new one.
pub(crate) async fn serve<L: Listener>(mut listener: L, router: Router, connections: usize, stop: CancellationToken) {
    let crowd = Crowd::new(connections);
    let open = TaskTracker::new();
    loop {
        let next = async { (listener.accept().await.0, crowd.seat().await) };
        let Some((io, Some(seat))) = stop.run_until_cancelled(next).await else { break };
        open.spawn(connection(io, router.clone(), stop.clone(), Arc::new(seat)));
    }
    drop(listener);
    open.close();
    open.wait().await;
}

async fn connection<I>(io: I, router: Router, stop: CancellationToken, seat: Arc<Seat>)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let router = router.layer(from_fn_with_state(Arc::clone(&seat), seated));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = seat.lost.cancelled() => return,
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

/// Keeps the seat of a connection from the end of its request, body included, until there is an answer.
async fn seated(State(seat): State<Arc<Seat>>, request: Request, next: Next) -> Response {
    let request = request.map(|body| Body::new(Watched { body, seat: Arc::clone(&seat) }.begun()));
    if seat.lost.is_cancelled() {
        // The connection is about to be closed: nothing of this is to happen.
        std::future::pending::<()>().await;
    }
    let response = next.run(request).await;
    seat.wait();
    response
}

/// A request's body that says when it has come whole.
struct Watched {
    body: Body,
    seat: Arc<Seat>,
}

impl Watched {
    fn begun(self) -> Self {
        if self.body.is_end_stream() {
            self.seat.work();
        }
        self
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let whole = matches!(&frame, Poll::Ready(None)) || self.body.is_end_stream();
        if whole && !self.seat.work() {
            return Poll::Pending;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
        let take = axum::routing::post(async |_: Bytes| "taken");
        let router = Router::new().route("/", get(async || "hello")).route("/big", big).route("/take", take);
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

    /// How many clients crowd a server here; `FOREBAY_CLIENTS` says otherwise.
    fn crowd() -> usize {
        std::env::var("FOREBAY_CLIENTS").map_or(1_000, |number| number.parse().unwrap())
    }

    async fn answer(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn probes_are_answered_among_a_crowd_of_clients_that_never_finish() {
        let (address, stop, server) = served().await;
        let mut clients = Vec::new();
        let mut longest = Duration::ZERO;
        for number in 0..crowd() {
            let mut client = TcpStream::connect(address).await.unwrap();
            let begun =
                ["", "GET / HTTP/1.1\r\nhost: a", "POST /take HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf"];
            client.write_all(begun[number % 3].as_bytes()).await.ok();
            clients.push(client);
            if number % (crowd() / 10) == 0 {
                let begun = tokio::time::Instant::now();
                let answer = answer(address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
                longest = longest.max(begun.elapsed());
                assert!(answer.ends_with("hello"), "among {number} clients: {answer}");
            }
        }
        println!("the slowest of 10 probes among {} clients took {longest:?}", crowd());
        // Those that came first had to go, and the last ones are still there.
        let mut byte = [0];
        let gone = clients[0].read(&mut byte).await;
        assert!(matches!(gone, Ok(0) | Err(_)), "{gone:?}");
        let last = clients.len() - CONNECTIONS / 2;
        for client in &clients[last..] {
            assert_eq!(client.try_read(&mut byte).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        }
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn idle_clients_make_room_and_those_that_are_served_do_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let go = Arc::new(tokio::sync::Notify::new());
        let wait = Arc::clone(&go);
        let slow = get(async move || {
            wait.notified().await;
            "slow"
        });
        let router = Router::new().route("/", get(async || "hello")).route("/slow", slow);
        let server = tokio::spawn(serve(listener, router, 2, stop.clone()));
        let served = tokio::spawn(answer(address, "GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut byte = [0; 5];
        while !byte.ends_with(b"hello") {
            idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut head = [0; 1024];
            let length = idle.read(&mut head).await.unwrap();
            byte.copy_from_slice(&head[length - 5..length]);
        }
        for _ in 0..5 {
            let answer = answer(address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
            assert!(answer.ends_with("hello"), "{answer}");
        }
        assert!(matches!(idle.read(&mut byte).await, Ok(0) | Err(_)), "the idle one had to go");
        go.notify_one();
        assert!(served.await.unwrap().ends_with("slow"));
        stop.cancel();
        server.await.unwrap();
    }
}
