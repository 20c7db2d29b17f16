//! The named invariants: asserted in tests and debug builds, counted in production.

/// What must never be untrue. A violation panics under `debug_assertions` and increments
/// `forebay_invariant_violations_total{invariant}` otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A checkpoint never passes an unsettled record.
    CheckpointContiguous,
    /// A record settles once.
    SettlesOnce,
    /// Successful deliveries of one key never go back in order within a lease.
    KeyOrder,
    /// At most one batch in flight per lane or group.
    OneBatchPerLane,
    /// A message is deleted only after success, a filter's drop, or a confirmed failure record.
    DeleteAfterSuccess,
    /// A body is at most 6 MB and holds at most `BatchSize` records.
    BatchWithinLimits,
    /// Visibility is extended before its deadline for all that is held.
    VisibilityHeld,
    /// After a drain nothing is in flight and the last frontier is saved.
    DrainedClean,
    /// A stale lease holder writes nothing.
    LeaseFenced,
    /// In a fair world everything settles.
    EverythingSettles,
    /// A throttle never spends a receive count or a retry attempt.
    ThrottleFree,
    /// A parent shard is finished before its child begins.
    ParentBeforeChild,
    /// A mapping of a stream that has read no shard for two minutes is degraded.
    IdleIsDegraded,
}

impl Invariant {
    /// Every invariant, in the order of `docs/architecture.md`.
    pub const ALL: [Self; 13] = [
        Self::CheckpointContiguous,
        Self::SettlesOnce,
        Self::KeyOrder,
        Self::OneBatchPerLane,
        Self::DeleteAfterSuccess,
        Self::BatchWithinLimits,
        Self::VisibilityHeld,
        Self::DrainedClean,
        Self::LeaseFenced,
        Self::EverythingSettles,
        Self::ThrottleFree,
        Self::ParentBeforeChild,
        Self::IdleIsDegraded,
    ];

    /// The label used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CheckpointContiguous => "checkpoint_contiguous",
            Self::SettlesOnce => "settles_once",
            Self::KeyOrder => "key_order",
            Self::OneBatchPerLane => "one_batch_per_lane",
            Self::DeleteAfterSuccess => "delete_after_success",
            Self::BatchWithinLimits => "batch_within_limits",
            Self::VisibilityHeld => "visibility_held",
            Self::DrainedClean => "drained_clean",
            Self::LeaseFenced => "lease_fenced",
            Self::EverythingSettles => "everything_settles",
            Self::ThrottleFree => "throttle_free",
            Self::ParentBeforeChild => "parent_before_child",
            Self::IdleIsDegraded => "idle_is_degraded",
        }
    }
}
