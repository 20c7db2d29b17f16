//! Runs a scenario: events in the order of their times, and a network that loses, delays and doubles.

mod network;
mod processes;

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use forebay::fleet::{Answer, CallId, Input, Request};
use forebay::machine::Fault;

use super::host::{self, Host, Process};
use super::lease::{LeaseAnswer, LeaseRequest};
use super::plan::{Act, Plan};
use super::table::Table;
use super::watch::Stream;
use crate::seeds::Report;
use crate::trace::Trace;

const TICK: u64 = 250;

/// A request on its way.
#[derive(Clone, Debug)]
enum Op {
    Fleet(CallId, Request),
    Lease { unit: usize, token: u64, request: LeaseRequest },
}

/// An answer on its way.
#[derive(Debug)]
enum Reply {
    Fleet(CallId, Result<Answer, Fault>),
    Lease { unit: usize, token: u64, answer: Option<LeaseAnswer> },
}

#[derive(Debug)]
enum Event {
    Act(usize),
    Start(usize),
    /// A request takes effect; its answer arrives so much later, if it does.
    Apply {
        to: (usize, u32),
        op: Op,
        answer: Option<u64>,
    },
    Reply {
        to: (usize, u32),
        reply: Reply,
    },
    Wake {
        to: (usize, u32),
    },
    Tick {
        to: (usize, u32),
    },
    /// An invoke leaves after its process was frozen.
    Sent {
        to: (usize, u32),
        unit: usize,
        record: u64,
        epoch: u64,
    },
    Invoked {
        to: (usize, u32),
        unit: usize,
        record: u64,
        epoch: u64,
    },
    Sample,
}

pub(crate) struct World {
    plan: Plan,
    now: u64,
    sequence: u64,
    events: BTreeMap<(u64, u64), Event>,
    rng: Rng,
    pub(crate) table: Table,
    pub(crate) hosts: Vec<Host>,
    pub(crate) streams: Vec<Stream>,
    trace: Trace,
    tokens: u64,
    calls: u64,
    /// Writes to the table of the fleet, assignments and their news aside.
    pub(crate) beats: Vec<u64>,
    pub(crate) assigned: Vec<u64>,
    pub(crate) deaths: usize,
    /// The longest that a unit stood still after its first record.
    pub(crate) longest_idle: u64,
}

impl World {
    pub(crate) fn new(plan: Plan, show: bool) -> Self {
        let mut world = Self {
            now: 0,
            sequence: 0,
            events: BTreeMap::new(),
            rng: Rng::with_seed(plan.seed ^ 0x5eed),
            table: Table::new(plan.units, plan.broken),
            hosts: plan.hosts.iter().map(|host| Host::new(host.clone(), plan.units)).collect(),
            streams: vec![Stream::default(); plan.units],
            trace: Trace::new(show),
            tokens: 0,
            calls: 0,
            beats: Vec::new(),
            assigned: Vec::new(),
            deaths: 0,
            longest_idle: 0,
            plan,
        };
        for host in 0..world.hosts.len() {
            world.at(world.plan.hosts[host].start, Event::Start(host));
        }
        for act in 0..world.plan.acts.len() {
            world.at(world.plan.acts[act].0, Event::Act(act));
        }
        world.at(TICK, Event::Sample);
        world
    }

    /// Runs it to its end, or to the first violation.
    pub(crate) fn run(&mut self) -> Report {
        while let Some(((at, _), event)) = self.events.pop_first() {
            if at > self.plan.end_at || self.table.violation.is_some() {
                break;
            }
            self.now = at;
            self.happens(event);
        }
        self.check_writes();
        if let Some(violation) = &self.table.violation {
            self.trace.push(self.now, format_args!("VIOLATION {violation}"));
        }
        Report {
            seed: self.plan.seed,
            hash: self.trace.hash(),
            violation: self.table.violation.clone(),
            tail: self.trace.tail(),
            calls: self.calls,
            lasted: self.now,
        }
    }

    fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((at.max(self.now), self.sequence), event);
    }

    fn happens(&mut self, event: Event) {
        let to = match &event {
            Event::Reply { to, .. }
            | Event::Wake { to }
            | Event::Tick { to }
            | Event::Sent { to, .. }
            | Event::Invoked { to, .. } => Some(*to),
            Event::Act(_) | Event::Start(_) | Event::Apply { .. } | Event::Sample => None,
        };
        if let Some((at, incarnation)) = to {
            let host = &self.hosts[at];
            if host.process.is_none() || host.incarnation != incarnation {
                if let Event::Invoked { unit, record, .. } = event {
                    let stream = &mut self.streams[unit];
                    stream.finished = stream.finished.max(record + 1);
                }
                return;
            }
            if self.now < host.paused_until {
                let until = host.paused_until;
                self.at(until, event);
                return;
            }
            if std::mem::take(&mut self.hosts[at].jumped) {
                self.input(at, Input::Jumped);
            }
        }
        match event {
            Event::Act(act) => self.act(act),
            Event::Start(host) => self.start(host),
            Event::Apply { to, op, answer } => self.apply(to, op, answer),
            Event::Reply { to, reply: Reply::Fleet(call, result) } => self.input(to.0, Input::Answer { call, result }),
            Event::Reply { to, reply: Reply::Lease { unit, token, answer } } => self.leased(to.0, unit, token, answer),
            Event::Wake { to } => {
                let process = self.process(to.0);
                process.wake_at = None;
                self.input(to.0, Input::Timeout);
            }
            Event::Tick { to } => {
                self.work(to.0);
                self.at(self.now + TICK, Event::Tick { to });
            }
            Event::Sent { to, unit, record, epoch } => self.invoke(to.0, unit, record, epoch, true),
            Event::Invoked { to, unit, record, epoch } => {
                let stream = &mut self.streams[unit];
                stream.finished = stream.finished.max(record + 1);
                if let Some(worker) = self.process(to.0).workers.get_mut(&unit) {
                    worker.invoked(epoch);
                }
                self.work(to.0);
            }
            Event::Sample => self.sample(),
        }
    }

    fn process(&mut self, host: usize) -> &mut Process {
        self.hosts[host].process.as_mut().expect("events of dead processes are dropped")
    }

    fn start(&mut self, at: usize) {
        if self.hosts[at].process.is_some() {
            return;
        }
        if self.hosts[at].paused_until > self.now {
            let until = self.hosts[at].paused_until;
            self.at(until, Event::Start(at));
            return;
        }
        self.hosts[at].start(at, self.now);
        self.hosts[at].jumped = false;
        self.trace.push(self.now, format_args!("h{at} starts"));
        let to = (at, self.hosts[at].incarnation);
        let offers = host::names(self.hosts[at].offers);
        self.at(self.now + TICK, Event::Tick { to });
        self.input(at, Input::Offer(offers));
    }

    fn act(&mut self, index: usize) {
        let act = self.plan.acts[index].1.clone();
        if let Some(until) = act.host().map(|host| self.hosts[host].paused_until).filter(|until| *until > self.now) {
            self.at(until, Event::Act(index));
            return;
        }
        self.trace.push(self.now, format_args!("{act:?}"));
        match act {
            Act::Crash { host, again } => {
                self.hosts[host].process = None;
                if let Some(after) = again {
                    self.at(self.now + after, Event::Start(host));
                }
            }
            Act::Drain { host, again } => {
                if let Some(process) = &mut self.hosts[host].process {
                    process.draining = true;
                    process.again = again;
                    self.input(host, Input::Drain);
                }
            }
            Act::Pause { host, until } => self.hosts[host].paused_until = until,
            Act::Suspend { host, until } => {
                if until > self.now {
                    self.hosts[host].suspend(self.now, until);
                }
            }
            Act::Jump { host } => self.hosts[host].jumped = true,
            Act::DeleteHead => self.table.delete(None, self.now),
            Act::DeleteReplica { host } => {
                if let Some(process) = &self.hosts[host].process {
                    let id = process.machine.id().clone();
                    self.table.delete(Some(&id), self.now);
                }
            }
            Act::WrongAdvice => {
                let names: Vec<_> = host::names(self.plan.units).into_iter().collect();
                self.table.advise(&mut self.rng, &names);
            }
            Act::Offer { host, units } => {
                self.hosts[host].offers = units;
                if self.hosts[host].process.is_some() {
                    self.input(host, Input::Offer(host::names(units)));
                }
            }
        }
    }

    /// Looks at what runs.
    fn sample(&mut self) {
        let mut offered = BTreeSet::new();
        for host in self.hosts.iter().filter(|host| self.now >= host.paused_until) {
            let Some(process) = &host.process else { continue };
            if !process.draining {
                offered.extend(0..host.offers.min(self.plan.units));
            }
            let valid = host.mono(self.now) < process.valid;
            for (unit, worker) in &process.workers {
                if worker.runs().is_some() && valid {
                    let stream = &mut self.streams[*unit];
                    if stream.ran > 0 {
                        self.longest_idle = self.longest_idle.max(self.now - stream.ran);
                    }
                    stream.ran = self.now;
                }
                if worker.unsure.is_some_and(|since| self.now > since.max(self.plan.calm_at) + 5_000) {
                    self.table.violation.get_or_insert(format!("F9: a claim of unit {unit} stays unsure"));
                }
            }
        }
        for unit in offered {
            if self.streams[unit].is_idle(self.now, self.plan.calm_at + self.plan.patience) {
                self.table.violate(format!("F3: unit {unit} does not run"));
            }
        }
        self.at(self.now + TICK, Event::Sample);
    }

    /// F11: what the fleet writes when there is nothing to do.
    fn check_writes(&mut self) {
        let from = self.plan.end_at.saturating_sub(20_000);
        if from < self.plan.calm_at + 10_000 || self.assigned.last().is_some_and(|last| *last >= from) {
            return;
        }
        let live = self.hosts.iter().filter(|host| host.process.is_some()).count() as f64;
        let writes = self.beats.iter().filter(|at| **at >= from).count() as f64 / 20.0;
        if writes > (0.5 + 1.0 / 30.0) * live + 1.0 {
            self.table.violate(format!("F11: {live} replicas without load write {writes} times a second"));
        }
    }
}
