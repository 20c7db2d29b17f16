//! The other ends: an HTTP service, and workers with AWS's own runtime. Each is a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use tokio::task::LocalSet;

use crate::http::{self, Answer};

/// Answers `null`, or as an empty queue does, until standard input ends.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let (listener, _) = http::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        http::serve(listener, |head, _| answer(head)).await
    })
}

async fn answer(head: Parts) -> Answer {
    let operation =
        head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.strip_prefix("AmazonSQS."));
    let body = match operation {
        None => "null",
        Some("GetQueueAttributes") => r#"{"Attributes":{"VisibilityTimeout":"30"}}"#,
        Some("GetQueueUrl") => r#"{"QueueUrl":"http://127.0.0.1/000000000000/orders"}"#,
        Some(_) => {
            tokio::time::sleep(Duration::from_secs(20)).await;
            "{}"
        }
    };
    Response::new(Full::new(Bytes::from_static(body.as_bytes())))
}

/// Ends with this value.
pub(crate) struct Peer(pub(crate) Child);

impl Drop for Peer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(crate) fn service() -> anyhow::Result<(Peer, SocketAddr)> {
    let mut child = itself("service").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    let out = child.stdout.take().context("no standard output")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)?;
    Ok((Peer(child), line.trim().parse()?))
}

/// So many workers.
pub(crate) fn attach(api: SocketAddr, count: usize) -> anyhow::Result<Vec<Peer>> {
    listens(api)?;
    let mut command = itself("worker");
    command.env("AWS_LAMBDA_RUNTIME_API", api.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    for (name, value) in [("NAME", "f"), ("VERSION", "$LATEST"), ("MEMORY_SIZE", "128")] {
        command.env(format!("AWS_LAMBDA_FUNCTION_{name}"), value);
    }
    (0..count).map(|_| Ok(Peer(command.spawn()?))).collect()
}

/// Waits until somebody listens there.
pub(crate) fn listens(address: SocketAddr) -> anyhow::Result<()> {
    for _ in 0..1000 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("nothing listens on {address}")
}

fn itself(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command.arg(role);
    command
}
