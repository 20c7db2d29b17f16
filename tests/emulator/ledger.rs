//! What a function itself says it has done: it writes one line for each invocation into a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use serde::Deserialize;

use crate::process::Site;

/// Writes the line with one call to a file opened for appending: lines of several processes do not mix.
const NOTE: &str = "
import json, os, time
def note(event):
    records = [[r['messageId'], r['body'], int(r['attributes']['ApproximateReceiveCount'])] for r in event['Records']]
    line = json.dumps({'at': time.time(), 'records': records}) + '\\n'
    file = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
";

/// One invocation.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    /// When, as Unix time in seconds.
    pub(crate) at: f64,
    /// Id, body and receive count of each message.
    pub(crate) records: Vec<(String, String, u32)>,
}

/// The file of one function.
pub(crate) struct Ledger {
    path: PathBuf,
    read_to: u64,
    entries: Vec<Entry>,
}

impl Ledger {
    /// An empty ledger at a site.
    pub(crate) fn new(site: &Site, name: &str) -> Self {
        let path = site.path(name);
        File::create(&path).unwrap();
        Self { path, read_to: 0, entries: Vec::new() }
    }

    /// The source of a function that can `note(event)`; `handler` defines its `handler(event, context)`.
    pub(crate) fn source(&self, handler: &str) -> String {
        format!("LEDGER = {:?}\n{NOTE}\n{handler}", self.path.to_str().unwrap())
    }

    /// The source of a function that notes and succeeds.
    pub(crate) fn noting(&self) -> String {
        self.source("def handler(event, context):\n    note(event)\n")
    }

    /// All invocations so far, in the order of their lines.
    pub(crate) fn entries(&mut self) -> &[Entry] {
        let mut file = File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(self.read_to)).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read_to += whole as u64;
        self.entries.extend(text[..whole].lines().map(|line| serde_json::from_str::<Entry>(line).unwrap()));
        &self.entries
    }

    /// How often each body was seen.
    pub(crate) fn bodies(&mut self) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        for (_, body, _) in self.entries().iter().flat_map(|entry| &entry.records) {
            *seen.entry(body.clone()).or_default() += 1;
        }
        seen
    }
}
