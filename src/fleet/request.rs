//! What a fleet's machine asks of the table. Each request is one read, or one conditional write of one row.

use std::time::Duration;

use super::{Assignment, Head, Offer, Periods, ReplicaId, ReplicaRow, Sight};

/// A request. The condition of each write is part of its meaning: without it, the rules of the fleet do not hold.
///
/// A condition that failed is not an error: it is [`Written::Refused`], with the row as it stands
/// (`ReturnValuesOnConditionCheckFailure: ALL_OLD`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Puts this row if there is none of that id. [`Answer::Replica`].
    Join(ReplicaRow),
    /// Writes a heartbeat if `hb < beat AND st <> dead`. [`Answer::Replica`], with the whole row (`ALL_NEW`).
    Beat(Beat),
    /// Reads the partition `FLEET`. [`Answer::Sight`].
    Look {
        /// Whether the read has to see every write that was answered before it.
        consistent: bool,
    },
    /// Reads `HEAD`; it need not be consistent. [`Answer::HeadRead`].
    LookHead,
    /// Sets `st = dead` and a `ttl` of a day if `hb = seen AND st <> dead`. [`Answer::Replica`].
    Kill {
        /// Who is declared dead.
        id: ReplicaId,
        /// The counter that stood still.
        seen: u64,
    },
    /// Makes `planner` the planner. [`Answer::Head`].
    TakePlan(TakePlan),
    /// Writes this head if `pl = planner AND pe = epoch AND hb < beat`. [`Answer::Head`].
    BeatHead(Head),
    /// Writes this assignment if there is none, or `pe < epoch`, or `pe = epoch AND n < number`.
    /// [`Answer::Assignment`].
    Assign(Assignment),
    /// `ADD news 1` if the row exists and `st <> dead`. [`Answer::Replica`].
    Bump {
        /// For whom there is news.
        id: ReplicaId,
    },
    /// Reads the assignment of a replica, consistently. [`Answer::AssignmentRead`].
    ReadAssignment {
        /// Whose.
        id: ReplicaId,
    },
    /// Reads all assignments, consistently. [`Answer::Assignments`].
    ReadAssignments,
    /// Reads all offers, consistently. [`Answer::Offers`].
    ReadOffers,
    /// Writes this offer if there is none, or `n < number`. [`Answer::Offer`].
    Offer(Offer),
    /// Deletes the assignment and the offer of a dead replica. [`Answer::Forgotten`].
    Forget {
        /// Whose.
        id: ReplicaId,
    },
    /// Sets `st = dead` and a `ttl` of a day if the row exists and `st <> dead`. The row stays for a day, so that
    /// nothing that arrives late brings it back. [`Answer::Replica`].
    Leave {
        /// Who leaves.
        id: ReplicaId,
    },
}

impl Request {
    /// The longest that the driver waits for an answer. After that it answers with a fault of the kind `Timeout`.
    #[must_use]
    pub const fn bound(&self) -> Duration {
        match self {
            Self::ReadAssignments | Self::ReadOffers => Duration::from_secs(10),
            Self::Join(_)
            | Self::Beat(_)
            | Self::Look { .. }
            | Self::LookHead
            | Self::Kill { .. }
            | Self::TakePlan(_)
            | Self::BeatHead(_)
            | Self::Assign(_)
            | Self::Bump { .. }
            | Self::ReadAssignment { .. }
            | Self::Offer(_)
            | Self::Forget { .. }
            | Self::Leave { .. } => Duration::from_secs(1),
        }
    }

    /// Whether it keeps the replica alive. Such requests have a client and a budget of their own, and go first.
    #[must_use]
    pub const fn is_vital(&self) -> bool {
        matches!(self, Self::Join(_) | Self::Beat(_) | Self::Kill { .. } | Self::BeatHead(_) | Self::TakePlan(_))
    }
}

/// One heartbeat: what changes in the row of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Whose.
    pub id: ReplicaId,
    /// Its number. Every try has one of its own.
    pub beat: u64,
    /// Whether the row becomes [`Draining`](super::ReplicaState::Draining), or stays up.
    pub draining: bool,
    /// By which it is judged from now on.
    pub periods: Periods,
    /// The number of its last offer that was written.
    pub offer: u64,
}

/// Takes the plan: `SET pl = planner, pe = epoch, hb = 0`. `plan`, `n` and `rev` stay, and begin at 0 in a new row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakePlan {
    /// Who takes it.
    pub planner: ReplicaId,
    /// Its epoch: higher than every one that was seen, in heads and in assignments.
    pub epoch: u64,
    /// The head as it was seen: the write needs `pl` and `pe` unchanged. `None`: there is to be no head.
    pub seen: Option<Head>,
    /// The planner lives, but its runs stand still: the write needs `plan` unchanged, too.
    pub stuck: bool,
}

/// What came of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<T> {
    /// It took effect; this is the row now.
    Done(T),
    /// The condition failed, and nothing has changed. The row as it stands, if there is one.
    Refused(Option<T>),
}

/// What came of a request that was answered. A request without an answer (throttled, refused, too late) is a
/// [`Fault`](crate::machine::Fault) instead, and may still have taken effect, or may yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of a write of a replica's row.
    Replica(Written<ReplicaRow>),
    /// Of a write of the head.
    Head(Written<Head>),
    /// Of a write of an assignment.
    Assignment(Written<Assignment>),
    /// Of a write of an offer.
    Offer(Written<Offer>),
    /// Of [`Request::Forget`].
    Forgotten,
    /// Of [`Request::Look`].
    Sight(Sight),
    /// Of [`Request::LookHead`].
    HeadRead(Option<Head>),
    /// Of [`Request::ReadAssignment`].
    AssignmentRead(Option<Assignment>),
    /// Of [`Request::ReadAssignments`].
    Assignments(Vec<Assignment>),
    /// Of [`Request::ReadOffers`].
    Offers(Vec<Offer>),
}
