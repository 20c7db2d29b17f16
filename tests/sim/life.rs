//! A life from its first message to its last check.

use std::sync::Arc;
use std::time::Duration;

use forebay::engine::{HealthStatus, MappingState};
use forebay::mapping::Mapping;
use forebay::store::Store;

use crate::arrivals::arrivals;
use crate::draw::patience;
use crate::lane::{IdleWatch, Lane, Place};
use crate::plan::Plan;
use crate::rig::Rig;
use crate::store::MemoryStore;
use crate::world::World;

/// A world, its engine, and what the operator wants.
pub(crate) struct Life {
    pub(crate) world: Arc<World>,
    pub(crate) lanes: Vec<Arc<Lane>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) plan: Plan,
    /// As the files say now.
    pub(crate) mappings: Vec<Mapping>,
    /// Which mappings the operator wants to run.
    pub(crate) wanted: Vec<bool>,
    /// How often a mapping was seen failing.
    pub(crate) failing: usize,
    pub(crate) rig: Rig,
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
        Self { world, lanes, store, plan, mappings, wanted, failing: 0, rig }
    }

    /// Messages that are in `place`.
    pub(crate) fn count(&self, place: Place) -> usize {
        let here = |lane: &Arc<Lane>| lane.state().messages.iter().filter(|message| message.place == place).count();
        self.lanes.iter().map(here).sum()
    }

    /// Messages whose failure record the destination has.
    pub(crate) fn recorded(&self) -> usize {
        let here = |lane: &Arc<Lane>| lane.state().messages.iter().filter(|message| message.recorded).count();
        self.lanes.iter().map(here).sum()
    }

    /// Answers of receives from FIFO queues that were asked for again, and came.
    pub(crate) fn recovered(&self) -> usize {
        self.lanes.iter().map(|lane| lane.state().fifo.recovered).sum()
    }

    /// When functions answered, and when calls of them were refused.
    pub(crate) fn ends_of_invokes(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut served, mut refused) = (Vec::new(), Vec::new());
        for lane in &self.lanes {
            let state = lane.state();
            served.extend_from_slice(&state.served);
            refused.extend_from_slice(&state.refused);
        }
        (served, refused)
    }

    /// From the first message to the last check.
    pub(crate) async fn live(&mut self) {
        for lane in &self.lanes {
            tokio::spawn(arrivals(Arc::clone(lane)));
        }
        for (at, action) in std::mem::take(&mut self.plan.actions) {
            self.world.sleep_until(at).await;
            self.look().await;
            self.act(action).await;
        }
        self.world.sleep_until(self.plan.fair_at).await;
        self.look().await;
        self.end().await;
    }

    /// Each mapping says of its function what it has done.
    async fn look(&mut self) {
        for lane in &self.lanes {
            let Some(status) = self.rig.status(lane).await else { continue };
            self.failing += usize::from(status.health == HealthStatus::Failing);
            let last = lane.state().sessions.last().map(|session| (session.incarnation, session.streak));
            let Some((incarnation, streak)) = last else { continue };
            if incarnation == self.world.incarnation()
                && let Some(wrong) = streak.wrong(&status, self.world.now())
            {
                lane.violate(wrong);
            }
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

    /// Waits until the engine has nothing in hand, by the world's account and by its own: duplicates may
    /// outlive their message.
    async fn quiesce(&self) {
        let mut quiet_for = 0;
        for _ in 0..1_200 {
            let mut busy = false;
            for lane in &self.lanes {
                let status = self.rig.status(lane).await;
                let held = status.and_then(|status| status.queue).map_or(0, |queue| queue.held + queue.in_flight);
                let state = lane.state();
                busy |= held > 0 || !state.calls.is_empty() || !state.open.is_empty();
            }
            quiet_for = if busy { 0 } else { quiet_for + 1 };
            if quiet_for == 30 {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.world.violate("the engine still holds something twenty minutes after everything settled");
    }

    /// What the engine says of itself agrees with the world.
    async fn check_status(&self, lane: &Lane) {
        let Some(status) = self.rig.status(lane).await else { return lane.violate("is not listed") };
        // Only what is used can show that it works again.
        let used = lane.state().counts.deleted_fairly > 0;
        let reason = status.health_reason.as_deref().unwrap_or_default();
        let unproven = reason.starts_with("destination:") && lane.state().counts.delivered_fairly == 0;
        // What came last may have been poison, and nothing else.
        let streak = lane.state().sessions.last().map(|session| session.streak).unwrap_or_default();
        if let Some(wrong) = streak.wrong(&status, self.world.now()) {
            lane.violate(wrong);
        }
        let healthy = status.health != HealthStatus::Degraded || unproven || !(used || reason.contains("source:"));
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
