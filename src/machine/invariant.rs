//! The named invariants: asserted in tests and debug builds, counted in production.

use super::labels::labels;

labels! {
    /// What must never be untrue. A violation panics under `debug_assertions` and increments
    /// `forebay_invariant_violations_total{invariant}` otherwise.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Invariant {
        /// A checkpoint never passes an unfinished record.
        CheckpointContiguous => "checkpoint_contiguous",
        /// A record is finished once.
        FinishedOnce => "settles_once",
        /// Successful deliveries of one key never go back in order within a lease.
        KeyOrder => "key_order",
        /// At most one batch is in flight for a `Lane` or a group.
        OneBatchPerLane => "one_batch_per_lane",
        /// A message is deleted only after success, a filter's drop, or a confirmed failure record.
        DeleteAfterSuccess => "delete_after_success",
        /// A body is at most 6 MB and holds at most `BatchSize` records.
        BatchWithinLimits => "batch_within_limits",
        /// After a drain nothing is in flight and the last frontier is saved.
        DrainedClean => "drained_clean",
        /// A parent shard is finished before its child begins.
        ParentBeforeChild => "parent_before_child",
        /// A mapping of a stream that has read no shard for two minutes is degraded.
        IdleIsDegraded => "idle_is_degraded",
    }
}
