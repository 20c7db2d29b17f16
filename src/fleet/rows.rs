//! The rows of the table that a fleet shares.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Periods, ReplicaId, Unit};

/// A replica's row (`FLEET`, `R#<id>`). It stays below 1 KB, so that a heartbeat costs one write unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaRow {
    /// Whose it is.
    pub id: ReplicaId,
    /// The number of its last heartbeat (`hb`). It only grows.
    pub beat: u64,
    /// Whether it lives (`st`).
    pub state: ReplicaState,
    /// By which it is judged (`h`, `t`, `d`).
    pub periods: Periods,
    /// Grows when another replica has something new for this one (`news`).
    pub news: u64,
    /// The number of its last [`Offer`]; 0 before the first (`offer`).
    pub offer: u64,
    /// Its version of forebay (`ver`).
    pub version: Arc<str>,
    /// Its host, for operators (`host`).
    pub host: Arc<str>,
    /// When it joined, by its host's clock, for operators (Unix milliseconds; `since`).
    pub since_unix_ms: u64,
}

/// Whether a replica lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplicaState {
    /// It works, and takes more.
    Up,
    /// It hands over what it has, and takes nothing more.
    Draining,
    /// It was declared dead, or has left. That is final: its row never lives again.
    Dead,
}

/// The fleet's head (`FLEET`, `HEAD`): who plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The planner (`pl`).
    pub planner: ReplicaId,
    /// Grows when the plan is taken by another replica (`pe`).
    pub epoch: u64,
    /// The number of the planner's last heartbeat here; 0 when the plan was taken (`hb`).
    pub beat: u64,
    /// How many runs the planner has completed: the fleet was read, and all assignments that follow were written
    /// (`plan`).
    pub plan: u64,
    /// Grows when replicas come or go, so that all look at the fleet again (`n`).
    pub members: u64,
    /// The last [`Sight::revision`] that the planner has seen (`rev`).
    pub revision: u64,
}

/// What a replica is to run (`ASSIGN`, `<id>`): advice of a planner. What a replica may do is up to the leases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Whose it is.
    pub to: ReplicaId,
    /// The planner's epoch (`pe`).
    pub epoch: u64,
    /// Grows with every assignment that a planner writes (`n`): a late write of the same planner changes nothing.
    pub number: u64,
    /// All that it is to run (`as`).
    pub units: BTreeSet<Unit>,
}

/// The stream mappings that a replica can run (`OFFER`, `<id>`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whose it is.
    pub id: ReplicaId,
    /// Grows with every offer of this replica (`n`).
    pub number: u64,
    /// The names of the mappings (`maps`).
    pub mappings: BTreeSet<Arc<str>>,
}

/// All rows of the partition `FLEET`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The replicas, dead ones included. A row past its `ttl` is left out.
    pub replicas: Vec<ReplicaRow>,
    /// Who plans, if a replica has ever done so.
    pub head: Option<Head>,
    /// Grows with every change of a desired state or a definition (`FLEET`, `REV`); 0 where there is no such row.
    pub revision: u64,
}
