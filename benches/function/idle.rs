//! What workers cost that are attached and have nothing to do: the release binary with many, and with none.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::peers::{Peer, attach, service};
use crate::report::Row;
use crate::{process, sides};

const WORKERS: usize = 100;
/// The most that they may take (MB).
const MOST: f64 = 3.0;

pub(crate) fn measure(quick: bool) -> anyhow::Result<Row> {
    let (_queue, endpoint) = service()?;
    let folder = tempfile::tempdir()?;
    let api = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let file = folder.path().join("mappings.yaml");
    std::fs::write(&file, sides::text(&sides::runtime_api(api)))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.arg("run").arg("-f").arg(&file).arg("--store").arg(folder.path().join("store"));
    command.arg("--socket").arg(folder.path().join("socket")).args(["--listen", "127.0.0.1:0"]);
    command.env("AWS_ENDPOINT_URL", format!("http://{endpoint}")).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir(folder.path());
    let forebay = Peer(command.spawn().context("starting forebay")?);
    let resident = || Ok::<_, anyhow::Error>(process::sample(forebay.0.id())?.resident_kib as f64 * 1024.0 / 1e6);
    let socket = folder.path().join("socket");
    let settled = Duration::from_secs(if quick { 2 } else { 10 });
    capacity(&socket, 0)?;
    std::thread::sleep(settled);
    let none = resident()?;
    let _workers = attach(api, WORKERS)?;
    capacity(&socket, WORKERS)?;
    std::thread::sleep(settled);
    let many = resident()?;
    let more = format!("{WORKERS} attached idle workers: resident (without them)");
    let row = Row::pair(more, format!("{many:.1} MB"), format!("({none:.1} MB)"), many / none);
    Ok(row.target(format!("≤ {MOST} MB more"), many - none <= MOST))
}

/// Waits until so many workers are attached.
fn capacity(socket: &Path, workers: usize) -> anyhow::Result<()> {
    for _ in 0..600 {
        let mut status = Command::new(env!("CARGO_BIN_EXE_forebay"));
        status.args(["status", "orders", "-o", "json", "--socket"]).arg(socket);
        let status: serde_json::Value = serde_json::from_slice(&status.output()?.stdout).unwrap_or_default();
        if status.pointer("/Target/Capacity") == Some(&workers.into()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    anyhow::bail!("there are not {workers} workers")
}
