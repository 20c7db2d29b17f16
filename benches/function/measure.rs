//! The runs: latency of one call after the other, and calls a second of eight at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use forebay::function::Function;
use futures_util::future;
use rustix::time::{ClockId, clock_gettime};

use crate::bare::{HttpClient, RuntimeServer};
use crate::mapping::Running;
use crate::peers::{attach, service};
use crate::report::{Row, median, print};
use crate::sides::{self, Side, event, function, mapping};
use crate::{idle, say};

/// Calls at a time, and workers.
const AT_A_TIME: usize = 8;

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

/// A forebay with its mapping around it, that forebay's adapter alone, and the bare side.
struct Sides {
    mapping: Running,
    adapter: Side,
    bare: Side,
}

pub(crate) fn run(pairs: usize, calls: usize, quick: bool) -> anyhow::Result<()> {
    // As many threads as forebay itself has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = runtime.block_on(async {
        let mut rows = http(pairs, calls).await?;
        rows.extend(workers(pairs, calls).await?);
        anyhow::Ok(rows)
    })?;
    drop(runtime);
    rows.push(idle::measure(quick)?);
    let head = format!("medians of {pairs} pairs; {calls} calls a run, events of 1 KiB, {AT_A_TIME} at a time");
    print(&rows, &head, quick)
}

async fn http(pairs: usize, calls: usize) -> anyhow::Result<Vec<Row>> {
    let (_service, address) = service()?;
    let sides = Sides::of(&sides::http(address), Side::Http(Box::new(HttpClient::new(address)))).await?;
    sides.rows("HTTP service", pairs, calls).await
}

async fn workers(pairs: usize, calls: usize) -> anyhow::Result<Vec<Row>> {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let (bare, address) = RuntimeServer::start().await?;
    let sides = Sides::of(&sides::runtime_api(free), Side::Runtime(bare)).await?;
    let workers =
        tokio::task::spawn_blocking(move || anyhow::Ok((attach(free, AT_A_TIME)?, attach(address, AT_A_TIME)?)));
    let _workers = workers.await??;
    sides.rows("worker", pairs, calls).await
}

impl Sides {
    async fn of(target: &str, bare: Side) -> anyhow::Result<Self> {
        let most = format!("{}ScalingConfig: {{ MaximumConcurrency: {AT_A_TIME} }}\n", sides::text(target));
        let mapping = mapping(&most)?;
        let function: Arc<dyn Function> = function(&mapping).await?;
        Ok(Self { mapping: Running::start(mapping, Arc::clone(&function)), adapter: Side::Forebay(function), bare })
    }

    /// Runs of all three in turn.
    async fn rows(&self, what: &str, pairs: usize, calls: usize) -> anyhow::Result<Vec<Row>> {
        let mut figures = Vec::new();
        for pair in 0..=pairs {
            let both = [measured(&self.adapter, calls).await?, measured(&self.bare, calls).await?];
            let (rate, cpu) = loaded(calls, self.mapping.process(calls)).await?;
            say(&format!(
                "{what} {pair}: {:.0} and {:.0} calls/s, {rate:.0} with a mapping",
                both[0].rate, both[1].rate
            ));
            // The first warms up.
            figures.extend((pair > 0).then_some([both[0], both[1], Figures { latency: 0.0, rate, cpu }]));
        }
        Ok(rows(what, &figures))
    }
}

async fn measured(side: &Side, calls: usize) -> anyhow::Result<Figures> {
    let mut latencies = Vec::new();
    for _ in 0..calls / 10 {
        let begun = Instant::now();
        side.invoke(event()).await?;
        latencies.push(micros(begun.elapsed()));
    }
    let runs = (0..AT_A_TIME).map(|_| {
        let side = side.clone();
        tokio::spawn(async move {
            for _ in 0..calls / AT_A_TIME {
                side.invoke(event()).await?;
            }
            anyhow::Ok(())
        })
    });
    let all = async { future::join_all(runs).await.into_iter().try_for_each(|run| run?) };
    let (rate, cpu) = loaded(calls / AT_A_TIME * AT_A_TIME, all).await?;
    Ok(Figures { latency: median(latencies), rate, cpu })
}

/// Calls a second, and processor time of this process a call.
async fn loaded(calls: usize, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<(f64, f64)> {
    let (begun, before) = (Instant::now(), used());
    work.await?;
    let (took, cpu) = (begun.elapsed(), used().saturating_sub(before));
    Ok((calls as f64 / took.as_secs_f64(), micros(cpu) / calls as f64))
}

fn rows(what: &str, figures: &[[Figures; 3]]) -> Vec<Row> {
    // Of forebay's adapter or its mapping, of the bare side, their ratio and their difference.
    let of = |side: usize, figure: fn(&Figures) -> f64| {
        let pairs = || figures.iter().map(|run| (figure(&run[side]), figure(&run[1])));
        let ratio = median(pairs().map(|(one, other)| one / other));
        let added = median(pairs().map(|(one, other)| one - other));
        (median(pairs().map(|pair| pair.0)), median(pairs().map(|pair| pair.1)), ratio, added)
    };
    let row = |name: &str, unit: &str, (ours, bare, ratio, _): (f64, f64, f64, f64)| {
        Row::pair(format!("{what}, {name}"), format!("{ours:.1} {unit}"), format!("{bare:.1} {unit}"), ratio)
    };
    let (latency, rate, cpu) = (of(0, |run| run.latency), of(0, |run| run.rate), of(0, |run| run.cpu));
    vec![
        row("latency of a call", "µs", latency).target("≤ 150 µs more", latency.3 <= 150.0),
        row("calls", "calls/s", rate).target("≥ 0.95", rate.2 >= 0.95),
        row("processor time a call", "µs", cpu).target("≤ 1.15", cpu.2 <= 1.15),
        row("a whole mapping: calls", "calls/s", of(2, |run| run.rate)),
        row("a whole mapping: processor time a call", "µs", of(2, |run| run.cpu)),
    ]
}

/// Processor time of this process.
fn used() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}
