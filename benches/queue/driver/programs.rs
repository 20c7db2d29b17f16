//! How the fake, the bare loop and forebay are started, all in the same environment.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::Options;
use crate::common::{Child, FakeClient, Sample, Stage, free_address};

/// The queue of the measurements that need one.
pub(crate) const QUEUE: &str = "bench";
/// SQS's largest receive.
pub(crate) const BATCH: usize = 10;
const FUNCTION: &str = "bench";

/// A running fake, and all that is needed to start the other programs.
pub(crate) struct Bench {
    pub(crate) fake: FakeClient,
    stage: Stage,
    forebay: PathBuf,
}

/// What a mapping file of the bench says.
#[derive(Clone, Debug)]
pub(crate) struct MappingFile {
    pub(crate) queues: Vec<String>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) batch_size: usize,
    pub(crate) window_s: u64,
    pub(crate) drain: Duration,
    /// Further lines of each mapping, indented by four.
    pub(crate) more: String,
}

impl Default for MappingFile {
    fn default() -> Self {
        Self {
            queues: vec![QUEUE.to_owned()],
            concurrency: Some(10),
            batch_size: BATCH,
            window_s: 0,
            drain: Duration::from_secs(25),
            more: String::new(),
        }
    }
}

impl Bench {
    /// Starts the fake.
    pub(crate) async fn start(options: &Options) -> anyhow::Result<Self> {
        let stage = Stage::start().await?;
        Ok(Self { fake: FakeClient::new(stage.address()), stage, forebay: options.forebay.clone() })
    }

    /// Fails, with what it said, when the fake has died.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.stage.check()
    }

    /// What the fake itself has used so far.
    pub(crate) fn fake_sample(&mut self) -> anyhow::Result<Sample> {
        self.stage.fake_sample()
    }

    pub(crate) fn forebay_path(&self) -> &Path {
        &self.forebay
    }

    /// Starts the bare loop with this many workers a queue, each of which receives up to `batch` messages.
    pub(crate) fn bare(&self, queues: &[String], concurrency: usize, batch: usize) -> anyhow::Result<Child> {
        let mut command = self.stage.role("bare");
        command.arg("--queues").arg(queues.join(",")).args(["--function", FUNCTION]);
        command.arg("--concurrency").arg(concurrency.to_string()).arg("--batch").arg(batch.to_string());
        Child::start("bare-loop", &mut command, self.stage.folder())
    }

    /// Starts the smallest program that receives once.
    pub(crate) fn bare_start(&self) -> anyhow::Result<Child> {
        let mut command = self.stage.role("bare-start");
        command.args(["--queue", QUEUE]);
        Child::start("bare-start", &mut command, self.stage.folder())
    }

    /// Starts forebay on a mapping file of its own; the store is kept from start to start.
    pub(crate) fn forebay(&self, mapping: &MappingFile) -> anyhow::Result<Child> {
        Child::start("forebay", &mut self.command(mapping, "store.redb")?, self.stage.folder())
    }

    /// The same with an empty store, and the AWS API at an address.
    pub(crate) fn forebay_with_api(&self, mapping: &MappingFile, address: SocketAddr) -> anyhow::Result<Child> {
        let mut command = self.command(mapping, "api.redb")?;
        command.args(["--aws-api-insecure", "--aws-api"]).arg(address.to_string());
        Child::start("forebay", &mut command, self.stage.folder())
    }

    fn command(&self, mapping: &MappingFile, store: &str) -> anyhow::Result<Command> {
        let mut command = self.stage.forebay(&self.forebay, &mapping.text(), free_address()?, store)?;
        command.arg("--drain-timeout").arg(format!("{}s", mapping.drain.as_secs()));
        Ok(command)
    }
}

impl MappingFile {
    fn text(&self) -> String {
        let mut text = String::from("EventSourceMappings:\n");
        for queue in &self.queues {
            // Writing to a String cannot fail.
            write!(
                text,
                "  - Name: {queue}\n    EventSourceArn: arn:aws:sqs:us-east-1:000000000000:{queue}\n    \
                 FunctionName: {FUNCTION}\n    BatchSize: {}\n    MaximumBatchingWindowInSeconds: {}\n",
                self.batch_size, self.window_s
            )
            .ok();
            if let Some(concurrency) = self.concurrency {
                writeln!(text, "    ScalingConfig: {{ MaximumConcurrency: {concurrency} }}").ok();
            }
            text.push_str(&self.more);
        }
        text
    }
}
