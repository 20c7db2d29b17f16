//! Pauses between tries: they double, with jitter, up to a cap.

use std::time::Duration;

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
