//! The routes by which the driver prepares a measurement and reads what was counted.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::groups::Phases;
use super::messages::Place;
use super::state::{Shared, State, body, unix_us};
use crate::common::{Answer, json, refuse, reply};

/// How often a condition is looked at while the driver waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a measurement starts with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) queues: Vec<String>,
    /// In each queue at the start; dealt out to its groups, if it has any.
    pub(crate) messages: usize,
    pub(crate) content: Content,
    pub(crate) body_bytes: usize,
    /// How long the function takes.
    pub(crate) function_ms: u64,
    /// The queues' visibility timeout.
    pub(crate) visibility_s: u64,
    /// The queues are FIFO queues.
    pub(crate) fifo: Option<Fifo>,
    /// Lambda refuses calls.
    pub(crate) refusing: Option<Refusing>,
}

/// Which calls Lambda refuses, before the function sees them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Refusing {
    /// The HTTP status: 429 is a throttle, anything else an error of the service.
    pub(crate) status: u16,
    /// So many of a hundred, by a seed.
    pub(crate) percent: u8,
    /// From when on, and until when: since the reset.
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
}

/// What is in the bodies of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    /// Little more than one long text.
    Note,
    /// Some forty members, as filters meet them.
    Order,
}

/// FIFO queues: each deletion brings in a new message of the same group.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Fifo {
    pub(crate) groups: u32,
    /// How the function fails whenever it is given a message of the first group.
    pub(crate) failing: Option<Failing>,
}

/// How a function fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failing {
    /// It throws: the whole batch has failed.
    Throw,
    /// It reports the messages of the failing group, and those alone.
    Report,
}

/// How far the groups have come, as of the last deletion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Since the reset.
    pub(crate) at_us: u64,
    /// Messages deleted, by group.
    pub(crate) deleted: Vec<u64>,
}

/// What to wait for; all that is given must be reached.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Until {
    pub(crate) deleted: usize,
    pub(crate) receives: u64,
    /// Long polls that wait at this moment.
    pub(crate) waiting: u64,
    pub(crate) within_ms: u64,
}

/// Messages that are sent one by one while the queue is idle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trickle {
    pub(crate) count: usize,
    pub(crate) gap_ms: u64,
    pub(crate) body_bytes: usize,
}

/// From each message's sending to the start of the function.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Latencies {
    pub(crate) us: Vec<u64>,
    pub(crate) never_started: usize,
}

/// What was counted since the last reset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) messages: usize,
    pub(crate) deleted: usize,
    pub(crate) hidden: usize,
    pub(crate) visible: usize,
    /// Received, hidden still, and never given to the function.
    pub(crate) hidden_unstarted: usize,
    /// Given to the function and not deleted.
    pub(crate) started_undeleted: usize,
    pub(crate) received: u64,
    pub(crate) empty_receives: u64,
    pub(crate) invoked: u64,
    pub(crate) invoked_bytes: u64,
    pub(crate) repeated: u64,
    /// Records of a group that reached the function before their turn.
    pub(crate) early: u64,
    /// Deletions of a message of which an older one of its group still existed.
    pub(crate) misordered: u64,
    /// Of the first queue.
    pub(crate) phases: Phases,
    /// Invocations that failed, also in part.
    pub(crate) failures: u64,
    pub(crate) stale: u64,
    pub(crate) peak_in_flight: u64,
    pub(crate) waiting: u64,
    pub(crate) first_call_unix_us: Option<u64>,
    pub(crate) first_receive_unix_us: Option<u64>,
    /// From the first message handed out to the last one deleted.
    pub(crate) span_us: Option<u64>,
}

pub(super) async fn answer(path: &str, request: &Bytes, state: &Shared) -> Answer {
    match path {
        "/_fake/reset" => with(request, |setup: Setup| {
            state.borrow_mut().reset(&setup);
            reply(&true)
        }),
        "/_fake/stats" => reply(&stats(&state.borrow())),
        "/_fake/mark" => reply(&state.borrow().mark()),
        "/_fake/event" => {
            json(StatusCode::OK, state.borrow().counts.first_event.clone().unwrap_or(Bytes::from_static(b"null")))
        }
        "/_fake/wait" => match serde_json::from_slice(request) {
            Ok(until) => reply(&wait(&until, state).await),
            Err(problem) => refuse(&problem.to_string()),
        },
        "/_fake/trickle" => match serde_json::from_slice(request) {
            Ok(what) => reply(&trickle(&what, state).await),
            Err(problem) => refuse(&problem.to_string()),
        },
        _ => {
            state.borrow_mut().call("unknown");
            refuse(&format!("the fake has no route {path}"))
        }
    }
}

fn with<T: for<'a> Deserialize<'a>>(request: &Bytes, act: impl FnOnce(T) -> Answer) -> Answer {
    match serde_json::from_slice(request) {
        Ok(value) => act(value),
        Err(problem) => refuse(&problem.to_string()),
    }
}

async fn wait(until: &Until, state: &Shared) -> bool {
    let end = Instant::now() + Duration::from_millis(until.within_ms);
    loop {
        let reached = {
            let state = state.borrow();
            let deleted: usize = state.queues.iter().map(|queue| queue.deleted).sum();
            let receives = state.counts.calls.get("ReceiveMessage").copied().unwrap_or(0);
            deleted >= until.deleted && receives >= until.receives && state.counts.waiting >= until.waiting
        };
        if reached || Instant::now() >= end {
            return reached;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Sends to the first queue, waiting for the gap after each, and then for the last one's start.
async fn trickle(what: &Trickle, state: &Shared) -> Latencies {
    let mut sent = Vec::with_capacity(what.count);
    for number in 0..what.count {
        {
            let mut state = state.borrow_mut();
            let Some(queue) = state.queues.first_mut() else { break };
            sent.push(queue.send(&body(Content::Note, number, what.body_bytes), unix_us() / 1000));
        }
        tokio::time::sleep(Duration::from_millis(what.gap_ms)).await;
    }
    tokio::time::sleep(Duration::from_millis(what.gap_ms.max(500))).await;
    let state = state.borrow();
    let mut latencies = Latencies::default();
    for message in state.queues.first().into_iter().flat_map(|queue| sent.iter().map(|&index| &queue.messages[index])) {
        match message.started {
            Some(started) => latencies.us.push(micros(started.duration_since(message.sent))),
            None => latencies.never_started += 1,
        }
    }
    latencies
}

fn stats(state: &State) -> Stats {
    let counts = &state.counts;
    let mut stats = Stats {
        calls: counts.calls.clone(),
        received: counts.received,
        empty_receives: counts.empty_receives,
        invoked: counts.invoked,
        invoked_bytes: counts.invoked_bytes,
        repeated: counts.repeated,
        early: counts.early,
        misordered: state.queues.iter().filter_map(|queue| queue.groups.as_ref()).map(|groups| groups.misordered).sum(),
        phases: state.queues.first().and_then(|queue| Some(queue.groups.as_ref()?.phases)).unwrap_or_default(),
        failures: counts.failures,
        stale: counts.stale,
        peak_in_flight: counts.peak_in_flight,
        waiting: counts.waiting,
        first_call_unix_us: counts.first_call_unix_us,
        first_receive_unix_us: counts.first_receive_unix_us,
        span_us: counts.first_message.zip(counts.last_delete).map(|(from, to)| micros(to.duration_since(from))),
        ..Stats::default()
    };
    for message in state.queues.iter().flat_map(|queue| &queue.messages) {
        let hidden = matches!(message.place, Place::Hidden { .. });
        let deleted = message.place == Place::Deleted;
        stats.messages += 1;
        stats.deleted += usize::from(deleted);
        stats.hidden += usize::from(hidden);
        stats.visible += usize::from(message.place == Place::Visible);
        stats.hidden_unstarted += usize::from(hidden && message.invokes == 0);
        stats.started_undeleted += usize::from(!deleted && message.invokes > 0);
    }
    stats
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
