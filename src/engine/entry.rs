//! One mapping under supervision: what is wanted of it, and how far that has come.

mod running;
mod shown;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::running::{Restarts, Running};
pub(crate) use self::wanted::Goal;
use self::wanted::Wanted;
use super::clock::Clock;
use super::live::Live;
use super::task::{Defaults, Order, Task};
use super::{Connector, MappingState};
use crate::machine::{Event, Health};
use crate::mapping::Mapping;
use crate::store::{Desired, EngineStore};

/// How long a stop, a removal or another source waits for receives that are open: each has ended by then.
const RECEIVES: Duration = Duration::from_secs(30);

/// A mapping, what is wanted of it, and its task.
pub(crate) struct Entry {
    pub(crate) wanted: Wanted,
    live: Arc<Live>,
    clock: Clock,
    running: Option<Running>,
    /// In a fleet: another replica runs it.
    pub(crate) elsewhere: bool,
    restarts: Restarts,
    /// How many changes its tasks have taken over.
    changes: u64,
    modified_unix_ms: u64,
    /// What is shown until it polls: what was requested last (`Creating`, `Enabling`, `Updating`), or `Enabled` without
    /// a request since it last polled.
    pub(crate) on_the_way: MappingState,
    /// Who waits for it to be gone.
    gone: Vec<oneshot::Sender<()>>,
}

impl Entry {
    /// `begins` is what it shows until its first poll, if it is enabled: `Creating`, or `Enabled` where clients saw
    /// that before a restart.
    pub(crate) fn new(
        mapping: Mapping,
        desired: Option<Desired>,
        live: Live,
        clock: Clock,
        begins: MappingState,
    ) -> Self {
        Self {
            wanted: Wanted::new(mapping, desired),
            live: Arc::new(live),
            modified_unix_ms: clock.unix_ms(),
            clock,
            running: None,
            elsewhere: false,
            restarts: Restarts::default(),
            changes: 0,
            on_the_way: begins,
            gone: Vec::new(),
        }
    }

    /// Takes over the desired state that an operator has set. Without one the definition decides.
    pub(crate) fn set_desired(&mut self, desired: Option<Desired>) {
        self.wanted.set_desired(desired);
        self.modified_unix_ms = self.clock.unix_ms();
        self.on_the_way = MappingState::Enabling;
        if !matches!(self.wanted.goal, Goal::Replace | Goal::Remove) {
            self.wanted.rest();
        }
        self.restarts.at = None;
    }

    /// Takes over another definition with its desired state, and says whether the mapping changes for it. The place of
    /// the definition, its tags and its metrics are only shown.
    pub(crate) fn replace(&mut self, mapping: Mapping, desired: Option<Desired>) -> bool {
        let was_leaving = self.wanted.goal == Goal::Remove;
        let same = self.wanted.latest().runs_like(&mapping);
        if same && self.wanted.desired() == desired.as_ref() && !was_leaving {
            self.wanted.show(mapping);
            return false;
        }
        let only_switches = |from: &Mapping| Mapping { enabled: mapping.enabled, ..from.clone() }.runs_like(&mapping);
        let switches = only_switches(self.wanted.latest()) && !was_leaving;
        self.on_the_way = if switches { MappingState::Enabling } else { MappingState::Updating };
        self.modified_unix_ms = self.clock.unix_ms();
        self.wanted.set_desired(desired);
        self.restarts.at = None;
        if only_switches(&self.wanted.mapping) && !was_leaving {
            self.wanted.become_now(Arc::new(mapping));
            self.wanted.rest();
            return true;
        }
        let next = Arc::new(mapping);
        let runs = self.wanted.is_on_as(&next);
        if self.wanted.goal == Goal::Stop && !runs {
            // It is already on its way out.
            self.wanted.become_now(next);
        } else if runs && self.goes_on_with(&next) {
            self.wanted.become_now(next);
            self.wanted.goal = Goal::Run;
        } else {
            self.wanted.become_after_drain(next);
            self.take_next();
        }
        true
    }

    /// Whether the running task continues with this definition. If so, it gets the change, and its drain is taken back.
    fn goes_on_with(&mut self, mapping: &Arc<Mapping>) -> bool {
        self.running.as_mut().is_some_and(|running| running.goes_on_with(mapping, &mut self.changes))
    }

    /// A task that drains and is wanted after all goes on.
    pub(crate) fn resume_if_wanted(&mut self) {
        let drains = self.running.as_ref().is_some_and(|running| running.draining);
        if self.wanted.goal == Goal::Run && !self.elsewhere && drains {
            let mapping = Arc::clone(&self.wanted.mapping);
            self.goes_on_with(&mapping);
        }
    }

    /// Drains, then starts again as it is. False where it is stopped.
    pub(crate) fn restart(&mut self) -> bool {
        if !self.wanted.is_on() {
            return false;
        }
        // One that drains for another definition starts again anyway.
        if self.wanted.goal == Goal::Run {
            self.wanted.become_after_drain(Arc::clone(&self.wanted.mapping));
            self.on_the_way = MappingState::Updating;
            self.restarts.at = None;
            self.take_next();
        }
        true
    }

    /// Wants the mapping gone, and says whether that is new.
    pub(crate) fn remove(&mut self) -> bool {
        self.modified_unix_ms = self.clock.unix_ms();
        std::mem::replace(&mut self.wanted.goal, Goal::Remove) != Goal::Remove
    }

    /// Who learns when it is gone.
    pub(crate) fn when_gone(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.gone.push(sender);
        receiver
    }

    /// It is gone: those who waited learn it.
    pub(crate) fn report_gone(self) {
        for waiting in self.gone {
            // The caller may have gone away meanwhile.
            waiting.send(()).ok();
        }
    }

    /// Drains for good, within the shutdown's bound and the mapping's own.
    pub(crate) fn close(&mut self, bound: Duration) {
        let bound = self.wanted.mapping.poller.drain_timeout.map_or(bound, |own| own.min(bound));
        self.wanted.close();
        self.restarts.at = None;
        if let Some(running) = &mut self.running {
            running.close(bound);
        }
    }

    pub(crate) fn cut(&self) {
        if let Some(running) = &self.running {
            running.cut();
        }
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// How its task is ended at once.
    pub(crate) fn can_be_abandoned(&mut self, task: AbortHandle) {
        if let Some(running) = &mut self.running {
            running.task = Some(task);
        }
    }

    /// Ends its task at once: nothing that it still does counts.
    pub(crate) fn abandon(&mut self) {
        if let Some(running) = &mut self.running {
            running.abandon();
        }
    }

    pub(crate) fn may_start(&self, now: Instant) -> bool {
        self.wanted.goal == Goal::Run
            && !self.elsewhere
            && self.running.is_none()
            && self.restarts.at.is_none_or(|at| at <= now)
    }

    /// The task to run; the entry counts as running from here on.
    pub(crate) fn start(
        &mut self,
        connector: Arc<dyn Connector>,
        store: Arc<dyn EngineStore>,
        defaults: Defaults,
        seed: u64,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (orders, receiver) = mpsc::channel(8);
        let mapping = Arc::clone(&self.wanted.mapping);
        self.running = Some(Running::new(Arc::clone(&mapping), orders));
        self.restarts.at = None;
        self.live.forget_shards();
        let (live, clock, panicked) = (Arc::clone(&self.live), self.clock.clone(), self.restarts.panicked);
        Task { mapping, connector, store, live, clock, defaults, seed, panicked }.run(receiver)
    }

    /// Drains a task that is no longer wanted.
    pub(crate) fn stop_if_unwanted(&mut self, default_bound: Duration) {
        let bound = self.wanted.mapping.poller.drain_timeout.unwrap_or(default_bound);
        if (self.wanted.goal != Goal::Run || self.elsewhere)
            && let Some(running) = &mut self.running
        {
            running.drain(bound, RECEIVES);
        }
    }

    /// Lets a running task take over checkpoints that an operator has set: it ends and is started again. What it has in
    /// flight is abandoned, and its saves are refused.
    pub(crate) fn begin_again(&mut self) {
        if let Some(running) = &mut self.running {
            running.begin_again();
        }
    }

    /// The task has ended: drained, on its own, or with a panic.
    pub(crate) fn ended(&mut self, panic: Option<String>) {
        self.note_reached();
        let Some(ended) = self.running.take() else { return };
        self.live.ended();
        if ended.ran_for_long() {
            self.restarts.forget_failures();
        }
        match panic {
            Some(panic) => {
                self.restarts.later();
                self.restarts.panicked = Some(Instant::now());
                // It is known to be degraded, and that is as far as it may come.
                self.on_the_way = MappingState::Enabled;
                // Of a queue, what it held comes back by its visibility timeout.
                let rest = if self.wanted.has_checkpoints() { "" } else { " without what it held" };
                let reason = format!("the mapping's task panicked and is started again{rest}: {panic}");
                self.live.observe(&Event::Health(Health::Degraded { reason }));
            }
            None if ended.had_order() => self.restarts.forget_failures(),
            // Its save was refused: another process has claimed the checkpoints, and may do so again.
            None => {
                self.restarts.later();
                tracing::warn!(
                    mapping = self.wanted.mapping.name,
                    "the mapping has ended by itself and is started again"
                );
            }
        }
        self.take_next();
        self.modified_unix_ms = self.clock.unix_ms();
    }

    /// Whether its task may write checkpoints, now or soon.
    pub(crate) fn may_save(&self) -> bool {
        self.wanted.goal == Goal::Run || self.running.is_some()
    }

    /// What it shows of itself.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn restart_at(&self) -> Option<Instant> {
        // One that is not wanted any more has nothing to wake up for.
        self.restarts.at.filter(|_| self.wanted.goal == Goal::Run && !self.elsewhere)
    }

    fn take_next(&mut self) {
        if self.running.is_none() && self.wanted.drained() {
            self.live.forget_shards();
        }
    }
}

#[cfg(test)]
mod tests;
