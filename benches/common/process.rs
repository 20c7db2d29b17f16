//! What a process has used, as Linux reports it.

use std::time::Duration;

use anyhow::Context;

/// Linux counts a process's time in hundredths of a second on every machine that Rust supports well.
const TICKS_PER_SECOND: u32 = 100;

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// User and system time of all threads.
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
    pub(crate) peak_kib: u64,
    pub(crate) threads: u64,
}

/// Reads `/proc` for a process.
pub(crate) fn sample(pid: u32) -> anyhow::Result<Sample> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    let status = read(&format!("/proc/{pid}/status"))?;
    Ok(Sample {
        cpu: cpu(&stat).context("reading the times in stat")?,
        resident_kib: member(&status, "VmRSS:").context("reading VmRSS")?,
        peak_kib: member(&status, "VmHWM:").context("reading VmHWM")?,
        threads: member(&status, "Threads:").context("reading Threads")?,
    })
}

/// The load averages, as Linux words them.
pub(crate) fn load() -> String {
    let text = read("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {path}"))
}

/// User and system time: the 14th and 15th members, the program's name (the 2nd) being in parentheses.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut members = rest.split_whitespace().skip(11);
    let user: u32 = members.next()?.parse().ok()?;
    let system: u32 = members.next()?.parse().ok()?;
    Some(Duration::from_secs(1) * (user + system) / TICKS_PER_SECOND)
}

fn member(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
