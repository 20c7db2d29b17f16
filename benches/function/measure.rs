//! The runs: latency of one call after the other, and calls a second of eight at a time.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use forebay::AwsConnector;
use forebay::function::{Function, Invocation};
use forebay::mapping::parse;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, future};

use crate::bare::{HttpClient, RuntimeServer};
use crate::report::{Row, median, print};
use crate::{process, say};

/// Calls at a time, and workers.
const AT_A_TIME: usize = 8;

/// Something that takes an event, whichever side it is of.
#[derive(Clone)]
enum Side {
    Forebay(Arc<dyn Function>),
    Http(Box<HttpClient>),
    Runtime(RuntimeServer),
}

impl Side {
    fn invoke(&self, event: Bytes) -> BoxFuture<'_, anyhow::Result<()>> {
        match self {
            Self::Forebay(function) => async move {
                let answer = function.invoke(Invocation::first(event)).await?;
                anyhow::ensure!(answer.function_error.is_none() && &*answer.payload == b"null", "{answer:?}");
                Ok(())
            }
            .boxed(),
            Self::Http(client) => client.invoke(event).map(|answer| answer.map(drop)).boxed(),
            Self::Runtime(server) => server.invoke(event).map(|answer| answer.map(drop)).boxed(),
        }
    }
}

/// What a run has shown.
#[derive(Clone, Copy)]
struct Figures {
    /// Of one call after the other (µs).
    latency: f64,
    /// Calls a second.
    rate: f64,
    /// Processor time of this process a call (µs).
    cpu: f64,
}

pub(crate) fn run(pairs: usize, calls: usize, quick: bool) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let rows = runtime.block_on(async {
        let mut rows = http(pairs, calls).await?;
        rows.extend(workers(pairs, calls).await?);
        anyhow::Ok(rows)
    })?;
    let head = format!("medians of {pairs} pairs; {calls} calls a run, events of 1 KiB, {AT_A_TIME} at a time");
    print(&rows, &head, quick)
}

async fn http(pairs: usize, calls: usize) -> anyhow::Result<Vec<Row>> {
    let (_service, address) = service()?;
    let mapping = format!("Http: {{ Url: \"http://{address}/\" }}");
    let sides = (Side::Forebay(function(&mapping).await?), Side::Http(Box::new(HttpClient::new(address))));
    Ok(rows("HTTP service", &paired(sides, pairs, calls).await?))
}

async fn workers(pairs: usize, calls: usize) -> anyhow::Result<Vec<Row>> {
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let forebay = Side::Forebay(function(&format!("RuntimeApi: {{ Listen: \"{free}\" }}")).await?);
    let (bare, address) = RuntimeServer::start().await?;
    // A server that nobody has asked for yet may not listen.
    let first = tokio::spawn({
        let forebay = forebay.clone();
        async move { forebay.invoke(event()).await }
    });
    let _workers = (attach(free)?, attach(address)?);
    first.await??;
    Ok(rows("worker", &paired((forebay, Side::Runtime(bare)), pairs, calls).await?))
}

/// Runs of both sides in turn.
async fn paired(sides: (Side, Side), pairs: usize, calls: usize) -> anyhow::Result<Vec<(Figures, Figures)>> {
    let mut figures = Vec::new();
    for pair in 0..=pairs {
        let both = (measured(&sides.0, calls).await?, measured(&sides.1, calls).await?);
        say(&format!("pair {pair}: {:.0} and {:.0} calls/s", both.0.rate, both.1.rate));
        // The first warms up.
        figures.extend((pair > 0).then_some(both));
    }
    Ok(figures)
}

async fn measured(side: &Side, calls: usize) -> anyhow::Result<Figures> {
    let mut latencies = Vec::new();
    for _ in 0..calls / 10 {
        let begun = Instant::now();
        side.invoke(event()).await?;
        latencies.push(micros(begun.elapsed()));
    }
    let (begun, before) = (Instant::now(), used()?);
    let runs = (0..AT_A_TIME).map(|_| {
        let side = side.clone();
        tokio::spawn(async move {
            for _ in 0..calls / AT_A_TIME {
                side.invoke(event()).await?;
            }
            anyhow::Ok(())
        })
    });
    for run in future::join_all(runs).await {
        run??;
    }
    let (took, cpu) = (begun.elapsed(), used()?.saturating_sub(before));
    let made = (calls / AT_A_TIME * AT_A_TIME) as f64;
    Ok(Figures { latency: median(latencies), rate: made / took.as_secs_f64(), cpu: micros(cpu) / made })
}

fn rows(what: &str, figures: &[(Figures, Figures)]) -> Vec<Row> {
    let of = |figure: fn(&Figures) -> f64| {
        let (ours, bare): (Vec<f64>, Vec<f64>) =
            figures.iter().map(|(one, other)| (figure(one), figure(other))).unzip();
        let ratio = median(ours.iter().zip(&bare).map(|(one, other)| one / other));
        let added = median(ours.iter().zip(&bare).map(|(one, other)| one - other));
        (median(ours), median(bare), ratio, added)
    };
    let (latency, rate, cpu) = (of(|run| run.latency), of(|run| run.rate), of(|run| run.cpu));
    let row = |name: &str, unit: &str, (ours, bare, ratio, _): (f64, f64, f64, f64)| {
        Row::pair(format!("{what}, {name}"), format!("{ours:.1} {unit}"), format!("{bare:.1} {unit}"), ratio)
    };
    vec![
        row("latency of a call", "µs", latency).target("≤ 150 µs more", latency.3 <= 150.0),
        row("calls", "calls/s", rate).target("≥ 0.95", rate.2 >= 0.95),
        row("processor time a call", "µs", cpu).target("≤ 1.15", cpu.2 <= 1.15),
    ]
}

async fn function(target: &str) -> anyhow::Result<Arc<dyn Function>> {
    let source = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f";
    let text = format!("{source}\nPoller:\n  Function:\n    {target}\n");
    let loaded = parse("bench.yaml".as_ref(), &text, &|_| None);
    let mapping = loaded.mappings.into_iter().next().with_context(|| format!("{:?}", loaded.diagnostics))?;
    Ok(AwsConnector::new().function(&mapping).await?)
}

fn event() -> Bytes {
    static EVENT: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    EVENT.get_or_init(|| format!("{{\"Records\":[{{\"body\":\"{}\"}}]}}", "x".repeat(1_000)).into()).clone()
}

/// Processor time of this process.
fn used() -> anyhow::Result<Duration> {
    Ok(process::sample(std::process::id())?.cpu)
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

/// Ends with this value.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn service() -> anyhow::Result<(Peer, SocketAddr)> {
    let mut child = itself().arg("service").stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    let out = child.stdout.take().context("no standard output")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)?;
    Ok((Peer(child), line.trim().parse()?))
}

/// As many workers as calls at a time.
fn attach(api: SocketAddr) -> anyhow::Result<Peer> {
    let count = AT_A_TIME.to_string();
    // A server that is about to listen is waited for.
    for _ in 0..500 {
        if std::net::TcpStream::connect(api).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Peer(itself().args(["workers", "--api", &api.to_string(), "--count", &count]).spawn()?))
}

fn itself() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command.stdin(Stdio::piped());
    command
}
