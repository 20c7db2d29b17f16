//! The connections of one server: a bounded number, and those that keep it waiting go first.
//!
//! A client that has sent half a request, or none, costs it nothing to stay. So such a one has its seat only until
//! somebody else wants it: the connection that has waited longest for its client is closed for a new one. What is being
//! worked on is never closed for that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// All connections of a server.
#[derive(Debug)]
pub(crate) struct Crowd {
    seats: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// A connection waits for its client now.
    changed: Notify,
}

/// The connections that wait for their clients, those that have waited longest first.
#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    by_turn: BTreeMap<u64, CancellationToken>,
}

/// The place of one connection.
#[derive(Debug)]
pub(crate) struct Seat {
    crowd: Arc<Crowd>,
    /// Its turn among those that wait for their clients.
    turn: Mutex<Option<u64>>,
    /// Another has taken its place.
    pub(crate) lost: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Crowd {
    pub(crate) fn new(connections: usize) -> Arc<Self> {
        let seats = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { seats, waiting: Mutex::default(), changed: Notify::new() })
    }

    /// A seat for a new connection, if need be that of the one that has waited longest for its client.
    pub(crate) async fn seat(self: &Arc<Self>) -> Option<Seat> {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.seats).try_acquire_owned() {
                break permit;
            }
            let left = self.close_oldest();
            tokio::select! {
                permit = Arc::clone(&self.seats).acquire_owned() => break permit.ok()?,
                () = self.changed.notified(), if !left => {}
            }
        };
        let seat =
            Seat { crowd: Arc::clone(self), turn: Mutex::default(), lost: CancellationToken::new(), _permit: permit };
        seat.wait();
        Some(seat)
    }

    fn close_oldest(&self) -> bool {
        // Under the lock: a request that comes whole at this moment is either too late or begins, and never both.
        let mut waiting = self.waiting();
        let oldest = waiting.by_turn.pop_first();
        if let Some((_, lost)) = &oldest {
            lost.cancel();
        }
        oldest.is_some()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// From now on the connection waits for its client.
    pub(crate) fn wait(&self) {
        {
            let mut waiting = self.crowd.waiting();
            let turn = waiting.next;
            waiting.next += 1;
            if let Some(before) = self.turn().replace(turn) {
                waiting.by_turn.remove(&before);
            }
            waiting.by_turn.insert(turn, self.lost.clone());
        }
        self.crowd.changed.notify_one();
    }

    /// From now on the client waits; `false` when the seat is lost, and nothing is to be begun any more.
    pub(crate) fn work(&self) -> bool {
        let mut waiting = self.crowd.waiting();
        if let Some(turn) = self.turn().take() {
            waiting.by_turn.remove(&turn);
        }
        !self.lost.is_cancelled()
    }

    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.work();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_one_that_has_waited_longest_gives_its_seat() {
        let crowd = Crowd::new(3);
        let mut seats = Vec::new();
        for _ in 0..3 {
            seats.push(crowd.seat().await.unwrap());
        }
        // The first is being worked on, and the second waits again behind the third.
        assert!(seats[0].work() && seats[1].work());
        seats[1].wait();
        let mut next = Box::pin(crowd.seat());
        assert!((&mut next).now_or_never().is_none(), "a seat is free when its connection is closed");
        let lost = |seats: &[Seat]| seats.iter().map(|seat| seat.lost.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(lost(&seats), [false, false, true]);
        assert!(!seats[2].work(), "too late");
        assert!((&mut next).now_or_never().is_none());
        assert_eq!(lost(&seats), [false, false, true], "one is enough");
        drop(seats.pop());
        let taken = next.await.unwrap();
        assert!(!taken.lost.is_cancelled());
    }

    #[tokio::test]
    async fn nobody_who_is_worked_for_is_closed_and_the_next_who_waits_is() {
        let crowd = Crowd::new(1);
        let busy = crowd.seat().await.unwrap();
        assert!(busy.work());
        let mut next = Box::pin(crowd.seat());
        assert!((&mut next).now_or_never().is_none());
        assert!(!busy.lost.is_cancelled());
        busy.wait();
        assert!((&mut next).now_or_never().is_none());
        assert!(busy.lost.is_cancelled());
        drop(busy);
        assert!(next.await.is_some());
        assert!(crowd.waiting().by_turn.is_empty(), "who leaves waits no more");
    }
}
