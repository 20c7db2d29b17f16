//! Workers that forebay starts itself: what they answer, how they end, and what is left of them.

mod chaos;
mod life;
mod order;
mod rust;

use std::fs;

use crate::harness::process::{SOON, Site, eventually};

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.venv/bin/python");

/// `once(name)` is true for the first who asks.
const ONCE: &str = "
def once(name):
    try:
        os.close(os.open(LEDGER + '-' + name, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False
";

/// `Poller` with AWS's runtime for Python, which finds its handler in `app.py`; its processes carry the site's mark.
fn python(site: &Site, workers: u32, timeout: &str) -> String {
    let (folder, mark) = (site.path(""), mark(site));
    format!(
        "Poller:\n  Function:\n    Timeout: {timeout}\n    RuntimeApi:\n      Command: [{PYTHON}, -m, awslambdaric, \
         app.handler]\n      Workers: {workers}\n      WorkingDirectory: {folder:?}\n      KillAfter: 1s\n      \
         RestartBackoff: {{ Initial: 100ms }}\n      Environment: {{ MARK: {mark:?} }}"
    )
}

fn mark(site: &Site) -> String {
    site.path("mark").display().to_string()
}

/// The processes that have a site's mark in their environment, with their command lines.
fn marked(site: &Site) -> Vec<(i32, String)> {
    let mark = format!("MARK={}", mark(site));
    let read = |id: i32, file: &str| fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
    let has_mark = |id: i32| read(id, "environ").split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes());
    let ids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let line = |id| String::from_utf8_lossy(&read(id, "cmdline")).replace('\0', " ");
    ids.filter(|id| has_mark(*id)).map(|id| (id, line(id))).collect()
}

/// The processes of Python themselves, without their guards.
fn workers(site: &Site) -> Vec<i32> {
    marked(site).into_iter().filter(|(_, line)| line.starts_with(PYTHON)).map(|(id, _)| id).collect()
}

/// Their guards.
fn guards(site: &Site) -> Vec<i32> {
    marked(site).into_iter().filter(|(_, line)| line.contains(" guard watch ")).map(|(id, _)| id).collect()
}

async fn none_is_left(site: &Site) {
    let none = async || marked(site).is_empty().then_some(());
    eventually(SOON, "no process is left", none).await;
}
