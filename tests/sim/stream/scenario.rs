//! A stream's scenario from its first record to its last check.

use std::sync::Arc;
use std::time::Duration;

use forebay::engine::{MappingState, Snapshot};
use forebay::machine::{Checkpoint, Failure, Health, StartingPosition};
use forebay::mapping::{Mapping, SourceKind};
use forebay::store::EngineStore;

use super::connector::StreamConnector;
use super::model::StreamModel;
use super::plan::Plan;
use super::reads::NEWEST;
use super::store::CheckpointStore;
use super::view::View;
use crate::rig::Rig;
use crate::run::on_a_paused_clock;
use crate::seeds::Report;
use crate::world::World;

/// How long the fair phase may take (milliseconds).
const PATIENCE: u64 = 2 * 3_600_000;

/// Within this a mapping shows that the stream is in reach again.
const RECOVERY: Duration = Duration::from_secs(120);

/// The stretch of an idle scenario whose reads are counted (milliseconds).
const IDLE: u64 = 20_000;

/// A mapping that reads nothing for so long is degraded (milliseconds).
const IDLE_IS_SHOWN: u64 = 90_000;

/// A host clock that is wrong by so much degrades a mapping (milliseconds).
const SKEW: u64 = 300_000;

/// A stream, its engine, and what the operator wants.
pub(crate) struct Scenario {
    pub(crate) model: Arc<StreamModel>,
    pub(crate) store: Arc<dyn EngineStore>,
    /// As the files say now.
    pub(crate) mappings: Vec<Mapping>,
    /// Which mappings the operator wants to run.
    pub(crate) wanted: Vec<bool>,
    pub(crate) rig: Rig,
}

/// What came of a scenario.
pub(crate) struct Outcome {
    /// What every scenario reports.
    pub(crate) report: Report,
    /// For each mapping: every invoke by the numbers of its records, and how it ended.
    pub(crate) invokes: Vec<Vec<(Vec<usize>, String)>>,
    /// When the function of the first mapping answered (milliseconds).
    pub(crate) served: Vec<u64>,
    /// For each mapping: what its destination keeps.
    pub(crate) kept: Vec<Vec<Arc<Failure>>>,
}

/// Plays the scenario of `plan`; `show` prints every event.
pub(crate) fn run(plan: Plan, show: bool) -> Outcome {
    let (mut outcome, panic) = on_a_paused_clock(async move {
        let seed = plan.seed;
        let world = Arc::new(World::new(seed, show));
        let model = Arc::new(StreamModel::new(Arc::clone(&world), plan));
        tokio::select! {
            biased;
            () = world.until_violated() => {}
            () = live(Arc::clone(&model)) => {}
        }
        let (lasted, violation) = (world.now(), world.violation());
        world.close();
        let (hash, tail) = world.trace();
        let report = Report { seed, hash, violation, tail, calls: world.calls(), lasted };
        let mut state = model.state();
        let invokes = state.consumers.iter_mut().map(|consumer| std::mem::take(&mut consumer.invoked)).collect();
        let served = std::mem::take(&mut state.consumers[0].served);
        let kept = state.consumers.iter_mut().map(|consumer| std::mem::take(&mut consumer.kept)).collect();
        Outcome { report, invokes, served, kept }
    });
    if panic.is_some() {
        outcome.report.violation = panic;
    }
    outcome
}

/// A new process.
pub(super) fn start_engine(model: &Arc<StreamModel>, mappings: Vec<Mapping>, store: Arc<dyn EngineStore>) -> Rig {
    let connector = Arc::new(StreamConnector { model: Arc::clone(model) });
    let clock = Arc::clone(model);
    let wall = Arc::new(move || clock.host_unix_ms());
    Rig::start(&model.world, connector, mappings, store, model.plan.seed, wall)
}

/// From the first record to the last check.
async fn live(model: Arc<StreamModel>) {
    tokio::spawn(arrivals(Arc::clone(&model)));
    tokio::spawn(changes(Arc::clone(&model)));
    tokio::spawn(disabling(Arc::clone(&model)));
    for consumer in 0..model.workers.len() {
        let model = Arc::clone(&model);
        tokio::spawn(async move { model.workers[consumer].live(&model.world).await });
    }
    model.world.sleep_until(model.plan.born).await;
    let store: Arc<dyn EngineStore> = Arc::new(CheckpointStore::new(Arc::clone(&model)));
    let mappings: Vec<Mapping> = model.plan.consumers.iter().map(|consumer| consumer.mapping.clone()).collect();
    let rig = start_engine(&model, mappings.clone(), Arc::clone(&store));
    let wanted = vec![true; mappings.len()];
    let mut scenario = Scenario { model, store, mappings, wanted, rig };
    for (at, action) in scenario.model.plan.actions.clone() {
        scenario.model.world.sleep_until(at).await;
        scenario.look().await;
        scenario.act(action).await;
    }
    let fair_at = scenario.model.plan.fair_at;
    scenario.model.world.sleep_until(fair_at).await;
    scenario.look().await;
    scenario.end().await;
}

impl Scenario {
    /// Each mapping says of its function what it has done.
    async fn look(&self) {
        for consumer in 0..self.mappings.len() {
            let Ok(status) = self.rig.handle.status(self.model.name(consumer)).await else { continue };
            let state = self.model.state();
            let last = state.consumers[consumer].sessions.last().map(|session| (session.incarnation, session.streak));
            drop(state);
            let Some((incarnation, streak)) = last else { continue };
            if incarnation == self.model.world.incarnation()
                && let Some(wrong) = streak.wrong(&status, self.model.world.now())
            {
                self.model.violate(consumer, wrong);
            }
        }
    }

    /// The fair phase, and everything that must be true at its end.
    async fn end(&mut self) {
        let world = Arc::clone(&self.model.world);
        world.note(format_args!("the fair phase begins"));
        world.make_fair();
        for consumer in 0..self.mappings.len() {
            if !self.wanted[consumer] {
                self.start(consumer).await;
            }
        }
        let begun = world.now();
        while let Some((consumer, left)) = self.unfinished().await {
            if world.now() - begun > PATIENCE {
                return self.model.violate(consumer, format_args!("does not settle in a fair world: {left}"));
            }
            self.check_idle().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        world.note(format_args!("everything has settled"));
        if self.model.plan.watch_idle {
            self.watch_idle().await;
        }
        for consumer in 0..self.mappings.len() {
            self.check_status(consumer).await;
        }
        self.shutdown(20_000, None).await;
        for consumer in 0..self.mappings.len() {
            self.check_nothing_lost(consumer);
        }
    }

    /// A mapping that reads nothing, and has nothing left to do, shows that it is not well.
    async fn check_idle(&self) {
        let now = self.model.world.now();
        for consumer in 0..self.mappings.len() {
            let idle = {
                let state = self.model.state();
                let session = state.consumers[consumer].sessions.last().filter(|session| session.claimed);
                session.is_some_and(|session| {
                    let done = |view: &View| view.read.keys().all(|at| view.finished.contains_key(at));
                    let acts = |view: &View| view.finished.values().copied().chain(view.read_begun).max();
                    let last = session.views.values().filter_map(acts).max();
                    session.views.values().all(done) && last.is_some_and(|last| now - last > IDLE_IS_SHOWN)
                })
            };
            if !idle {
                continue;
            }
            let status = self.rig.handle.status(self.model.name(consumer)).await.ok();
            if status.is_some_and(|status| status.health == Health::Ok) {
                self.model.violate(consumer, format_args!("has read nothing for {IDLE_IS_SHOWN} ms and is healthy"));
            }
        }
    }

    /// What is not yet finished and saved.
    async fn unfinished(&self) -> Option<(usize, String)> {
        let kept = self.store.kept().await.expect("a store in memory can be read");
        let mut state = self.model.state();
        self.model.sweep(&mut state);
        for consumer in 0..self.mappings.len() {
            let checkpoints = kept.get(self.model.name(consumer)).map(|kept| &kept.checkpoints);
            for (n, shard) in state.shards.iter().enumerate() {
                let checkpoint = checkpoints.and_then(|checkpoints| checkpoints.get(&shard.id));
                let last = state.consumers[consumer].sessions.last();
                let view = last.and_then(|last| last.views.get(&n));
                // What was trimmed before it was read is lost; what was read is to be processed all the same.
                let held = |at: usize| {
                    view.is_some_and(|view| view.read.contains_key(&at) && !view.finished.contains_key(&at))
                };
                let covered = checkpoint.map_or(0, |checkpoint| state.covered(n, checkpoint));
                let mut left = (0..shard.records.len()).filter(|&at| {
                    let required = self.model.is_required(&state, consumer, shard.records[at]);
                    required && at >= covered && (at >= shard.trimmed || held(at))
                });
                if let Some(at) = left.next() {
                    return Some((consumer, format!("{n}/{at}, where the mark is {checkpoint:?}")));
                }
                if shard.gone {
                    continue;
                }
                let whole = self.model.start(consumer) == StartingPosition::TrimHorizon;
                if whole && shard.closed.is_some() && !checkpoint.is_some_and(Checkpoint::is_end) {
                    return Some((consumer, format!("the end of shard {n}, whose mark is {checkpoint:?}")));
                }
            }
            if !state.consumers[consumer].calls.is_empty() {
                return Some((consumer, "an invoke".into()));
            }
        }
        None
    }

    /// Whether something that was read is not finished: more than a mapping owes, perhaps.
    fn is_busy(&self) -> bool {
        let state = self.model.state();
        let sessions = state.consumers.iter().filter_map(|consumer| consumer.sessions.last());
        let done = |view: &View| view.read.keys().all(|at| view.finished.contains_key(at));
        !sessions.flat_map(|session| session.views.values()).all(done)
    }

    /// A mapping that has nothing to do reads each open shard at its base rate.
    async fn watch_idle(&self) {
        // The pause after a failure of the time before can be half a minute.
        tokio::time::sleep(Duration::from_secs(40)).await;
        // What it need not process, and has read all the same, may take longer.
        for _ in 0..15 {
            if self.is_busy() {
                tokio::time::sleep(Duration::from_secs(40)).await;
            }
        }
        let reads = |consumer: usize| self.model.state().consumers[consumer].reads;
        let before: Vec<u64> = (0..self.mappings.len()).map(reads).collect();
        tokio::time::sleep(Duration::from_millis(IDLE)).await;
        for (consumer, before) in before.into_iter().enumerate() {
            let base = if self.model.plan.stream.kind == SourceKind::DynamoDb { 250 } else { 1_000 };
            let open = self.model.state().shards.iter().filter(|shard| shard.closed.is_none()).count() as u64;
            let made = reads(consumer) - before;
            let most = open * (IDLE / base + 2);
            // Each call takes its time, and jitter may stretch a pause.
            let least = open * IDLE * 7 / 10 / (base + 2 * self.model.plan.stream.latency.1);
            if !(least..=most).contains(&made) {
                let what =
                    format_args!("reads {open} idle shards {made} times in {IDLE} ms, not {least} to {most} times");
                self.model.violate(consumer, what);
            }
        }
    }

    /// Whether the stream lists nothing that the mapping has not processed to its end.
    async fn is_bereft(&self, consumer: usize) -> bool {
        let kept = self.store.kept().await.expect("a store in memory can be read");
        let checkpoints = kept.get(self.model.name(consumer)).map(|kept| &kept.checkpoints);
        let now = self.model.world.now();
        let state = self.model.state();
        let mut listed = state.shards.iter().filter(|shard| shard.listed <= now && !shard.gone);
        listed
            .all(|shard| checkpoints.and_then(|checkpoints| checkpoints.get(&shard.id)).is_some_and(Checkpoint::is_end))
    }

    async fn check_status(&self, consumer: usize) {
        let name = self.model.name(consumer);
        let disabled = self.model.state().disabled;
        let bereft = self.is_bereft(consumer).await;
        let ahead = self.model.host_ahead().unsigned_abs();
        // Only what is used can show that it works again.
        let well = |status: Option<&Snapshot>| {
            status.is_some_and(|status| {
                let reason = status.health.reason().unwrap_or_default();
                let unread = bereft && reason.contains("FB0613");
                let healthy = status.health == Health::Ok || unread || !reason.contains("source:");
                let says_so = reason.contains("FB0611") && reason.contains(NEWEST);
                let skewed = reason.contains("FB0614");
                let clock = (ahead > SKEW + 20_000) <= skewed && skewed <= (ahead > SKEW - 20_000);
                status.state == MappingState::Enabled && clock && if disabled { says_so } else { healthy }
            })
        };
        if !self.rig.wait(name, RECOVERY, well).await {
            let status = self.rig.handle.status(name).await.ok();
            let shown = status.map(|status| (status.state, status.health));
            self.model.violate(consumer, format_args!("{RECOVERY:?} after everything has settled it is {shown:?}"));
        }
    }

    /// Every record that the mapping had to see was finished, or was trimmed before the last process could read it.
    fn check_nothing_lost(&self, consumer: usize) {
        let state = self.model.state();
        let Some(last) = state.consumers[consumer].sessions.len().checked_sub(1) else { return };
        for record in 0..state.records.len() {
            let required = self.model.is_required(&state, consumer, record);
            let finished = state.consumers[consumer].finished.contains(&record);
            if required && !finished && !self.model.is_forfeit(&state, consumer, last, record) {
                return self.model.violate(consumer, format_args!("r{record} was never settled"));
            }
        }
    }
}

/// Puts what the plan says.
async fn arrivals(model: Arc<StreamModel>) {
    for put in model.plan.puts.clone() {
        model.world.sleep_until(put.at).await;
        model.put(&put);
    }
}

/// Disables the stream as the plan says.
async fn disabling(model: Arc<StreamModel>) {
    if let Some(at) = model.plan.disabled {
        model.world.sleep_until(at).await;
        model.disable();
    }
}

/// Changes the shards as the plan says.
async fn changes(model: Arc<StreamModel>) {
    for (at, change) in model.plan.reshards.clone() {
        model.world.sleep_until(at).await;
        model.reshard(change);
    }
}
