//! Pauses between tries: they double, with jitter, up to a cap.

use std::time::Duration;

/// No pause after a fault is shorter, however quick the function is.
const SHORTEST: Duration = Duration::from_millis(10);

/// The first pause and the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// The pause after the first failure.
    pub initial: Duration,
    /// No pause is longer.
    pub maximum: Duration,
}

impl Default for BackoffPolicy {
    /// AWS's first retry of a failed batch comes after about a quarter of a second.
    fn default() -> Self {
        Self { initial: Duration::from_millis(250), maximum: Duration::from_secs(30) }
    }
}

impl BackoffPolicy {
    /// The pause after the `failures`-th failure in a row (from 1): doubled each time, capped, and then
    /// shortened by up to a quarter, so that many mappings do not knock together.
    pub(crate) fn pause(&self, failures: u32, rng: &mut fastrand::Rng) -> Duration {
        let whole = self.bare(failures);
        whole.mul_f64(rng.f64().mul_add(-0.25, 1.0))
    }

    /// The pause after the `faults`-th fault of a service in a row, for a function whose runs take about as long as
    /// `run`. It begins with two runs and grows eightfold until it has caught up with the policy: one fault alone is no
    /// sign of trouble, and must not cost a quick function more than a slow one.
    pub(crate) fn after_fault(&self, faults: u32, run: Duration, rng: &mut fastrand::Rng) -> Duration {
        let first = run.saturating_mul(2).max(SHORTEST);
        let eager = first.saturating_mul(8_u32.saturating_pow(faults.saturating_sub(1)));
        self.pause(faults, rng).min(eager)
    }

    /// The same policy for a probe, which asks whether a service that fails every call is back. It waits for a
    /// quarter of the longest pause at most, so that work goes on soon after an outage of any length.
    pub(crate) fn of_probes(&self) -> Self {
        Self { initial: self.initial, maximum: (self.maximum / 4).max(self.initial).min(self.maximum) }
    }

    /// The same without jitter.
    pub(crate) fn bare(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.initial.saturating_mul(1 << doublings).min(self.maximum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let policy = BackoffPolicy { initial: Duration::from_millis(250), maximum: Duration::from_secs(30) };
        let seconds: Vec<f64> = (1..=9).map(|failures| policy.bare(failures).as_secs_f64()).collect();
        assert_eq!(seconds, [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(policy.bare(u32::MAX), Duration::from_secs(30));
    }

    #[test]
    fn the_first_faults_cost_a_few_runs_at_most() {
        let policy = BackoffPolicy::default();
        let pauses = |run: Duration| {
            let pause = |faults| policy.after_fault(faults, run, &mut fastrand::Rng::with_seed(7)).as_millis();
            [pause(1), pause(2), pause(3)]
        };
        let usual = [1, 2, 3].map(|faults| policy.pause(faults, &mut fastrand::Rng::with_seed(7)).as_millis());
        assert_eq!(pauses(Duration::ZERO), [10, 80, 640]);
        assert_eq!(pauses(Duration::from_millis(7)), [14, 112, usual[2].min(896)]);
        assert_eq!(pauses(Duration::from_millis(200)), usual);
        assert_eq!(pauses(Duration::MAX), usual, "nothing is known of the function yet");
    }

    #[test]
    fn probes_wait_for_a_quarter_of_the_longest_pause() {
        let policy = |initial, maximum| BackoffPolicy {
            initial: Duration::from_millis(initial),
            maximum: Duration::from_millis(maximum),
        };
        let table = [(250, 30_000, 7_500), (1_000, 2_000, 1_000), (5_000, 1_000, 1_000)];
        for (initial, maximum, longest) in table {
            assert_eq!(policy(initial, maximum).of_probes().bare(99), Duration::from_millis(longest));
        }
    }

    #[test]
    fn jitter_takes_at_most_a_quarter_and_follows_the_seed() {
        let policy = BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(30) };
        let draw = |seed| policy.pause(1, &mut fastrand::Rng::with_seed(seed));
        for seed in 0..100 {
            let pause = draw(seed);
            assert!(pause >= Duration::from_millis(750) && pause <= Duration::from_secs(1), "{pause:?}");
            assert_eq!(pause, draw(seed));
        }
        assert_ne!(draw(1), draw(2));
    }
}
