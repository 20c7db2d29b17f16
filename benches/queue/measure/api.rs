//! The AWS API: how long a new mapping takes to poll, and a page of many.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{ENDING, PATIENCE, setup};
use crate::common::{Child, Row, free_address, median, say};
use crate::driver::{Bench, MappingFile, Options};
use crate::fake::{Setup, Until};

const MAPPINGS: usize = 1_000;
const PATH: &str = "/2015-03-31/event-source-mappings";
/// A page of the list may take as long.
const PAGE: f64 = 50.0;
/// From the request of a new mapping to its first poll.
const ENABLED: f64 = 1_000.0;

/// Makes many mappings, one after the other, and lists them all again and again. Every queue has a mapping and a long
/// poll.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let (count, rounds) = if options.quick { (120, 2) } else { (MAPPINGS, 20) };
    let queues: Vec<String> = (0..count).map(|number| format!("api-{number:04}")).collect();
    bench.fake.reset(&Setup { queues: queues.clone(), ..setup(0, 0) }).await?;
    let address = free_address()?;
    let file = MappingFile { queues: vec![queues[0].clone()], ..MappingFile::default() };
    let mut child = bench.forebay_with_api(&file, address)?;
    child.during(bench.fake.wait(Until { waiting: 1, ..Until::default() }, PATIENCE)).await?;
    let mut api = Api::connect(address).await?;

    let mut enabled = Vec::new();
    for queue in &queues[1..] {
        enabled.push(child.during(api.make(queue)).await?);
    }
    child.during(bench.fake.wait(Until { waiting: count as u64, ..Until::default() }, PATIENCE)).await?;
    let (mut pages, mut seen) = (Vec::new(), 0);
    for _ in 0..rounds {
        seen += child.during(api.list(&mut pages)).await?;
    }
    anyhow::ensure!(seen == count * rounds, "{seen} mappings were listed instead of {}", count * rounds);
    finish(child).await?;

    let most = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let (page, page_most) = (median(pages.iter().copied()), most(&pages));
    let (poll, poll_most) = (median(enabled.iter().copied()), most(&enabled));
    say(&format!(
        "{count} mappings: a page in {page:.1} ms, at most {page_most:.1}; enabled in {poll:.1} ms, at most \
         {poll_most:.1}"
    ));
    let both = |middle: f64, most: f64| format!("{middle:.1} ms, at most {most:.1} ms");
    Ok(vec![
        Row::alone(format!("AWS API, {count} mappings: a page of 100"), both(page, page_most))
            .target(format!("< {PAGE:.0} ms"), page_most < PAGE),
        Row::alone("AWS API: from Create to Enabled", both(poll, poll_most))
            .target(format!("< {ENABLED:.0} ms"), poll_most < ENABLED),
    ])
}

async fn finish(child: Child) -> anyhow::Result<()> {
    let status = child.terminate(ENDING).await?;
    anyhow::ensure!(status.success(), "forebay ended with {status} when it was asked to end");
    Ok(())
}

/// One connection to the API.
struct Api {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Api {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting to the API")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { address, sender })
    }

    async fn ask(&mut self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder().method(method.clone()).uri(path).header("host", self.address.to_string());
        let answer = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        anyhow::ensure!(matches!(status, StatusCode::OK | StatusCode::ACCEPTED), "{method} {path}: {status} {text}");
        serde_json::from_slice(&body).with_context(|| format!("{method} {path}: {text}"))
    }

    /// Makes a mapping; milliseconds until it is Enabled, which is after its first poll.
    async fn make(&mut self, queue: &str) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
        let made = self.ask(Method::POST, PATH, &json!({ "EventSourceArn": arn, "FunctionName": "bench" })).await?;
        let path = format!("{PATH}/{}", made["UUID"].as_str().context("a mapping without a UUID")?);
        while self.ask(Method::GET, &path, &Value::Null).await?["State"] != "Enabled" {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "the mapping of {queue} does not become Enabled");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    /// Lists everything, page by page; notes the milliseconds of each, and says how many mappings there are.
    async fn list(&mut self, pages: &mut Vec<f64>) -> anyhow::Result<usize> {
        let (mut seen, mut path) = (0, PATH.to_owned());
        loop {
            let begun = Instant::now();
            let page = self.ask(Method::GET, &path, &Value::Null).await?;
            pages.push(begun.elapsed().as_secs_f64() * 1e3);
            seen += page["EventSourceMappings"].as_array().context("a page without mappings")?.len();
            let Some(marker) = page["NextMarker"].as_str() else { return Ok(seen) };
            path = format!("{PATH}?Marker={marker}");
        }
    }
}
