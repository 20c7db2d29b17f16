//! The signals of a daemon. They are handled from the first moment on: as PID 1 the kernel drops what has no handler.

use anyhow::Context;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A signal that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGTERM: drain and end.
    Terminate,
    /// SIGINT: drain and end.
    Interrupt,
    /// SIGHUP: read the files again.
    Reload,
}

/// All signals that mean something to us.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Stream,
    interrupt: Stream,
    hangup: Stream,
    /// Never waited for: with a handler a write beyond the limit of a file's size is an error, and without one our end.
    _file_size: Stream,
}

impl Signals {
    pub(super) fn install() -> anyhow::Result<Self> {
        let install = |kind| signal(kind).context("a signal handler cannot be installed");
        Ok(Self {
            terminate: install(SignalKind::terminate())?,
            interrupt: install(SignalKind::interrupt())?,
            hangup: install(SignalKind::hangup())?,
            _file_size: install(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for `work`, unless a signal ends the process first. A request to read the files again waits for its turn.
    pub(super) async fn unless_ended<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Signal> {
        tokio::select! {
            biased;
            Some(()) = self.terminate.recv() => Err(Signal::Terminate),
            Some(()) = self.interrupt.recv() => Err(Signal::Interrupt),
            done = work => Ok(done),
        }
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.hangup.recv() => Signal::Reload,
            // The streams never end while the runtime lives.
            else => std::future::pending().await,
        }
    }
}
