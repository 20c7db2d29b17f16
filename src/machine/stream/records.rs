//! The records of one shard that were read and are not finished, and what finishes them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::context::Context;
use super::frontier::Frontier;
use super::shard::ShardKey;
use super::windows::{LastOfWindow, Windows};
use crate::machine::envelope::{join, join_with};
use crate::machine::{Checkpoint, Invariant, Mono};

/// What was read of a shard: held, or processed and not covered by its checkpoint yet.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) key: ShardKey,
    /// The shard's id.
    pub(super) id: Arc<str>,
    pub(super) frontier: Frontier,
    pub(super) windows: Option<Windows>,
    /// Failure records that are not confirmed.
    pub(super) deliveries: u32,
    /// A drain still begins batches of the records before this place.
    pub(super) goal: u64,
    /// The age that was shown last.
    pub(super) shown_age: Duration,
}

/// What finishes together.
#[derive(Debug)]
pub(super) enum Finished {
    /// The records at these places.
    Records(Vec<u64>),
    /// Everything that was processed in this tumbling window.
    Window(u64),
}

impl Records {
    pub(super) fn new(key: ShardKey, id: Arc<str>, windows: Option<Windows>) -> Self {
        let frontier = Frontier::default();
        Self { key, id, frontier, windows, deliveries: 0, goal: 0, shown_age: Duration::ZERO }
    }

    /// The checkpoint to save: everything that was read up to it is finished.
    pub(super) fn checkpoint(&self) -> Option<Checkpoint> {
        self.frontier.checkpoint().map(|sequence| Checkpoint::After(Arc::clone(sequence)))
    }

    /// When the record at a place becomes too old.
    pub(super) fn expiry(&self, place: u64, cx: &Context) -> Option<Mono> {
        let age = cx.options.maximum_record_age?;
        let arrived = self.frontier.get(place)?.arrived_unix_ms;
        let over = Duration::from_millis(arrived.saturating_add(1)).saturating_add(age);
        Some(cx.mono() + over.saturating_sub(Duration::from_millis(cx.now.unix_ms)))
    }

    /// The event of a batch: the same bytes for every try.
    pub(super) fn body(&self, places: &[u64], last: Option<LastOfWindow>) -> Bytes {
        let records = places.iter().filter_map(|&place| self.frontier.get(place));
        let fragments = records.map(|record| &record.fragment);
        match &self.windows {
            Some(windows) => join_with(fragments, &windows.tail(last)),
            None => join(fragments),
        }
    }

    /// The final invoke of a window is over, or discarded: what finishes with it.
    pub(super) fn window_closed(&mut self, last: LastOfWindow) -> Finished {
        Finished::Window(self.windows.as_mut().map(|windows| windows.close(last)).unwrap_or_default())
    }

    /// Finishes records.
    pub(super) fn finish(&mut self, finished: &Finished, cx: &mut Context) {
        match finished {
            Finished::Window(window) => self.frontier.release(*window),
            Finished::Records(places) => {
                let once = places.iter().filter(|&&place| self.frontier.finish(place)).count();
                cx.out.check(Invariant::FinishedOnce, once == places.len());
            }
        }
        cx.saving.touch(self.key);
    }
}
