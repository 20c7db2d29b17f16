//! What a scenario of a fleet holds.

/// One scenario. Times are milliseconds of the world.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) hosts: Vec<HostPlan>,
    /// Stream mappings.
    pub(crate) units: usize,
    pub(crate) network: Network,
    pub(crate) outages: Vec<Outage>,
    pub(crate) acts: Vec<(u64, Act)>,
    /// From here on nothing goes wrong.
    pub(crate) calm_at: u64,
    pub(crate) end_at: u64,
    /// After so long in the calm every unit runs.
    pub(crate) patience: u64,
    /// Units have this many milliseconds of work at a time, at most.
    pub(crate) longest_invoke: u64,
    pub(crate) save_every: u64,
    /// The rule that the table does not keep.
    pub(crate) broken: Option<Rule>,
}

/// A host: its process starts at `start`, and again after each crash.
#[derive(Clone, Debug)]
pub(crate) struct HostPlan {
    pub(crate) start: u64,
    /// How fast its clock runs, in parts per million more than the world's.
    pub(crate) rate_ppm: i64,
    pub(crate) offset: u64,
    pub(crate) version: &'static str,
}

/// How often a request of a thousand goes wrong in each way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Network {
    pub(crate) refused: u64,
    /// It takes effect, and its answer is lost.
    pub(crate) lost: u64,
    /// It takes effect after the caller has given it up.
    pub(crate) late: u64,
    /// It takes effect twice.
    pub(crate) doubled: u64,
    pub(crate) slow: u64,
    /// Of reads that need not be consistent: how many see an old table.
    pub(crate) stale: u64,
    /// A replica freezes between its check and its invoke.
    pub(crate) frozen: u64,
}

/// No request from the host (or from any) gets through.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    pub(crate) host: Option<usize>,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Answered at once with a refusal, or not at all.
    pub(crate) silent: bool,
    /// Of a thousand requests so many fail.
    pub(crate) share: u64,
    /// Only reads fail.
    pub(crate) reads_only: bool,
}

/// What happens to processes and to the table.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// SIGKILL; the process starts again after so long, or never.
    Crash {
        host: usize,
        again: Option<u64>,
    },
    /// SIGTERM; the same.
    Drain {
        host: usize,
        again: Option<u64>,
    },
    /// SIGSTOP until then.
    Pause {
        host: usize,
        until: u64,
    },
    /// The host is suspended until then, and its clock stands still.
    Suspend {
        host: usize,
        until: u64,
    },
    /// The wall clock jumps.
    Jump {
        host: usize,
    },
    /// A row is deleted by hand.
    DeleteHead,
    DeleteReplica {
        host: usize,
    },
    /// Someone writes wrong assignments.
    WrongAdvice,
    /// The mappings that the host's file has change: so many from the first on.
    Offer {
        host: usize,
        units: usize,
    },
}

impl Act {
    /// The host that it happens to.
    pub(crate) const fn host(&self) -> Option<usize> {
        match self {
            Self::Crash { host, .. }
            | Self::Drain { host, .. }
            | Self::Pause { host, .. }
            | Self::Suspend { host, .. }
            | Self::Jump { host }
            | Self::Offer { host, .. } => Some(*host),
            Self::DeleteHead | Self::DeleteReplica { .. } | Self::WrongAdvice => None,
        }
    }
}

/// A rule of the table's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    SaveCounter,
    SaveFence,
    ReleaseCounter,
    KillSeen,
    BeatOfLiving,
    BeatCounter,
    JoinOnce,
    Claim,
    AssignNumber,
    PlanTaken,
}

impl Rule {
    pub(crate) const ALL: [(Self, &'static str); 10] = [
        (Self::SaveCounter, "a save without its counter"),
        (Self::SaveFence, "a save without owner and epoch"),
        (Self::ReleaseCounter, "a release without the counter"),
        (Self::KillSeen, "a kill without the counter that was seen"),
        (Self::BeatOfLiving, "a heartbeat of a dead replica counts"),
        (Self::BeatCounter, "a heartbeat without its number"),
        (Self::JoinOnce, "a join over a row that is there"),
        (Self::Claim, "a claim without a look at owner and epoch"),
        (Self::AssignNumber, "an assignment without epoch and number"),
        (Self::PlanTaken, "a plan taken without a look at the head"),
    ];
}
