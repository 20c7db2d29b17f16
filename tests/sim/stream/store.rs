//! A store in memory that outlives the engine, is slow, fails, and loses answers; and the checks of every checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay::machine::{Checkpoint, Fence, Positions};
use forebay::store::{Checkpoints, Desired, DesiredStates, FileError, Kept, MemoryStore, StoreError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::model::{SessionState, State, StreamModel};
use crate::plan::SideOf;

/// What is finished is saved within so long, where the store does not fail (milliseconds).
const SAVED_WITHIN: u64 = 2_000;

/// The checkpoints of a mapping, by shard.
type ByShard = BTreeMap<Arc<str>, Checkpoint>;

/// Between two writes of a shard's checkpoint (milliseconds).
const SAVE_PAUSE: u64 = 900;

/// What `redb` is in production.
pub(crate) struct CheckpointStore {
    model: Arc<StreamModel>,
    inner: MemoryStore,
}

impl CheckpointStore {
    /// An empty store.
    pub(crate) fn new(model: Arc<StreamModel>) -> Self {
        Self { model, inner: MemoryStore::new() }
    }

    async fn slow(&self) {
        self.model.pause(self.model.plan.store.latency).await;
    }

    /// What is kept of changes.
    fn to_keep(&self, changes: &[(Arc<str>, Option<Checkpoint>)]) -> Vec<(Arc<str>, Option<Checkpoint>)> {
        let mut kept = changes.to_vec();
        if self.model.plan.store.plain_ends {
            for (_, checkpoint) in kept.iter_mut().filter(|(_, it)| it.as_ref().is_some_and(Checkpoint::is_end)) {
                *checkpoint = Some(Checkpoint::End(None));
            }
        }
        kept
    }

    fn fails(&self) -> Option<StoreError> {
        let fails = self.model.outage(SideOf::Store).is_some() || self.model.strikes(self.model.plan.store.fails);
        fails.then(|| FileError::Io { path: "memory".into(), reason: "no space left".into() }.into())
    }
}

impl DesiredStates for CheckpointStore {
    fn desired(&self, mapping: &str) -> BoxFuture<'_, Result<Option<Desired>, StoreError>> {
        self.inner.desired(mapping)
    }

    fn set_desired(&self, mapping: &str, desired: Option<Desired>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.set_desired(mapping, desired)
    }
}

impl Checkpoints for CheckpointStore {
    fn claim(&self, mapping: &str, source: &str, latest: bool) -> BoxFuture<'_, Result<Positions, StoreError>> {
        let (mapping, source) = (mapping.to_owned(), source.to_owned());
        async move {
            self.model.world.enter().await;
            let consumer = self.model.find(&mapping);
            self.model.note(consumer, format_args!("a claim begins"));
            let now = self.model.world.now();
            self.model.state().consumers[consumer].claimed.get_or_insert(now);
            self.slow().await;
            if let Some(error) = self.fails() {
                self.model.note(consumer, format_args!("the claim fails"));
                return Err(error);
            }
            let positions = self.inner.claim(&mapping, &source, latest).await?;
            self.slow().await;
            self.model.claimed(consumer, &positions);
            Ok(positions)
        }
        .boxed()
    }

    fn save(
        &self,
        mapping: &str,
        fence: Fence,
        changes: Vec<(Arc<str>, Option<Checkpoint>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mapping = mapping.to_owned();
        async move {
            self.model.world.enter().await;
            let consumer = self.model.find(&mapping);
            self.model.check_save(consumer, &changes);
            self.slow().await;
            let result = match self.fails() {
                Some(error) => Err(error),
                None => {
                    let saved = self.inner.save(&mapping, fence, self.to_keep(&changes)).await;
                    if saved.is_ok() {
                        let now = self.model.world.now();
                        self.model.state().consumers[consumer].pinned.get_or_insert(now);
                    }
                    self.slow().await;
                    match saved {
                        Ok(()) if self.model.strikes(self.model.plan.store.lost) => {
                            Err(FileError::Io { path: "memory".into(), reason: "interrupted".into() }.into())
                        }
                        saved => saved,
                    }
                }
            };
            self.model.saved(consumer, &changes, &result);
            result
        }
        .boxed()
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeMap<String, Kept>, StoreError>> {
        self.inner.kept()
    }

    fn replace_kept(&self, mapping: &str, kept: Option<Kept>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.replace_kept(mapping, kept)
    }
}

impl StreamModel {
    /// The checkpoints of a deleted stream that keep a shard of the stream from being read.
    pub(crate) fn unreadable(&self, kept: &Kept) -> Vec<String> {
        let state = self.state();
        let checkpoints = kept.checkpoints.iter().filter(|&(id, checkpoint)| {
            let shard = state.shard(id).filter(|&shard| !state.shards[shard].deleted);
            shard.is_some_and(|shard| match checkpoint {
                Checkpoint::End(Some(begins)) if *begins != state.shards[shard].begins => true,
                // Of a shard that was closed already END may be true.
                Checkpoint::End(_) => state.shards[shard].closed.is_none(),
                Checkpoint::After(sequence) => state.is_foreign(shard, sequence),
                _ => false,
            })
        });
        checkpoints.map(|(shard, checkpoint)| format!("{shard} {checkpoint}")).collect()
    }

    /// Nothing in the scenario keeps the store from being up to date.
    fn store_is_good(&self) -> bool {
        let store = &self.plan.store;
        store.fails == 0.0 && store.lost == 0.0 && self.plan.outages.iter().all(|outage| outage.side != SideOf::Store)
    }

    /// A session has its checkpoints: they are no older than what the session before it can have finished.
    fn claimed(&self, consumer: usize, positions: &Positions) {
        let mut state = self.state();
        let checkpoints: Vec<String> =
            positions.checkpoints.iter().map(|(shard, checkpoint)| format!("{shard} {checkpoint}")).collect();
        let Some(session) = state.consumers[consumer].sessions.len().checked_sub(1) else { return };
        if !std::mem::take(&mut state.consumers[consumer].reset) {
            self.check_staleness(&state, consumer, session, positions);
        }
        for (shard, checkpoint) in &positions.checkpoints {
            let Some(shard) = state.shard(shard) else { continue };
            let from = state.covered(shard, checkpoint);
            let view = state.view(consumer, session, shard);
            view.claimed = Some(checkpoint.clone());
            view.whole = checkpoint.is_end();
            view.from = if view.whole { 0 } else { from };
        }
        state.session(consumer, session).claimed = true;
        drop(state);
        self.note(
            consumer,
            format_args!("claims {}", if checkpoints.is_empty() { "nothing".into() } else { checkpoints.join(", ") }),
        );
    }

    fn check_staleness(&self, state: &State, consumer: usize, session: usize, positions: &Positions) {
        let Some(before) = session.checked_sub(1).map(|before| &state.consumers[consumer].sessions[before]) else {
            return;
        };
        let Some((ended, clean)) = before.ended.filter(|_| self.store_is_good()) else { return };
        let (_, slowest) = self.plan.store.latency;
        let limit = if clean { ended } else { ended.saturating_sub(SAVED_WITHIN + 4 * slowest) };
        if let Some((shard, finished, covered)) = self.uncovered(state, consumer, before, &positions.checkpoints, limit)
        {
            let when = if clean { "a clean drain" } else { "a crash" };
            self.violate(
                consumer,
                format_args!("after {when} shard {shard} is settled up to {finished}, and its mark covers {covered}"),
            );
        }
    }

    /// A process has ended by a signal: what it had finished is in the store, or it said that it is not.
    pub(crate) fn check_last_checkpoints(&self, consumer: usize, checkpoints: &ByShard, since: u64, reported: bool) {
        let state = self.state();
        let Some(session) = state.consumers[consumer].sessions.last() else { return };
        let Some((ended, clean)) = session.ended else { return };
        let limit = if clean { ended } else { since };
        let uncovered = self.uncovered(&state, consumer, session, checkpoints, limit);
        let needless = reported && clean && self.store_is_good();
        match uncovered {
            // Checkpoints that an operator has forgotten cover nothing.
            Some((shard, done, covered)) if !reported && !state.consumers[consumer].reset => self.violate(
                consumer,
                format_args!(
                    "ends as if all were saved: shard {shard} is settled up to {done}, and its mark covers {covered}"
                ),
            ),
            None if needless => self.violate(consumer, "says that checkpoints were not saved, and the store has them"),
            _ => {}
        }
    }

    /// A shard of which more was finished by `limit` than its checkpoint covers: how much is finished, and covered.
    fn uncovered(
        &self,
        state: &State,
        consumer: usize,
        session: &SessionState,
        checkpoints: &ByShard,
        limit: u64,
    ) -> Option<(usize, usize, usize)> {
        session.views.iter().find_map(|(&shard, view)| {
            let records = &state.shards[shard].records;
            // What a mapping may leave out, and has read all the same, holds its checkpoint like everything else.
            let skip = |at: usize| !view.read.contains_key(&at) && !self.is_required(state, consumer, records[at]);
            let finished = view.frontier(records.len(), limit, skip);
            let known = checkpoints.get(&state.shards[shard].id);
            let covered = known.map_or(0, |checkpoint| state.covered(shard, checkpoint));
            let real = (covered..finished).any(|at| view.finished.contains_key(&at));
            // Of a shard that is gone nothing can come again.
            (real && !state.shards[shard].gone).then_some((shard, finished, covered))
        })
    }

    /// A write of checkpoints begins: each covers nothing but what is finished.
    fn check_save(&self, consumer: usize, changes: &[(Arc<str>, Option<Checkpoint>)]) {
        let mut state = self.state();
        self.sweep(&mut state);
        let texts: Vec<String> = changes
            .iter()
            .map(|(shard, checkpoint)| {
                format!("{shard} {}", checkpoint.as_ref().map_or("forgotten".into(), Checkpoint::to_string))
            })
            .collect();
        self.note(consumer, format_args!("saves {}", texts.join(", ")));
        let Some(session) = state.consumers[consumer].sessions.len().checked_sub(1) else { return };
        if changes.is_empty() {
            self.violate(consumer, "saves nothing");
        }
        for (id, checkpoint) in changes {
            let Some(shard) = state.shard(id) else {
                self.violate(consumer, format_args!("saves a mark of {id}, which never was"));
                continue;
            };
            // Its name was another's in the stream that was made again, of which the checkpoint is: nothing shows that.
            let namesake = state.shards[shard].listed > self.world.now();
            match checkpoint {
                _ if namesake => {
                    let view = state.view(consumer, session, shard);
                    (view.whole, view.from, view.sent) = (checkpoint.as_ref().is_some_and(Checkpoint::is_end), 0, None);
                }
                None if !state.shards[shard].gone => {
                    self.violate(consumer, format_args!("forgets shard {shard}, which is still listed"));
                }
                None => self.check_covered(&mut state, consumer, session, shard, usize::MAX),
                Some(checkpoint) => self.check_one(&mut state, consumer, session, shard, checkpoint),
            }
        }
    }

    fn check_one(&self, state: &mut State, consumer: usize, session: usize, shard: usize, checkpoint: &Checkpoint) {
        let now = self.world.now();
        let covered = state.covered(shard, checkpoint);
        if checkpoint.is_end() && state.shards[shard].closed.is_none() {
            self.violate(consumer, format_args!("marks shard {shard} as settled whole, and it is open"));
        }
        let quiet = state.consumers[consumer].quiet.is_some();
        let view = state.view(consumer, session, shard);
        let claimed = if view.whole { usize::MAX } else { view.from };
        if let Some((before, at)) = view.sent {
            if covered < before {
                self.violate(consumer, format_args!("the mark of shard {shard} goes back from {before} to {covered}"));
            }
            let free = quiet || view.save_failed || checkpoint.is_end() || before == 0;
            if now < at + SAVE_PAUSE && !free {
                self.violate(consumer, format_args!("the mark of shard {shard} is saved again after {} ms", now - at));
            }
        } else if covered < claimed {
            self.violate(consumer, format_args!("the mark of shard {shard} goes back from {claimed} to {covered}"));
        }
        view.sent = Some((covered, now));
        view.ended |= checkpoint.is_end();
        view.save_failed = false;
        self.check_covered(state, consumer, session, shard, covered);
    }

    /// The first `covered` places of a shard are finished, or need not be finished any more.
    fn check_covered(&self, state: &mut State, consumer: usize, session: usize, shard: usize, covered: usize) {
        self.drop_old_windows(state, consumer, session, shard, u64::MAX);
        let from = state.view(consumer, session, shard).from;
        for at in from..covered.min(state.shards[shard].records.len()) {
            let record = state.shards[shard].records[at];
            let view = state.view(consumer, session, shard);
            let finished = view.whole || view.finished.contains_key(&at);
            let idle = !view.is_flying(record) && !view.pooled.contains_key(&at);
            let old = idle && self.is_too_old(state, consumer, session, record);
            let allowed = old || self.is_trimmed_unread(state, consumer, session, record);
            if !finished && self.is_owed(state, consumer, session, record) && !allowed {
                self.violate(
                    consumer,
                    format_args!("the mark of shard {shard} covers {}, and r{record} is not settled", extent(covered)),
                );
                return;
            }
            if old && !finished {
                self.finish_record(state, consumer, session, record);
            }
        }
    }

    fn saved(&self, consumer: usize, changes: &[(Arc<str>, Option<Checkpoint>)], result: &Result<(), StoreError>) {
        if let Err(error) = result {
            let mut state = self.state();
            let Some(session) = state.consumers[consumer].sessions.len().checked_sub(1) else { return };
            for (id, _) in changes {
                if let Some(shard) = state.shard(id) {
                    state.view(consumer, session, shard).save_failed = true;
                }
            }
            drop(state);
            self.note(consumer, format_args!("the save fails: {error}"));
        }
    }
}

/// How much a checkpoint covers.
fn extent(covered: usize) -> String {
    if covered == usize::MAX { "everything".into() } else { format!("{covered} places") }
}
