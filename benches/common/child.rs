//! A process that the driver started, and ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use super::process::{Sample, sample};

/// A running program. Dropping it kills it.
pub(crate) struct Child {
    name: String,
    process: tokio::process::Child,
    pid: u32,
    log: PathBuf,
}

impl Child {
    /// Starts a program whose standard error goes to a file in `folder`.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let stderr = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let process = command
            .stderr(Stdio::from(stderr))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}: {:?}", command.as_std().get_program()))?;
        let pid = process.id().with_context(|| format!("{name} ended at once"))?;
        Ok(Self { name: name.to_owned(), process, pid, log })
    }

    pub(crate) fn process(&mut self) -> &mut tokio::process::Child {
        &mut self.process
    }

    /// What the process has used so far.
    pub(crate) fn sample(&mut self) -> anyhow::Result<Sample> {
        self.check()?;
        sample(self.pid).with_context(|| format!("reading what {} has used", self.name))
    }

    /// Fails, with the end of what the process said, when it is no longer running.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    /// Waits for `work` for as long as the process runs.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        tokio::select! {
            result = work => result.with_context(|| format!("measuring {}; it said: {}", self.name, self.said())),
            status = self.process.wait() => Err(self.ended(status?)),
        }
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn finish(mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        match tokio::time::timeout(within, self.process.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} did not end within {within:?}; it said: {}", self.name, self.said()),
        }
    }

    /// Asks the process to end, as an init system does, and waits for that.
    pub(crate) async fn terminate(self, within: Duration) -> anyhow::Result<ExitStatus> {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.pid)).status().await?;
        anyhow::ensure!(sent.success(), "{} could not be sent SIGTERM", self.name);
        self.finish(within).await
    }

    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill().await.with_context(|| format!("killing {}", self.name))
    }

    fn ended(&self, status: ExitStatus) -> anyhow::Error {
        anyhow::anyhow!("{} ended ({status}); it said: {}", self.name, self.said())
    }

    fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(30)..];
        if last.is_empty() { "nothing".to_owned() } else { format!("\n{}", last.join("\n")) }
    }
}
