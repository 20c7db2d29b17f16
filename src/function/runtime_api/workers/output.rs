//! What a worker writes: line by line into the log, and its last words.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::ChildStderr;
use tokio::sync::{mpsc, oneshot};

use crate::function::runtime_api::shared::Shared;

/// A longer line is cut.
const LONGEST_LINE: usize = 256 * 1024;
/// The last lines that are kept, and the most of each.
const KEPT_LINES: usize = 4;
const KEPT: usize = 500;

type Reader = mpsc::UnboundedSender<oneshot::Sender<()>>;

/// The readers of what workers write, by their ports.
#[derive(Default)]
pub(in crate::function::runtime_api) struct Outputs {
    readers: Mutex<BTreeMap<u64, Reader>>,
}

impl Outputs {
    /// Waits until all is read that a worker has written so far. It asks for its next event: what it wrote belongs to
    /// those before.
    pub(in crate::function::runtime_api) async fn read_up(&self, port: u64) {
        let Some(reader) = lock(&self.readers).get(&port).cloned() else { return };
        let (done, read) = oneshot::channel();
        if reader.send(done).is_ok() {
            read.await.ok();
        }
    }

    pub(super) fn forget(&self, port: u64) {
        lock(&self.readers).remove(&port);
    }
}

/// What a process writes, on both of its outputs.
#[derive(Clone)]
pub(super) struct Output {
    shared: Arc<Shared>,
    port: u64,
    worker: u32,
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Output {
    pub(super) fn new(shared: Arc<Shared>, port: u64, worker: u32) -> Self {
        Self { shared, port, worker, last: Arc::default() }
    }

    /// Reads until all that could write have ended.
    pub(super) async fn read(self, from: ChildStderr) {
        let (reader, mut waiting) = mpsc::unbounded_channel();
        lock(&self.shared.outputs.readers).insert(self.port, reader);
        let mut from = BufReader::with_capacity(8 * 1024, from);
        let mut line = Vec::new();
        loop {
            let bytes = tokio::select! {
                // What is there comes before the answer that all is read.
                biased;
                bytes = from.fill_buf() => match bytes {
                    Ok([]) | Err(_) => break,
                    Ok(bytes) => bytes,
                },
                Some(done) = waiting.recv() => {
                    done.send(()).ok();
                    continue;
                }
            };
            // AWS's runtime for Python parts the lines of one message by carriage returns.
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            line.extend_from_slice(&part[..part.len().min(LONGEST_LINE - line.len())]);
            let used = end.map_or(bytes.len(), |end| end + 1);
            from.consume(used);
            if end.is_some() {
                self.say(&line);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.say(&line);
        }
        self.shared.outputs.forget(self.port);
    }

    fn say(&self, line: &[u8]) {
        let line = shown(line);
        if line.is_empty() {
            return;
        }
        let request_id = self.shared.slots.last_request(self.port);
        let (function, worker) = (&*self.shared.function, self.worker);
        tracing::info!(target: "forebay::worker", function, worker, request_id = request_id.as_deref(), "{line}");
        let mut last = lock(&self.last);
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line.chars().take(KEPT).collect());
    }

    /// The last lines, as one.
    pub(super) fn last_words(&self) -> String {
        lock(&self.last).iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }
}

/// A line as a terminal may see it: without what it would obey.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end().replace(|c: char| c.is_control() && c != '\t', "\u{fffd}")
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_command_a_terminal() {
        assert_eq!(shown(b"\tbooked 7  "), "\tbooked 7");
        assert_eq!(shown(b"\x1b[2Jgone\x07\xff"), "\u{fffd}[2Jgone\u{fffd}\u{fffd}");
        assert_eq!(shown(b" \t "), "");
    }
}
