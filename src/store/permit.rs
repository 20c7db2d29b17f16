//! Until when a replica of a fleet may begin work on what it has claimed.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::BootClock;

/// Stands before each read of a stream and each invoke for it. A store that processes share has one: when the
/// heartbeats of a process are not confirmed any more, another may take its place, so it begins nothing.
#[derive(Clone)]
pub struct Permit {
    until: watch::Receiver<Duration>,
    clock: BootClock,
}

/// Sets until when a [`Permit`] holds.
pub struct PermitSetter(watch::Sender<Duration>);

impl Permit {
    /// A permit that does not hold yet.
    #[must_use]
    pub fn new(clock: BootClock) -> (PermitSetter, Self) {
        let (setter, until) = watch::channel(Duration::ZERO);
        (PermitSetter(setter), Self { until, clock })
    }

    /// Waits until it holds.
    pub(crate) async fn granted(&self) {
        if (self.clock)() < *self.until.borrow() {
            return;
        }
        let mut until = self.until.clone();
        while (self.clock)() >= *until.borrow_and_update() {
            if until.changed().await.is_err() {
                // Whoever sets it has ended, so it never holds again.
                pending::<()>().await;
            }
        }
    }
}

impl PermitSetter {
    /// It holds as long as the clock is before this time.
    pub fn set(&self, until: Duration) {
        self.0.send_replace(until);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn it_holds_until_its_time_and_again_when_that_is_moved() {
        let now = Arc::new(AtomicU64::new(5));
        let read = Arc::clone(&now);
        let (setter, permit) = Permit::new(Arc::new(move || Duration::from_secs(read.load(Ordering::SeqCst))));
        assert!(permit.granted().now_or_never().is_none(), "nothing has confirmed it");
        setter.set(Duration::from_secs(9));
        assert!(permit.granted().now_or_never().is_some());
        now.store(9, Ordering::SeqCst);
        let mut waiting = Box::pin(permit.granted());
        assert!(waiting.as_mut().now_or_never().is_none());
        setter.set(Duration::from_secs(13));
        assert!(waiting.now_or_never().is_some());
        drop(setter);
        assert!(permit.granted().now_or_never().is_some(), "what was confirmed still counts");
        now.store(13, Ordering::SeqCst);
        assert!(permit.granted().now_or_never().is_none());
    }
}
