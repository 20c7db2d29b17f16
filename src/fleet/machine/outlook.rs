//! What a replica sees of the fleet, and what follows: who is dead, who plans, who watches.

use std::time::Duration;

use super::outbox::Outbox;
use super::planner::Planner;
use super::watch::{Still, Watch};
use super::{AGAIN, FleetMachine, REPEAT, WATCH};
use crate::fleet::{Head, Members, Output, ReplicaId, ReplicaRow, ReplicaState, Request, Sight, TakePlan};
use crate::machine::{Fault, Mono};

/// A planner whose runs stand still for so long is replaced, although it lives.
const STUCK: Duration = Duration::from_secs(15);
/// So many replicas, those with the lowest ids, watch all others in addition to the planner.
const DEPUTIES: usize = 2;

#[derive(Debug)]
pub(super) struct Outlook {
    sight: Option<Sight>,
    watch: Watch,
    look_due: Mono,
    /// The next look has to be consistent.
    consistent: bool,
    head_due: Mono,
    /// The head of the highest epoch.
    head: Option<Head>,
    head_beat: Still<(u64, u64)>,
    head_plan: Still<(u64, u64)>,
    /// The highest epoch of all heads and assignments.
    epoch: u64,
    shown: Members,
    revision: u64,
    /// The planner was asked to look: it may have believed to be alone.
    pub(super) greeted: Option<ReplicaId>,
}

impl Outlook {
    pub(super) fn new(now: Mono) -> Self {
        Self {
            sight: None,
            watch: Watch::default(),
            look_due: now,
            consistent: true,
            head_due: now,
            head: None,
            head_beat: Still::new((0, 0), now),
            head_plan: Still::new((0, 0), now),
            epoch: 0,
            shown: Members::default(),
            revision: 0,
            greeted: None,
        }
    }

    pub(super) fn look_at(&mut self, at: Mono, consistent: bool) {
        self.look_due = self.look_due.min(at);
        self.consistent |= consistent;
    }

    /// Another planner may have been there.
    pub(super) fn knows_epoch(&mut self, epoch: u64) {
        self.epoch = self.epoch.max(epoch);
    }

    fn row(&self, id: &ReplicaId) -> Option<&ReplicaRow> {
        self.sight.as_ref().and_then(|sight| sight.replicas.iter().find(|row| row.id == *id))
    }

    /// Whether a consistent enough sight shows no other replica that takes units.
    pub(super) fn has_no_heir(&self, me: &ReplicaId) -> bool {
        let up = |sight: &Sight| sight.replicas.iter().any(|row| row.state == ReplicaState::Up && row.id != *me);
        !self.consistent && self.sight.as_ref().is_some_and(|sight| !up(sight))
    }

    /// Whether this replica is a deputy of the planner.
    fn is_deputy(&self, me: &ReplicaId) -> bool {
        let planner = self.head.as_ref().map(|head| &head.planner);
        let rows = self.sight.iter().flat_map(|sight| &sight.replicas);
        let living = rows.filter(|row| row.state != ReplicaState::Dead).map(|row| &row.id);
        living.filter(|id| Some(*id) != planner && *id < me).count() < DEPUTIES
    }

    /// A row that a write has found.
    pub(super) fn found(&mut self, row: &ReplicaRow, now: Mono) {
        if row.state != ReplicaState::Dead {
            self.watch.lives(row, now);
        }
        if let Some(sight) = &mut self.sight
            && let Some(known) = sight.replicas.iter_mut().find(|known| known.id == row.id)
        {
            known.clone_from(row);
        }
    }

    pub(super) fn look_due(&self, outbox: &Outbox) -> Option<Mono> {
        let open = outbox.is_open(|request| matches!(request, Request::Look { .. }));
        (!open).then_some(self.look_due)
    }

    pub(super) fn look_if_due(&mut self, outbox: &mut Outbox, now: Mono) {
        if self.look_due(outbox).is_some_and(|due| now >= due) {
            let consistent = std::mem::take(&mut self.consistent);
            self.look_due = now + AGAIN;
            outbox.ask(Request::Look { consistent }, now);
        }
    }

    /// When a replica that does not plan reads the head.
    pub(super) fn head_due(&self, outbox: &Outbox) -> Option<Mono> {
        let open = outbox.is_open(|request| matches!(request, Request::LookHead));
        (!open).then_some(self.head_due)
    }

    pub(super) fn read_head_if_due(&self, outbox: &mut Outbox, now: Mono) {
        if self.head_due(outbox).is_some_and(|due| now >= due) {
            outbox.ask(Request::LookHead, now);
        }
    }

    fn saw_revision(&mut self, revision: u64, outbox: &mut Outbox) {
        if revision > self.revision {
            self.revision = revision;
            outbox.push(Output::Revision(revision));
        }
    }

    /// Takes the plan where no living replica has it, or where it stands still.
    fn take_plan(
        &mut self,
        me: &ReplicaId,
        no_head: bool,
        consistent: bool,
        sent: Mono,
        outbox: &mut Outbox,
        now: Mono,
    ) {
        if outbox.is_open(|request| matches!(request, Request::TakePlan(_))) {
            return;
        }
        let seen = self.head.clone().filter(|_| !no_head);
        let stuck = match &seen {
            None => false,
            Some(head) if head.planner == *me => false,
            Some(head) => match self.row(&head.planner).map(|row| row.state) {
                Some(ReplicaState::Dead) => false,
                None if consistent => false,
                None => {
                    self.look_at(now, true);
                    return;
                }
                Some(_) if self.head_plan.lasted(sent) >= STUCK => true,
                Some(_) => return,
            },
        };
        let take = TakePlan { planner: me.clone(), epoch: self.epoch + 1, seen, stuck };
        outbox.ask(Request::TakePlan(take), now);
    }

    /// A planner may believe that it is alone: it hears of this replica once.
    fn greet(&mut self, me: &ReplicaId, outbox: &mut Outbox, now: Mono) {
        let Some(head) = &self.head else { return };
        let lives = self.row(&head.planner).is_some_and(|row| row.state != ReplicaState::Dead);
        if lives && head.planner != *me && self.greeted.as_ref() != Some(&head.planner) {
            let id = head.planner.clone();
            self.greeted = Some(id.clone());
            outbox.ask(Request::Bump { id }, now);
        }
    }

    /// Says who is there, when that has changed.
    fn show_members(&mut self, outbox: &mut Outbox) {
        let Some(sight) = &self.sight else { return };
        let planner = self.head.as_ref().map(|head| head.planner.clone());
        let mut replicas = sight.replicas.clone();
        replicas.sort_by(|one, other| one.id.cmp(&other.id));
        let key = |row: &ReplicaRow| (row.id.clone(), row.state, row.version.clone());
        let shown = &self.shown;
        if planner != shown.planner || !replicas.iter().map(key).eq(shown.replicas.iter().map(key)) {
            self.shown = Members { replicas, planner };
            outbox.push(Output::Members(self.shown.clone()));
        }
    }
}

impl FleetMachine {
    pub(super) fn head_read(&mut self, result: Result<Option<Head>, Fault>, sent: Mono, now: Mono) {
        let periods = self.periods();
        match result {
            Err(_) => self.outlook.head_due = now + REPEAT,
            Ok(head) => {
                self.outlook.head_due = sent + periods.beat;
                match head {
                    Some(head) => self.saw_head(head, false, now),
                    None => self.outlook.look_at(now, false),
                }
                // The planner and its deputies may be gone together.
                if self.outlook.head_beat.lasted(sent) >= periods.fence {
                    self.outlook.look_at(now.max(sent + WATCH), false);
                }
            }
        }
    }

    /// The fleet was read.
    pub(super) fn saw(&mut self, sight: Sight, consistent: bool, sent: Mono, now: Mono) {
        let me = self.id().clone();
        if sight.replicas.iter().any(|row| row.id == me && row.state == ReplicaState::Dead) {
            self.die();
            return;
        }
        let others: Vec<&ReplicaRow> = sight.replicas.iter().filter(|row| row.id != me).collect();
        let still = self.outlook.watch.saw(&others, sent, now);
        let lonely = others.iter().all(|row| row.state == ReplicaState::Dead);
        let (head, revision) = (sight.head.clone(), sight.revision);
        self.outlook.sight = Some(sight);
        for (id, seen) in still {
            let kill = Request::Kill { id, seen };
            if !self.outbox.is_open(|request| *request == kill) {
                self.outbox.ask(kill, now);
            }
        }
        self.is_alone(lonely, consistent, now);
        let no_head = head.is_none();
        if let Some(head) = head {
            self.saw_head(head, consistent, now);
        }
        self.outlook.saw_revision(revision, &mut self.outbox);
        if self.planner.is_none() && self.draining.is_none() {
            self.outlook.take_plan(&me, no_head, consistent, sent, &mut self.outbox, now);
        }
        self.outlook.greet(&me, &mut self.outbox, now);
        self.plan(now);
        self.outlook.show_members(&mut self.outbox);
        let suspicious = self.outlook.head_beat.lasted(sent) >= self.periods().fence;
        let watches = self.planner.is_some() || suspicious || self.outlook.is_deputy(&me);
        let next = if watches && !self.alone { WATCH } else { AGAIN };
        self.outlook.look_at(now.max(sent + next), false);
    }

    /// Whether there is no other. Only a consistent read can say so: a stale one may miss who has just come.
    fn is_alone(&mut self, lonely: bool, consistent: bool, now: Mono) {
        if lonely && !consistent && !self.alone {
            self.outlook.look_at(now, true);
        } else if lonely != self.alone && (consistent || !lonely) {
            self.alone = lonely;
            // Its next heartbeat says by which periods it is judged.
            self.pulse.hurry(now);
            self.outlook.head_due = now;
        }
    }

    pub(super) fn saw_head(&mut self, head: Head, consistent: bool, now: Mono) {
        let before = self.outlook.head.as_ref();
        if before.is_some_and(|before| before.epoch > head.epoch) && !consistent {
            return;
        }
        let stamp = |head: &Head| (head.epoch, head.members);
        if before.is_none_or(|before| stamp(before) != stamp(&head)) {
            self.outlook.look_at(now, false);
        }
        self.outlook.knows_epoch(head.epoch);
        self.outlook.head_beat.see((head.epoch, head.beat), now);
        self.outlook.head_plan.see((head.epoch, head.plan), now);
        self.outlook.saw_revision(head.revision, &mut self.outbox);
        let me = self.id().clone();
        let mine = head.planner == me;
        self.planner.take_if(|planner| !mine && head.epoch >= planner.epoch());
        // The answer to its own taking of the plan may have been lost.
        if mine && self.planner.is_none() && head.epoch >= self.outlook.epoch {
            self.planner = Some(Planner::new(head.clone(), now));
        }
        self.outlook.head = Some(head);
    }

    /// Runs the plan, if this replica has it.
    pub(super) fn plan(&mut self, now: Mono) {
        let (Some(planner), Some(sight)) = (&mut self.planner, &self.outlook.sight) else { return };
        let own = self.offer.known(self.pulse.id());
        planner.run(sight, own.as_ref(), self.draining.is_some(), &mut self.outbox, now);
    }
}
