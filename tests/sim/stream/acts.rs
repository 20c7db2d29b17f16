//! What operators and faults do to an engine that reads a stream, and what must be true after each of it.

use std::sync::Arc;
use std::time::Duration;

use forebay::engine::{CheckpointChange, MappingState, Snapshot};

use super::model::Quiet;
use super::plan::Action;
use super::scenario::{Scenario, start_engine};
use crate::rig::{DRAIN, is};
use crate::run::millis;

/// Between a bound and the answer that shows that it was kept (milliseconds).
const SLACK: u64 = 1_000;
/// A mapping is `Enabled` when it has read once, or is known to be degraded, within this.
const FIRST_READ: Duration = Duration::from_secs(600);

impl Scenario {
    /// Does one thing to the engine, and checks what comes of it.
    pub(crate) async fn act(&mut self, action: Action) {
        self.model.world.note(format_args!("action: {action:?}"));
        match action {
            Action::Stop(consumer) => self.stop(consumer).await,
            Action::Start(consumer) => self.start(consumer).await,
            Action::Crash { down } => {
                self.crash().await;
                self.restart(down).await;
            }
            Action::Shutdown { bound, cut_after, down } => {
                self.shutdown(bound, cut_after).await;
                self.restart(down).await;
            }
            Action::Recreate { splits, down } => {
                self.shutdown(5_000, None).await;
                self.model.recreate(splits);
                self.restart(down).await;
                for consumer in 0..self.mappings.len() {
                    self.begin_again(consumer).await;
                }
            }
            Action::Look => {}
            Action::Reload(None) => self.reload_the_same().await,
            Action::Reload(Some((consumer, retune))) => {
                retune.apply(&mut self.mappings[consumer]);
                self.reload_changed(consumer).await;
            }
        }
    }

    fn hush(&self, consumer: usize, bound: Option<u64>) -> u64 {
        let since = self.model.world.now();
        let mut state = self.model.state();
        // What was to be discarded for checkpoints that are forgotten still is.
        let cut = state.consumers[consumer].quiet.is_some_and(|quiet| quiet.cut && quiet.until_connected);
        state.consumers[consumer].quiet = Some(Quiet { since, bound, cut, until_connected: cut });
        since
    }

    fn cut(&self) {
        for consumer in &mut self.model.state().consumers {
            if let Some(quiet) = &mut consumer.quiet {
                quiet.cut = true;
            }
        }
    }

    fn drain_bound(&self, consumer: usize) -> u64 {
        millis(self.mappings[consumer].poller.drain_timeout.unwrap_or(DRAIN))
    }

    /// A drain that began at `since` has ended: nothing is in flight, and it kept its bound.
    fn check_drain(&self, consumer: usize, since: u64, bound: u64, what: &str) {
        let took = self.model.world.now() - since;
        let mut state = self.model.state();
        let cut = state.consumers[consumer].quiet.is_some_and(|quiet| quiet.cut);
        let open = state.consumers[consumer].calls.len();
        self.model.end_session(&mut state, consumer, took < bound && !cut);
        drop(state);
        if open > 0 {
            self.model.violate(consumer, format_args!("{open} invokes outlive {what}"));
        }
        if took > bound + SLACK {
            self.model.violate(consumer, format_args!("{what} took {took} ms, with a bound of {bound} ms"));
        }
    }

    async fn stop(&mut self, consumer: usize) {
        let bound = self.drain_bound(consumer);
        let since = self.hush(consumer, Some(bound));
        if let Err(error) = self.rig.handle.stop(self.model.name(consumer)).await {
            return self.model.violate(consumer, format_args!("stop failed: {error}"));
        }
        if !std::mem::replace(&mut self.wanted[consumer], false) {
            return;
        }
        let patience = Duration::from_millis(bound + SLACK);
        if !self.rig.wait(self.model.name(consumer), patience, is(MappingState::Disabled)).await {
            return self.model.violate(consumer, format_args!("still not Disabled {patience:?} after the stop"));
        }
        self.check_drain(consumer, since, bound, "a stop");
    }

    pub(crate) async fn start(&mut self, consumer: usize) {
        self.model.state().consumers[consumer].quiet = None;
        if let Err(error) = self.rig.handle.start(self.model.name(consumer)).await {
            return self.model.violate(consumer, format_args!("start failed: {error}"));
        }
        self.wanted[consumer] = true;
        if !self.rig.wait(self.model.name(consumer), FIRST_READ, is(MappingState::Enabled)).await {
            self.model.violate(consumer, format_args!("still not Enabled {FIRST_READ:?} after the start"));
        }
    }

    async fn crash(&self) {
        for consumer in 0..self.mappings.len() {
            self.hush(consumer, None);
        }
        self.cut();
        self.rig.task.abort();
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.model.world.next_incarnation();
        let mut state = self.model.state();
        for consumer in 0..self.mappings.len() {
            self.model.end_session(&mut state, consumer, false);
            let reads = state.consumers[consumer].sessions.iter().flat_map(|session| session.views.values());
            let (reads, open) = (reads.filter(|view| view.reading).count(), state.consumers[consumer].calls.len());
            if reads + open > 0 {
                self.model.violate(consumer, format_args!("{reads} reads and {open} invokes outlive the engine"));
            }
        }
    }

    /// A mapping whose stream was made again shows what its checkpoints keep from being read, with what helps. Then
    /// that is done.
    async fn begin_again(&mut self, consumer: usize) {
        let kept = self.store.kept().await.expect("a store in memory can be read");
        let Some(kept) = kept.get(self.model.name(consumer)) else { return };
        let unreadable = self.model.unreadable(kept);
        if !unreadable.is_empty() && self.wanted[consumer] {
            let shown = |status: Option<&Snapshot>| {
                let reason = status.and_then(|status| status.health.reason()).unwrap_or_default();
                reason.contains("FB0612")
            };
            // A shard that is split meanwhile is closed, as it was before; and checkpoints of shards that are gone are
            // forgotten.
            let silent = !self.rig.wait(self.model.name(consumer), FIRST_READ, shown).await;
            let kept = self.store.kept().await.expect("a store in memory can be read");
            let left = kept.get(self.model.name(consumer)).map(|kept| self.model.unreadable(kept));
            if silent && left.is_some_and(|left| !left.is_empty()) {
                let checkpoints = unreadable.join(", ");
                self.model
                    .violate(consumer, format_args!("reads nothing of a stream made again, silently: {checkpoints}"));
            }
        }
        if self.wanted[consumer] {
            self.hush(consumer, None);
            if let Some(quiet) = &mut self.model.state().consumers[consumer].quiet {
                (quiet.until_connected, quiet.cut) = (true, true);
            }
        }
        self.model.state().consumers[consumer].reset = true;
        let reset = self.rig.handle.change_checkpoint(self.model.name(consumer), CheckpointChange::Reset, true).await;
        if let Err(error) = reset {
            self.model.violate(consumer, format_args!("the reset failed: {error}"));
        }
    }

    async fn restart(&mut self, down: u64) {
        tokio::time::sleep(Duration::from_millis(down)).await;
        for consumer in 0..self.mappings.len() {
            if self.wanted[consumer] {
                self.model.state().consumers[consumer].quiet = None;
            } else {
                self.hush(consumer, None);
            }
        }
        self.rig = start_engine(&self.model, self.mappings.clone(), Arc::clone(&self.store));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    pub(crate) async fn shutdown(&mut self, bound: u64, cut_after: Option<u64>) {
        let since = self.model.world.now();
        for consumer in 0..self.mappings.len() {
            let quiet = self.model.state().consumers[consumer].quiet;
            if quiet.is_none() {
                self.hush(consumer, Some(self.own_bound(consumer, bound)));
            }
        }
        let handle = self.rig.handle.clone();
        let shutdown = handle.shutdown(Duration::from_millis(bound));
        let mut shutdown = std::pin::pin!(shutdown);
        let mut limit = bound + SLACK;
        let mut answer = None;
        if let Some(after) = cut_after {
            answer = tokio::time::timeout(Duration::from_millis(after), shutdown.as_mut()).await.ok();
            if answer.is_none() {
                self.model.world.note(format_args!("a second SIGTERM"));
                self.cut();
                handle.cut().await;
                limit = limit.min(after + 2 * SLACK);
            }
        }
        if answer.is_none() {
            let left = Duration::from_millis((since + limit).saturating_sub(self.model.world.now()));
            answer = tokio::time::timeout(left, shutdown).await.ok();
        }
        let unsaved = match answer {
            Some(Ok(drained)) => drained.unsaved,
            Some(Err(error)) => return self.model.world.violate(format!("shutdown failed: {error}")),
            None => return self.model.world.violate(format!("a shutdown was to be over {limit} ms after it began")),
        };
        if tokio::time::timeout(Duration::from_secs(1), &mut self.rig.task).await.is_err() {
            self.model.world.violate("the engine goes on after its shutdown was answered");
        }
        let alone = self.mappings.len() == 1;
        for consumer in 0..self.mappings.len() {
            let own = self.own_bound(consumer, bound);
            if self.wanted[consumer] {
                // Which of several drains took so long cannot be seen from here.
                let known = alone || self.model.world.now() - since <= own;
                self.check_drain(consumer, since, if known { own } else { u64::MAX - SLACK }, "a shutdown");
                let reported = unsaved.iter().any(|name| name == self.model.name(consumer));
                let kept = self.store.kept().await.expect("a store in memory can be read");
                let checkpoints = kept.get(self.model.name(consumer)).map(|kept| kept.checkpoints.clone());
                self.model.check_last_checkpoints(consumer, &checkpoints.unwrap_or_default(), since, reported);
            }
        }
        self.model.world.next_incarnation();
    }

    /// A mapping's own bound can only shorten that of the shutdown.
    fn own_bound(&self, consumer: usize, bound: u64) -> u64 {
        self.mappings[consumer].poller.drain_timeout.map_or(bound, |own| bound.min(millis(own)))
    }

    async fn reload_the_same(&self) {
        let sessions = || self.model.state().consumers.iter().map(|consumer| consumer.sessions.len()).sum::<usize>();
        // A process that has only just begun, or a mapping that begins again at other checkpoints, connects first.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = sessions();
        match self.rig.handle.reload(self.mappings.clone()).await {
            Ok(summary) if summary.unchanged == self.mappings.len() => {}
            Ok(summary) => self.model.world.violate(format!("a reload of the same files changed {summary:?}")),
            Err(error) => self.model.world.violate(format!("reload failed: {error}")),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        if sessions() != before {
            self.model.world.violate("a reload of the same files restarted a mapping");
        }
    }

    async fn reload_changed(&self, consumer: usize) {
        if self.wanted[consumer] {
            self.hush(consumer, Some(self.drain_bound(consumer)));
            if let Some(quiet) = &mut self.model.state().consumers[consumer].quiet {
                quiet.until_connected = true;
            }
        }
        let changed = match self.rig.handle.reload(self.mappings.clone()).await {
            Ok(summary) => !summary.changed.is_empty(),
            Err(error) => return self.model.world.violate(format!("reload failed: {error}")),
        };
        if !self.wanted[consumer] {
            return;
        }
        if !changed {
            self.model.state().consumers[consumer].quiet = None;
            return;
        }
        let patience = Duration::from_millis(self.drain_bound(consumer)) + FIRST_READ;
        let size = self.mappings[consumer].batch_size;
        let there = |status: Option<&Snapshot>| {
            status.is_some_and(|status| status.state == MappingState::Enabled && status.mapping.batch_size == size)
        };
        if !self.rig.wait(self.model.name(consumer), patience, there).await {
            self.model
                .violate(consumer, format_args!("does not run with its new numbers {patience:?} after the reload"));
        }
    }
}
