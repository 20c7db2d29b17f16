//! The contract between a fleet's machine and its driver.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Answer, ReplicaId, ReplicaRow, Request, Unit};
use crate::machine::{Fault, Mono};

/// Names one request; no name is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A request ended.
    Answer {
        /// Which one.
        call: CallId,
        /// Its answer, or why there is none.
        result: Result<Answer, Fault>,
    },
    /// The stream mappings that this replica can run, all of them; at the start, and when they change.
    Offer(BTreeSet<Arc<str>>),
    /// A unit that is not assigned any more was released, or was never claimed.
    Released(Unit),
    /// The process is to end: hand everything over, then leave.
    Drain,
    /// The wall clock and the monotonic clock have moved apart by more than a second: time may have passed unseen.
    Jumped,
    /// The id for the next life, after [`Output::Died`]. It was never used before.
    NewId(ReplicaId),
    /// The deadline of the last [`Output::Timeout`] has come (or any other time: harmless).
    Timeout,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the table.
    Request {
        /// Names it in its answer.
        call: CallId,
        /// What is asked.
        request: Request,
    },
    /// Work on leased units may begin as long as `now < until`: no invoke and no read begins later. What is in flight
    /// then may end. The last one counts, and may lie before the one before it.
    Valid {
        /// The end, by this replica's own clock.
        until: Mono,
    },
    /// All units that are to run here. Begin those that are new: wait for their leases, then claim them. Hand over
    /// those that are gone, and say [`Input::Released`] for each.
    Assigned(BTreeSet<Unit>),
    /// The fleet has changed, or is seen for the first time.
    Members(Members),
    /// A desired state or a definition may have changed somewhere: read them again.
    Revision(u64),
    /// This replica was declared dead: drop every unit and forget what was assigned. Others may run them already.
    /// [`Input::NewId`] begins the next life.
    Died,
    /// Nothing more for now; wake the machine at this time, if there is one.
    Timeout(Option<Mono>),
    /// The replica has left, and will never want anything again.
    Done,
}

/// The fleet as this replica saw it last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Every row, by id, dead ones of the last day included. Their counters are as old as the last change.
    pub replicas: Vec<ReplicaRow>,
    /// Who plans.
    pub planner: Option<ReplicaId>,
}
