//! What one session must know of one shard, by the answers that it was given.

use std::collections::{BTreeMap, BTreeSet};

use forebay::machine::{Checkpoint, FunctionAnswer};

use super::event::WindowTail;

/// One session's part of one shard.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// The checkpoint that was claimed.
    pub(crate) claimed: Option<Checkpoint>,
    /// The first place that it does not cover.
    pub(crate) from: usize,
    /// It says that the shard is finished whole.
    pub(crate) whole: bool,
    /// A checkpoint of the session said so.
    pub(crate) ended: bool,
    /// When the session read each place.
    pub(crate) read: BTreeMap<usize, u64>,
    /// Since when each place is finished: succeeded, taken by the destination, or dropped by a rule.
    pub(crate) finished: BTreeMap<usize, u64>,
    /// Places that the function has processed, and the tumbling window with which they finish.
    pub(crate) pooled: BTreeMap<usize, With>,
    /// The state of each open tumbling window.
    pub(crate) windows: BTreeMap<u64, Pool>,
    /// Batches that are in flight or wait for another try, one stack for each lane that has any.
    pub(crate) lanes: Vec<Vec<Piece>>,
    /// Batches whose budget is used up and whose failure record was not sent yet.
    pub(crate) given: Vec<Piece>,
    /// Records that became too old and whose failure record was not sent yet.
    pub(crate) owing: BTreeSet<usize>,
    /// Windows whose end became too old and whose failure record was not sent yet, by their begin.
    pub(crate) owing_windows: BTreeSet<u64>,
    /// Keys that were seen in one batch, and so share a lane.
    pub(crate) kin: Vec<BTreeSet<u32>>,
    /// The last place that was ever invoked.
    pub(crate) reached: Option<usize>,
    /// When the last invoke of the shard ended.
    pub(crate) last_end: Option<u64>,
    /// How far the last checkpoint reaches that was sent to the store, and when it was sent.
    pub(crate) sent: Option<(usize, u64)>,
    /// The last write of a checkpoint failed.
    pub(crate) save_failed: bool,
    /// When the last read began.
    pub(crate) read_begun: Option<u64>,
    /// The last read said that there is nothing more for now.
    pub(crate) idle: bool,
    /// A read is open.
    pub(crate) reading: bool,
    /// The shard was read to its end.
    pub(crate) read_out: bool,
}

/// What a processed record waits for, by the begin of its tumbling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// The end of the window.
    End(u64),
    /// The failure record of a window that was discarded.
    Failure(u64),
}

/// A tumbling window that is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    /// What the function returned last.
    pub(crate) state: Option<String>,
    /// That was more than a window may hold.
    pub(crate) overfull: bool,
}

/// A batch, or what a failed one was split into.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// Its records.
    pub(crate) records: Vec<usize>,
    /// Its window, where there is one.
    pub(crate) tail: Option<WindowTail>,
    /// Tries that spent the budget.
    pub(crate) counted: u32,
    /// All tries.
    pub(crate) tried: u32,
    /// Tries since the last answer that the function's service refused, or lost.
    pub(crate) refused: u32,
    /// The last answer of the function.
    pub(crate) answer: Option<FunctionAnswer>,
    /// What is to come next.
    pub(crate) stage: Stage,
}

/// What is to come of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// An invoke, not before this time.
    Waiting(u64),
    /// The end of this invoke.
    InFlight(u64),
}

impl Piece {
    /// A batch that was never tried.
    pub(crate) const fn new(records: Vec<usize>, tail: Option<WindowTail>) -> Self {
        Self { records, tail, counted: 0, tried: 0, refused: 0, answer: None, stage: Stage::Waiting(0) }
    }

    /// It is the end of a tumbling window.
    pub(crate) fn is_final(&self) -> bool {
        self.tail.as_ref().is_some_and(|tail| tail.is_final)
    }
}

impl View {
    /// A window is discarded: it is over, and what it held finishes with its failure record. Should it go on after an
    /// early end, it does so without this state.
    pub(crate) fn discard_window(&mut self, start: u64) {
        self.windows.remove(&start);
        for with in self.pooled.values_mut().filter(|with| **with == With::End(start)) {
            *with = With::Failure(start);
        }
    }

    /// How far the shard is finished without a gap as far as it was at `limit`; `skip` says which places do not count.
    pub(crate) fn frontier(&self, length: usize, limit: u64, skip: impl Fn(usize) -> bool) -> usize {
        if self.whole {
            return length;
        }
        let done = |at: &usize| self.finished.get(at).is_some_and(|&since| since <= limit) || skip(*at);
        (self.from..length).find(|at| !done(at)).unwrap_or(length)
    }

    /// Whether two keys are known to share a lane.
    pub(crate) fn share_a_lane(&self, one: u32, other: u32) -> bool {
        one == other || self.kin.iter().any(|kin| kin.contains(&one) && kin.contains(&other))
    }

    /// These keys were in one batch.
    pub(crate) fn join(&mut self, keys: BTreeSet<u32>) {
        let mut all = keys;
        self.kin.retain(|kin| {
            let meets = kin.iter().any(|key| all.contains(key));
            if meets {
                all.extend(kin);
            }
            !meets
        });
        self.kin.push(all);
    }

    /// The place of a record in the work of the lanes.
    pub(crate) fn lane_of(&self, record: usize) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.iter().any(|piece| piece.records.contains(&record)))
    }

    /// Whether a record is in an open invoke.
    pub(crate) fn is_flying(&self, record: usize) -> bool {
        let flies = |piece: &Piece| matches!(piece.stage, Stage::InFlight(_)) && piece.records.contains(&record);
        self.lanes.iter().any(|lane| lane.iter().any(flies))
    }

    /// Whether a record was discarded and its failure record is still to be sent.
    pub(crate) fn is_discarded(&self, record: usize) -> bool {
        self.owing.contains(&record) || self.given.iter().any(|piece| piece.records.contains(&record))
    }

    /// Takes a record out of all work.
    pub(crate) fn withdraw(&mut self, record: usize) {
        for lane in &mut self.lanes {
            lane.iter_mut().for_each(|piece| piece.records.retain(|&other| other != record));
            lane.retain(|piece| piece.is_final() || !piece.records.is_empty());
        }
        self.tidy();
    }

    /// Forgets lanes that have nothing to do.
    pub(crate) fn tidy(&mut self) {
        self.lanes.retain(|lane| !lane.is_empty());
    }
}
