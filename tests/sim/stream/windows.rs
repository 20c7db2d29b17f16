//! Tumbling windows: whose state the function hands on to itself, and whose records finish when their window ends.

use forebay::machine::InvokeResult;

use super::event::WindowTail;
use super::model::{State, StreamModel};
use super::session::Session;
use super::view::{Piece, Pool, With};
use super::work::Verdict;
use crate::run::millis;

/// A tumbling window's state may be as large as this.
const STATE_LIMIT: usize = 1024 * 1024;

impl Session {
    /// The records of a batch are of one window, and the state is what the function returned last.
    pub(crate) fn check_window(&self, state: &mut State, shard: usize, records: &[usize], tail: Option<&WindowTail>) {
        let Some(tail) = tail else { return };
        let length = self.mapping.source.stream().and_then(|stream| stream.tumbling_window).map_or(1, millis);
        if tail.start % length != 0 || tail.end != tail.start + length {
            self.violate(format_args!("a window goes from {} to {}", tail.start, tail.end));
        }
        for &record in records {
            if !(tail.start..tail.end).contains(&state.records[record].stamp) {
                self.violate(format_args!("r{record} is in a window that it does not belong to"));
            }
        }
        let view = state.view(self.consumer, self.id, shard);
        let pool = view.windows.get(&tail.start).cloned().unwrap_or_default();
        let known = pool.state.as_deref().unwrap_or("{}");
        if serde_json::from_str::<serde_json::Value>(known).ok() != Some(tail.state.clone()) {
            let most = |text: &str| text.chars().take(80).collect::<String>();
            self.violate(format_args!(
                "a window is handed {} where {} was returned",
                most(&tail.state.to_string()),
                most(known)
            ));
        }
        if tail.early != (pool.overfull && tail.is_final) || (pool.overfull && !tail.is_final) {
            self.violate(format_args!("a window is terminated early: {}, and should: {}", tail.early, pool.overfull));
        }
        if let Some((&other, _)) = view.windows.iter().find(|(start, _)| **start < tail.start) {
            self.violate(format_args!("window {} goes on before window {other} has ended", tail.start));
        }
        if tail.is_final && !tail.early {
            self.check_window_is_over(state, shard, tail);
        }
    }

    /// A window ends when its time is over, when a record of a later one came, or at the end of its shard.
    fn check_window_is_over(&self, state: &mut State, shard: usize, tail: &WindowTail) {
        let view = &state.consumers[self.consumer].sessions[self.id].views[&shard];
        let later = view.read.keys().any(|&at| state.records[state.shards[shard].records[at]].stamp >= tail.end);
        if !later && !view.read_out && self.model.world.unix_ms() < tail.end {
            self.violate(format_args!("window {} ends before its time", tail.start));
        }
        let inside = |at: &usize| {
            let stamp = state.records[state.shards[shard].records[*at]].stamp;
            (tail.start..tail.end).contains(&stamp)
        };
        let open = view.read.keys().filter(|at| inside(at)).find(|at| {
            let record = state.shards[shard].records[**at];
            let owed = self.model.is_owed(state, self.consumer, self.id, record);
            let done = view.pooled.contains_key(at) || view.finished.contains_key(at);
            owed && !done && !self.is_underway(state, record) && !self.is_expired(state, record)
        });
        if let Some(&at) = open {
            self.violate(format_args!(
                "window {} ends although {shard}/{at} is in it and was not processed",
                tail.start
            ));
        }
    }

    /// What was processed is finished, or waits for the end of its window with the state that the function returned.
    pub(crate) fn keep_state(
        &self,
        state: &mut State,
        shard: usize,
        piece: &Piece,
        result: &InvokeResult,
        done: &[usize],
        verdict: Verdict,
    ) {
        let Some(tail) = &piece.tail else {
            for &record in done {
                self.model.finish_record(state, self.consumer, self.id, record);
            }
            return;
        };
        if verdict == Verdict::Nothing || result.is_err() {
            return;
        }
        if tail.is_final {
            state.view(self.consumer, self.id, shard).windows.remove(&tail.start);
            return self.model.end_window(state, self.consumer, self.id, shard, With::End(tail.start));
        }
        let returned = result.as_ref().ok().and_then(|answer| {
            let answer: serde_json::Value = serde_json::from_slice(&answer.payload).ok()?;
            Some(answer["state"].to_string())
        });
        for &record in done {
            let at = state.records[record].at;
            state.view(self.consumer, self.id, shard).pooled.insert(at, With::End(tail.start));
        }
        let overfull = returned.as_ref().is_some_and(|state| state.len() > STATE_LIMIT);
        let pool = Pool { state: returned, overfull };
        state.view(self.consumer, self.id, shard).windows.insert(tail.start, pool);
    }
}

impl StreamModel {
    /// A window is over, or its failure record is confirmed: what waited for that is finished.
    pub(crate) fn end_window(&self, state: &mut State, consumer: usize, session: usize, shard: usize, with: With) {
        let view = state.view(consumer, session, shard);
        let over: Vec<usize> = view.pooled.iter().filter(|(_, of)| **of == with).map(|(&at, _)| at).collect();
        for at in over {
            state.view(consumer, session, shard).pooled.remove(&at);
            let record = state.shards[shard].records[at];
            self.finish_record(state, consumer, session, record);
        }
    }

    /// The end of a window that keeps failing is discarded when the window is too old: silently, or with a failure
    /// record that may have to wait for others.
    pub(crate) fn drop_old_windows(
        &self,
        state: &mut State,
        consumer: usize,
        session: usize,
        shard: usize,
        before: u64,
    ) {
        let unix_ms = self.world.unix_ms();
        let of = state.session(consumer, session);
        let delivers = of.mapping.on_failure.is_some();
        let Some(length) = of.stream().tumbling_window.map(millis) else { return };
        let Some(view) = of.views.get(&shard) else { return };
        let failed =
            view.lanes.iter().filter_map(|lane| lane.last()).filter(|piece| piece.is_final() && piece.counted > 0);
        let starts = failed.filter_map(|piece| piece.tail.as_ref().map(|tail| tail.start));
        let old: Vec<u64> = starts.filter(|&start| start < before && of.is_expired(start + length, unix_ms)).collect();
        for start in old {
            let is = |piece: &Piece| piece.is_final() && piece.tail.as_ref().is_some_and(|tail| tail.start == start);
            let view = state.view(consumer, session, shard);
            view.lanes.iter_mut().for_each(|lane| lane.retain(|piece| !is(piece)));
            view.tidy();
            view.discard_window(start);
            if delivers {
                view.owing_windows.insert(start);
            } else {
                self.end_window(state, consumer, session, shard, With::Failure(start));
            }
        }
    }
}
