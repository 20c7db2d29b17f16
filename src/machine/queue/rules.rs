//! What becomes of messages: the rules of queues, as tables.

use std::time::Duration;

use super::options::OnFunctionError;
use crate::machine::FaultKind;

/// A request that the service refuses for what it is gets this many tries before it counts as failed: the fault may lie
/// in the configuration of the function or the destination, and be put right.
const INVALID_TRIES: u32 = 5;

/// What becomes of a batch that the function could not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterFault {
    /// The service found the event too large although we counted it as allowed: halves may pass.
    Split,
    /// Its only message is too large: it has failed, and that counts.
    Fail,
    /// It goes the way of failed messages, and nothing is counted.
    Return,
    /// It is tried again. Its messages stay ours, so no receive is spent.
    Retry,
}

/// Judges a batch of so many messages after its `faults`-th fault.
pub(super) const fn after_fault(kind: FaultKind, faults: u32, records: usize) -> AfterFault {
    match kind {
        FaultKind::TooLarge if records > 1 => AfterFault::Split,
        FaultKind::TooLarge => AfterFault::Fail,
        FaultKind::Invalid if faults >= INVALID_TRIES => AfterFault::Return,
        _ => AfterFault::Retry,
    }
}

/// How a failed message comes back to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    /// When its visibility timeout ends: no call.
    Expire,
    /// After this time: its visibility is changed.
    Release(Duration),
}

/// Judges a message that the function has failed, of a queue that hides what is left alone, or does not.
pub(super) fn after_failure(wanted: OnFunctionError, is_hidden: bool, receives: u32) -> Return {
    match wanted {
        OnFunctionError::Wait if is_hidden => Return::Expire,
        // A queue without a visibility timeout of its own wants it back at once.
        OnFunctionError::Wait | OnFunctionError::Release => Return::Release(Duration::ZERO),
        OnFunctionError::Backoff(policy) => Return::Release(Duration::from_secs(policy.bare(receives).as_secs())),
    }
}

/// Whether a message that the function has failed so often goes to the failure destination, if there is one.
pub(super) fn is_spent(failures: u32, attempts: Option<u32>) -> bool {
    attempts.is_some_and(|attempts| failures >= attempts.max(1))
}

/// What becomes of a failure record that the destination did not confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterDelivery {
    /// It is delivered again.
    Retry,
    /// Its message is left to its visibility timeout.
    Expire,
}

/// Judges a failure record after so many tries.
pub(super) const fn after_delivery(kind: FaultKind, tries: u32, is_held_too_long: bool, drains: bool) -> AfterDelivery {
    let is_refused = match kind {
        FaultKind::TooLarge => true,
        FaultKind::Invalid => tries >= INVALID_TRIES,
        _ => false,
    };
    if is_refused || is_held_too_long || drains { AfterDelivery::Expire } else { AfterDelivery::Retry }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::BackoffPolicy;

    #[test]
    fn only_what_is_refused_for_what_it_is_fails_without_an_answer() {
        let table = [
            (FaultKind::TooLarge, 1, 2, AfterFault::Split),
            (FaultKind::TooLarge, 9, 2, AfterFault::Split),
            (FaultKind::TooLarge, 1, 1, AfterFault::Fail),
            (FaultKind::Invalid, 4, 1, AfterFault::Retry),
            (FaultKind::Invalid, 5, 1, AfterFault::Return),
            (FaultKind::Throttled, 99, 1, AfterFault::Retry),
            (FaultKind::Transient, 99, 1, AfterFault::Retry),
            (FaultKind::Timeout, 99, 1, AfterFault::Retry),
            (FaultKind::Denied, 99, 1, AfterFault::Retry),
            (FaultKind::Missing, 99, 1, AfterFault::Retry),
            (FaultKind::Expired, 99, 1, AfterFault::Retry),
            (FaultKind::Cancelled, 99, 1, AfterFault::Retry),
        ];
        for (kind, faults, records, then) in table {
            assert_eq!(after_fault(kind, faults, records), then, "{kind:?} {faults} {records}");
        }
    }

    #[test]
    fn a_failed_message_comes_back_as_the_mapping_wants() {
        let backoff = OnFunctionError::Backoff(BackoffPolicy {
            initial: Duration::from_millis(2_500),
            maximum: Duration::from_secs(8),
        });
        let after = |seconds| Return::Release(Duration::from_secs(seconds));
        let table = [
            (OnFunctionError::Wait, true, 1, Return::Expire),
            (OnFunctionError::Wait, false, 1, after(0)),
            (OnFunctionError::Release, true, 9, after(0)),
            (backoff, true, 1, after(2)),
            (backoff, true, 2, after(5)),
            (backoff, false, 3, after(8)),
        ];
        for (wanted, is_hidden, receives, then) in table {
            assert_eq!(after_failure(wanted, is_hidden, receives), then, "{wanted:?} {is_hidden} {receives}");
        }
    }

    #[test]
    fn attempts_are_spent_at_the_last_one_and_only_where_they_count() {
        let table = [(1, None, false), (99, None, false), (1, Some(0), true), (1, Some(2), false), (2, Some(2), true)];
        for (failures, attempts, spent) in table {
            assert_eq!(is_spent(failures, attempts), spent, "{failures} {attempts:?}");
        }
        assert!(!is_spent(0, Some(1)), "a copy in the same batch counts for nothing");
    }

    #[test]
    fn a_failure_record_is_delivered_again_until_it_is_refused_or_time_is_over() {
        let table = [
            (FaultKind::Transient, 99, false, false, AfterDelivery::Retry),
            (FaultKind::Denied, 99, false, false, AfterDelivery::Retry),
            (FaultKind::Invalid, 4, false, false, AfterDelivery::Retry),
            (FaultKind::Invalid, 5, false, false, AfterDelivery::Expire),
            (FaultKind::TooLarge, 1, false, false, AfterDelivery::Expire),
            (FaultKind::Transient, 1, true, false, AfterDelivery::Expire),
            (FaultKind::Transient, 1, false, true, AfterDelivery::Expire),
        ];
        for (kind, tries, is_held_too_long, drains, then) in table {
            assert_eq!(after_delivery(kind, tries, is_held_too_long, drains), then, "{kind:?} {tries}");
        }
    }
}
