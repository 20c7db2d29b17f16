//! How the fake, the bare loop and forebay are started, all in the same environment.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{Child, FakeClient, Options, Sample};

/// The queue of the measurements that need one.
pub(crate) const QUEUE: &str = "bench";
const FUNCTION: &str = "bench";

/// A running fake, and all that is needed to start the other programs.
pub(crate) struct Bench {
    pub(crate) fake: FakeClient,
    fake_process: Child,
    address: SocketAddr,
    folder: TempDir,
    forebay: PathBuf,
    this: PathBuf,
}

/// What a mapping file of the bench says.
#[derive(Clone, Debug)]
pub(crate) struct MappingFile {
    pub(crate) queues: Vec<String>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) batch_size: usize,
    pub(crate) window_s: u64,
    pub(crate) drain: Duration,
}

impl Default for MappingFile {
    fn default() -> Self {
        Self {
            queues: vec![QUEUE.to_owned()],
            concurrency: Some(10),
            batch_size: 10,
            window_s: 0,
            drain: Duration::from_secs(25),
        }
    }
}

impl Bench {
    /// Starts the fake, on a core of its own where the system can do that.
    pub(crate) async fn start(options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("forebay-bench-").tempdir().context("making a folder")?;
        let this = std::env::current_exe().context("finding this program")?;
        let mut command = pinned(&this).await;
        command.arg("fake").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut fake_process = Child::start("fake", &mut command, folder.path())?;
        let output = fake_process.process().stdout.take().context("the fake's output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await.context("reading the fake's address")?;
        let address = match line.trim().parse() {
            Ok(address) => address,
            Err(_) => {
                fake_process.check()?;
                anyhow::bail!("the fake answered {line:?} instead of its address");
            }
        };
        let forebay = options.forebay.clone();
        Ok(Self { fake: FakeClient::new(address), fake_process, address, folder, forebay, this })
    }

    /// Fails, with what it said, when the fake has died.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.fake_process.check()
    }

    /// What the fake itself has used so far.
    pub(crate) fn fake_sample(&mut self) -> anyhow::Result<Sample> {
        self.fake_process.sample()
    }

    pub(crate) fn forebay_path(&self) -> &Path {
        &self.forebay
    }

    /// Starts the bare loop with this many workers a queue.
    pub(crate) fn bare(&self, queues: &[String], concurrency: usize) -> anyhow::Result<Child> {
        let mut command = self.command(&self.this);
        command.arg("bare").arg("--queues").arg(queues.join(",")).args(["--function", FUNCTION]);
        command.arg("--concurrency").arg(concurrency.to_string());
        Child::start("bare-loop", &mut command, self.folder.path())
    }

    /// Starts the smallest program that receives once.
    pub(crate) fn bare_start(&self) -> anyhow::Result<Child> {
        let mut command = self.command(&self.this);
        command.args(["bare-start", "--queue", QUEUE]);
        Child::start("bare-start", &mut command, self.folder.path())
    }

    /// Starts forebay on a mapping file of its own; the store is kept from start to start.
    pub(crate) fn forebay(&self, mapping: &MappingFile) -> anyhow::Result<Child> {
        let folder = self.folder.path();
        let mappings = folder.join("mappings.yaml");
        std::fs::write(&mappings, mapping.text()).context("writing the mapping file")?;
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).context("a free port")?;
        let mut command = self.command(&self.forebay);
        command.arg("run").arg("-f").arg(&mappings);
        command.arg("--store").arg(folder.join("store.redb"));
        command.arg("--socket").arg(folder.join("forebay.sock"));
        command.arg("--listen").arg(free.to_string());
        command.arg("--drain-timeout").arg(format!("{}s", mapping.drain.as_secs()));
        Child::start("forebay", &mut command, folder)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let ours = |name: &str| ["AWS_", "FOREBAY_", "OTEL_"].iter().any(|prefix| name.starts_with(prefix));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(ours) {
                command.env_remove(name);
            }
        }
        let nothing = self.folder.path().join("no-such-file");
        command
            .env_remove("RUST_LOG")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", &nothing)
            .env("AWS_SHARED_CREDENTIALS_FILE", &nothing)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
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
        }
        text
    }
}

/// This program on the last core alone, if `taskset` is there and there is more than one.
async fn pinned(program: &Path) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let core = (cores - 1).to_string();
    let mut probe = Command::new("taskset");
    probe.args(["-c", &core, "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    if cores > 1 && probe.status().await.is_ok_and(|status| status.success()) {
        let mut command = Command::new("taskset");
        command.args(["-c", &core]).arg(program);
        return command;
    }
    Command::new(program)
}
