//! How many connections workers may have. They are bounded for the whole process, so that descriptors are left for
//! those who ask how it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::crowd::{Crowd, Seat};

/// How long a connection waits before that is said.
const WAIT: Duration = Duration::from_secs(1);
/// So often it is said at most that connections were closed or wait.
const SAID: Duration = Duration::from_secs(60);

/// The seats of all connections of workers, in all servers.
#[derive(Clone)]
pub(super) struct Seats {
    crowd: Arc<Crowd>,
    most: usize,
    said: Arc<Mutex<Option<Instant>>>,
}

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        Self { crowd: Crowd::new(most), most, said: Arc::default() }
    }

    /// A seat for a new connection. Where there is none, a connection is closed on which nothing was asked, and where
    /// all are at work this waits.
    pub(super) async fn seat(&self, function: &str) -> Option<Seat> {
        if let Ok(seat) = timeout(WAIT, self.crowd.seat()).await {
            return seat;
        }
        if self.is_to_be_said() {
            let most = self.most;
            tracing::warn!(function, "all {most} connections for workers are at work: a further worker waits");
        }
        self.crowd.seat().await
    }

    /// A connection was closed for another.
    pub(super) fn displaced(&self, function: &str) {
        if self.is_to_be_said() {
            let most = self.most;
            tracing::warn!(
                function,
                "there are {most} connections for workers, and one that asked for nothing was closed for a new one: \
                 raise the limit of open files, or find out who opens them"
            );
        }
    }

    fn is_to_be_said(&self) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is = said.is_none_or(|said| said.elapsed() >= SAID);
        if is {
            *said = Some(Instant::now());
        }
        is
    }
}
