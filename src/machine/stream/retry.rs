//! What becomes of a batch after the function has answered: the decision table of streams.

use std::time::Duration;

use crate::machine::outcome::Answer;

/// The rules of a mapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// `BisectBatchOnFunctionError`.
    pub(super) bisect: bool,
    /// `MaximumRetryAttempts`; `None`: without end.
    pub(super) retries: Option<u32>,
}

/// How a try ended, as far as the batch's records are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every record is processed.
    Success,
    /// The records before this one are processed, this one is not.
    FailedAt(usize),
    /// None is processed.
    Failed,
    /// None is processed, and none ever will be.
    Terminal,
    /// The event is too large for the function.
    TooLarge,
}

impl End {
    /// What a function's answer says: the lowest sequence number counts, and the records of a batch are in order.
    pub(super) fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Success => Self::Success,
            Answer::Partial(failed) => failed.first().map_or(Self::Success, |&first| Self::FailedAt(first)),
            Answer::Malformed(_) => Self::Failed,
        }
    }
}

/// What to do with the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of it is done.
    Done,
    /// What stands before this index is done; the rest is a batch with a budget of its own.
    Rest(usize),
    /// Two batches, each with a budget of its own: the records before this index first.
    Halves(usize),
    /// The same batch again, after a pause.
    Again,
    /// The retries are used up.
    Discard,
}

/// Judges a try of a batch of `records`; `attempts` counts the tries that failed without progress, this one included.
///
/// Splitting never spends the budget, progress starts a new one, and only what cannot be split uses it up
/// (`BisectBatchOnFunctionError`, `ReportBatchItemFailures` and `MaximumRetryAttempts` of the Lambda Developer Guide,
/// and recordings of AWS).
pub(super) fn judge(end: End, records: usize, attempts: u32, rules: Rules) -> Verdict {
    let split = match end {
        End::Success => return Verdict::Done,
        End::FailedAt(index) if index > 0 => return Verdict::Rest(index),
        End::Terminal => return Verdict::Discard,
        End::FailedAt(_) | End::Failed => rules.bisect,
        // A smaller event may pass, even if the mapping does not bisect on function errors.
        End::TooLarge => true,
    };
    if split && records > 1 {
        return Verdict::Halves(records / 2);
    }
    if rules.retries.is_some_and(|retries| attempts > retries) { Verdict::Discard } else { Verdict::Again }
}

/// How many records at the front are older than is allowed.
pub(super) fn expired(arrivals: impl Iterator<Item = u64>, age: Option<Duration>, unix_ms: u64) -> usize {
    let Some(age) = age else { return 0 };
    arrivals.take_while(|arrived| is_expired(*arrived, age, unix_ms)).count()
}

/// Whether a record is older than is allowed.
pub(super) fn is_expired(arrived_unix_ms: u64, age: Duration, unix_ms: u64) -> bool {
    Duration::from_millis(unix_ms.saturating_sub(arrived_unix_ms)) > age
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Rules = Rules { bisect: false, retries: Some(1) };
    const BISECT: Rules = Rules { bisect: true, retries: Some(1) };
    const FOR_EVER: Rules = Rules { bisect: false, retries: None };

    #[test]
    fn every_end_has_its_verdict() {
        let table = [
            (End::Success, 4, 1, PLAIN, Verdict::Done),
            (End::Success, 1, 9, BISECT, Verdict::Done),
            (End::FailedAt(2), 4, 1, PLAIN, Verdict::Rest(2)),
            (End::FailedAt(2), 4, 9, BISECT, Verdict::Rest(2)),
            (End::FailedAt(0), 4, 1, PLAIN, Verdict::Again),
            (End::FailedAt(0), 4, 2, PLAIN, Verdict::Discard),
            (End::FailedAt(0), 4, 2, BISECT, Verdict::Halves(2)),
            (End::Failed, 5, 1, BISECT, Verdict::Halves(2)),
            (End::Failed, 3, 1, BISECT, Verdict::Halves(1)),
            (End::Failed, 2, 7, BISECT, Verdict::Halves(1)),
            (End::Failed, 1, 1, BISECT, Verdict::Again),
            (End::Failed, 1, 2, BISECT, Verdict::Discard),
            (End::Failed, 4, 1, PLAIN, Verdict::Again),
            (End::Failed, 4, 2, PLAIN, Verdict::Discard),
            (End::Failed, 4, 10_001, FOR_EVER, Verdict::Again),
            (End::Failed, 1, 1, Rules { bisect: false, retries: Some(0) }, Verdict::Discard),
            (End::Terminal, 4, 1, FOR_EVER, Verdict::Discard),
            (End::Terminal, 4, 1, BISECT, Verdict::Discard),
            (End::TooLarge, 4, 1, PLAIN, Verdict::Halves(2)),
            (End::TooLarge, 1, 1, PLAIN, Verdict::Again),
            (End::TooLarge, 1, 2, PLAIN, Verdict::Discard),
        ];
        for (end, records, attempts, rules, verdict) in table {
            assert_eq!(judge(end, records, attempts, rules), verdict, "{end:?} {records} {attempts} {rules:?}");
        }
    }

    #[test]
    fn answers_name_the_first_failure() {
        assert_eq!(End::of(&Answer::Success), End::Success);
        assert_eq!(End::of(&Answer::Partial(vec![1, 3])), End::FailedAt(1));
        assert_eq!(End::of(&Answer::Malformed("")), End::Failed);
    }

    #[test]
    fn only_the_front_expires() {
        let age = Some(Duration::from_secs(60));
        assert_eq!(expired([0, 1_000, 90_000].into_iter(), age, 100_000), 2);
        assert_eq!(expired([90_000, 0].into_iter(), age, 100_000), 0);
        assert_eq!(expired([0].into_iter(), None, u64::MAX), 0);
        assert!(!is_expired(40_000, Duration::from_secs(60), 100_000));
        assert!(is_expired(39_999, Duration::from_secs(60), 100_000));
    }
}
