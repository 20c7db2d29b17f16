//! A runtime interface emulator that does as its event says, and counts how many invocations it has at a time: two at
//! once would kill a real one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Default)]
struct State {
    busy: AtomicUsize,
    most: AtomicUsize,
    /// It takes no connections, and breaks those that it has.
    dead: AtomicBool,
    events: Mutex<Vec<Value>>,
    ids: Mutex<Vec<String>>,
    lengths: Mutex<Vec<usize>>,
}

/// An emulator on a port of its own; it ends when it is dropped.
pub(crate) struct Rie {
    address: SocketAddr,
    state: Arc<State>,
    listener: Mutex<JoinHandle<()>>,
}

impl Rie {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let task = Mutex::new(tokio::spawn(accept(listener, Arc::clone(&state))));
        Self { address, state, listener: task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The most invocations that it had at a time.
    pub(crate) fn most(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }

    /// How many it has now.
    pub(crate) fn busy(&self) -> usize {
        self.state.busy.load(Ordering::SeqCst)
    }

    /// All events that came.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.state.events.lock().unwrap().clone()
    }

    /// The ids of the requests, as the header gave them.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.state.ids.lock().unwrap().clone()
    }

    /// How long the events were.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.state.lengths.lock().unwrap().clone()
    }

    /// It comes back after it died.
    pub(crate) async fn revive(&self) {
        let old = std::mem::replace(&mut *self.listener.lock().unwrap(), tokio::spawn(async {}));
        old.await.unwrap();
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.state.dead.store(false, Ordering::SeqCst);
        *self.listener.lock().unwrap() = tokio::spawn(accept(listener, Arc::clone(&self.state)));
    }
}

impl Drop for Rie {
    fn drop(&mut self) {
        self.listener.lock().unwrap().abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while !state.dead.load(Ordering::SeqCst) {
        // It sees its death while nothing comes, too.
        let accepted = tokio::time::timeout(Duration::from_millis(5), listener.accept()).await;
        if let Ok(Ok((stream, _))) = accepted {
            tokio::spawn(serve(stream, Arc::clone(&state)));
        }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut bytes = Vec::new();
    while let Some((head, body)) = request(&mut stream, &mut bytes).await {
        // An HTTP service does as its event says, too.
        let paths = ["POST /2015-03-31/functions/function/invocations HTTP/1.1\r\n", "POST /events HTTP/1.1\r\n"];
        if !paths.iter().any(|path| head.starts_with(path)) {
            say(&mut stream, 404, "", b"404 page not found\n").await;
            continue;
        }
        let busy = state.busy.fetch_add(1, Ordering::SeqCst) + 1;
        state.most.fetch_max(busy, Ordering::SeqCst);
        let id = head.lines().find_map(|line| line.strip_prefix("x-amzn-requestid: ")).unwrap_or_default();
        state.ids.lock().unwrap().push(id.to_owned());
        state.lengths.lock().unwrap().push(body.len());
        let event: Value = serde_json::from_slice(&body).unwrap_or_default();
        // The body of a message says what its event cannot.
        let body = event["Records"][0]["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
        let event = body.unwrap_or(event);
        state.events.lock().unwrap().push(event.clone());
        let pause = event["pause_ms"].as_u64().unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let goes_on = act(&mut stream, &event, &state).await;
        if !goes_on {
            return;
        }
    }
}

/// Does as the event says; false where the connection ends with it. It is idle before its last byte is sent.
async fn act(stream: &mut TcpStream, event: &Value, state: &State) -> bool {
    let idle = || state.busy.fetch_sub(1, Ordering::SeqCst);
    let again = state.events.lock().unwrap().iter().filter(|seen| *seen == event).count() > 1;
    match event["do"].as_str() {
        Some("die once") if again => {
            idle();
            say(stream, 200, "", b"null").await;
            true
        }
        Some("die" | "die once") => {
            state.dead.store(true, Ordering::SeqCst);
            stream.set_zero_linger().unwrap();
            idle();
            false
        }
        Some("break") => {
            let half = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{";
            stream.write_all(half).await.ok();
            idle();
            false
        }
        Some("say") => {
            let status = event["status"].as_u64().unwrap_or(200);
            let header = event["header"].as_str().unwrap_or_default();
            idle();
            say(stream, status, header, event["text"].as_str().unwrap_or_default().as_bytes()).await;
            true
        }
        _ => {
            idle();
            say(stream, 200, "", b"null").await;
            true
        }
    }
}

async fn say(stream: &mut TcpStream, status: u64, header: &str, body: &[u8]) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Said\r\nContent-Type: text/plain\r\n{header}Content-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await.ok();
}

/// The next request: its head and its body. `bytes` holds what has come so far.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes.drain(..end).collect()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    while bytes.len() < length {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, bytes.drain(..length).collect()))
}
