//! A scenario from its first message to its last check.

use std::sync::Arc;
use std::time::Duration;

use forebay::engine::{MappingState, Snapshot};
use forebay::machine::Health;
use forebay::mapping::Mapping;
use forebay::store::EngineStore;

use crate::queue::arrivals::arrivals;
use crate::queue::connector::QueueConnector;
use crate::queue::delivery::Place;
use crate::queue::plan::Plan;
use crate::queue::rest::patience;
use crate::queue::subject::{Counts, IdleWatch, Subject};
use crate::rig::Rig;
use crate::run::on_a_paused_clock;
use crate::store::MemoryStore;
use crate::world::World;

/// How long a panic is shown that a successor has survived (milliseconds).
const PANIC_SHOWN: u64 = 60_000;

/// What came of a scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The seed of its plan.
    pub(crate) seed: u64,
    /// The hash of its story.
    pub(crate) hash: u64,
    /// What was violated first.
    pub(crate) violation: Option<String>,
    /// The last events.
    pub(crate) tail: Vec<String>,
    /// Calls that the engine made.
    pub(crate) calls: u64,
    /// Virtual milliseconds.
    pub(crate) lasted: u64,
    /// Messages that were deleted.
    pub(crate) deleted: usize,
    /// Messages in the dead-letter queue.
    pub(crate) dead: usize,
    /// Messages whose failure record the destination has.
    pub(crate) recorded: usize,
    /// Answers of receives from FIFO queues that were asked for again, and came.
    pub(crate) recovered: usize,
    /// When functions answered (milliseconds).
    pub(crate) served: Vec<u64>,
    /// When calls of functions were refused.
    pub(crate) refused: Vec<u64>,
    /// How often a mapping was seen failing.
    pub(crate) failing: usize,
}

/// Plays the scenario of `plan`; `show` prints every event.
pub(crate) fn run(plan: Plan, show: bool) -> Outcome {
    let seed = plan.seed;
    let (mut outcome, panic) = on_a_paused_clock(async move {
        let mut scenario = Scenario::new(plan, show);
        let world = Arc::clone(&scenario.world);
        tokio::select! {
            biased;
            () = world.until_violated() => {}
            () = scenario.live() => {}
        }
        let lasted = world.now();
        let violation = world.violation();
        world.close();
        let (deleted, dead, recorded) =
            (scenario.count(Place::Deleted), scenario.count(Place::Dead), scenario.recorded());
        let (recovered, failing) = (scenario.recovered(), scenario.failing);
        let (served, refused) = scenario.ends_of_invokes();
        drop(scenario);
        let (hash, tail) = world.trace();
        Outcome {
            seed,
            hash,
            violation,
            tail,
            calls: world.calls(),
            lasted,
            deleted,
            dead,
            recorded,
            recovered,
            served,
            refused,
            failing,
        }
    });
    if panic.is_some() {
        outcome.violation = panic;
    }
    outcome
}

/// A new process.
pub(crate) fn start_engine(
    world: &Arc<World>,
    subjects: &[Arc<Subject>],
    mappings: Vec<Mapping>,
    store: Arc<dyn EngineStore>,
    seed: u64,
) -> Rig {
    for subject in subjects {
        subject.state().counts = Counts::default();
    }
    let connector = Arc::new(QueueConnector { subjects: subjects.to_vec() });
    let clock = Arc::clone(world);
    Rig::start(world, connector, mappings, store, seed, Arc::new(move || clock.unix_ms()))
}

/// A world, its engine, and what the operator wants.
pub(crate) struct Scenario {
    pub(crate) world: Arc<World>,
    pub(crate) subjects: Vec<Arc<Subject>>,
    pub(crate) store: Arc<dyn EngineStore>,
    pub(crate) plan: Plan,
    /// As the files say now.
    pub(crate) mappings: Vec<Mapping>,
    /// Which mappings the operator wants to run.
    pub(crate) wanted: Vec<bool>,
    /// How often a mapping was seen failing.
    pub(crate) failing: usize,
    pub(crate) rig: Rig,
}

impl Scenario {
    /// A new world with a new engine in it.
    pub(crate) fn new(plan: Plan, show: bool) -> Self {
        let world = Arc::new(World::new(plan.seed, show));
        let subjects: Vec<Arc<Subject>> = plan
            .subjects
            .iter()
            .enumerate()
            .map(|(index, subject)| Arc::new(Subject::new(Arc::clone(&world), index, subject.clone())))
            .collect();
        let store: Arc<dyn EngineStore> = Arc::new(MemoryStore::new(Arc::clone(&world), plan.store_fails));
        let mappings: Vec<Mapping> = plan.subjects.iter().map(|subject| subject.mapping.clone()).collect();
        let rig = start_engine(&world, &subjects, mappings.clone(), Arc::clone(&store), plan.seed);
        let wanted = vec![true; subjects.len()];
        Self { world, subjects, store, plan, mappings, wanted, failing: 0, rig }
    }

    /// Messages that are in `place`.
    pub(crate) fn count(&self, place: Place) -> usize {
        let here =
            |subject: &Arc<Subject>| subject.state().messages.iter().filter(|message| message.place == place).count();
        self.subjects.iter().map(here).sum()
    }

    /// Messages whose failure record the destination has.
    pub(crate) fn recorded(&self) -> usize {
        let here = |subject: &Arc<Subject>| subject.state().messages.iter().filter(|message| message.recorded).count();
        self.subjects.iter().map(here).sum()
    }

    /// Answers of receives from FIFO queues that were asked for again, and came.
    pub(crate) fn recovered(&self) -> usize {
        self.subjects.iter().map(|subject| subject.state().fifo.recovered).sum()
    }

    /// When functions answered, and when calls of them were refused.
    pub(crate) fn ends_of_invokes(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut served, mut refused) = (Vec::new(), Vec::new());
        for subject in &self.subjects {
            let state = subject.state();
            served.extend_from_slice(&state.served);
            refused.extend_from_slice(&state.refused);
        }
        (served, refused)
    }

    /// From the first message to the last check.
    pub(crate) async fn live(&mut self) {
        for subject in &self.subjects {
            tokio::spawn(arrivals(Arc::clone(subject)));
            let subject = Arc::clone(subject);
            tokio::spawn(async move { subject.workers.live(&subject.world).await });
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
        for subject in &self.subjects {
            let Some(status) = self.rig.status(subject.name()).await else { continue };
            self.failing += usize::from(matches!(status.health, Health::Failing { .. }));
            let last = subject.state().sessions.last().map(|session| (session.incarnation, session.streak));
            let Some((incarnation, streak)) = last else { continue };
            // A machine that panicked does not know what it was given last.
            if incarnation == self.world.incarnation()
                && !self.world.has_panicked()
                && let Some(wrong) = streak.wrong(&status, self.world.now())
            {
                subject.violate(wrong);
            }
        }
    }

    /// The fair phase, and everything that must be true at its end.
    async fn end(&mut self) {
        self.world.note(format_args!("the fair phase begins"));
        self.world.make_fair();
        for subject in 0..self.subjects.len() {
            if !self.wanted[subject] {
                self.start(subject).await;
            }
        }
        let begun = self.world.now();
        for subject in &self.subjects {
            while !subject.is_at_rest() {
                if self.world.now() - begun > patience(&subject.plan) {
                    subject.violate(format_args!("does not settle in a fair world: {}", subject.left()));
                    return;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        self.world.note(format_args!("everything has settled"));
        self.quiesce().await;
        for subject in &self.subjects {
            self.check_status(subject).await;
        }
        if self.plan.watch_idle {
            self.watch_idle().await;
        }
        self.shutdown(20_000, None).await;
        for subject in &self.subjects {
            subject.check_messages();
        }
    }

    /// Waits until the engine holds nothing, by the world's account and by its own: duplicates may
    /// outlive their message.
    async fn quiesce(&self) {
        let mut quiet_for = 0;
        for _ in 0..1_200 {
            let mut busy = false;
            for subject in &self.subjects {
                let status = self.rig.status(subject.name()).await;
                let held = status.map_or(0, |status| status.gauges.held + status.gauges.in_flight);
                let state = subject.state();
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
    async fn check_status(&self, subject: &Subject) {
        // Deletions without effect are a false alarm when nothing has come again after its visibility timeout.
        let patience = Duration::from_millis(subject.hidden(&subject.plan.mapping)) + Duration::from_secs(90);
        let proven = |status: Option<&Snapshot>| {
            status.is_some_and(|status| !status.health.reason().unwrap_or_default().contains("deletion:"))
        };
        self.rig.wait(subject.name(), patience, proven).await;
        let Some(status) = self.rig.status(subject.name()).await else { return subject.violate("is not listed") };
        // Only what is used can show that it works again.
        let used = subject.state().counts.deleted_fairly > 0;
        let reason = status.health.reason().unwrap_or_default();
        let unproven = reason.starts_with("destination:") && subject.state().counts.delivered_fairly == 0;
        // What came last may have been poison, and nothing else.
        let streak = subject.state().sessions.last().map(|session| session.streak).unwrap_or_default();
        let panicked = self.world.has_panicked();
        if let Some(wrong) = streak.wrong(&status, self.world.now()).filter(|_| !panicked) {
            subject.violate(wrong);
        }
        let panic_is_shown = reason.contains("panicked")
            && self.world.panic().is_some_and(|panic| self.world.now() <= panic.seen + PANIC_SHOWN);
        let healthy = !matches!(status.health, Health::Degraded { .. })
            || unproven
            || panic_is_shown
            || !(used || reason.contains("source:"));
        if status.state != MappingState::Enabled || !healthy {
            subject.violate(format_args!("is {:?}, {:?}", status.state, status.health));
        }
        let (said, known) = (status.counters, subject.state().counts);
        let pairs = [
            ("polled", said.polled, known.polled),
            ("invokes", said.invokes, known.invokes),
            // What waits for the rate limit counts for the engine, and is not seen by the world.
            (
                "invoked",
                said.invoked,
                if subject.plan.mapping.poller.rate_limit.is_some() { said.invoked } else { known.invoked },
            ),
            ("deleted", said.deleted, known.deleted),
            ("throttles", said.throttles, known.throttles),
            ("malformed responses", said.malformed_responses, known.malformed),
        ];
        for (what, said, known) in pairs {
            if said != known && !panicked {
                subject.violate(format_args!("the engine counts {said} {what}, the world {known}"));
            }
        }
        let held = status.gauges.held + status.gauges.in_flight;
        if held > 0 {
            subject.violate(format_args!("the engine says that it holds {held} messages and batches"));
        }
    }

    /// An idle mapping makes one long poll after the other.
    async fn watch_idle(&self) {
        tokio::time::sleep(Duration::from_secs(600)).await;
        for subject in &self.subjects {
            let mut state = subject.state();
            let open = state.open_receives();
            state.idle = IdleWatch { most_open: open, ..IdleWatch::default() };
        }
        tokio::time::sleep(Duration::from_secs(200)).await;
        for subject in &self.subjects {
            let idle = subject.state().idle;
            if idle.most_open != 1 || !(8..=11).contains(&idle.receives) || idle.shortest_wait != Some(20) {
                subject.violate(format_args!("is not idle with one long poll at a time: {idle:?}"));
            }
        }
    }
}
