//! What a worker writes: line by line into the log, and its last words.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::ChildStderr;

use crate::function::runtime_api::server::Shared;

/// A longer line is cut.
const LONGEST_LINE: usize = 256 * 1024;
/// The last lines that are kept, and the most of each.
const KEPT_LINES: usize = 4;
const KEPT: usize = 500;

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
        let mut from = BufReader::with_capacity(8 * 1024, from);
        let mut line = Vec::new();
        loop {
            let bytes = match from.fill_buf().await {
                Ok([]) | Err(_) => break,
                Ok(bytes) => bytes,
            };
            let end = memchr::memchr(b'\n', bytes);
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
    }

    fn say(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        // A worker has one event at a time, unless it is said to have more.
        let requests = self.shared.slots.requests(self.port);
        let request_id = requests.first().map(|id| &**id);
        tracing::info!(target: "forebay::worker", function = &*self.shared.function, worker = self.worker, request_id, "{line}");
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line.chars().take(KEPT).collect());
    }

    /// The last lines, as one.
    pub(super) fn last_words(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }
}
