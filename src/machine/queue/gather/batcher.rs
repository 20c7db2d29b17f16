//! Gathers records into batches: flush by count, by bytes, by window, or at once.

use std::collections::VecDeque;
use std::time::Duration;

use crate::machine::envelope::{MAX_BODY_BYTES, body_bytes};
use crate::machine::{FlushReason, Mono};

/// When a batch is full, and how long it may wait for more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// `BatchSize`.
    pub(crate) records: usize,
    /// `MaximumBatchingWindowInSeconds`; zero: what one receive brings is one batch.
    pub(crate) window: Duration,
}

/// A batch that was closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// The tokens of its records, in their order.
    pub(crate) tokens: Vec<u64>,
    /// The size of the event body.
    pub(crate) bytes: usize,
    /// What closed it.
    pub(crate) reason: FlushReason,
}

/// The batch that is being gathered, and those that were closed and not yet taken.
///
/// The window opens with the batch's first record, so a record waits for at most the window.
#[derive(Debug)]
pub(crate) struct Batcher {
    limits: BatchLimits,
    open: Vec<u64>,
    open_bytes: usize,
    opened: Mono,
    closed: VecDeque<Closed>,
}

impl Batcher {
    pub(crate) const fn new(limits: BatchLimits) -> Self {
        Self { limits, open: Vec::new(), open_bytes: 0, opened: Mono::ZERO, closed: VecDeque::new() }
    }

    /// Whether a record of this size can be delivered at all.
    pub(crate) const fn fits_alone(bytes: usize) -> bool {
        body_bytes(1, bytes) <= MAX_BODY_BYTES
    }

    /// Adds a record; one that would overflow the open batch starts the next.
    pub(crate) fn push(&mut self, token: u64, bytes: usize, now: Mono) {
        if body_bytes(self.open.len() + 1, self.open_bytes + bytes) > MAX_BODY_BYTES {
            self.close(FlushReason::Bytes);
        }
        if self.open.is_empty() {
            self.opened = now;
        }
        self.open.push(token);
        self.open_bytes += bytes;
        if self.open.len() >= self.limits.records {
            self.close(FlushReason::Size);
        }
    }

    /// One receive has been pushed whole: without a window it is flushed.
    pub(crate) fn receive_ended(&mut self) {
        if self.limits.window.is_zero() {
            self.close(FlushReason::Immediate);
        }
    }

    /// Closes the open batch now.
    pub(crate) fn flush(&mut self) {
        self.close(FlushReason::Immediate);
    }

    /// Closes the open batch when its window is over.
    pub(crate) fn advance(&mut self, now: Mono) {
        if self.window_ends().is_some_and(|end| end <= now) {
            self.close(FlushReason::Window);
        }
    }

    /// When the open batch's window ends, if one is open.
    pub(crate) fn window_ends(&self) -> Option<Mono> {
        (!self.open.is_empty()).then(|| self.opened + self.limits.window)
    }

    /// The next closed batch.
    pub(crate) fn take_closed(&mut self) -> Option<Closed> {
        self.closed.pop_front()
    }

    /// Records in the open batch.
    pub(crate) const fn gathered(&self) -> usize {
        self.open.len()
    }

    /// Takes a record of the open batch out again.
    pub(crate) fn remove(&mut self, token: u64, bytes: usize) {
        if let Some(index) = self.open.iter().position(|&open| open == token) {
            self.open.remove(index);
            self.open_bytes -= bytes;
        }
    }

    /// Gives back the records of the open batch, and of those that were not taken, but for batches with a record that
    /// is to be `kept`.
    pub(crate) fn abandon(&mut self, is_kept: impl Fn(&u64) -> bool) -> Vec<u64> {
        let mut tokens = Vec::new();
        if !self.open.iter().any(&is_kept) {
            self.open_bytes = 0;
            tokens.append(&mut self.open);
        }
        for closed in std::mem::take(&mut self.closed) {
            if closed.tokens.iter().any(&is_kept) {
                self.closed.push_back(closed);
            } else {
                tokens.extend(closed.tokens);
            }
        }
        tokens
    }

    fn close(&mut self, reason: FlushReason) {
        if self.open.is_empty() {
            return;
        }
        let bytes = body_bytes(self.open.len(), std::mem::take(&mut self.open_bytes));
        self.closed.push_back(Closed { tokens: std::mem::take(&mut self.open), bytes, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1024 * 1024;

    fn batcher(records: usize, window_s: u64) -> Batcher {
        Batcher::new(BatchLimits { records, window: Duration::from_secs(window_s) })
    }

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    fn taken(batcher: &mut Batcher) -> Vec<(Vec<u64>, FlushReason)> {
        std::iter::from_fn(|| batcher.take_closed()).map(|closed| (closed.tokens, closed.reason)).collect()
    }

    #[test]
    fn without_a_window_a_receive_is_a_batch() {
        let mut batcher = batcher(10, 0);
        for token in 0..3 {
            batcher.push(token, 10, at(0));
        }
        assert_eq!(taken(&mut batcher), []);
        batcher.receive_ended();
        assert_eq!(taken(&mut batcher), [(vec![0, 1, 2], FlushReason::Immediate)]);
        batcher.receive_ended();
        assert_eq!(taken(&mut batcher), []);
    }

    #[test]
    fn a_full_batch_closes_at_once_and_the_rest_starts_the_next() {
        let mut batcher = batcher(2, 5);
        for token in 0..5 {
            batcher.push(token, 10, at(token));
        }
        batcher.receive_ended();
        assert_eq!(taken(&mut batcher), [(vec![0, 1], FlushReason::Size), (vec![2, 3], FlushReason::Size)]);
        assert_eq!(batcher.gathered(), 1);
        assert_eq!(batcher.window_ends(), Some(at(5004)));
    }

    #[test]
    fn the_window_is_exact_and_starts_with_the_first_record() {
        let mut batcher = batcher(10, 1);
        batcher.push(1, 10, at(500));
        batcher.push(2, 10, at(900));
        batcher.advance(at(1499));
        assert_eq!(taken(&mut batcher), []);
        batcher.advance(at(1500));
        assert_eq!(taken(&mut batcher), [(vec![1, 2], FlushReason::Window)]);
        assert_eq!(batcher.window_ends(), None);
    }

    #[test]
    fn a_record_that_would_overflow_starts_the_next_batch() {
        let mut batcher = batcher(10, 0);
        for token in 0..7 {
            batcher.push(token, MB, at(0));
        }
        batcher.receive_ended();
        let batches = taken(&mut batcher);
        // Five, not six: the brackets and commas count as well.
        assert_eq!(batches, [(vec![0, 1, 2, 3, 4], FlushReason::Bytes), (vec![5, 6], FlushReason::Immediate)]);
    }

    #[test]
    fn a_body_of_exactly_six_megabytes_is_allowed() {
        let room = MAX_BODY_BYTES - body_bytes(2, 0);
        let mut batcher = batcher(10, 0);
        batcher.push(1, room - 7, at(0));
        batcher.push(2, 7, at(0));
        batcher.receive_ended();
        let closed = batcher.take_closed().unwrap();
        assert_eq!((closed.tokens, closed.bytes), (vec![1, 2], MAX_BODY_BYTES));
        assert!(Batcher::fits_alone(MAX_BODY_BYTES - body_bytes(1, 0)));
        assert!(!Batcher::fits_alone(MAX_BODY_BYTES - body_bytes(1, 0) + 1));
    }

    #[test]
    fn records_can_be_taken_out_and_given_back() {
        let mut batcher = batcher(10, 5);
        batcher.push(1, 10, at(0));
        batcher.push(2, 20, at(0));
        batcher.remove(1, 10);
        batcher.remove(9, 10);
        batcher.receive_ended();
        assert!(batcher.abandon(|&token| token == 2).is_empty());
        assert_eq!(batcher.abandon(|&token| token == 7), [2]);
        assert_eq!(batcher.window_ends(), None);
        batcher.push(3, 30, at(7));
        batcher.advance(at(5007));
        assert_eq!(batcher.take_closed().map(|closed| closed.bytes), Some(body_bytes(1, 30)));
        batcher.push(4, 10, at(8));
        batcher.flush();
        batcher.push(5, 10, at(8));
        assert_eq!(batcher.abandon(|&token| token == 4), [5]);
        assert_eq!(batcher.abandon(|_| false), [4]);
        assert_eq!(batcher.take_closed(), None);
    }
}
