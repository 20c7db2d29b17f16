//! The way of requests to the table: refused, lost, late, twice, or as they are to go.

use forebay::fleet::Request;
use forebay::machine::{Fault, FaultKind};

use super::{Event, Op, Reply, World};
use crate::fleet::lease::{LeaseAnswer, LeaseRequest};
use crate::fleet::plan::Outage;
use crate::fleet::table::STALE;

impl World {
    pub(super) fn roll(&mut self, share: u64) -> bool {
        share > 0 && self.now < self.plan.calm_at && self.rng.u64(0..1_000) < share
    }

    /// Sends a request through the network.
    pub(super) fn send(&mut self, at: usize, op: Op) {
        self.calls += 1;
        let to = (at, self.hosts[at].incarnation);
        let bound = match &op {
            Op::Fleet(_, request) => {
                self.count(request);
                u64::try_from(request.bound().as_millis()).expect("bounds are short")
            }
            Op::Lease { .. } => 1_000,
        };
        let is_read = match &op {
            Op::Fleet(_, request) => matches!(
                request,
                Request::Look { .. }
                    | Request::LookHead
                    | Request::ReadAssignment { .. }
                    | Request::ReadAssignments
                    | Request::ReadOffers
            ),
            Op::Lease { request, .. } => matches!(request, LeaseRequest::Read | LeaseRequest::ReadOwner(_)),
        };
        let now = self.now;
        let meets = |outage: &&Outage| {
            (outage.from..outage.until).contains(&now)
                && outage.host.is_none_or(|host| host == at)
                && (is_read || !outage.reads_only)
        };
        if let Some(outage) = self.plan.outages.iter().find(meets).cloned()
            && self.rng.u64(0..1_000) < outage.share
        {
            let after = if outage.silent { bound } else { self.rng.u64(2..60) };
            self.fails(to, &op, after);
            return;
        }
        let network = self.plan.network;
        if self.roll(network.refused) {
            let after = self.rng.u64(2..60);
            self.fails(to, &op, after);
        } else if self.roll(network.lost) {
            self.fails(to, &op, bound);
            let after = self.rng.u64(2..900);
            self.at(now + after, Event::Apply { to, op, answer: None });
        } else if self.roll(network.late) {
            self.fails(to, &op, bound);
            let late = if self.rng.u8(0..4) == 0 { self.rng.u64(1_000..14_000) } else { self.rng.u64(1_000..4_500) };
            self.at(now + late, Event::Apply { to, op, answer: None });
        } else {
            let slow = self.roll(network.slow);
            let half = if slow { self.rng.u64(50..450) } else { self.rng.u64(1..15) };
            if self.roll(network.doubled) {
                let again = self.rng.u64(1..5_000);
                self.at(now + again, Event::Apply { to, op: op.clone(), answer: None });
            }
            self.at(now + half, Event::Apply { to, op, answer: Some(half) });
        }
    }

    fn fails(&mut self, to: (usize, u32), op: &Op, after: u64) {
        let fault = Fault::new(FaultKind::Timeout, "no answer");
        let reply = match op {
            Op::Fleet(call, _) => Reply::Fleet(*call, Err(fault)),
            Op::Lease { unit, token, .. } => Reply::Lease { unit: *unit, token: *token, answer: None },
        };
        self.at(self.now + after, Event::Reply { to, reply });
    }

    pub(super) fn apply(&mut self, to: (usize, u32), op: Op, answer: Option<u64>) {
        let stale = self.roll(self.plan.network.stale);
        let age = if stale { self.rng.u64(0..STALE) } else { 0 };
        let reply = match op {
            Op::Fleet(call, request) => {
                let result = self.table.fleet(&request, self.now, age);
                self.trace.push(self.now, format_args!("h{} {} {request:?}", to.0, call.0));
                Reply::Fleet(call, Ok(result))
            }
            Op::Lease { unit, token, request } => {
                let result = self.table.lease(unit, &request);
                if let (LeaseRequest::Save { checkpoint, .. }, LeaseAnswer::Done(_)) = (&request, &result)
                    && *checkpoint > self.streams[unit].finished
                {
                    self.table.violate(format!("F1: unit {unit} is saved at {checkpoint}, and that is not done"));
                }
                self.trace.push(self.now, format_args!("h{} unit {unit} {request:?} -> {result:?}", to.0));
                Reply::Lease { unit, token, answer: Some(result) }
            }
        };
        self.settle_inherited();
        if let Some(after) = answer {
            self.at(self.now + after, Event::Reply { to, reply });
        }
    }

    fn count(&mut self, request: &Request) {
        match request {
            Request::Look { .. }
            | Request::LookHead
            | Request::ReadAssignment { .. }
            | Request::ReadAssignments
            | Request::ReadOffers => {}
            Request::Assign(_) => self.assigned.push(self.now),
            _ => self.beats.push(self.now),
        }
    }
}
