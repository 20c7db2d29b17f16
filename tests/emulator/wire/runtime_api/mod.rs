//! The Runtime API on the wire: every path, header, status and body, against clients that do what they should not.

mod extensions;
mod life;
mod node;
mod payloads;
mod refusals;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forebay::AwsConnector;
use forebay::function::{Function, Invocation};
use forebay::machine::InvokeResult;
use forebay::mapping::{LateAnswers, RuntimeApiTarget, Target};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::harness::process::{SOON, eventually};
use crate::harness::{free_port, mapping};

const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const PYTHON: (&str, &str) = ("User-Agent", "aws-lambda-python/3.11.7-4.2.2");
const MOST: usize = 6_291_556;

/// A function whose workers attach to this port.
struct Served {
    connector: AwsConnector,
    port: u16,
    timeout: Duration,
    late_answers: LateAnswers,
}

impl Served {
    fn new() -> Self {
        let (connector, port) = (AwsConnector::new(), free_port());
        Self { connector, port, timeout: Duration::from_secs(300), late_answers: LateAnswers::Reject }
    }

    async fn function(&self, name: &str) -> Arc<dyn Function> {
        let mut mapping = mapping("arn:aws:sqs:eu-west-1:123456789012:orders", name);
        mapping.target = Target::RuntimeApi(RuntimeApiTarget {
            listen: Some(([127, 0, 0, 1], self.port).into()),
            allow_from: Vec::new(),
            attach_wait: Duration::from_secs(300),
            timeout: self.timeout,
            late_answers: self.late_answers,
            command: None,
        });
        let function = self.connector.function(&mapping).await.unwrap();
        function.capacity().unwrap();
        function
    }

    async fn connect(&self) -> Client {
        let connect = async || TcpStream::connect(("127.0.0.1", self.port)).await.ok();
        Client { stream: eventually(SOON, "the port is open", connect).await }
    }

    /// A client that has got an event, and what waits for its answer.
    async fn begun(&self, function: &Arc<dyn Function>) -> (Client, String, JoinHandle<InvokeResult>) {
        let mut client = self.connect().await;
        client.send("GET", NEXT, &[PYTHON], b"").await;
        let call = invoke(function, b"{}");
        let event = client.answer().await;
        (client, event.headers["Lambda-Runtime-Aws-Request-Id"].clone(), call)
    }
}

fn invoke(function: &Arc<dyn Function>, event: &[u8]) -> JoinHandle<InvokeResult> {
    let (function, event) = (Arc::clone(function), Invocation::first(event.to_vec()));
    tokio::spawn(async move { function.invoke(event).await })
}

async fn failed(call: JoinHandle<InvokeResult>) -> Value {
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    serde_json::from_slice(&answer.payload).unwrap()
}

/// A connection of a worker, byte by byte.
struct Client {
    stream: TcpStream,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    /// By their names as they were sent.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Client {
    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = if method == "POST" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        self.raw(format!("{method} {path} HTTP/1.1\r\nHost: forebay\r\n{lines}{length}\r\n").as_bytes()).await;
        self.raw(body).await;
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Whether something has come that is not read so far.
    async fn has_something(&self) -> bool {
        self.stream.peek(&mut [0]).await.is_ok_and(|length| length > 0)
    }

    async fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.expect("an answer"));
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut body = vec![0; headers.get("Content-Length").map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).await.unwrap();
        Answer { status, headers, body }
    }

    async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(method, path, headers, body).await;
        self.answer().await
    }

    async fn next(&mut self) -> (String, Answer) {
        let event = self.ask("GET", NEXT, &[PYTHON], b"").await;
        (event.headers["Lambda-Runtime-Aws-Request-Id"].clone(), event)
    }

    async fn respond(&mut self, id: &str, body: &[u8]) -> Answer {
        self.ask("POST", &response(id), &[], body).await
    }
}

fn response(id: &str) -> String {
    format!("/2018-06-01/runtime/invocation/{id}/response")
}

/// Status, and the two members of the error.
fn refused(answer: &Answer) -> (u16, String, String) {
    assert_eq!(answer.headers["Content-Type"], "application/json");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let text = |member: &str| body[member].as_str().unwrap().to_owned();
    (answer.status, text("errorType"), text("errorMessage"))
}
