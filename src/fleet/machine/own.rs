//! The rows of the table that are about this replica alone: what it offers, and what is assigned to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::outbox::Outbox;
use super::{AGAIN, REPEAT};
use crate::fleet::{Offer, ReplicaId, Request};
use crate::machine::Mono;

/// The mappings that this replica can run.
#[derive(Debug, Default)]
pub(super) struct OwnOffer {
    number: u64,
    mappings: BTreeSet<Arc<str>>,
    /// The number of the offer that stands in the table.
    written: u64,
    due: Mono,
}

impl OwnOffer {
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// These are all that it can run now.
    pub(super) fn becomes(&mut self, mappings: BTreeSet<Arc<str>>, now: Mono) {
        if self.number == 0 || mappings != self.mappings {
            self.number += 1;
            self.mappings = mappings;
            self.due = now;
        }
    }

    /// It is the offer of another life, and is to be written under another id.
    pub(super) const fn begins_again(&mut self, now: Mono) {
        self.written = 0;
        self.due = now;
    }

    pub(super) fn due(&self, outbox: &Outbox) -> Option<Mono> {
        let open = outbox.is_open(|request| matches!(request, Request::Offer(_)));
        (self.written < self.number && !open).then_some(self.due)
    }

    pub(super) fn write_if_due(&self, id: &ReplicaId, outbox: &mut Outbox, now: Mono) {
        if self.due(outbox).is_some_and(|due| now >= due) {
            outbox.ask(Request::Offer(self.row(id)), now);
        }
    }

    /// This one, or a later one, stands in the table.
    pub(super) fn stands(&mut self, number: u64) {
        self.written = self.written.max(number);
    }

    pub(super) fn failed(&mut self, now: Mono) {
        self.due = now + REPEAT;
    }

    /// The offer, once it stands in the table.
    pub(super) fn known(&self, id: &ReplicaId) -> Option<Offer> {
        (self.written > 0 && self.written == self.number).then(|| self.row(id))
    }

    fn row(&self, id: &ReplicaId) -> Offer {
        Offer { id: id.clone(), number: self.number, mappings: self.mappings.clone() }
    }
}

/// The counter in the own row that others raise when there is another assignment.
#[derive(Debug)]
pub(super) struct News {
    seen: u64,
    /// The counter before the last read began, and before the one that has ended.
    asked: u64,
    read: u64,
    due: Mono,
}

impl News {
    pub(super) fn new(now: Mono) -> Self {
        Self { seen: 0, asked: 0, read: 0, due: now + AGAIN }
    }

    /// The counter stands there; whether it is another one. A row that was deleted and came back counts from the start.
    pub(super) fn heard(&mut self, counter: u64, now: Mono) -> bool {
        let changed = counter != self.seen;
        if changed {
            self.seen = counter;
            self.due = now;
        }
        changed
    }

    pub(super) fn due(&self, outbox: &Outbox) -> Option<Mono> {
        let open = outbox.is_open(|request| matches!(request, Request::ReadAssignment { .. }));
        (!open).then_some(self.due)
    }

    pub(super) fn read_if_due(&mut self, id: &ReplicaId, outbox: &mut Outbox, now: Mono) {
        if self.due(outbox).is_some_and(|due| now >= due) {
            self.asked = self.seen;
            outbox.ask(Request::ReadAssignment { id: id.clone() }, now);
        }
    }

    /// The assignment was read.
    pub(super) fn was_read(&mut self, now: Mono) {
        self.read = self.asked;
        self.due = if self.seen != self.read { now } else { now + AGAIN };
    }

    pub(super) fn failed(&mut self, now: Mono) {
        self.due = now + REPEAT;
    }
}
