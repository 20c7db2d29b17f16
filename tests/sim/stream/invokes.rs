//! An invoke from the engine's side: what is in it, whether it may be made, and what becomes of its records.

use std::collections::BTreeSet;
use std::sync::Arc;

use forebay::machine::InvokeResult;

use super::event::{self, WindowTail};
use super::model::{Call, State, StreamModel};
use super::session::Session;
use super::shards::places;
use super::work::Verdict;

/// Lambda's limit for a synchronous event.
const BODY_LIMIT: usize = 6_291_456;

/// The largest record that a scenario holds, with its envelope: a body this close to the limit may be full.
const LARGEST_RECORD: usize = 1_300_000;

/// An invoke that the engine waits for. Dropping it gives the invoke up.
pub(crate) struct OpenInvoke {
    model: Arc<StreamModel>,
    consumer: usize,
    pub(crate) id: u64,
    pub(crate) records: Vec<usize>,
    pub(crate) tail: Option<WindowTail>,
    ended: bool,
}

impl Session {
    /// The engine invokes.
    pub(crate) fn begin_invoke(&self, body: &[u8]) -> OpenInvoke {
        let model = &self.model;
        let mut state = model.state();
        model.sweep(&mut state);
        let (records, tail) = match event::read(&state, body, self.mapping.source.id()) {
            Ok(event) => event,
            Err(wrong) => {
                self.violate(wrong);
                (Vec::new(), None)
            }
        };
        self.check_alive(&state, "an invoke");
        state.consumers[self.consumer].next_call += 1;
        let id = state.consumers[self.consumer].next_call;
        let named = places(&state, &records);
        if let Some(shard) = self.check_invoke(&state, body.len(), &records, tail.as_ref()) {
            self.check_lanes(&state, shard, &records);
            self.begin_work(&mut state, shard, id, &records, tail.as_ref(), body.len() + LARGEST_RECORD > BODY_LIMIT);
            let call = Call { session: self.id, shard, records: records.clone() };
            state.consumers[self.consumer].calls.insert(id, call);
        }
        let open = state.consumers[self.consumer].calls.len();
        let most = model.workers[self.consumer].most(model.world.now());
        if most.is_some_and(|most| open > most) && self.mapping.poller.rate_limit.is_none() {
            self.violate(format_args!("{open} invokes are in flight, where {most:?} can be taken"));
        }
        state.consumers[self.consumer].invoked.push((records.clone(), String::new()));
        drop(state);
        let window = match &tail {
            None => String::new(),
            Some(tail) if tail.early => ", terminates its window early".into(),
            Some(tail) if tail.is_final => format!(", ends window {}", tail.start),
            Some(tail) => format!(", in window {}", tail.start),
        };
        self.note(format_args!("invoke {id} begins with {named}{window}, {open} open"));
        OpenInvoke { model: Arc::clone(model), consumer: self.consumer, id, records, tail, ended: false }
    }

    /// What must be true of every event, and its shard.
    fn check_invoke(&self, state: &State, bytes: usize, records: &[usize], tail: Option<&WindowTail>) -> Option<usize> {
        if bytes > BODY_LIMIT {
            self.violate(format_args!("an event has {bytes} bytes"));
        }
        if records.len() > self.mapping.batch_size as usize {
            let most = self.mapping.batch_size;
            self.violate(format_args!("a batch has {} records, where {most} are allowed", records.len()));
        }
        let windowed = self.mapping.source.stream().is_some_and(|stream| stream.tumbling_window.is_some());
        if tail.is_some() != windowed {
            self.violate("an event has a window where the mapping has none, or none where it has one");
        }
        let shard = match (records.first(), tail) {
            (Some(&first), _) => state.records[first].shard,
            (None, Some(tail)) if tail.is_final => state.shard(&tail.shard)?,
            (None, _) => {
                self.violate("an event has no records");
                return None;
            }
        };
        if tail.is_some_and(|tail| state.shard(&tail.shard) != Some(shard) || (tail.is_final && !records.is_empty())) {
            self.violate("an event of a window names another shard, or holds records although it is final");
        }
        for pair in records.windows(2) {
            let (one, next) = (&state.records[pair[0]], &state.records[pair[1]]);
            if one.shard != next.shard || one.at >= next.at {
                self.violate(format_args!("r{} is followed by r{} in one event", pair[0], pair[1]));
            }
        }
        if let Some(&record) = records.iter().find(|&&record| self.model.is_history(state, self.consumer, record)) {
            self.violate(format_args!("r{record} was put before the mapping's starting position"));
        }
        Some(shard)
    }

    /// At most as many invokes of a shard as it has lanes, and never one key in two of them.
    fn check_lanes(&self, state: &State, shard: usize, records: &[usize]) {
        let lanes = self.mapping.source.stream().map_or(1, |stream| stream.parallelization as usize);
        let keys: BTreeSet<u32> = records.iter().map(|&record| state.records[record].key).collect();
        let open: Vec<&Call> =
            state.consumers[self.consumer].calls.values().filter(|call| call.shard == shard).collect();
        if open.len() >= lanes {
            self.violate(format_args!("{} invokes of shard {shard} are in flight, with {lanes} lanes", open.len() + 1));
        }
        for call in open {
            if let Some(&record) = call.records.iter().find(|&&record| keys.contains(&state.records[record].key)) {
                self.violate(format_args!("the key k{} is in two invokes at once", state.records[record].key));
            }
        }
    }
}

/// How much of a drain's bound may be kept for the last write of checkpoints (milliseconds).
fn last_write(bound: u64) -> u64 {
    5 + (bound / 4).min(1_000)
}

impl OpenInvoke {
    /// The engine hears what came of it.
    pub(crate) fn finish(&mut self, session: &Session, result: &InvokeResult, verdict: Verdict) {
        self.ended = true;
        let mut state = self.model.state();
        let Some(call) = state.consumers[self.consumer].calls.remove(&self.id) else { return };
        let said = match (result, verdict) {
            (Err(fault), _) => fault.kind.as_str().to_owned(),
            (Ok(_), Verdict::All) => "success".into(),
            (Ok(_), Verdict::From(at)) => format!("failed from {at}"),
            (Ok(answer), Verdict::Nothing) => answer.function_error.clone().unwrap_or_else(|| "all failed".into()),
        };
        if result.is_ok() {
            let now = self.model.world.now();
            state.consumers[self.consumer].sessions[session.id].streak.note(verdict == Verdict::Nothing, now);
        }
        session.end_work(&mut state, call.shard, self.id, result, verdict);
        if result.is_ok() {
            let now = self.model.world.now();
            state.consumers[self.consumer].served.push(now);
        }
        let tale = state.consumers[self.consumer]
            .invoked
            .iter_mut()
            .rev()
            .find(|(records, end)| *records == self.records && end.is_empty());
        if let Some((_, end)) = tale {
            end.clone_from(&said);
        }
        drop(state);
        session.note(format_args!("invoke {} ends: {said}", self.id));
    }
}

impl Drop for OpenInvoke {
    fn drop(&mut self) {
        if self.ended || self.model.world.closed() {
            return;
        }
        let now = self.model.world.now();
        let mut state = self.model.state();
        let consumer = &mut state.consumers[self.consumer];
        consumer.calls.remove(&self.id);
        let alive = consumer.sessions.last().is_some_and(|last| last.incarnation == self.model.world.incarnation());
        let may = !alive
            || consumer.quiet.is_some_and(|quiet| {
                quiet.cut || quiet.bound.is_none_or(|bound| now + last_write(bound) >= quiet.since + bound)
            });
        drop(state);
        self.model.note(self.consumer, format_args!("invoke {} is given up", self.id));
        if !may {
            self.model.violate(self.consumer, format_args!("invoke {} is given up without need", self.id));
        }
    }
}
