//! How the fake, the bare loop and forebay are started, all in the same environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;

use super::Options;
use crate::common::{Child, FakeClient, Sample, Stage, free_address};

/// The stream and the function of every measurement.
const NAME: &str = "bench";
/// forebay allows more than Kinesis's five, and so does the bare loop: work is compared, not limits.
const READS_PER_SECOND: &str = "1000";

/// A running fake, and all that is needed to start the other programs.
pub(crate) struct Bench {
    pub(crate) fake: FakeClient,
    stage: Stage,
    forebay: PathBuf,
    stores: usize,
}

/// What a mapping file of the bench says.
#[derive(Clone, Debug)]
pub(crate) struct MappingFile {
    pub(crate) batch_size: usize,
    pub(crate) lanes: usize,
}

/// A forebay, and where its metrics are.
pub(crate) struct Running {
    pub(crate) child: Child,
    metrics: SocketAddr,
}

impl Bench {
    /// Starts the fake.
    pub(crate) async fn start(options: &Options) -> anyhow::Result<Self> {
        let stage = Stage::start().await?;
        Ok(Self { fake: FakeClient::new(stage.address()), stage, forebay: options.forebay.clone(), stores: 0 })
    }

    /// Fails, with what it said, when the fake has died.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.stage.check()
    }

    /// What the fake itself has used so far.
    pub(crate) fn fake_sample(&mut self) -> anyhow::Result<Sample> {
        self.stage.fake_sample()
    }

    /// Starts the bare loop.
    pub(crate) fn bare(&self, batch_size: usize) -> anyhow::Result<Child> {
        let mut command = self.stage.role("bare");
        command.args(["--stream", NAME, "--function", NAME, "--reads-per-second", READS_PER_SECOND]);
        command.arg("--batch-size").arg(batch_size.to_string());
        Child::start("bare-loop", &mut command, self.stage.folder())
    }

    /// Starts forebay's engine over idle shards in memory.
    pub(crate) fn shards(&self, count: usize) -> anyhow::Result<Child> {
        let mut command = self.stage.role("shards");
        command.arg("--count").arg(count.to_string());
        Child::start("shards", &mut command, self.stage.folder())
    }

    /// Starts forebay on a mapping file and a store of its own: it begins at the stream's oldest record.
    pub(crate) fn forebay(&mut self, mapping: &MappingFile) -> anyhow::Result<Running> {
        self.stores += 1;
        let metrics = free_address()?;
        let store = format!("store-{}/forebay.redb", self.stores);
        std::fs::create_dir(self.stage.folder().join(format!("store-{}", self.stores))).context("a folder")?;
        let mut command = self.stage.forebay(&self.forebay, &mapping.text(), metrics, &store)?;
        let child = Child::start("forebay", &mut command, self.stage.folder())?;
        Ok(Running { child, metrics })
    }
}

impl Running {
    /// The sum of a metric's series whose labels hold a text.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> anyhow::Result<f64> {
        let text = tokio::time::timeout(Duration::from_secs(10), get(self.metrics)).await??;
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let numbers = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        let numbers: Vec<f64> = numbers.collect();
        anyhow::ensure!(!numbers.is_empty(), "no {name} with {label} among the metrics");
        Ok(numbers.into_iter().sum())
    }
}

async fn get(address: SocketAddr) -> anyhow::Result<String> {
    let stream = tokio::net::TcpStream::connect(address).await.context("connecting to forebay's metrics")?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let pump = tokio::spawn(connection);
    let request =
        hyper::Request::get("/metrics").header("host", address.to_string()).body(Empty::<bytes::Bytes>::new());
    let answer = sender.send_request(request?).await?.into_body().collect().await?.to_bytes();
    pump.abort();
    Ok(String::from_utf8(answer.into())?)
}

impl MappingFile {
    fn text(&self) -> String {
        format!(
            "Name: {NAME}\nEventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/{NAME}\nFunctionName: {NAME}\n\
             StartingPosition: TRIM_HORIZON\nBatchSize: {}\nParallelizationFactor: {}\n\
             Poller: {{ ReadsPerSecond: {READS_PER_SECOND} }}\n",
            self.batch_size, self.lanes
        )
    }
}
