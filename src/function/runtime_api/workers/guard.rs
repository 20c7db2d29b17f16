//! The guard of a worker, as forebay sees it.

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::timeout;

/// A guard's process. It may be frozen: it is woken before it has to do something, and killed where that does not help.
/// Then the system kills the worker.
pub(super) struct Guard(Child);

impl Guard {
    pub(super) const fn new(child: Child) -> Self {
        Self(child)
    }

    /// Lets it run, where it was stopped.
    pub(super) fn wake(&self) {
        // Nobody else has this number: it is given away only after the process was waited for.
        if let Some(id) = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            kill_process(id, Signal::CONT).ok();
        }
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.0.start_kill()
    }

    /// Waits for its end, and then does not wait any more.
    pub(super) async fn ended(&mut self, longest: Duration) {
        if timeout(longest, self.0.wait()).await.is_err() {
            self.kill().ok();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.wake();
    }
}
