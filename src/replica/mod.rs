//! One replica of a fleet: carries out what its machine wants, on the table, the engine and the leases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock::{BootClock, WallClock};
use crate::engine::{EngineHandle, Streams};
use crate::fleet::{FleetMachine, FleetOptions, Input, Members, Output, ReplicaId, ReplicaState, Request, Unit};
use crate::machine::{Fault, FaultKind, Mono};
use crate::store::{Checkpoints as _, DynamoDbStore, FleetTable, PermitSetter};

/// The pause before a release that failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Time of day and time since the start move together; what moves them apart by so much was not seen here.
const JUMP: Duration = Duration::from_secs(1);

/// What a replica is made of.
pub(crate) struct Parts {
    pub(crate) id: ReplicaId,
    pub(crate) options: FleetOptions,
    pub(crate) table: FleetTable,
    pub(crate) store: Arc<DynamoDbStore>,
    pub(crate) permit: PermitSetter,
    pub(crate) engine: EngineHandle,
    /// What the engine could run, and what it runs.
    pub(crate) streams: watch::Receiver<Streams>,
    pub(crate) boot: BootClock,
    pub(crate) wall: WallClock,
}

/// A running replica.
pub(crate) struct Replica {
    phase: watch::Sender<Phase>,
    id: watch::Receiver<ReplicaId>,
    table: FleetTable,
    task: JoinHandle<()>,
}

/// How far the end of the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Runs,
    /// Everything is handed over.
    Drains,
    /// The engine has ended: nothing runs any more.
    Ended,
}

impl Replica {
    /// Joins the fleet, and lives in it until it is drained.
    pub(crate) fn spawn(parts: Parts) -> Self {
        let (phase, phases) = watch::channel(Phase::Runs);
        let (named, id) = watch::channel(parts.id.clone());
        let table = parts.table.clone();
        let driver = Driver {
            machine: FleetMachine::new(parts.options.clone(), parts.id.clone(), Mono::at((parts.boot)())),
            calls: JoinSet::new(),
            releases: JoinSet::new(),
            assigned: BTreeSet::new(),
            leaving: BTreeSet::new(),
            apart: None,
            alive: 0,
            named,
            parts,
        };
        Self { phase, id, table, task: tokio::spawn(driver.run(phases)) }
    }

    /// Its id, which is another one after each death.
    pub(crate) fn id(&self) -> watch::Receiver<ReplicaId> {
        self.id.clone()
    }

    /// The fleet's rows.
    pub(crate) fn table(&self) -> FleetTable {
        self.table.clone()
    }

    /// Takes nothing new, and hands over what it has as soon as that is drained.
    pub(crate) fn drain(&self) {
        self.phase.send_replace(Phase::Drains);
    }

    /// Nothing runs any more: releases what is left, and leaves the fleet.
    pub(crate) async fn leave(self, within: Duration) {
        self.phase.send_replace(Phase::Ended);
        let mut task = self.task;
        if tokio::time::timeout(within, &mut task).await.is_err() {
            tracing::warn!("this replica could not leave the fleet: others notice by its missing heartbeats");
            task.abort();
        }
    }
}

struct Driver {
    machine: FleetMachine,
    calls: JoinSet<Input>,
    releases: JoinSet<Unit>,
    assigned: BTreeSet<Unit>,
    /// Units that are not assigned any more, and not released yet.
    leaving: BTreeSet<Unit>,
    /// How far time of day and time since the start were apart.
    apart: Option<i128>,
    /// How many replicas were alive when that was said last.
    alive: usize,
    named: watch::Sender<ReplicaId>,
    parts: Parts,
}

impl Driver {
    async fn run(mut self, mut phases: watch::Receiver<Phase>) {
        let mut streams = self.parts.streams.clone();
        let mut input = Input::Offer(streams.borrow_and_update().defined.clone());
        let mut draining = false;
        loop {
            if self.has_jumped() {
                self.machine.handle(Input::Jumped, self.now());
                if self.carry_out().await.is_none() {
                    return;
                }
            }
            self.machine.handle(input, self.now());
            let Some(deadline) = self.carry_out().await else { return };
            self.release(*phases.borrow() == Phase::Ended);
            let wake = deadline.map(|at| Instant::now() + at.since(self.now()));
            input = tokio::select! {
                biased;
                Some(ended) = self.calls.join_next() => ended.unwrap_or(Input::Timeout),
                Some(released) = self.releases.join_next() => match released {
                    Ok(unit) => Input::Released(unit),
                    Err(_) => Input::Timeout,
                },
                Ok(()) = phases.changed() => {
                    if std::mem::replace(&mut draining, true) { Input::Timeout } else { Input::Drain }
                }
                Ok(()) = streams.changed() => Input::Offer(streams.borrow_and_update().defined.clone()),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => Input::Timeout,
            };
        }
    }

    fn now(&self) -> Mono {
        Mono::at((self.parts.boot)())
    }

    /// Whether the time of day was set, or the process did not see time pass, since this was asked last.
    fn has_jumped(&mut self) -> bool {
        let since_start = i128::try_from((self.parts.boot)().as_millis()).unwrap_or_default();
        let apart = i128::from((self.parts.wall)()) - since_start;
        let before = self.apart.replace(apart);
        before.is_some_and(|before| before.abs_diff(apart) > JUMP.as_millis())
    }

    /// Carries out what the machine wants. The time at which it wants to be woken, or `None` when it is done.
    async fn carry_out(&mut self) -> Option<Option<Mono>> {
        loop {
            match self.machine.poll_output() {
                Output::Request { call, request } => {
                    let asked = self.ask(request);
                    self.calls.spawn(asked.map(move |result| Input::Answer { call, result }));
                }
                Output::Valid { until } => self.parts.permit.set(until.since_epoch()),
                Output::Assigned(units) => self.assign(units, false).await,
                Output::Members(members) => self.tell(&members),
                Output::Revision(_) => self.parts.engine.refresh().await,
                Output::Died => self.begin_again().await,
                Output::Timeout(deadline) => return Some(deadline),
                Output::Done => return None,
            }
        }
    }

    fn tell(&mut self, members: &Members) {
        let alive = members.replicas.iter().filter(|row| row.state != ReplicaState::Dead).count();
        if std::mem::replace(&mut self.alive, alive) != alive {
            tracing::info!(
                replicas = alive,
                planner = members.planner.as_ref().map(tracing::field::display),
                "the fleet"
            );
        }
    }

    /// One request, within its bound, as a future of its own.
    fn ask(&self, request: Request) -> impl Future<Output = Result<crate::fleet::Answer, Fault>> + use<> {
        let (table, store) = (self.parts.table.clone(), Arc::clone(&self.parts.store));
        let (bound, vital) = (request.bound(), request.is_vital());
        async move {
            let result = tokio::time::timeout(bound, table.ask(request)).await.unwrap_or_else(|_| {
                let message = format!("the store: no answer within {} s", bound.as_secs());
                Err(Fault::new(FaultKind::Timeout, message))
            });
            if vital {
                store.set_trouble(result.as_ref().err().cloned());
            }
            result
        }
    }

    async fn assign(&mut self, units: BTreeSet<Unit>, abandon: bool) {
        let mappings: BTreeSet<Arc<str>> = units.iter().map(|unit| Arc::clone(&unit.mapping)).collect();
        let taken: Vec<&Unit> = units.difference(&self.assigned).collect();
        let given: Vec<&Unit> = self.assigned.difference(&units).collect();
        if !taken.is_empty() || !given.is_empty() {
            let names = |units: &[&Unit]| units.iter().map(|unit| &*unit.mapping).collect::<Vec<_>>().join(", ");
            tracing::info!(takes = names(&taken), hands_over = names(&given), "the fleet's plan has changed");
        }
        if !abandon {
            self.leaving.extend(given.into_iter().cloned());
        }
        self.leaving.retain(|unit| !units.contains(unit));
        self.assigned = units;
        // An engine that has ended runs nothing.
        self.parts.engine.assign(mappings, abandon).await.ok();
    }

    /// Others may run everything already: nothing that this life has claimed counts any more.
    async fn begin_again(&mut self) {
        tracing::error!("this replica was declared dead: it ends its streams, and joins the fleet again");
        self.parts.permit.set(Duration::ZERO);
        self.assign(BTreeSet::new(), true).await;
        self.leaving.clear();
        self.releases.abort_all();
        let id = new_id();
        self.named.send_replace(id.clone());
        self.parts.store.become_replica(id.as_str().into());
        self.machine.handle(Input::NewId(id), self.now());
    }

    /// Releases what is to leave and runs no more; when the engine has `ended`, everything.
    fn release(&mut self, ended: bool) {
        if ended {
            self.leaving.append(&mut self.assigned);
        }
        let running = self.parts.streams.borrow().running.clone();
        let over = |unit: &Unit| ended || !running.contains(&unit.mapping);
        for unit in self.leaving.extract_if(.., |unit| over(unit)) {
            let store = Arc::clone(&self.parts.store);
            self.releases.spawn(async move {
                while let Err(error) = store.release(&unit.mapping).await {
                    tracing::warn!(mapping = &*unit.mapping, %error, "not released yet");
                    sleep(AGAIN).await;
                }
                unit
            });
        }
    }
}

/// An id that no replica had before.
pub(crate) fn new_id() -> ReplicaId {
    ReplicaId::new(format!("{:016x}", fastrand::u64(..)))
}
