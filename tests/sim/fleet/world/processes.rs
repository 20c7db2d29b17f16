//! What processes do: their machines, and their workers.

use forebay::fleet::{Input, Output, Unit};

use super::{Event, Op, World};
use crate::fleet::host;
use crate::fleet::lease::LeaseAnswer;
use crate::fleet::watch::Step;
use crate::fleet::worker::{Action, View, Worker};

impl World {
    /// Feeds a machine, and does what it says.
    pub(super) fn input(&mut self, at: usize, input: Input) {
        match &input {
            Input::Timeout => {}
            // What a request has found is seen where it takes effect.
            Input::Answer { call, result: Ok(_) } => self.trace.push(self.now, format_args!("h{at} < {}", call.0)),
            input => self.trace.push(self.now, format_args!("h{at} < {input:?}")),
        }
        let mono = self.hosts[at].mono(self.now);
        let mut input = Some(input);
        while let Some(next) = input.take() {
            self.process(at).machine.handle(next, mono);
            loop {
                match self.process(at).machine.poll_output() {
                    Output::Request { call, request } => self.send(at, Op::Fleet(call, request)),
                    Output::Valid { until } => self.process(at).valid = until,
                    Output::Assigned(units) => {
                        self.trace.push(self.now, format_args!("h{at} runs {units:?}"));
                        let draining = self.process(at).draining;
                        let index = |unit: usize| Unit::whole(host::name(unit));
                        for unit in 0..self.plan.units {
                            let wanted = units.contains(&index(unit));
                            let workers = &mut self.process(at).workers;
                            match workers.get_mut(&unit) {
                                Some(worker) => worker.wanted = wanted,
                                None if wanted && draining => {
                                    self.table.violate(format!("Z3: h{at} drains, and is to run unit {unit}"));
                                }
                                None if wanted => drop(workers.insert(unit, Worker::new())),
                                None => {}
                            }
                        }
                    }
                    Output::Members(_) | Output::Revision(_) => {}
                    Output::Died => {
                        self.trace.push(self.now, format_args!("h{at} has died"));
                        self.deaths += 1;
                        self.process(at).workers.clear();
                        let id = self.hosts[at].next_id(at);
                        input = Some(Input::NewId(id));
                        break;
                    }
                    Output::Timeout(deadline) => {
                        self.wake(at, deadline.map(|deadline| self.hosts[at].world(deadline)));
                        break;
                    }
                    Output::Done => {
                        self.trace.push(self.now, format_args!("h{at} is done"));
                        let again = self.process(at).again;
                        self.hosts[at].process = None;
                        if let Some(after) = again {
                            self.at(self.now + after, Event::Start(at));
                        }
                        return;
                    }
                }
            }
        }
        self.work(at);
    }

    fn wake(&mut self, at: usize, deadline: Option<u64>) {
        let Some(deadline) = deadline.map(|deadline| deadline.max(self.now + 1)) else { return };
        let to = (at, self.hosts[at].incarnation);
        let process = self.process(at);
        if process.wake_at.is_none_or(|wake| deadline < wake) {
            process.wake_at = Some(deadline);
            self.at(deadline, Event::Wake { to });
        }
    }

    /// Lets all workers of a process do what they can.
    pub(super) fn work(&mut self, at: usize) {
        let Some(process) = &self.hosts[at].process else { return };
        let units: Vec<usize> = process.workers.keys().copied().collect();
        for unit in units {
            while let Some(action) = self.step(at, unit) {
                match action {
                    Action::Ask(request) => {
                        self.tokens += 1;
                        let token = self.tokens;
                        self.process(at).workers.get_mut(&unit).expect("it has asked").asked(token);
                        self.send(at, Op::Lease { unit, token, request });
                    }
                    Action::Invoke { record, epoch } => {
                        if self.roll(self.plan.network.frozen) {
                            let until = (self.now + self.rng.u64(500..12_000)).min(self.plan.calm_at);
                            self.hosts[at].paused_until = until;
                            let to = (at, self.hosts[at].incarnation);
                            self.at(until, Event::Sent { to, unit, record, epoch });
                            return;
                        }
                        self.invoke(at, unit, record, epoch, false);
                    }
                    Action::Released => {
                        self.process(at).workers.remove(&unit);
                        let name = Unit::whole(host::name(unit));
                        self.input(at, Input::Released(name));
                        return;
                    }
                }
            }
        }
    }

    fn step(&mut self, at: usize, unit: usize) -> Option<Action> {
        let mono = self.hosts[at].mono(self.now);
        let (now, save_every) = (self.now, self.plan.save_every);
        let process = self.process(at);
        let me = process.machine.id().clone();
        let view = View { now, valid: mono < process.valid, me: &me, save_every };
        process.workers.get_mut(&unit)?.step(&view)
    }

    /// An invoke leaves the host.
    pub(super) fn invoke(&mut self, at: usize, unit: usize, record: u64, epoch: u64, frozen: bool) {
        let me = self.process(at).machine.id().clone();
        self.trace.push(self.now, format_args!("h{at} invokes {record} of unit {unit} under {epoch}"));
        self.settle_inherited();
        let step = Step { unit, me: &me, epoch, record, frozen };
        if let Err(violation) = self.streams[unit].begins(&step, &self.table.leases[unit]) {
            self.table.violate(violation);
        }
        let lasts = self.rng.u64(30..self.plan.longest_invoke);
        let to = (at, self.hosts[at].incarnation);
        self.at(self.now + lasts, Event::Invoked { to, unit, record, epoch });
    }

    pub(super) fn settle_inherited(&mut self) {
        for unit in std::mem::take(&mut self.table.inherited) {
            self.streams[unit].inherited();
        }
    }

    pub(super) fn leased(&mut self, at: usize, unit: usize, token: u64, answer: Option<LeaseAnswer>) {
        let now = self.now;
        let process = self.process(at);
        let me = process.machine.id().clone();
        let Some(worker) = process.workers.get_mut(&unit).filter(|worker| worker.is_open(token)) else { return };
        worker.answered(answer, now, &me);
        self.work(at);
    }
}
