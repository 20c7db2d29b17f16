//! What a queue's machine gets when it is made.

use std::time::Duration;

use super::gather::BatchLimits;
use super::invoking::CEILING;
use super::leases::MAX_HIDDEN;
use crate::machine::{BackoffPolicy, ScreeningPolicy};

/// SQS's longest long poll.
pub const LONG_POLL: Duration = Duration::from_secs(20);

/// The most messages that SQS hands out in one receive, and the most entries of one of its batch calls.
pub const MAX_ENTRIES: usize = 10;

/// The parameters of one queue mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// `BatchSize`: 1 to 10,000.
    pub batch_size: u32,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// `ScalingConfig.MaximumConcurrency`; `None`: adaptive.
    pub maximum_concurrency: Option<u32>,
    /// Whether the function reports batch item failures.
    pub report_batch_item_failures: bool,
    /// How long a receive waits for a first message: whole seconds, 1 to 20.
    pub receive_wait: Duration,
    /// Used instead of the queue's own visibility timeout.
    pub visibility: Option<Duration>,
    /// The longest that a batch is held through throttles and service errors.
    pub hold_limit: Duration,
    /// What happens to the messages that a function failed.
    pub on_function_error: OnFunctionError,
    /// The function attempts after which a message is sent to the failure destination; `None`: there is none.
    pub on_failure: Option<u32>,
    /// The pause between tries of a held batch, and of a delivery to the failure destination.
    pub retry: BackoffPolicy,
    /// What becomes of messages that the filters do not let pass.
    pub screening: ScreeningPolicy,
    /// The queue is FIFO, and what a partial response means for the order of its message groups.
    pub fifo: Option<GroupOrder>,
    /// The seed of all jitter.
    pub seed: u64,
}

/// What happens to the messages that a function failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFunctionError {
    /// They wait out their visibility timeout (what AWS does).
    Wait,
    /// They are visible again at once.
    Release,
    /// They are hidden for a time that doubles with each receive.
    Backoff(BackoffPolicy),
}

/// What becomes of messages that a function reports as processed although it reports an earlier message of their group
/// as failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupOrder {
    /// They count as failed, too, and come again behind the earlier one: the group stays in order.
    #[default]
    Protect,
    /// They are deleted (what AWS does): the earlier one comes again behind them.
    AsReported,
}

impl QueueOptions {
    pub(crate) const fn limits(&self) -> BatchLimits {
        BatchLimits { records: self.batch_size as usize, window: self.window }
    }

    /// The most batches that may be in flight; `None`: adaptive. A FIFO queue itself allows as many as it has message
    /// groups.
    pub(super) fn concurrency(&self) -> Option<u32> {
        self.maximum_concurrency.or_else(|| self.fifo.map(|_| CEILING))
    }
}

impl Default for QueueOptions {
    /// AWS's defaults.
    fn default() -> Self {
        Self {
            batch_size: 10,
            window: Duration::ZERO,
            maximum_concurrency: None,
            report_batch_item_failures: false,
            receive_wait: LONG_POLL,
            visibility: None,
            hold_limit: MAX_HIDDEN,
            on_function_error: OnFunctionError::Wait,
            on_failure: None,
            retry: BackoffPolicy::default(),
            screening: ScreeningPolicy::default(),
            fifo: None,
            seed: 0,
        }
    }
}
