//! What operators and faults do to an engine, and what must be true after each of it.

use std::sync::Arc;
use std::time::Duration;

use forebay::engine::{Drained, EngineError, MappingState, Snapshot};
use forebay::mapping::Mapping;

use crate::queue::plan::Action;
use crate::queue::scenario::{Scenario, start_engine};
use crate::queue::subject::{Counts, Quiet};
use crate::rig::{DRAIN, is};
use crate::run::millis;

/// Between a bound and the answer that shows that it was kept (milliseconds).
const SLACK: u64 = 1_000;
/// How long a stop and a removal wait for receives (milliseconds): each has ended by then.
const RECEIVES: u64 = 31_000;
/// A mapping is `Enabled` when it has polled once, or is known to be degraded, within this.
const FIRST_POLL: Duration = Duration::from_secs(600);

impl Scenario {
    /// Does one thing to the engine, and checks what comes of it.
    pub(crate) async fn act(&mut self, action: Action) {
        self.world.note(format_args!("action: {action}"));
        match action {
            Action::Stop { subject, wait } => self.stop(subject, wait).await,
            Action::Start(subject) => self.start(subject).await,
            Action::Crash { down } => self.crash(down).await,
            Action::Shutdown { bound, cut_after, down } => {
                self.shutdown(bound, cut_after).await;
                self.restart(down).await;
            }
            Action::Reload(None) => self.reload_the_same().await,
            Action::Reload(Some((subject, retune))) => {
                retune.apply(&mut self.mappings[subject]);
                self.reload_changed(subject).await;
            }
            Action::Panic { steps } => self.world.light_fuse(steps),
            Action::Look => {}
            Action::Remove { subject, back_after } => self.remove(subject, back_after).await,
        }
    }

    fn hush(&self, subject: usize, bound: Option<u64>, receives: Option<u64>) -> u64 {
        let since = self.world.now();
        self.subjects[subject].hush(Quiet { since, bound, receives, cut: false });
        since
    }

    fn wake(&self, subject: usize) {
        self.subjects[subject].state().quiet = None;
    }

    /// How long the drain of one mapping may take by default.
    fn drain_bound(&self, subject: usize) -> u64 {
        let own = self.mappings[subject].poller.drain_timeout;
        millis(own.unwrap_or(DRAIN))
    }

    /// The drain that began at `since` has ended: what was it worth?
    fn check_drain(&self, subject: usize, since: u64, bound: u64, what: &str) {
        let took = self.world.now() - since;
        let subject = &self.subjects[subject];
        let cut = subject.state().quiet.is_some_and(|quiet| quiet.cut);
        if took < bound && !cut {
            subject.check_drained(what);
        } else if took > bound + SLACK {
            subject.violate(format_args!("{what} took {took} ms, with a bound of {bound} ms"));
        }
        subject.allow_all("left behind by a drain");
    }

    async fn stop(&mut self, subject: usize, wait: bool) {
        let bound = self.drain_bound(subject);
        let before = self.subjects[subject].state().quiet;
        let receives = bound.max(RECEIVES);
        let since = self.hush(subject, Some(bound), Some(receives));
        match self.rig.handle.stop(self.subjects[subject].name()).await {
            Ok(_) => {}
            Err(EngineError::Store(_)) => {
                // A desired state that cannot be kept changes nothing.
                self.subjects[subject].state().quiet = before;
                return;
            }
            Err(error) => return self.world.violate(format!("stop failed: {error}")),
        }
        if !std::mem::replace(&mut self.wanted[subject], false) {
            if before.is_some() {
                self.subjects[subject].state().quiet = before;
            }
            return;
        }
        let mut patience = Duration::from_millis(bound + SLACK);
        let mut disabled = self.rig.wait(self.subjects[subject].name(), patience, is(MappingState::Disabled)).await;
        let late = self.subjects[subject].came_last(&self.subjects[subject].state(), since);
        if !disabled && late {
            // What a receive brings late for the last time is processed, for as long as receives are waited for.
            let rest = Duration::from_millis(receives - bound);
            patience += rest;
            disabled = self.rig.wait(self.subjects[subject].name(), rest, is(MappingState::Disabled)).await;
        }
        if !disabled {
            return self.subjects[subject].violate(format_args!("still not Disabled {patience:?} after the stop"));
        }
        let took = self.world.now() - since;
        if took < bound && !wait {
            // Receives are open still, and give back what they bring.
            return;
        }
        self.until_no_receive(subject, since + receives).await;
        if took < bound {
            self.check_drain(subject, since, receives, "a stop");
        } else {
            self.subjects[subject].allow_all("left behind by a drain");
        }
    }

    /// Waits until none of its receives is open.
    async fn until_no_receive(&self, subject: usize, by: u64) {
        let patience = Duration::from_millis((by + 2 * SLACK).saturating_sub(self.world.now()));
        let none =
            |status: Option<&Snapshot>| status.is_none_or(|status| status.gauges.receiving + status.gauges.held == 0);
        if !self.rig.wait(self.subjects[subject].name(), patience, none).await {
            self.subjects[subject].violate(format_args!("receives are open although they were to be over by {by} ms"));
        }
    }

    pub(crate) async fn start(&mut self, subject: usize) {
        let now = self.world.now();
        let quiet = {
            let mut state = self.subjects[subject].state();
            self.subjects[subject].leave_behind(&mut state);
            state.goes_on(now);
            state.quiet.take()
        };
        match self.rig.handle.start(self.subjects[subject].name()).await {
            Ok(_) => self.wanted[subject] = true,
            Err(EngineError::Store(_)) => {
                self.subjects[subject].state().quiet = quiet;
                return;
            }
            Err(error) => return self.world.violate(format!("start failed: {error}")),
        }
        if !self.rig.wait(self.subjects[subject].name(), FIRST_POLL, is(MappingState::Enabled)).await {
            self.subjects[subject].violate(format_args!("still not Enabled {FIRST_POLL:?} after the start"));
        }
    }

    async fn crash(&mut self, down: u64) {
        for subject in 0..self.subjects.len() {
            self.hush(subject, None, None);
            if let Some(quiet) = &mut self.subjects[subject].state().quiet {
                quiet.cut = true;
            }
        }
        self.rig.task.abort();
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.world.next_incarnation();
        for subject in &self.subjects {
            let state = subject.state();
            let (receives, invokes) = (state.open_receives(), state.calls.len());
            drop(state);
            if receives + invokes > 0 {
                subject.violate(format_args!("{receives} receives and {invokes} invokes outlive the engine"));
            }
            subject.allow_all("the process died");
        }
        self.restart(down).await;
    }

    async fn restart(&mut self, down: u64) {
        tokio::time::sleep(Duration::from_millis(down)).await;
        for subject in 0..self.subjects.len() {
            if self.wanted[subject] {
                self.wake(subject);
            } else {
                self.hush(subject, None, None);
            }
        }
        self.rig =
            start_engine(&self.world, &self.subjects, self.mappings.clone(), Arc::clone(&self.store), self.plan.seed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    pub(crate) async fn shutdown(&mut self, bound: u64, cut_after: Option<u64>) {
        let since = self.world.now();
        for subject in 0..self.subjects.len() {
            let own = self.own_bound(subject, bound);
            let quiet = self.subjects[subject].state().quiet;
            match quiet {
                None => drop(self.hush(subject, Some(own), Some(own))),
                // What a stop still waits for is waited for no longer than this.
                Some(quiet) => {
                    let shorter = |span: Option<u64>| span.map(|span| span.min(since + own - quiet.since));
                    let (bound, receives) = (shorter(quiet.bound), shorter(quiet.receives));
                    self.subjects[subject].state().quiet = Some(Quiet { bound, receives, ..quiet });
                }
            }
        }
        let handle = self.rig.handle.clone();
        let shutdown = handle.shutdown(Duration::from_millis(bound));
        let mut shutdown = std::pin::pin!(shutdown);
        let mut limit = bound + SLACK;
        if let Some(after) = cut_after {
            let cut = tokio::time::timeout(Duration::from_millis(after), shutdown.as_mut()).await;
            if cut.is_err() {
                self.world.note(format_args!("a second SIGTERM"));
                for subject in &self.subjects {
                    if let Some(quiet) = &mut subject.state().quiet {
                        quiet.cut = true;
                    }
                }
                handle.cut().await;
                limit = limit.min(after + 2 * SLACK);
                self.expect_end(shutdown, since + limit).await;
            }
        } else {
            self.expect_end(shutdown, since + limit).await;
        }
        if tokio::time::timeout(Duration::from_secs(1), &mut self.rig.task).await.is_err() {
            self.world.violate("the engine goes on after its shutdown was answered");
        }
        let took = self.world.now() - since;
        for subject in 0..self.subjects.len() {
            let own = self.own_bound(subject, bound);
            if !self.wanted[subject] || (took > own && self.subjects.len() > 1) {
                // Which of several drains took so long cannot be seen from here.
                self.subjects[subject].allow_all("left behind by a drain");
            } else {
                self.check_drain(subject, since, own, "a shutdown");
            }
        }
        self.world.next_incarnation();
    }

    /// A mapping's own bound can only shorten that of the shutdown.
    fn own_bound(&self, subject: usize, bound: u64) -> u64 {
        self.mappings[subject].poller.drain_timeout.map_or(bound, |own| bound.min(millis(own)))
    }

    async fn expect_end(&self, shutdown: impl Future<Output = Result<Drained, EngineError>>, deadline: u64) {
        let left = Duration::from_millis(deadline.saturating_sub(self.world.now()));
        match tokio::time::timeout(left, shutdown).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => self.world.violate(format!("shutdown failed: {error}")),
            Err(_) => self.world.violate(format!("the shutdown was to be over by {deadline} ms")),
        }
    }

    async fn reload_the_same(&self) {
        let sessions =
            |scenario: &Self| scenario.subjects.iter().map(|subject| subject.state().sessions.len()).sum::<usize>();
        // A process that has only just begun connects its mappings first.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let before = sessions(self);
        match self.rig.handle.reload(self.mappings.clone()).await {
            Ok(summary) if summary.unchanged == self.mappings.len() => {}
            Ok(summary) => self.world.violate(format!("a reload of the same files changed {summary:?}")),
            Err(error) => self.world.violate(format!("reload failed: {error}")),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        if sessions(self) != before {
            self.world.violate("a reload of the same files restarted a mapping");
        }
    }

    async fn reload_changed(&self, subject: usize) {
        // A mapping that has only just begun connects first.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let running = |scenario: &Self| {
            let state = scenario.subjects[subject].state();
            (state.sessions.len(), state.sessions.last().is_some_and(|session| session.handles > 0))
        };
        let before = running(self);
        let changed = match self.rig.handle.reload(self.mappings.clone()).await {
            Ok(summary) => !summary.changed.is_empty(),
            Err(error) => return self.world.violate(format!("reload failed: {error}")),
        };
        if !self.wanted[subject] {
            return;
        }
        if !changed {
            return;
        }
        let patience = Duration::from_millis(self.drain_bound(subject)) + FIRST_POLL;
        let size = self.mappings[subject].batch_size;
        let there = |status: Option<&Snapshot>| {
            status.is_some_and(|status| status.state == MappingState::Enabled && status.mapping.batch_size == size)
        };
        if !self.rig.wait(self.subjects[subject].name(), patience, there).await {
            self.subjects[subject]
                .violate(format_args!("does not run with its new numbers {patience:?} after the reload"));
        }
        if before.1 && running(self) != before {
            self.subjects[subject].violate("was started again for a change of its numbers");
        }
    }

    async fn remove(&mut self, subject: usize, back_after: u64) {
        let name = self.subjects[subject].name().to_owned();
        let rest: Vec<Mapping> = self.mappings.iter().filter(|mapping| mapping.name != name).cloned().collect();
        let bound = self.drain_bound(subject);
        let receives = bound.max(RECEIVES);
        let since =
            if self.wanted[subject] { self.hush(subject, Some(bound), Some(receives)) } else { self.world.now() };
        match self.rig.handle.reload(rest).await {
            Ok(summary) if summary.removed == [name] => {}
            Ok(summary) => return self.world.violate(format!("a removed file gave {summary:?}")),
            Err(error) => return self.world.violate(format!("reload failed: {error}")),
        }
        let patience = Duration::from_millis(receives + 2 * SLACK);
        if !self.rig.wait(self.subjects[subject].name(), patience, |status| status.is_none()).await {
            return self.subjects[subject]
                .violate(format_args!("still listed {patience:?} after its file was removed"));
        }
        if self.wanted[subject] {
            let cut_off = self.subjects[subject].state().calls.is_empty() && self.world.now() - since >= bound;
            if cut_off {
                // Whether the bound was over for an invoke or only for receives cannot be seen from here.
                self.subjects[subject].allow_all("left behind by a drain");
            } else {
                self.check_drain(subject, since, receives, "a removal");
            }
        }
        tokio::time::sleep(Duration::from_millis(back_after)).await;
        if self.wanted[subject] {
            self.wake(subject);
        }
        // A mapping that comes back counts from zero.
        self.subjects[subject].state().counts = Counts::default();
        if let Err(error) = self.rig.handle.reload(self.mappings.clone()).await {
            self.world.violate(format!("reload failed: {error}"));
        }
    }
}
