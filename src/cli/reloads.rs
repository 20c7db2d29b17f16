//! Reloads that signals ask for: what is asked for while one runs becomes one more.

use tokio::sync::mpsc;

use crate::control::Reloader;

/// Reloads one after the other.
pub(super) struct Reloads(mpsc::Sender<()>);

impl Reloads {
    pub(super) fn new(reload: Reloader) -> Self {
        // One that waits is enough: it reads the files after everything that was asked for before it began.
        let (ask, mut asked) = mpsc::channel(1);
        tokio::spawn(async move {
            while asked.recv().await.is_some() {
                // Its outcome is logged.
                reload().await.ok();
            }
        });
        Self(ask)
    }

    /// Has the files read again. Does not wait for that.
    pub(super) fn ask(&self) {
        // With one waiting already, nothing more is needed.
        self.0.try_send(()).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::control::Reloaded;
    use crate::engine::ReloadSummary;

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_signals_is_two_reloads() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        let reloads = Reloads::new(Arc::new(move || {
            counted.fetch_add(1, Relaxed);
            async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Reloaded { summary: ReloadSummary::default(), warnings: Vec::new() })
            }
            .boxed()
        }));
        for _ in 0..100 {
            reloads.ask();
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(begun.load(Relaxed), 2, "the one that ran, and one for all that came meanwhile");
        reloads.ask();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(begun.load(Relaxed), 3);
    }
}
