//! A mapping's task, as its entry sees it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Order;
use crate::machine::BackoffPolicy;
use crate::mapping::Mapping;

/// The pause before a mapping is started again whose task panicked, or ended without an order.
pub(super) const RESTART: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(60) };

/// A task that runs.
pub(super) struct Running {
    /// What the task works with, or was ordered to continue with.
    mapping: Arc<Mapping>,
    orders: mpsc::Sender<Order>,
    pub(super) draining: bool,
    /// Its drain was taken back; it may have ended before it heard of that, and is started again at once then.
    resumed: bool,
    /// The last change that it was ordered to take over.
    pub(super) change: u64,
    /// To be started again at once: its checkpoints no longer count.
    again: bool,
    since: Instant,
    pub(super) task: Option<AbortHandle>,
}

impl Running {
    pub(super) fn new(mapping: Arc<Mapping>, orders: mpsc::Sender<Order>) -> Self {
        Self {
            mapping,
            orders,
            draining: false,
            resumed: false,
            change: 0,
            again: false,
            since: Instant::now(),
            task: None,
        }
    }

    fn send(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }

    /// Whether it continues with this definition. If so, it gets the change, and its drain is taken back. A change has
    /// the number that `number` counts.
    pub(super) fn goes_on_with(&mut self, mapping: &Arc<Mapping>, number: &mut u64) -> bool {
        if !self.mapping.polls_like(mapping) {
            return false;
        }
        if self.draining {
            if !self.send(Order::Resume) {
                return false;
            }
            self.draining = false;
            self.resumed = true;
        }
        if self.mapping.runs_like(mapping) {
            return true;
        }
        *number += 1;
        let taken_over = self.send(Order::Change { number: *number, mapping: Arc::clone(mapping) });
        if taken_over {
            self.change = *number;
            self.mapping = Arc::clone(mapping);
        }
        taken_over
    }

    /// Orders a drain, unless it already drains.
    pub(super) fn drain(&mut self, bound: Duration, receives: Duration) {
        if !self.draining {
            self.draining = self.send(Order::Drain { bound, receives });
        }
    }

    /// Orders a drain within the bound of a shutdown.
    pub(super) fn close(&mut self, bound: Duration) {
        self.draining = true;
        // A task that does not take commands has ended, or is ended by the supervisor in time.
        self.send(Order::Drain { bound, receives: Duration::ZERO });
    }

    /// Cuts what it does short.
    pub(super) fn cut(&self) {
        // A task that does not take commands has ended.
        self.send(Order::Cut);
    }

    /// Ends it at once.
    pub(super) fn abandon(&mut self) {
        self.draining = true;
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Has it end, so that it is started again: unless it drains anyway.
    pub(super) fn begin_again(&mut self) {
        if !self.draining {
            self.again = true;
            self.cut();
        }
    }

    /// Whether it was ordered to end, or to continue after that.
    pub(super) const fn had_order(&self) -> bool {
        self.draining || self.again || self.resumed
    }

    /// Whether it has run for so long that what went wrong before does not count any more.
    pub(super) fn ran_for_long(&self) -> bool {
        self.since.elapsed() > RESTART.maximum
    }
}

/// When a task that has ended is started again.
#[derive(Default)]
pub(super) struct Restarts {
    /// How often the task has panicked or ended on its own since it last ended well or ran for long.
    failures: u32,
    pub(super) at: Option<Instant>,
    /// When a task panicked last.
    pub(super) panicked: Option<Instant>,
}

impl Restarts {
    /// After a pause, which grows each time.
    pub(super) fn later(&mut self) {
        self.failures += 1;
        self.at = Some(Instant::now() + RESTART.bare(self.failures));
    }

    /// All was well: the next pause is the first one.
    pub(super) const fn forget_failures(&mut self) {
        self.failures = 0;
    }
}
