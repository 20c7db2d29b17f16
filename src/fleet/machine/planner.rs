//! What the planner of a fleet does: it reads what the replicas offer, plans, and writes what each is to run.

use std::collections::{BTreeMap, BTreeSet};

use super::outbox::Outbox;
use super::steady::Steady;
use super::{AGAIN, REPEAT};
use crate::fleet::plan::{Member, PlanOptions, Snapshot, plan};
use crate::fleet::{Assignment, Head, Offer, ReplicaId, ReplicaRow, ReplicaState, Request, Sight, Unit};
use crate::machine::Mono;

#[derive(Debug)]
pub(super) struct Planner {
    head: Head,
    /// When the head is to be written again.
    pub(super) due: Mono,
    /// What each replica is to run, as the table says; `None` before it was read.
    assignments: Option<BTreeMap<ReplicaId, Assignment>>,
    offers: Option<BTreeMap<ReplicaId, Offer>>,
    /// When the assignments are to be read again: rows may be changed by others than planners.
    read_again: Mono,
    /// The number of the last assignment.
    number: u64,
    /// Whose assignment was written in this epoch: no earlier planner can change it any more.
    fenced: BTreeSet<ReplicaId>,
    /// Who is to hear of a new assignment.
    news: BTreeSet<ReplicaId>,
    forgotten: BTreeSet<ReplicaId>,
    members: BTreeSet<(ReplicaId, ReplicaState)>,
    steady: Steady,
}

/// What an assignment's answer says of this planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It plans on.
    Planner,
    /// Another has planned in this later epoch.
    Superseded(u64),
}

impl Planner {
    pub(super) fn new(head: Head, now: Mono) -> Self {
        Self {
            head,
            due: now,
            assignments: None,
            offers: None,
            read_again: now,
            number: 0,
            fenced: BTreeSet::new(),
            news: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            members: BTreeSet::new(),
            steady: Steady::new(now),
        }
    }

    pub(super) const fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// When the next heartbeat of the head is due.
    pub(super) fn beat_due(&self, outbox: &Outbox) -> Option<Mono> {
        let open = outbox.is_open(|request| matches!(request, Request::BeatHead(_)));
        (!open).then_some(self.due)
    }

    pub(super) fn beat_if_due(&mut self, outbox: &mut Outbox, now: Mono) {
        if self.beat_due(outbox).is_some_and(|due| now >= due) {
            self.due = now + REPEAT;
            self.head.beat += 1;
            outbox.ask(Request::BeatHead(self.head.clone()), now);
        }
    }

    /// The head stands in the table with this heartbeat, perhaps a later one than was known.
    pub(super) fn stands(&mut self, found: &Head) {
        self.head.beat = self.head.beat.max(found.beat);
    }

    pub(super) fn read_assignments(&mut self, rows: Vec<Assignment>) -> Standing {
        let latest = rows.iter().map(|row| row.epoch).max().unwrap_or_default();
        let own = rows.iter().filter(|row| row.epoch == self.head.epoch).map(|row| row.number);
        self.number = own.chain([self.number]).max().unwrap_or_default();
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.to.clone(), row)).collect();
        // What is not as it was written is written again.
        let known = self.assignments.as_ref();
        self.fenced.retain(|id| known.is_some_and(|known| known.get(id) == rows.get(id)));
        self.assignments = Some(rows);
        if latest > self.head.epoch { Standing::Superseded(latest) } else { Standing::Planner }
    }

    pub(super) fn read_offers(&mut self, rows: Vec<Offer>) {
        let offers = self.offers.get_or_insert_default();
        for row in rows {
            let known = offers.entry(row.id.clone()).or_insert_with(|| row.clone());
            if known.number < row.number {
                *known = row;
            }
        }
    }

    /// An assignment stands in the table as `row`.
    pub(super) fn assigned(
        &mut self,
        asked: &Assignment,
        row: &Assignment,
        outbox: &mut Outbox,
        now: Mono,
    ) -> Standing {
        if row.epoch > self.head.epoch {
            return Standing::Superseded(row.epoch);
        }
        self.number = self.number.max(row.number);
        if row.epoch == asked.epoch && row.number == asked.number {
            let assignments = self.assignments.get_or_insert_default();
            assignments.insert(row.to.clone(), row.clone());
            self.fenced.insert(row.to.clone());
            // Also where the units are the same: who wrote them before may have died before the replica heard of it.
            if row.to != self.head.planner {
                self.news.insert(row.to.clone());
                self.spread_news(outbox, now);
            }
        }
        Standing::Planner
    }

    /// An assignment has no answer: it may arrive later, unless another is written before.
    pub(super) fn unsure(&mut self, to: &ReplicaId) {
        self.fenced.remove(to);
    }

    /// A replica knows that there is news, or is gone.
    pub(super) fn heard(&mut self, id: &ReplicaId) {
        self.news.remove(id);
    }

    /// One run: everything that the fleet as it is seen asks of its planner.
    pub(super) fn run(&mut self, sight: &Sight, own: Option<&Offer>, draining: bool, outbox: &mut Outbox, now: Mono) {
        let state = |row: &ReplicaRow| match row.state {
            ReplicaState::Up if draining && row.id == self.head.planner => ReplicaState::Draining,
            state => state,
        };
        let living: Vec<(&ReplicaRow, ReplicaState)> = sight
            .replicas
            .iter()
            .map(|row| (row, state(row)))
            .filter(|(_, state)| *state != ReplicaState::Dead)
            .collect();
        let members = living.iter().map(|(row, state)| (row.id.clone(), *state)).collect();
        if members != self.members || sight.revision > self.head.revision {
            self.head.members += u64::from(members != self.members);
            self.head.revision = self.head.revision.max(sight.revision);
            self.members = members;
            self.due = self.due.min(now);
        }
        if let (Some(offers), Some(own)) = (&mut self.offers, own) {
            offers.insert(own.id.clone(), own.clone());
        }
        if !self.knows_enough(&living, outbox, now) {
            return;
        }
        self.forget_dead(sight, outbox, now);
        self.spread_news(outbox, now);
        if outbox.is_open(|request| matches!(request, Request::Assign(_) | Request::ReadAssignments)) {
            return;
        }
        let changes = self.changes(&living, now);
        if changes.is_empty() && self.news.is_empty() {
            self.head.plan += 1;
        }
        for (to, units) in changes {
            self.number += 1;
            let assignment = Assignment { to, epoch: self.head.epoch, number: self.number, units };
            outbox.ask(Request::Assign(assignment), now);
        }
    }

    /// Reads what is missing. Whether there is enough for a plan.
    fn knows_enough(&mut self, living: &[(&ReplicaRow, ReplicaState)], outbox: &mut Outbox, now: Mono) -> bool {
        let reads = |request: &Request| matches!(request, Request::ReadAssignments | Request::Assign(_));
        if (self.assignments.is_none() || now >= self.read_again) && !outbox.is_open(reads) {
            self.read_again = now + AGAIN;
            outbox.ask(Request::ReadAssignments, now);
        }
        let known = |row: &ReplicaRow| {
            let number = self.offers.as_ref().and_then(|offers| offers.get(&row.id)).map_or(0, |offer| offer.number);
            number >= row.offer
        };
        let all = self.offers.is_some() && living.iter().all(|(row, _)| known(row));
        if !all && !outbox.is_open(|request| *request == Request::ReadOffers) {
            outbox.ask(Request::ReadOffers, now);
        }
        all && self.assignments.is_some()
    }

    /// The rows of dead replicas go.
    fn forget_dead(&mut self, sight: &Sight, outbox: &mut Outbox, now: Mono) {
        for row in sight.replicas.iter().filter(|row| row.state == ReplicaState::Dead) {
            let assigned = self.assignments.as_mut().and_then(|rows| rows.remove(&row.id)).is_some();
            let offered = self.offers.as_mut().and_then(|rows| rows.remove(&row.id)).is_some();
            if (assigned || offered) && self.forgotten.insert(row.id.clone()) {
                outbox.ask(Request::Forget { id: row.id.clone() }, now);
            }
            self.news.remove(&row.id);
        }
    }

    fn spread_news(&self, outbox: &mut Outbox, now: Mono) {
        for id in &self.news {
            let bump = Request::Bump { id: id.clone() };
            if !outbox.is_open(|request| *request == bump) {
                outbox.ask(bump, now);
            }
        }
    }

    /// The assignments that are to be written.
    fn changes(&mut self, living: &[(&ReplicaRow, ReplicaState)], now: Mono) -> Vec<(ReplicaId, BTreeSet<Unit>)> {
        let (Some(assignments), Some(offers)) = (&self.assignments, &self.offers) else { return Vec::new() };
        let mut snapshot = Snapshot::default();
        for (row, state) in living {
            let offers = offers.get(&row.id).map(|offer| offer.mappings.clone()).unwrap_or_default();
            for mapping in &offers {
                snapshot.units.entry(Unit::whole(mapping.clone())).or_default();
            }
            let takes = *state == ReplicaState::Up;
            snapshot.members.push(Member { id: row.id.clone(), version: row.version.clone(), takes, offers });
        }
        for (row, _) in living {
            for unit in assignments.get(&row.id).into_iter().flat_map(|assignment| &assignment.units) {
                if let Some(owner) = snapshot.units.get_mut(unit) {
                    owner.get_or_insert_with(|| row.id.clone());
                }
            }
        }
        let takers = snapshot.members.iter().filter(|member| member.takes).map(|member| member.id.clone()).collect();
        let options = PlanOptions { rebalance: self.steady.allows(takers, now), held: self.steady.resting(now) };
        let plan = plan(&snapshot, &options);
        self.steady.moved(plan.moved, now);
        let is_new = |(id, units): &(ReplicaId, BTreeSet<Unit>)| {
            !self.fenced.contains(id) || assignments.get(id).is_none_or(|assignment| assignment.units != *units)
        };
        plan.wanted.into_iter().filter(is_new).collect()
    }
}
