//! The clock that does not stop while the machine sleeps.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Reads the time since the host started, suspended time included.
pub type BootClock = Arc<dyn Fn() -> Duration + Send + Sync>;

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// The host's own.
#[must_use]
pub fn boot() -> BootClock {
    Arc::new(|| {
        let since = clock_gettime(CLOCK);
        let (seconds, nanos) = (u64::try_from(since.tv_sec).unwrap_or(0), u32::try_from(since.tv_nsec).unwrap_or(0));
        Duration::new(seconds, nanos)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_moves_on() {
        let clock = super::boot();
        let before = clock();
        assert!(before.as_nanos() > 0 && clock() >= before);
    }
}
