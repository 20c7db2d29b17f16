//! The table: the conditions of every write, and the checks of what no write may do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use forebay::fleet::{
    Answer, Assignment, Head, Offer, ReplicaId, ReplicaRow, ReplicaState, Request, Sight, Unit, Written,
};

use super::lease::{Claim, Lease, LeaseAnswer, LeaseRequest};
use super::plan::Rule;

/// So old a stale read may be.
pub(crate) const STALE: u64 = 1_500;

#[derive(Default)]
pub(crate) struct Table {
    pub(crate) replicas: BTreeMap<ReplicaId, ReplicaRow>,
    pub(crate) head: Option<Head>,
    pub(crate) assignments: BTreeMap<ReplicaId, Assignment>,
    offers: BTreeMap<ReplicaId, Offer>,
    pub(crate) leases: Vec<Lease>,
    /// What eventually consistent reads may still see.
    history: VecDeque<(u64, Sight)>,
    /// Ids that were dead once.
    buried: BTreeSet<ReplicaId>,
    pub(crate) broken: Option<Rule>,
    pub(crate) violation: Option<String>,
    /// Claims of units whose owner was dead.
    pub(crate) inherited: Vec<usize>,
}

fn written<T: Clone>(slot: &mut Option<T>, may: bool, row: T) -> Written<T> {
    if may {
        *slot = Some(row.clone());
        Written::Done(row)
    } else {
        Written::Refused(slot.clone())
    }
}

impl Table {
    pub(crate) fn new(units: usize, broken: Option<Rule>) -> Self {
        Self { leases: vec![Lease::default(); units], broken, ..Self::default() }
    }

    fn keeps(&self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    pub(crate) fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn sight(&self) -> Sight {
        Sight { replicas: self.replicas.values().cloned().collect(), head: self.head.clone(), revision: 0 }
    }

    /// What a read sees that is `age` behind.
    fn sight_of(&self, now: u64, age: u64) -> Sight {
        let then = now.saturating_sub(age);
        let old = self.history.iter().rev().find(|(at, _)| *at <= then);
        if age == 0 { self.sight() } else { old.map_or_else(Sight::default, |(_, sight)| sight.clone()) }
    }

    fn remember(&mut self, now: u64) {
        self.history.push_back((now, self.sight()));
        while self.history.get(1).is_some_and(|(at, _)| at + STALE < now) {
            self.history.pop_front();
        }
    }

    fn replica(
        &mut self,
        id: &ReplicaId,
        may: impl Fn(&ReplicaRow) -> bool,
        write: impl Fn(&mut ReplicaRow),
    ) -> Answer {
        let Some(row) = self.replicas.get_mut(id) else { return Answer::Replica(Written::Refused(None)) };
        if !may(row) {
            return Answer::Replica(Written::Refused(Some(row.clone())));
        }
        write(row);
        let row = row.clone();
        // F4: dead is for ever.
        if row.state == ReplicaState::Dead {
            self.buried.insert(row.id.clone());
        } else if self.buried.contains(&row.id) {
            self.violate(format!("F4: {} is dead, and its row lives", row.id));
        }
        Answer::Replica(Written::Done(row))
    }

    /// Carries out a request of a machine; `age` is how old a table a read sees that need not be consistent.
    pub(crate) fn fleet(&mut self, request: &Request, now: u64, age: u64) -> Answer {
        let lives = |row: &ReplicaRow| row.state != ReplicaState::Dead;
        let answer = match request {
            Request::Join(row) => {
                let found = self.replicas.get(&row.id).cloned().filter(|_| self.keeps(Rule::JoinOnce));
                match found {
                    Some(found) => Answer::Replica(Written::Refused(Some(found))),
                    None => {
                        self.replicas.insert(row.id.clone(), row.clone());
                        self.replica(&row.id, |_| true, |_| {})
                    }
                }
            }
            Request::Beat(beat) => {
                let (numbers, deaths) = (self.keeps(Rule::BeatCounter), self.keeps(Rule::BeatOfLiving));
                let may = |row: &ReplicaRow| (!numbers || row.beat < beat.beat) && (!deaths || lives(row));
                self.replica(&beat.id, may, |row| {
                    row.beat = beat.beat;
                    row.state = if beat.draining { ReplicaState::Draining } else { ReplicaState::Up };
                    row.periods = beat.periods;
                    row.offer = beat.offer;
                })
            }
            Request::Look { consistent } => {
                Answer::Sight(if *consistent { self.sight() } else { self.sight_of(now, age) })
            }
            Request::LookHead => Answer::HeadRead(self.sight_of(now, age).head),
            Request::Kill { id, seen } => {
                let counts = self.keeps(Rule::KillSeen);
                self.replica(
                    id,
                    |row| lives(row) && (!counts || row.beat == *seen),
                    |row| row.state = ReplicaState::Dead,
                )
            }
            Request::TakePlan(take) => {
                let same = |head: &Head, seen: &Head| {
                    head.planner == seen.planner && head.epoch == seen.epoch && (!take.stuck || head.plan == seen.plan)
                };
                let may = match (&self.head, &take.seen) {
                    (None, None) => true,
                    (Some(head), Some(seen)) => same(head, seen),
                    _ => false,
                };
                let before = self.head.clone();
                let (plan, members, revision) =
                    before.map_or((0, 0, 0), |head| (head.plan, head.members, head.revision));
                let row = Head { planner: take.planner.clone(), epoch: take.epoch, beat: 0, plan, members, revision };
                let may = may || !self.keeps(Rule::PlanTaken);
                Answer::Head(written(&mut self.head, may, row))
            }
            Request::BeatHead(row) => {
                let may = |head: &Head| head.planner == row.planner && head.epoch == row.epoch && head.beat < row.beat;
                let may = self.head.as_ref().is_some_and(may);
                Answer::Head(written(&mut self.head, may, row.clone()))
            }
            Request::Assign(row) => {
                let found = self.assignments.remove(&row.to);
                let stamp = |row: &Assignment| (row.epoch, row.number);
                let may =
                    !self.keeps(Rule::AssignNumber) || found.as_ref().is_none_or(|found| stamp(found) < stamp(row));
                let mut slot = found;
                let answer = written(&mut slot, may, row.clone());
                self.assignments.extend(slot.map(|row| (row.to.clone(), row)));
                Answer::Assignment(answer)
            }
            Request::Bump { id } => self.replica(id, lives, |row| row.news += 1),
            Request::ReadAssignment { id } => Answer::AssignmentRead(self.assignments.get(id).cloned()),
            Request::ReadAssignments => Answer::Assignments(self.assignments.values().cloned().collect()),
            Request::ReadOffers => Answer::Offers(self.offers.values().cloned().collect()),
            Request::Offer(row) => {
                let mut slot = self.offers.remove(&row.id);
                let may = slot.as_ref().is_none_or(|found| found.number < row.number);
                let answer = written(&mut slot, may, row.clone());
                self.offers.extend(slot.map(|row| (row.id.clone(), row)));
                Answer::Offer(answer)
            }
            Request::Forget { id } => {
                if self.replicas.get(id).is_some_and(lives) {
                    self.violate(format!("the rows of {id} are deleted, and it lives"));
                }
                self.assignments.remove(id);
                self.offers.remove(id);
                Answer::Forgotten
            }
            Request::Leave { id } => self.replica(id, lives, |row| row.state = ReplicaState::Dead),
        };
        self.remember(now);
        answer
    }

    /// Someone deletes a row by hand.
    pub(crate) fn delete(&mut self, id: Option<&ReplicaId>, now: u64) {
        match id {
            // The row of a dead one has to stay: nothing else keeps a late join from bringing it back.
            Some(id) if self.buried.contains(id) => {}
            Some(id) => drop(self.replicas.remove(id)),
            None => self.head = None,
        }
        self.remember(now);
    }

    /// Someone writes assignments that no planner has made.
    pub(crate) fn advise(&mut self, rng: &mut fastrand::Rng, names: &[Arc<str>]) {
        for row in self.assignments.values_mut() {
            row.units = names.iter().filter(|_| rng.bool()).map(|name| Unit::whole(Arc::clone(name))).collect();
            if let Some(replica) = self.replicas.get_mut(&row.to) {
                replica.news += 1;
            }
            row.number += 1;
        }
    }

    /// Carries out a request to the row of a unit.
    pub(crate) fn lease(&mut self, unit: usize, request: &LeaseRequest) -> LeaseAnswer {
        let before = self.leases[unit].clone();
        match request {
            LeaseRequest::Read => LeaseAnswer::Row(before),
            LeaseRequest::ReadOwner(id) => {
                LeaseAnswer::Owner(self.replicas.get(id).map(|row| row.state == ReplicaState::Dead))
            }
            LeaseRequest::Claim(claim) => self.claim(unit, claim, before),
            LeaseRequest::Save { me, epoch, number, checkpoint, release } => {
                let owns = before.owner.as_ref() == Some(me) && before.epoch == *epoch;
                let counts = before.saves < *number;
                let counter = if *release { Rule::ReleaseCounter } else { Rule::SaveCounter };
                if (self.keeps(Rule::SaveFence) && !owns) || (self.keeps(counter) && !counts) {
                    return LeaseAnswer::Refused(before);
                }
                // F1 and F5, by what stands in the table.
                if *checkpoint < before.checkpoint {
                    let (from, to) = (before.checkpoint, *checkpoint);
                    self.violate(format!("F1: the checkpoint of unit {unit} goes back from {from} to {to}"));
                }
                if !owns {
                    self.violate(format!("F5: {me} saves unit {unit} under epoch {epoch}, and does not own it"));
                }
                let owner = before.owner.filter(|_| !release);
                let row = Lease { owner, saves: *number, checkpoint: *checkpoint, ..before };
                self.leases[unit] = row.clone();
                LeaseAnswer::Done(row)
            }
        }
    }

    fn claim(&mut self, unit: usize, claim: &Claim, before: Lease) -> LeaseAnswer {
        let free = before.owner.is_none() || before.owner == claim.dead;
        let epoch = before.epoch == claim.epoch;
        if self.keeps(Rule::Claim) && !(free && epoch) {
            return LeaseAnswer::Refused(before);
        }
        if before.owner.is_some() {
            self.inherited.push(unit);
        }
        let row = Lease { owner: Some(claim.me.clone()), epoch: claim.epoch + 1, saves: 0, ..before };
        self.leases[unit] = row.clone();
        LeaseAnswer::Done(row)
    }
}
