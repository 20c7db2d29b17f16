//! The routes by which the driver prepares a measurement and reads what was counted.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::shard::Record;
use super::state::{Shared, State, unix_ms};
use crate::common::{Answer, json, refuse, reply};

/// How often a condition is looked at while the driver waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How often records arrive while the stream is fed.
const FEED_EVERY: Duration = Duration::from_millis(10);

/// What a measurement starts with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) shards: usize,
    /// In each shard.
    pub(crate) records: usize,
    pub(crate) data_bytes: usize,
    /// Partition keys of each shard; its records take them in turn.
    pub(crate) keys: usize,
    /// How long the function takes.
    pub(crate) function_ms: u64,
    /// The record of the first shard with which the function fails.
    pub(crate) poison: Option<usize>,
}

/// What to wait for; all that is given must be reached.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Until {
    /// Records that went through the function.
    pub(crate) done: usize,
    /// Reads of each shard.
    pub(crate) reads: u64,
    pub(crate) within_ms: u64,
}

/// Records that arrive one after the other in the first shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Feed {
    pub(crate) per_second: usize,
    pub(crate) seconds: u64,
    /// How long to wait for the last of them.
    pub(crate) settle_ms: u64,
}

/// From each record's first read to the start of the function.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Latencies {
    pub(crate) us: Vec<u64>,
    /// Records that never went through the function.
    pub(crate) never: usize,
}

/// What was counted since the last reset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) records: usize,
    pub(crate) done: usize,
    pub(crate) repeated: u64,
    pub(crate) out_of_order: u64,
    pub(crate) function_errors: u64,
    pub(crate) peak_in_flight: u64,
    /// From the first record handed out to the end of the last call of the function.
    pub(crate) span_us: Option<u64>,
}

pub(super) async fn answer(path: &str, request: &Bytes, state: &Shared) -> Answer {
    match path {
        "/_fake/reset" => match serde_json::from_slice(request) {
            Ok(setup) => {
                state.borrow_mut().reset(&setup);
                reply(&true)
            }
            Err(problem) => refuse(&problem.to_string()),
        },
        "/_fake/stats" => reply(&stats(&state.borrow())),
        "/_fake/event" => {
            json(StatusCode::OK, state.borrow().counts.first_event.clone().unwrap_or(Bytes::from_static(b"null")))
        }
        "/_fake/wait" => match serde_json::from_slice(request) {
            Ok(until) => reply(&wait(&until, state).await),
            Err(problem) => refuse(&problem.to_string()),
        },
        "/_fake/feed" => match serde_json::from_slice(request) {
            Ok(what) => reply(&feed(&what, state).await),
            Err(problem) => refuse(&problem.to_string()),
        },
        _ => {
            state.borrow_mut().call("unknown");
            refuse(&format!("the fake has no route {path}"))
        }
    }
}

async fn wait(until: &Until, state: &Shared) -> bool {
    let end = Instant::now() + Duration::from_millis(until.within_ms);
    loop {
        let reached = {
            let state = state.borrow();
            let reads = state.shards.iter().map(|shard| shard.reads).min().unwrap_or(0);
            state.counts.done >= until.done && reads >= until.reads
        };
        if reached || Instant::now() >= end {
            return reached;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Adds records to the first shard, waits for the last one's call, and says how long each has waited.
async fn feed(what: &Feed, state: &Shared) -> Latencies {
    let first = state.borrow().shards.first().map_or(0, |shard| shard.records.len());
    let total = what.per_second * usize::try_from(what.seconds).unwrap_or(0);
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(FEED_EVERY);
    let mut fed = 0;
    while fed < total {
        let due = begun.elapsed().as_secs_f64() * what.per_second as f64;
        let due = total.min(due as usize);
        let record = Record { arrived_unix_ms: unix_ms(), ..Record::default() };
        if let Some(shard) = state.borrow_mut().shards.first_mut() {
            shard.records.resize(first + due, record);
        }
        fed = due;
        ticks.tick().await;
    }
    tokio::time::sleep(Duration::from_millis(what.settle_ms)).await;
    let state = state.borrow();
    let mut latencies = Latencies::default();
    for record in state.shards.first().into_iter().flat_map(|shard| shard.records.iter().skip(first)) {
        match record.read.zip(record.started) {
            Some((read, started)) => latencies.us.push(micros(started.duration_since(read))),
            None => latencies.never += 1,
        }
    }
    latencies
}

fn stats(state: &State) -> Stats {
    let counts = &state.counts;
    Stats {
        calls: counts.calls.clone(),
        records: state.shards.iter().map(|shard| shard.records.len()).sum(),
        done: counts.done,
        repeated: counts.repeated,
        out_of_order: counts.out_of_order,
        function_errors: counts.function_errors,
        peak_in_flight: counts.peak_in_flight,
        span_us: counts.first_read.zip(counts.last_done).map(|(from, to)| micros(to.duration_since(from))),
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
