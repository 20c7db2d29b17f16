//! One mapping under supervision: what is wanted of it, and how far that has come.

mod shown;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::clock::Clock;
use super::live::Live;
use super::task::{Order, Task};
use super::{Connector, MappingState};
use crate::machine::{BackoffPolicy, Command, Event, Health};
use crate::mapping::{Mapping, Origin};
use crate::store::{Desired, Store};

/// The pause before a mapping whose task panicked, or ended without being told to, is started again.
const RESTART: BackoffPolicy = BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(60) };

/// How long a stop, a removal or another source waits for receives that are open: each has ended by then.
const RECEIVES: Duration = Duration::from_secs(30);

/// What is wanted of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Run,
    Stop,
    /// Drain, then start again with another definition.
    Replace,
    /// Drain, then be gone.
    Remove,
}

/// A mapping, what is wanted of it, and its task.
pub(crate) struct Entry {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) goal: Goal,
    next: Option<Arc<Mapping>>,
    desired: Option<Desired>,
    live: Arc<Live>,
    clock: Clock,
    running: Option<Running>,
    /// How often the task has panicked or ended on its own since it last ended well or ran for long.
    failures: u32,
    restart_at: Option<Instant>,
    /// When a task panicked last.
    panicked: Option<Instant>,
    /// How many changes its tasks were told to go on with.
    changes: u64,
    modified_unix_ms: u64,
    /// What is shown until it polls: what was asked for last (`Creating`, `Enabling`, `Updating`), or `Enabled` where
    /// nobody has asked for anything since it last polled.
    on_the_way: MappingState,
    /// Who waits for it to be gone.
    gone: Vec<oneshot::Sender<()>>,
}

struct Running {
    /// What the task works with, or was told to go on with.
    mapping: Arc<Mapping>,
    orders: mpsc::Sender<Order>,
    draining: bool,
    /// Its drain was taken back; it may have ended before it heard of that, and is started again at once then.
    resumed: bool,
    /// The last change that it was told to go on with.
    change: u64,
    /// To be started again at once: it holds marks that no longer count.
    again: bool,
    since: Instant,
}

impl Running {
    fn new(mapping: Arc<Mapping>, orders: mpsc::Sender<Order>) -> Self {
        Self { mapping, orders, draining: false, resumed: false, change: 0, again: false, since: Instant::now() }
    }
}

impl Entry {
    /// `begins` is what it shows until its first poll, if it is enabled: `Creating`, or `Enabled` where clients saw that
    /// before a restart.
    pub(crate) fn new(
        mapping: Mapping,
        desired: Option<Desired>,
        live: Live,
        clock: Clock,
        begins: MappingState,
    ) -> Self {
        let mut entry = Self {
            mapping: Arc::new(mapping),
            goal: Goal::Stop,
            next: None,
            desired,
            live: Arc::new(live),
            modified_unix_ms: clock.unix_ms(),
            clock,
            running: None,
            failures: 0,
            restart_at: None,
            panicked: None,
            changes: 0,
            on_the_way: begins,
            gone: Vec::new(),
        };
        entry.goal = entry.resting_goal();
        entry
    }

    /// Takes over the operator's wish; without one the definition decides.
    pub(crate) fn wish(&mut self, desired: Option<Desired>) {
        self.desired = desired;
        self.modified_unix_ms = self.clock.unix_ms();
        self.on_the_way = MappingState::Enabling;
        if !matches!(self.goal, Goal::Replace | Goal::Remove) {
            self.goal = self.resting_goal();
        }
        self.restart_at = None;
    }

    /// Takes over another definition and the wish that counts for it, and says whether the mapping changes for it: where
    /// it was defined, its tags and its metrics are only shown.
    pub(crate) fn replace(&mut self, mapping: Mapping, desired: Option<Desired>) -> bool {
        let was_leaving = self.goal == Goal::Remove;
        let same = self.latest().runs_like(&mapping);
        if same && self.desired == desired && !was_leaving {
            *self.next.as_mut().unwrap_or(&mut self.mapping) = Arc::new(mapping);
            return false;
        }
        let only_switches = |from: &Mapping| Mapping { enabled: mapping.enabled, ..from.clone() }.runs_like(&mapping);
        let switches = only_switches(self.latest()) && !was_leaving;
        self.on_the_way = if switches { MappingState::Enabling } else { MappingState::Updating };
        self.modified_unix_ms = self.clock.unix_ms();
        self.desired = desired;
        self.restart_at = None;
        if only_switches(&self.mapping) && !was_leaving {
            self.mapping = Arc::new(mapping);
            self.next = None;
            self.goal = self.resting_goal();
        } else if self.goal == Goal::Stop && !self.is_wanted_as(&mapping) {
            // It is on its way out already, whatever it was.
            self.mapping = Arc::new(mapping);
            self.next = None;
        } else {
            let next = Arc::new(mapping);
            if self.is_wanted_as(&next) && self.goes_on_with(&next) {
                (self.mapping, self.next, self.goal) = (next, None, Goal::Run);
            } else {
                self.next = Some(next);
                self.goal = Goal::Replace;
                self.take_next();
            }
        }
        true
    }

    /// Whether the task that runs goes on with this definition: it is told so then, and its drain is taken back.
    fn goes_on_with(&mut self, mapping: &Arc<Mapping>) -> bool {
        let Some(running) = self.running.as_mut().filter(|running| running.mapping.polls_like(mapping)) else {
            return false;
        };
        if running.draining {
            if running.orders.try_send(Order::Command(Command::Resume)).is_err() {
                return false;
            }
            running.draining = false;
            running.resumed = true;
        }
        if running.mapping.runs_like(mapping) {
            return true;
        }
        self.changes += 1;
        let order = Order::Change { number: self.changes, mapping: Arc::clone(mapping) };
        let is_told = running.orders.try_send(order).is_ok();
        if is_told {
            running.change = self.changes;
            running.mapping = Arc::clone(mapping);
        }
        is_told
    }

    /// A task that drains and is wanted after all goes on.
    pub(crate) fn resume_if_wanted(&mut self) {
        let drains = self.running.as_ref().is_some_and(|running| running.draining);
        if self.goal == Goal::Run && drains {
            let mapping = Arc::clone(&self.mapping);
            self.goes_on_with(&mapping);
        }
    }

    /// What was asked for last.
    pub(crate) const fn on_the_way(&self) -> MappingState {
        self.on_the_way
    }

    /// Drains, then starts again as it is. False where it is stopped.
    pub(crate) fn restart(&mut self) -> bool {
        if !self.is_wanted() {
            return false;
        }
        // One that drains for another definition starts again anyway.
        if self.goal == Goal::Run {
            self.next = Some(Arc::clone(&self.mapping));
            self.goal = Goal::Replace;
            self.on_the_way = MappingState::Updating;
            self.restart_at = None;
            self.take_next();
        }
        true
    }

    /// Wants the mapping gone, and says whether that is new.
    pub(crate) fn remove(&mut self) -> bool {
        self.modified_unix_ms = self.clock.unix_ms();
        std::mem::replace(&mut self.goal, Goal::Remove) != Goal::Remove
    }

    /// Who learns when it is gone.
    pub(crate) fn when_gone(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.gone.push(sender);
        receiver
    }

    /// It is gone: those who waited learn it.
    pub(crate) fn tell_gone(self) {
        for waiting in self.gone {
            // Whoever asked may have gone away meanwhile.
            waiting.send(()).ok();
        }
    }

    /// Drains for good, within the shutdown's bound and the mapping's own.
    pub(crate) fn close(&mut self, bound: Duration) {
        let bound = self.mapping.poller.drain_timeout.map_or(bound, |own| own.min(bound));
        if self.goal != Goal::Remove {
            self.goal = Goal::Stop;
        }
        self.next = None;
        self.restart_at = None;
        if let Some(running) = &mut self.running {
            running.draining = true;
            // A task that does not take commands has ended, or is ended by the supervisor in time.
            let drain = Command::Drain { bound, receives: Duration::ZERO };
            running.orders.try_send(Order::Command(drain)).ok();
        }
    }

    /// Whether it is being deleted and nothing brings it back; what has left the files may come back with them.
    pub(crate) fn is_leaving_for_good(&self) -> bool {
        self.goal == Goal::Remove && self.is_of_api()
    }

    pub(crate) fn is_of_api(&self) -> bool {
        self.mapping.origin == Origin::Api
    }

    pub(crate) fn cut(&self) {
        if let Some(running) = &self.running {
            running.orders.try_send(Order::Command(Command::Cut)).ok();
        }
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(crate) fn may_start(&self, now: Instant) -> bool {
        self.goal == Goal::Run && self.running.is_none() && self.restart_at.is_none_or(|at| at <= now)
    }

    /// The task to run; the entry counts as running from here on.
    pub(crate) fn start(
        &mut self,
        connector: Arc<dyn Connector>,
        store: Arc<dyn Store>,
        receive_wait: Duration,
        seed: u64,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (orders, receiver) = mpsc::channel(8);
        self.running = Some(Running::new(Arc::clone(&self.mapping), orders));
        self.restart_at = None;
        self.live.forget_shards();
        let (mapping, live, clock) = (Arc::clone(&self.mapping), Arc::clone(&self.live), self.clock.clone());
        Task { mapping, connector, store, live, clock, receive_wait, seed, panicked: self.panicked }.run(receiver)
    }

    /// Tells a task that is no longer wanted to drain.
    pub(crate) fn stop_if_unwanted(&mut self, default_bound: Duration) {
        let bound = self.mapping.poller.drain_timeout.unwrap_or(default_bound);
        let Some(running) = &mut self.running else { return };
        if self.goal != Goal::Run && !running.draining {
            let drain = Command::Drain { bound, receives: RECEIVES };
            running.draining = running.orders.try_send(Order::Command(drain)).is_ok();
        }
    }

    /// Has a running task take over marks that were put in place behind its back: it ends and is started again. What
    /// it has in flight is given up, and its saves are refused.
    pub(crate) fn begin_again(&mut self) {
        let Some(running) = self.running.as_mut().filter(|running| !running.draining) else { return };
        running.again = true;
        // A task that does not take commands has ended: its save was refused first.
        running.orders.try_send(Order::Command(Command::Cut)).ok();
    }

    /// The task has ended: drained, on its own, or with a panic.
    pub(crate) fn ended(&mut self, panic: Option<String>) {
        self.settle();
        let Some(ended) = self.running.take() else { return };
        self.live.ended();
        if ended.since.elapsed() > RESTART.maximum {
            self.failures = 0;
        }
        match panic {
            Some(panic) => {
                self.restart_later();
                self.panicked = Some(Instant::now());
                // It is known to be degraded, and that is as far as it may come.
                self.on_the_way = MappingState::Enabled;
                // Of a queue, what it held comes back by its visibility timeout.
                let rest = if self.is_stream() { "" } else { " without what it held" };
                let reason = format!("the mapping's task panicked and is started again{rest}: {panic}");
                self.live.observe(&Event::Health(Health::Degraded { reason }));
            }
            None if ended.draining || ended.again || ended.resumed => self.failures = 0,
            // Its save was refused: another process has claimed the marks, and may do so again.
            None => {
                self.restart_later();
                tracing::warn!(mapping = self.mapping.name, "the mapping has ended by itself and is started again");
            }
        }
        self.take_next();
        self.modified_unix_ms = self.clock.unix_ms();
    }

    fn restart_later(&mut self) {
        self.failures += 1;
        self.restart_at = Some(Instant::now() + RESTART.bare(self.failures));
    }

    /// Whether its marks may be written by its task, now or soon.
    pub(crate) fn may_save(&self) -> bool {
        self.goal == Goal::Run || self.running.is_some()
    }

    /// Whether its last drain has left checkpoints unsaved.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.live.is_unsaved()
    }

    /// Shows what is wrong with the store.
    pub(crate) fn show_store(&self, trouble: Option<&str>) {
        self.live.set_store(trouble);
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.mapping.source.stream().is_some()
    }

    /// `EventSourceArn`.
    pub(crate) fn source(&self) -> &str {
        self.mapping.source.id()
    }

    pub(crate) fn restart_at(&self) -> Option<Instant> {
        // One that is not wanted any more has nothing to wake up for.
        self.restart_at.filter(|_| self.goal == Goal::Run)
    }

    /// The definition that was taken over last, although another may still be drained for it.
    pub(crate) fn latest(&self) -> &Arc<Mapping> {
        self.next.as_ref().unwrap_or(&self.mapping)
    }

    /// The operator's wish.
    pub(crate) const fn desired(&self) -> Option<&Desired> {
        self.desired.as_ref()
    }

    /// Whether it shall run once it has taken over its latest definition.
    fn is_wanted(&self) -> bool {
        self.is_wanted_as(self.latest())
    }

    /// The same with this definition.
    fn is_wanted_as(&self, mapping: &Mapping) -> bool {
        self.desired.as_ref().map_or(mapping.enabled, |desired| desired.enabled)
    }

    fn resting_goal(&self) -> Goal {
        if self.is_wanted() { Goal::Run } else { Goal::Stop }
    }

    fn take_next(&mut self) {
        if self.running.is_some() || self.goal != Goal::Replace {
            return;
        }
        if let Some(next) = self.next.take() {
            self.mapping = next;
            self.live.forget_shards();
        }
        self.goal = self.resting_goal();
    }
}

#[cfg(test)]
mod tests;
