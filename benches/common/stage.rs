//! Where programs are measured: a folder, a fake in a process of its own, and one environment for all.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{Child, Sample};

/// A running fake, and all that is needed to start the other programs.
pub(crate) struct Stage {
    fake: Child,
    address: SocketAddr,
    folder: TempDir,
    this: PathBuf,
}

impl Stage {
    /// Starts this program as the fake, on a core of its own where the system can do that.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("forebay-bench-").tempdir().context("making a folder")?;
        let this = std::env::current_exe().context("finding this program")?;
        let mut command = pinned(&this).await;
        command.arg("fake").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut fake = Child::start("fake", &mut command, folder.path())?;
        let output = fake.process().stdout.take().context("the fake's output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await.context("reading the fake's address")?;
        let address = match line.trim().parse() {
            Ok(address) => address,
            Err(_) => {
                fake.check()?;
                anyhow::bail!("the fake answered {line:?} instead of its address");
            }
        };
        Ok(Self { fake, address, folder, this })
    }

    /// Fails, with what it said, when the fake has died.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.fake.check()
    }

    /// What the fake itself has used so far.
    pub(crate) fn fake_sample(&mut self) -> anyhow::Result<Sample> {
        self.fake.sample()
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// This program in another of its roles.
    pub(crate) fn role(&self, role: &str) -> Command {
        let mut command = self.command(&self.this);
        command.arg(role);
        command
    }

    /// forebay on a mapping file of its own. A store of the same name is kept from start to start.
    pub(crate) fn forebay(
        &self,
        binary: &Path,
        mappings: &str,
        listen: SocketAddr,
        store: &str,
    ) -> anyhow::Result<Command> {
        let folder = self.folder.path();
        let file = folder.join("mappings.yaml");
        std::fs::write(&file, mappings).context("writing the mapping file")?;
        let mut command = self.command(binary);
        command.arg("run").arg("-f").arg(&file);
        command.arg("--store").arg(folder.join(store));
        command.arg("--socket").arg(folder.join("forebay.sock"));
        command.arg("--listen").arg(listen.to_string());
        Ok(command)
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

/// An address without a listener for now.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).context("a free port")
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
