//! One shard: its records, and what became of each.

use std::fmt::Write;

use tokio::time::Instant;

/// Sequence numbers of Kinesis have 56 digits. These name the shard and the record's place in it.
const SEQUENCE_START: &str = "4959033827149025660";
/// Real iterators are opaque text of about this length; a client's cost depends on it.
const ITERATOR_LENGTH: usize = 226;

/// What became of one record.
#[derive(Clone, Copy, Default)]
pub(super) struct Record {
    pub(super) arrived_unix_ms: u64,
    /// When a read first brought it.
    pub(super) read: Option<Instant>,
    /// When a call of the function that succeeded first began with it.
    pub(super) started: Option<Instant>,
}

pub(super) struct Shard {
    pub(super) number: usize,
    pub(super) records: Vec<Record>,
    /// Of each key, the last record that went through the function.
    pub(super) last: Vec<Option<usize>>,
    pub(super) reads: u64,
}

impl Shard {
    pub(super) fn new(number: usize, records: usize, keys: usize, unix_ms: u64) -> Self {
        let record = Record { arrived_unix_ms: unix_ms, ..Record::default() };
        Self { number, records: vec![record; records], last: vec![None; keys], reads: 0 }
    }

    pub(super) fn id(number: usize) -> String {
        format!("shardId-{number:012}")
    }

    /// Writes a GetRecords answer from a place on, and says where the next begins.
    pub(super) fn read(&mut self, from: usize, limit: usize, data: &str, now: Instant) -> String {
        self.reads += 1;
        let until = self.records.len().min(from.saturating_add(limit));
        let from = from.min(until);
        let mut out = String::with_capacity((until - from) * (data.len() + 220) + 400);
        out.push_str(r#"{"Records":["#);
        for index in from..until {
            let record = &mut self.records[index];
            record.read.get_or_insert(now);
            let (seconds, ms) = (record.arrived_unix_ms / 1000, record.arrived_unix_ms % 1000);
            // Writing to a String cannot fail.
            write!(
                out,
                r#"{comma}{{"ApproximateArrivalTimestamp":{seconds}.{ms:03},"Data":"{data}","PartitionKey":"{number}-{key}","SequenceNumber":"{SEQUENCE_START}{number:05}{index:032}"}}"#,
                comma = if index == from { "" } else { "," },
                number = self.number,
                key = index % self.last.len(),
            )
            .ok();
        }
        let behind = if until < self.records.len() { 1000 } else { 0 };
        let next = iterator(self.number, until);
        write!(out, r#"],"NextShardIterator":"{next}","MillisBehindLatest":{behind}}}"#).ok();
        out
    }
}

/// The shard's number and the record's place, read back from a sequence number.
pub(super) fn locate(sequence: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(sequence).ok()?.strip_prefix(SEQUENCE_START)?;
    Some((text.get(..5)?.parse().ok()?, text.get(5..37)?.parse().ok()?))
}

pub(super) fn iterator(shard: usize, from: usize) -> String {
    let mut iterator = format!("{shard:05}{from:020}");
    let filler = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    iterator.extend(filler.chars().cycle().take(ITERATOR_LENGTH - iterator.len()));
    iterator
}

/// The shard's number and the place that an iterator stands at.
pub(super) fn place(iterator: &str) -> Option<(usize, usize)> {
    Some((iterator.get(..5)?.parse().ok()?, iterator.get(5..25)?.parse().ok()?))
}
