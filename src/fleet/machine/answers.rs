//! What follows from the answers of the table.

use super::outbox::Asked;
use super::planner::Standing;
use super::{FleetMachine, Life, REPEAT};
use crate::fleet::{Answer, Assignment, Beat, Head, Output, ReplicaRow, ReplicaState, Request, TakePlan, Written};
use crate::machine::{Fault, Mono};

/// The row that stands in the table after a write, whether it took effect or not.
fn standing<T>(written: Written<T>) -> Option<T> {
    match written {
        Written::Done(row) => Some(row),
        Written::Refused(found) => found,
    }
}

impl FleetMachine {
    pub(super) fn answer(&mut self, asked: Asked, result: Result<Answer, Fault>, now: Mono) {
        let Asked { request, sent } = asked;
        match (request, result) {
            (request, Err(fault)) => self.failed(request, fault, sent, now),
            (Request::Join(_), Ok(Answer::Replica(written))) => self.joined(written, now),
            (Request::Beat(beat), Ok(Answer::Replica(written))) => self.beaten(&beat, written, sent, now),
            (Request::Look { consistent }, Ok(Answer::Sight(sight))) => self.saw(sight, consistent, sent, now),
            (Request::LookHead, Ok(Answer::HeadRead(head))) => self.head_read(Ok(head), sent, now),
            (Request::Kill { .. }, Ok(Answer::Replica(written))) => self.killed(written, now),
            (Request::TakePlan(take), Ok(Answer::Head(written))) => self.plan_taken(&take, written, now),
            (Request::BeatHead(head), Ok(Answer::Head(written))) => self.head_beaten(&head, written, sent, now),
            (Request::Assign(asked), Ok(Answer::Assignment(written))) => self.assigned(&asked, written, now),
            (Request::Bump { id }, Ok(Answer::Replica(written))) => {
                if let Some(planner) = &mut self.planner {
                    planner.heard(&id);
                }
                if let Written::Refused(Some(row)) = written {
                    self.outlook.found(&row, now);
                }
            }
            (Request::ReadAssignment { .. }, Ok(Answer::AssignmentRead(row))) => {
                self.news.was_read(now);
                row.iter().for_each(|row| self.adopt(row));
            }
            (Request::ReadAssignments, Ok(Answer::Assignments(rows))) => {
                let standing = self.planner.as_mut().map(|planner| planner.read_assignments(rows));
                self.stands(standing, now);
                self.plan(now);
            }
            (Request::ReadOffers, Ok(Answer::Offers(rows))) => {
                if let Some(planner) = &mut self.planner {
                    planner.read_offers(rows);
                }
                self.plan(now);
            }
            (Request::Offer(offer), Ok(Answer::Offer(_))) => {
                // A refusal says that this one, or a later one, stands there.
                self.offer.stands(offer.number);
                self.pulse.hurry(now);
                self.plan(now);
            }
            (Request::Leave { .. }, Ok(Answer::Replica(_))) => self.life = Life::Gone,
            (Request::Forget { .. }, Ok(_)) => {}
            (request, Ok(answer)) => debug_assert!(false, "{answer:?} is no answer to {request:?}"),
        }
    }

    /// There is no answer: it may have taken effect, or may yet.
    fn failed(&mut self, request: Request, fault: Fault, sent: Mono, now: Mono) {
        match request {
            Request::Look { consistent } => self.outlook.look_at(now + REPEAT, consistent),
            Request::LookHead => self.head_read(Err(fault), sent, now),
            Request::ReadAssignment { .. } => self.news.failed(now),
            Request::Offer(_) => self.offer.failed(now),
            Request::Bump { id } if self.outlook.greeted.as_ref() == Some(&id) => {
                self.outlook.greeted = None;
                self.outlook.look_at(now + REPEAT, false);
            }
            Request::Assign(assignment) => {
                if let Some(planner) = &mut self.planner {
                    planner.unsure(&assignment.to);
                }
            }
            // The next time, or the next run of the plan, tries again.
            Request::Join(_)
            | Request::Beat(_)
            | Request::Kill { .. }
            | Request::TakePlan(_)
            | Request::BeatHead(_)
            | Request::Bump { .. }
            | Request::ReadAssignments
            | Request::ReadOffers
            | Request::Forget { .. }
            | Request::Leave { .. } => {}
        }
    }

    fn joined(&mut self, written: Written<ReplicaRow>, now: Mono) {
        match standing(written) {
            Some(row) if row.state != ReplicaState::Dead => {
                self.pulse.joined(now);
                self.outlook.look_at(now, true);
            }
            _ => self.die(),
        }
    }

    fn beaten(&mut self, beat: &Beat, written: Written<ReplicaRow>, sent: Mono, now: Mono) {
        let Some(row) = standing(written).filter(|row| row.state != ReplicaState::Dead) else {
            self.die();
            return;
        };
        self.pulse.confirmed(beat, sent);
        if self.news.heard(row.news, now) && self.alone {
            self.outlook.look_at(now, true);
        }
    }

    fn killed(&mut self, written: Written<ReplicaRow>, now: Mono) {
        if let Some(row) = standing(written) {
            self.outlook.found(&row, now);
            // What follows from a death is seen in one look.
            self.outlook.look_at(now, false);
            if row.state == ReplicaState::Dead {
                self.plan(now);
            }
        }
    }

    fn plan_taken(&mut self, take: &TakePlan, written: Written<Head>, now: Mono) {
        match standing(written) {
            Some(head) if head.planner == take.planner && head.epoch >= take.epoch => {
                self.saw_head(head, true, now);
                self.plan(now);
            }
            Some(head) => self.saw_head(head, true, now),
            None => self.outlook.look_at(now + REPEAT, true),
        }
    }

    fn head_beaten(&mut self, asked: &Head, written: Written<Head>, sent: Mono, now: Mono) {
        let next = sent + self.periods().beat;
        let Some(planner) = self.planner.as_mut().filter(|planner| planner.epoch() == asked.epoch) else { return };
        match standing(written) {
            Some(head) if head.planner == asked.planner && head.epoch == asked.epoch => {
                planner.stands(&head);
                planner.due = next;
                self.saw_head(head, true, now);
            }
            found => {
                self.planner = None;
                if let Some(head) = found {
                    self.saw_head(head, true, now);
                }
                self.outlook.look_at(now, true);
            }
        }
    }

    fn assigned(&mut self, asked: &Assignment, written: Written<Assignment>, now: Mono) {
        let Some(row) = standing(written) else { return };
        let Some(planner) = self.planner.as_mut().filter(|planner| planner.epoch() == asked.epoch) else { return };
        let standing = planner.assigned(asked, &row, &mut self.outbox, now);
        if standing == Standing::Planner && row.to == *self.id() {
            self.adopt(&row);
        }
        self.stands(Some(standing), now);
    }

    /// Another has planned in a later epoch: it may plan still, or the head was lost since.
    fn stands(&mut self, standing: Option<Standing>, now: Mono) {
        if let Some(Standing::Superseded(epoch)) = standing {
            self.planner = None;
            self.outlook.knows_epoch(epoch);
            self.outlook.look_at(now, true);
        }
    }

    fn adopt(&mut self, row: &Assignment) {
        let wanted = self.holdings.assign(row, self.draining.is_some());
        self.outbox.extend(wanted.map(Output::Assigned));
    }
}
