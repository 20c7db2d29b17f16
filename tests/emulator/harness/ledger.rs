//! What a function itself says it has done: it writes one line for each invocation into a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::harness::process::Site;

/// Appends the line with one call to a file opened for appending: lines of several processes do not mix.
const WRITE: &str = "
import base64, json, os, time
def write(line):
    file = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, (json.dumps(line) + '\\n').encode())
    finally:
        os.close(file)
";

/// A line of a ledger.
pub(crate) trait Line: DeserializeOwned {
    /// Python that defines `note(event)`, with the help of `write(line)`.
    const NOTE: &str;
}

/// One invocation with messages of a queue.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    /// When, as Unix time in seconds.
    pub(crate) at: f64,
    /// Id, body and receive count of each message.
    pub(crate) records: Vec<(String, String, u32)>,
}

impl Entry {
    /// The bodies of its messages.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &str> {
        self.records.iter().map(|record| &*record.1)
    }
}

impl Line for Entry {
    const NOTE: &str = "
def note(event):
    records = [[r['messageId'], r['body'], int(r['attributes']['ApproximateReceiveCount'])] for r in event['Records']]
    write({'at': time.time(), 'records': records})
";
}

/// One invocation with records of a stream.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Seen {
    /// When, as Unix time in seconds.
    pub(crate) at: f64,
    /// The records.
    pub(crate) records: Vec<SeenRecord>,
}

/// One record of a stream.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct SeenRecord {
    /// The partition key, or the item's key `id`.
    pub(crate) key: String,
    /// The data as text; of an item its attribute `data`, or the event's name when the item is gone.
    pub(crate) data: String,
    /// The sequence number.
    pub(crate) sequence: String,
    /// When it arrived, as Unix time in seconds.
    pub(crate) arrived: f64,
}

impl Line for Seen {
    const NOTE: &str = "
def sequence(record):
    return record['kinesis']['sequenceNumber'] if 'kinesis' in record else record['dynamodb']['SequenceNumber']
def data(record):
    if 'kinesis' in record:
        return base64.b64decode(record['kinesis']['data']).decode()
    image = record['dynamodb'].get('NewImage')
    return image['data']['S'] if image else record['eventName']
def seen(record):
    if 'kinesis' in record:
        key, arrived = record['kinesis']['partitionKey'], record['kinesis']['approximateArrivalTimestamp']
    else:
        key, arrived = record['dynamodb']['Keys']['id']['S'], record['dynamodb']['ApproximateCreationDateTime']
    return {'key': key, 'data': data(record), 'sequence': sequence(record), 'arrived': arrived}
def note(event):
    write({'at': time.time(), 'records': [seen(record) for record in event['Records']]})
";
}

impl Seen {
    /// The data of its records.
    pub(crate) fn data(&self) -> Vec<&str> {
        self.records.iter().map(|record| &*record.data).collect()
    }
}

/// One invocation, with its whole event as Python writes it again.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Whole {
    /// The event.
    pub(crate) event: String,
}

impl Line for Whole {
    const NOTE: &str = "
def note(event):
    write({'event': json.dumps(event, separators=(',', ':'), ensure_ascii=False)})
";
}

/// What a function noted of messages.
pub(crate) type Ledger = Notes<Entry>;

/// What a function noted of a stream's records.
pub(crate) type StreamLedger = Notes<Seen>;

/// Whole events that a function noted.
pub(crate) type Events = Notes<Whole>;

/// The file of one function.
pub(crate) struct Notes<L> {
    path: PathBuf,
    read_to: u64,
    entries: Vec<L>,
}

impl<L: Line> Notes<L> {
    /// An empty ledger at a site.
    pub(crate) fn new(site: &Site, name: &str) -> Self {
        let path = site.path(name);
        File::create(&path).unwrap();
        Self { path, read_to: 0, entries: Vec::new() }
    }

    /// A file beside it: a function that looks for it lasts as long as the test wants.
    pub(crate) fn held(&self) -> PathBuf {
        self.path.with_extension("held")
    }

    /// The source of a function that can `note(event)`; `handler` defines its `handler(event, context)`.
    pub(crate) fn source(&self, handler: &str) -> String {
        format!("LEDGER = {:?}\n{WRITE}\n{}\n{handler}", self.path.to_str().unwrap(), L::NOTE)
    }

    /// The source of a function that notes and succeeds.
    pub(crate) fn noting(&self) -> String {
        self.source("def handler(event, context):\n    note(event)\n")
    }

    /// All invocations so far, in the order of their lines.
    pub(crate) fn entries(&mut self) -> &[L] {
        let mut file = File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(self.read_to)).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read_to += whole as u64;
        self.entries.extend(text[..whole].lines().map(|line| serde_json::from_str::<L>(line).unwrap()));
        &self.entries
    }
}

impl Notes<Entry> {
    /// How often each body was seen.
    pub(crate) fn bodies(&mut self) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        for (_, body, _) in self.entries().iter().flat_map(|entry| &entry.records) {
            *seen.entry(body.clone()).or_default() += 1;
        }
        seen
    }
}

impl Notes<Seen> {
    /// The data of each invocation's records.
    pub(crate) fn batches(&mut self) -> Vec<Vec<String>> {
        let owned = |entry: &Seen| entry.data().into_iter().map(str::to_owned).collect();
        self.entries().iter().map(owned).collect()
    }

    /// How often each record was seen, by its data.
    pub(crate) fn times(&mut self) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        for record in self.entries().iter().flat_map(|entry| &entry.records) {
            *seen.entry(record.data.clone()).or_default() += 1;
        }
        seen
    }
}
