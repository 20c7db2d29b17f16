//! What a lane must do next: the rules of retries, splits, partial answers, budgets and age, as AWS documents them,
//! judged by what the engine was answered and by nothing else.

use std::collections::BTreeSet;

use forebay::machine::{FaultKind, InvokeResult};

use super::event::WindowTail;
use super::model::State;
use super::session::Session;
use super::shards::places;
use super::view::{Piece, Stage, With};

/// What an answer means for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every record succeeded.
    All,
    /// The records before this one did.
    From(usize),
    /// None did.
    Nothing,
}

impl Session {
    /// An invoke begins: the next try of a batch that its lane waits for, or a new batch.
    pub(crate) fn begin_work(
        &self,
        state: &mut State,
        shard: usize,
        id: u64,
        records: &[usize],
        tail: Option<&WindowTail>,
        full: bool,
    ) {
        let window = tail.map_or(0, |tail| tail.start);
        self.model.drop_old_windows(state, self.consumer, self.id, shard, window);
        let lane = self.find_lane(state, shard, records, tail);
        let lane = match lane.filter(|&lane| self.take_up(state, shard, lane, records)) {
            Some(lane) => lane,
            None => {
                self.check_new(state, shard, records, tail, full);
                let view = state.view(self.consumer, self.id, shard);
                view.lanes.push(vec![Piece::new(records.to_vec(), tail.cloned())]);
                view.lanes.len() - 1
            }
        };
        self.check_window(state, shard, records, tail);
        self.check_age(state, shard, records);
        let now = self.model.world.now();
        let keys: BTreeSet<u32> = records.iter().map(|&record| state.records[record].key).collect();
        let last = records.last().map(|&record| state.records[record].at);
        let view = state.view(self.consumer, self.id, shard);
        view.reached = view.reached.max(last);
        if let Some(piece) = view.lanes[lane].last_mut() {
            if let Stage::Waiting(from) = piece.stage
                && now < from
            {
                self.violate(format_args!("a failed batch is tried again {} ms too early", from - now));
            }
            piece.stage = Stage::InFlight(id);
        }
        view.join(keys);
        view.tidy();
    }

    /// The lane that these records belong to, if it has anything to do.
    fn find_lane(
        &self,
        state: &mut State,
        shard: usize,
        records: &[usize],
        tail: Option<&WindowTail>,
    ) -> Option<usize> {
        let view = state.view(self.consumer, self.id, shard);
        match records.first() {
            Some(_) => records.iter().find_map(|&record| view.lane_of(record)),
            None => {
                let same = |piece: &Piece| {
                    piece.is_final() && piece.tail.as_ref().map(|tail| tail.start) == tail.map(|tail| tail.start)
                };
                view.lanes.iter().position(|lane| lane.last().is_some_and(same))
            }
        }
    }

    /// Matches an invoke with the next piece of work of its lane; false: the lane turned out to have none.
    fn take_up(&self, state: &mut State, shard: usize, lane: usize, records: &[usize]) -> bool {
        loop {
            let Some(piece) = state.view(self.consumer, self.id, shard).lanes[lane].last().cloned() else {
                state.view(self.consumer, self.id, shard).tidy();
                return false;
            };
            let next = places(state, &piece.records);
            if let Stage::InFlight(id) = piece.stage {
                self.violate(format_args!("a batch is in two invokes at once, {id} is the other"));
            }
            let cut = piece.records.len().saturating_sub(records.len());
            let gone = if piece.records[cut..] == *records { cut } else { piece.records.len() };
            let (lost, _) = piece.records.split_at(gone);
            let forfeit = lost.iter().all(|&record| self.is_expired(state, record));
            if !forfeit || (piece.records.is_empty() && !records.is_empty()) {
                self.violate(format_args!("{} is invoked where {next} is next", places(state, records)));
                return true;
            }
            for &record in lost {
                self.expire(state, shard, record);
            }
            let work = &mut state.view(self.consumer, self.id, shard).lanes[lane];
            if gone == cut && piece.records[cut..] == *records {
                // What is left of a batch is another batch, with a budget of its own.
                if let Some(piece) = work.last_mut().filter(|_| cut > 0) {
                    *piece = Piece::new(records.to_vec(), piece.tail.take());
                }
                return true;
            }
            work.pop();
        }
    }

    /// Whether a record is too old now.
    pub(crate) fn is_expired(&self, state: &State, record: usize) -> bool {
        let session = &state.consumers[self.consumer].sessions[self.id];
        session.is_expired(state.records[record].stamp, self.model.world.unix_ms())
    }

    /// A record is discarded as too old: it is finished, or its failure record is to be sent.
    fn expire(&self, state: &mut State, shard: usize, record: usize) {
        if self.mapping.on_failure.is_none() {
            self.model.finish_record(state, self.consumer, self.id, record);
        } else {
            state.view(self.consumer, self.id, shard).owing.insert(record);
        }
    }

    /// A batch that was never tried: it is the next of its lane, after everything that it must follow.
    fn check_new(&self, state: &mut State, shard: usize, records: &[usize], tail: Option<&WindowTail>, full: bool) {
        self.check_begins(state, shard, records);
        if tail.is_some_and(|tail| tail.is_final) && records.is_empty() {
            return;
        }
        let now = self.model.world.now();
        for &record in records {
            let at = state.records[record].at;
            let view = state.view(self.consumer, self.id, shard);
            if view.finished.contains_key(&at) || view.pooled.contains_key(&at) {
                self.violate(format_args!("r{record} is invoked again although it is settled"));
            }
            if !view.read.contains_key(&at) {
                self.violate(format_args!("r{record} is invoked before it was read"));
            }
        }
        self.check_follows(state, shard, records);
        self.check_parents(state, shard);
        // A window is waited for, unless the batch is full or nothing more can come.
        let window = u64::try_from(self.mapping.window.as_millis()).expect("at most 300 s");
        let complete = full || records.len() >= self.mapping.batch_size as usize || tail.is_some();
        let first = state.records[records[0]].at;
        let view = state.view(self.consumer, self.id, shard);
        let (read, read_out) = (view.read.get(&first).copied().unwrap_or(now), view.read_out);
        // A record that was dropped as too old may have opened the window.
        let ages = self.mapping.source.stream().is_some_and(|stream| stream.maximum_record_age.is_some());
        let over = read_out || state.shards[shard].gone;
        let hurried = over || ages || state.consumers[self.consumer].quiet.is_some();
        if !complete && !hurried && now - read + 1 < window {
            self.violate(format_args!(
                "a batch of {} goes {} ms after its first record was read, with a window of {window} ms",
                records.len(),
                now - read
            ));
        }
    }

    /// After a stop nothing is begun, except by lanes that lag behind what others have done: else the checkpoint could
    /// not follow. What waits for its turn under a rate limit was begun before.
    fn check_begins(&self, state: &mut State, shard: usize, records: &[usize]) {
        let at = records.last().map(|&record| state.records[record].at);
        let reached = state.view(self.consumer, self.id, shard).reached;
        if (at.is_none() || at >= reached) && self.mapping.poller.rate_limit.is_none() {
            self.check_awake(state, "a new batch");
        }
    }

    /// Everything of the same lane that comes before is finished, or will never be seen.
    pub(crate) fn check_follows(&self, state: &mut State, shard: usize, records: &[usize]) {
        let Some(&last) = records.last() else { return };
        let keys: BTreeSet<u32> = records.iter().map(|&record| state.records[record].key).collect();
        let one_lane = self.mapping.source.stream().is_some_and(|stream| stream.parallelization == 1);
        let from = state.view(self.consumer, self.id, shard).from;
        for at in from..state.records[last].at {
            let earlier = state.shards[shard].records[at];
            let view = &state.consumers[self.consumer].sessions[self.id].views[&shard];
            let done = view.finished.contains_key(&at) || view.pooled.contains_key(&at);
            if done || records.contains(&earlier) {
                continue;
            }
            let key = state.records[earlier].key;
            let same = one_lane || keys.iter().any(|&other| view.share_a_lane(key, other));
            if !same || !self.model.is_owed(state, self.consumer, self.id, earlier) || self.is_underway(state, earlier)
            {
                continue;
            }
            let old = self.is_expired(state, earlier) && view.read.contains_key(&at) && !view.is_flying(earlier);
            if old {
                state.view(self.consumer, self.id, shard).withdraw(earlier);
                self.expire(state, shard, earlier);
            }
            if old || self.model.is_trimmed_unread(state, self.consumer, self.id, earlier) {
                continue;
            }
            let (one, next) = (places(state, &[earlier]), places(state, records));
            self.violate(format_args!("{next} goes before {one} of the same lane is settled"));
        }
    }

    /// Whether a record was discarded and its failure record is on its way.
    pub(crate) fn is_underway(&self, state: &State, record: usize) -> bool {
        let session = &state.consumers[self.consumer].sessions[self.id];
        let discarded = session.views.get(&state.records[record].shard).is_some_and(|view| view.is_discarded(record));
        discarded || session.deliveries.values().any(|delivery| delivery.records.contains(&record))
    }

    /// A child begins when everything of all its forebears is finished.
    fn check_parents(&self, state: &State, shard: usize) {
        for parent in state.ancestors(self.consumer, shard) {
            let views = &state.consumers[self.consumer].sessions[self.id].views;
            let view = views.get(&parent);
            // A namesake of a stream that was made again may have been taken for it.
            let name = &state.shards[parent].id;
            if views.iter().any(|(&other, view)| other != parent && view.ended && state.shards[other].id == *name) {
                continue;
            }
            if view.is_some_and(|view| view.whole) {
                continue;
            }
            for &record in &state.shards[parent].records {
                let finished = view.is_some_and(|view| view.finished.contains_key(&state.records[record].at));
                if !finished
                    && self.model.is_owed(state, self.consumer, self.id, record)
                    && !self.model.is_forfeit(state, self.consumer, self.id, record)
                {
                    self.violate(format_args!(
                        "shard {shard} begins before r{record} of its parent {parent} is settled"
                    ));
                    return;
                }
            }
        }
    }

    /// Nothing is tried that is past its age.
    fn check_age(&self, state: &State, shard: usize, records: &[usize]) {
        let Some(&first) = records.first() else { return };
        let session = &state.consumers[self.consumer].sessions[self.id];
        let limited = self.mapping.poller.rate_limit.is_some();
        let surely = self.model.world.unix_ms() - self.model.clock_lag();
        if !limited && session.is_expired(state.records[first].stamp, surely) {
            self.violate(format_args!("{} of shard {shard} is tried although it is too old", places(state, &[first])));
        }
    }

    /// An invoke ends: what its lane must do next.
    pub(crate) fn end_work(&self, state: &mut State, shard: usize, id: u64, result: &InvokeResult, verdict: Verdict) {
        let now = self.model.world.now();
        let stream = self.mapping.source.stream().cloned().expect("a mapping of a stream");
        let view = state.view(self.consumer, self.id, shard);
        view.last_end = Some(now);
        let flies = |lane: &Vec<Piece>| lane.last().is_some_and(|piece| piece.stage == Stage::InFlight(id));
        let Some(lane) = view.lanes.iter().position(flies) else { return };
        let Some(mut piece) = view.lanes[lane].pop() else { return };
        piece.tried += 1;
        if let Ok(answer) = result {
            piece.answer = Some(answer.clone());
        }
        // Jitter shortens a pause by at most a quarter.
        let pause = u64::try_from(self.mapping.poller.retry_backoff.initial.as_millis()).unwrap_or(u64::MAX);
        let whole = (pause * 3 / 4).saturating_sub(1);
        let terminal = result.as_ref().is_ok_and(|answer| answer.is_terminal);
        let counts = match result {
            Ok(_) => true,
            Err(fault) => fault.kind == FaultKind::TooLarge,
        };
        piece.refused = if counts { 0 } else { piece.refused + 1 };
        let again = match piece.refused {
            0 => now + whole,
            // One refusal is no sign of trouble: an answer to another lane ends the pause.
            1 => now,
            // It grows from 10 ms on, eightfold. After five seconds an answer to another lane ends it.
            refused => now + whole.min(8_u64.saturating_pow(refused - 1).saturating_mul(10)).min(5_000),
        };
        let succeeded = match (result, verdict) {
            (Ok(_), Verdict::All) => piece.records.len(),
            (Ok(_), Verdict::From(at)) => at,
            _ => 0,
        };
        let done: Vec<usize> = piece.records.drain(..succeeded).collect();
        self.keep_state(state, shard, &piece, result, &done, verdict);
        let work = &mut state.view(self.consumer, self.id, shard).lanes[lane];
        if result.is_ok() && verdict == Verdict::All {
            // Nothing is left of it.
        } else if succeeded > 0 {
            // Progress gives the rest a fresh budget.
            work.push(Piece::new(piece.records, piece.tail));
        } else if counts && result.is_ok() && !terminal && stream.bisect && piece.records.len() > 1 {
            let right = piece.records.split_off(piece.records.len() / 2);
            work.push(Piece::new(right, piece.tail.clone()));
            work.push(Piece::new(piece.records, piece.tail));
        } else {
            piece.counted += u32::from(counts);
            let over = terminal || stream.maximum_retry_attempts.is_some_and(|most| piece.counted > most);
            if !over {
                piece.stage = Stage::Waiting(again);
                work.push(piece);
            } else if self.mapping.on_failure.is_none() {
                self.discard(state, shard, &piece);
            } else {
                let view = state.view(self.consumer, self.id, shard);
                if let Some(tail) = piece.tail.as_ref().filter(|tail| tail.is_final) {
                    view.discard_window(tail.start);
                }
                view.given.push(piece);
            }
        }
        state.view(self.consumer, self.id, shard).tidy();
    }

    /// The records of a batch are discarded for good: there is no destination, or it has confirmed.
    pub(crate) fn discard(&self, state: &mut State, shard: usize, piece: &Piece) {
        for &record in &piece.records {
            self.model.finish_record(state, self.consumer, self.id, record);
        }
        if let Some(tail) = piece.tail.as_ref().filter(|tail| tail.is_final) {
            state.view(self.consumer, self.id, shard).discard_window(tail.start);
            self.model.end_window(state, self.consumer, self.id, shard, With::Failure(tail.start));
        }
    }
}
