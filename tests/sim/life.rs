//! Lives a life: what is done to the engine, and what must be true after each step.

use std::sync::Arc;
use std::time::Duration;

use forebay::engine::{EngineError, HealthStatus, MappingState};
use forebay::mapping::Mapping;
use forebay::store::Store;

use crate::draw::patience;
use crate::lane::{IdleWatch, Lane, Quiet};
use crate::plan::{Action, Plan};
use crate::rig::{Rig, is};
use crate::store::MemoryStore;
use crate::world::World;

/// Between a bound and the answer that shows that it was kept (milliseconds).
const SLACK: u64 = 1_000;
/// A mapping is `Enabled` when it has polled once, or is known to be degraded, within this.
const FIRST_POLL: Duration = Duration::from_secs(600);
/// A drain without a bound of its own ends within this.
const DEFAULT_DRAIN: u64 = 25_000;

/// A world, its engine, and what the operator wants.
pub(crate) struct Life {
    pub(crate) world: Arc<World>,
    pub(crate) lanes: Vec<Arc<Lane>>,
    store: Arc<dyn Store>,
    plan: Plan,
    mappings: Vec<Mapping>,
    wanted: Vec<bool>,
    rig: Rig,
}

impl Life {
    /// A new world with a new engine in it.
    pub(crate) fn new(plan: Plan, show: bool) -> Self {
        let world = Arc::new(World::new(plan.seed, show));
        let lanes: Vec<Arc<Lane>> = plan
            .lanes
            .iter()
            .enumerate()
            .map(|(index, lane)| Arc::new(Lane::new(Arc::clone(&world), index, lane.clone())))
            .collect();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::clone(&world), plan.store_fails));
        let mappings: Vec<Mapping> = plan.lanes.iter().map(|lane| lane.mapping.clone()).collect();
        let rig = Rig::start(&world, &lanes, mappings.clone(), Arc::clone(&store), plan.seed);
        let wanted = vec![true; lanes.len()];
        Self { world, lanes, store, plan, mappings, wanted, rig }
    }

    /// From the first message to the last check.
    pub(crate) async fn live(&mut self) {
        for lane in &self.lanes {
            tokio::spawn(arrivals(Arc::clone(lane)));
        }
        for (at, action) in std::mem::take(&mut self.plan.actions) {
            self.world.sleep_until(at).await;
            self.act(action).await;
        }
        self.world.sleep_until(self.plan.fair_at).await;
        self.end().await;
    }

    async fn act(&mut self, action: Action) {
        self.world.note(format_args!("action: {action:?}"));
        match action {
            Action::Stop(lane) => self.stop(lane).await,
            Action::Start(lane) => self.start(lane).await,
            Action::Crash { down } => self.crash(down).await,
            Action::Shutdown { bound, cut_after, down } => {
                self.shutdown(bound, cut_after).await;
                self.restart(down).await;
            }
            Action::Reload(None) => self.reload_the_same().await,
            Action::Reload(Some((lane, retune))) => {
                retune.apply(&mut self.mappings[lane]);
                self.reload_changed(lane).await;
            }
            Action::Remove { lane, back_after } => self.remove(lane, back_after).await,
        }
    }

    fn hush(&self, lane: usize, bound: Option<u64>) -> u64 {
        let since = self.world.now();
        self.lanes[lane].state().quiet = Some(Quiet { since, bound, cut: false, until_connected: false });
        since
    }

    fn wake(&self, lane: usize) {
        self.lanes[lane].state().quiet = None;
    }

    /// How long the drain of one mapping may take when nobody says.
    fn drain_bound(&self, lane: usize) -> u64 {
        let own = self.mappings[lane].poller.drain_timeout;
        own.map_or(DEFAULT_DRAIN, |own| u64::try_from(own.as_millis()).expect("a bound is short"))
    }

    /// The drain that began at `since` has ended: what was it worth?
    fn check_drain(&self, lane: usize, since: u64, bound: u64, what: &str) {
        let took = self.world.now() - since;
        let lane = &self.lanes[lane];
        let cut = lane.state().quiet.is_some_and(|quiet| quiet.cut);
        if took < bound && !cut {
            lane.check_drained(what);
        } else if took > bound + SLACK {
            lane.violate(format_args!("{what} took {took} ms, with a bound of {bound} ms"));
        }
        lane.excuse_all("left behind by a drain");
    }

    async fn stop(&mut self, lane: usize) {
        let bound = self.drain_bound(lane);
        let before = self.lanes[lane].state().quiet;
        let since = self.hush(lane, Some(bound));
        match self.rig.handle.stop(self.lanes[lane].name()).await {
            Ok(_) => {}
            Err(EngineError::Store(_)) => {
                // A wish that cannot be kept changes nothing.
                self.lanes[lane].state().quiet = before;
                return;
            }
            Err(error) => return self.world.violate(format!("stop failed: {error}")),
        }
        if !std::mem::replace(&mut self.wanted[lane], false) {
            return;
        }
        let patience = Duration::from_millis(bound + SLACK);
        if !self.rig.wait(&self.lanes[lane], patience, is(MappingState::Disabled)).await {
            return self.lanes[lane].violate(format_args!("still not Disabled {patience:?} after the stop"));
        }
        self.check_drain(lane, since, bound, "a stop");
    }

    async fn start(&mut self, lane: usize) {
        let quiet = self.lanes[lane].state().quiet.take();
        match self.rig.handle.start(self.lanes[lane].name()).await {
            Ok(_) => self.wanted[lane] = true,
            Err(EngineError::Store(_)) => {
                self.lanes[lane].state().quiet = quiet;
                return;
            }
            Err(error) => return self.world.violate(format!("start failed: {error}")),
        }
        if !self.rig.wait(&self.lanes[lane], FIRST_POLL, is(MappingState::Enabled)).await {
            self.lanes[lane].violate(format_args!("still not Enabled {FIRST_POLL:?} after the start"));
        }
    }

    async fn crash(&mut self, down: u64) {
        for lane in 0..self.lanes.len() {
            self.hush(lane, None);
            if let Some(quiet) = &mut self.lanes[lane].state().quiet {
                quiet.cut = true;
            }
        }
        self.rig.task.abort();
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.world.next_incarnation();
        for lane in &self.lanes {
            let state = lane.state();
            let (receives, invokes) = (state.open_receives(), state.calls.len());
            drop(state);
            if receives + invokes > 0 {
                lane.violate(format_args!("{receives} receives and {invokes} invokes outlive the engine"));
            }
            lane.excuse_all("the process died");
        }
        self.restart(down).await;
    }

    async fn restart(&mut self, down: u64) {
        tokio::time::sleep(Duration::from_millis(down)).await;
        for lane in 0..self.lanes.len() {
            if self.wanted[lane] {
                self.wake(lane);
            } else {
                self.hush(lane, None);
            }
        }
        self.rig = Rig::start(&self.world, &self.lanes, self.mappings.clone(), Arc::clone(&self.store), self.plan.seed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    async fn shutdown(&mut self, bound: u64, cut_after: Option<u64>) {
        let since = self.world.now();
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].state().quiet.is_none() {
                self.hush(lane, Some(self.own_bound(lane, bound)));
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
                for lane in &self.lanes {
                    if let Some(quiet) = &mut lane.state().quiet {
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
        for lane in 0..self.lanes.len() {
            let own = self.own_bound(lane, bound);
            if !self.wanted[lane] || (took > own && self.lanes.len() > 1) {
                // Which of several drains took so long cannot be seen from here.
                self.lanes[lane].excuse_all("left behind by a drain");
            } else {
                self.check_drain(lane, since, own, "a shutdown");
            }
        }
        self.world.next_incarnation();
    }

    /// A mapping's own bound can only shorten that of the shutdown.
    fn own_bound(&self, lane: usize, bound: u64) -> u64 {
        self.mappings[lane]
            .poller
            .drain_timeout
            .map_or(bound, |own| bound.min(u64::try_from(own.as_millis()).expect("a bound is short")))
    }

    async fn expect_end(&self, shutdown: impl Future<Output = Result<(), EngineError>>, deadline: u64) {
        let left = Duration::from_millis(deadline.saturating_sub(self.world.now()));
        match tokio::time::timeout(left, shutdown).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.world.violate(format!("shutdown failed: {error}")),
            Err(_) => self.world.violate(format!("the shutdown was to be over by {deadline} ms")),
        }
    }

    async fn reload_the_same(&self) {
        let sessions = |life: &Self| life.lanes.iter().map(|lane| lane.state().sessions.len()).sum::<usize>();
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

    async fn reload_changed(&self, lane: usize) {
        if self.wanted[lane] {
            // What runs with the old numbers drains.
            self.hush(lane, Some(self.drain_bound(lane)));
            if let Some(quiet) = &mut self.lanes[lane].state().quiet {
                quiet.until_connected = true;
            }
        }
        let changed = match self.rig.handle.reload(self.mappings.clone()).await {
            Ok(summary) => !summary.changed.is_empty(),
            Err(error) => return self.world.violate(format!("reload failed: {error}")),
        };
        if !self.wanted[lane] {
            return;
        }
        if !changed {
            self.wake(lane);
            return;
        }
        let patience = Duration::from_millis(self.drain_bound(lane)) + FIRST_POLL;
        let size = self.mappings[lane].batch_size;
        let there = |status: Option<&forebay::engine::MappingStatus>| {
            status.is_some_and(|status| status.state == MappingState::Enabled && status.batch_size == size)
        };
        if !self.rig.wait(&self.lanes[lane], patience, there).await {
            self.lanes[lane].violate(format_args!("does not run with its new numbers {patience:?} after the reload"));
        }
    }

    async fn remove(&mut self, lane: usize, back_after: u64) {
        let name = self.lanes[lane].name().to_owned();
        let rest: Vec<Mapping> = self.mappings.iter().filter(|mapping| mapping.name != name).cloned().collect();
        let bound = self.drain_bound(lane);
        let since = if self.wanted[lane] { self.hush(lane, Some(bound)) } else { self.world.now() };
        match self.rig.handle.reload(rest).await {
            Ok(summary) if summary.removed == [name] => {}
            Ok(summary) => return self.world.violate(format!("a removed file gave {summary:?}")),
            Err(error) => return self.world.violate(format!("reload failed: {error}")),
        }
        let patience = Duration::from_millis(bound + SLACK);
        if !self.rig.wait(&self.lanes[lane], patience, |status| status.is_none()).await {
            return self.lanes[lane].violate(format_args!("still listed {patience:?} after its file was removed"));
        }
        if self.wanted[lane] {
            self.check_drain(lane, since, bound, "a removal");
        }
        tokio::time::sleep(Duration::from_millis(back_after)).await;
        if self.wanted[lane] {
            self.wake(lane);
        }
        // A mapping that comes back counts from zero.
        self.lanes[lane].state().counts = crate::lane::Counts::default();
        if let Err(error) = self.rig.handle.reload(self.mappings.clone()).await {
            self.world.violate(format!("reload failed: {error}"));
        }
    }

    /// The fair phase, and everything that must be true at its end.
    async fn end(&mut self) {
        self.world.note(format_args!("the fair phase begins"));
        self.world.make_fair();
        for lane in 0..self.lanes.len() {
            if !self.wanted[lane] {
                self.start(lane).await;
            }
        }
        let begun = self.world.now();
        for lane in &self.lanes {
            while !lane.settled() {
                if self.world.now() - begun > patience(&lane.plan) {
                    lane.violate(format_args!("does not settle in a fair world: {}", lane.left()));
                    return;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        self.world.note(format_args!("everything has settled"));
        self.quiesce().await;
        for lane in &self.lanes {
            self.check_status(lane).await;
        }
        if self.plan.watch_idle {
            self.watch_idle().await;
        }
        self.shutdown(20_000, None).await;
        for lane in &self.lanes {
            lane.check_messages();
        }
    }

    /// Waits until the engine has nothing in hand: duplicates may outlive their message.
    async fn quiesce(&self) {
        for _ in 0..600 {
            let busy = self.lanes.iter().any(|lane| {
                let state = lane.state();
                !state.calls.is_empty() || state.open.iter().any(|&lease| !state.leases[lease].over)
            });
            if !busy {
                tokio::time::sleep(Duration::from_secs(30)).await;
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.world.violate("the engine still holds something ten minutes after everything settled");
    }

    /// What the engine says of itself agrees with the world.
    async fn check_status(&self, lane: &Lane) {
        let Some(status) = self.rig.status(lane).await else { return lane.violate("is not listed") };
        // Only what is used can show that it works again.
        let used = lane.state().counts.deleted_fairly > 0;
        let reason = status.health_reason.as_deref().unwrap_or_default();
        let healthy = status.health == HealthStatus::Ok || !(used || reason.contains("source:"));
        if status.state != MappingState::Enabled || !healthy {
            lane.violate(format_args!("is {:?}, {:?}: {:?}", status.state, status.health, status.health_reason));
        }
        let (said, known) = (status.counters, lane.state().counts);
        let pairs = [
            ("polled", said.polled, known.polled),
            ("invokes", said.invokes, known.invokes),
            // What waits for the rate limit counts for the engine, and is not seen by the world.
            (
                "invoked",
                said.invoked,
                if lane.plan.mapping.poller.rate_limit.is_some() { said.invoked } else { known.invoked },
            ),
            ("deleted", said.deleted, known.deleted),
            ("throttles", said.throttles, known.throttles),
            ("malformed responses", said.malformed_responses, known.malformed),
        ];
        for (what, said, known) in pairs {
            if said != known {
                lane.violate(format_args!("the engine counts {said} {what}, the world {known}"));
            }
        }
        let held = status.queue.map_or(0, |queue| queue.held + queue.in_flight);
        if held > 0 {
            lane.violate(format_args!("the engine says that it holds {held} messages and batches"));
        }
    }

    /// An idle mapping makes one long poll after the other.
    async fn watch_idle(&self) {
        tokio::time::sleep(Duration::from_secs(600)).await;
        for lane in &self.lanes {
            let mut state = lane.state();
            let open = state.open_receives();
            state.idle = IdleWatch { most_open: open, ..IdleWatch::default() };
        }
        tokio::time::sleep(Duration::from_secs(200)).await;
        for lane in &self.lanes {
            let idle = lane.state().idle;
            if idle.most_open != 1 || !(8..=11).contains(&idle.receives) || idle.shortest_wait != Some(20) {
                lane.violate(format_args!("is not idle with one long poll at a time: {idle:?}"));
            }
        }
    }
}

/// Sends what the plan says.
async fn arrivals(lane: Arc<Lane>) {
    for send in lane.plan.sends.clone() {
        lane.world.sleep_until(send.at).await;
        lane.send(send.size, send.poison);
    }
}
