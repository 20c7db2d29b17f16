//! How many calls may be open at once. Each holds a descriptor, and some must be left for those who ask how the process
//! is.
//!
//! What is in flight takes long, and so do long polls: neither may hold up what keeps messages ours. So there are three
//! shares, and a call waits for its turn within its own. The time that it may take begins with its turn.

use std::sync::OnceLock;

use tokio::sync::{Semaphore, SemaphorePermit};

static SHARES: OnceLock<Shares> = OnceLock::new();

/// Bounds the calls of this process; the first bound counts.
pub(crate) fn bound_calls(calls: usize) {
    SHARES.get_or_init(|| Shares::of(calls));
}

/// Waits for the turn of a call; the turn ends when what this returns is dropped.
pub(crate) async fn turn(operation: &str) -> Option<SemaphorePermit<'static>> {
    SHARES.get()?.turn(operation).await
}

#[derive(Debug)]
struct Shares {
    invokes: Semaphore,
    polls: Semaphore,
    others: Semaphore,
}

impl Shares {
    fn of(calls: usize) -> Self {
        let part = |parts: usize| Semaphore::new((calls / 4 * parts).clamp(1, Semaphore::MAX_PERMITS));
        Self { invokes: part(2), polls: part(1), others: part(1) }
    }

    async fn turn(&self, operation: &str) -> Option<SemaphorePermit<'_>> {
        let share = match operation {
            "Invoke" => &self.invokes,
            "ReceiveMessage" | "GetRecords" => &self.polls,
            _ => &self.others,
        };
        // It is never closed.
        share.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn no_more_calls_are_open_than_there_are_turns_and_deletions_wait_for_no_invoke() {
        let shares = Shares::of(100);
        let mut turns = Vec::new();
        while let Some(turn) = shares.turn("Invoke").now_or_never() {
            turns.push(turn);
        }
        assert_eq!(turns.len(), 50);
        let polls: Vec<_> = std::iter::from_fn(|| shares.turn("ReceiveMessage").now_or_never()).collect();
        assert_eq!(polls.len(), 25);
        assert!(shares.turn("DeleteMessageBatch").now_or_never().is_some());
        let waiting = shares.turn("Invoke");
        drop(turns.pop());
        assert!(waiting.await.is_some());
        assert!(Shares::of(0).turn("Invoke").now_or_never().is_some(), "one call is always possible");
        assert!(Shares::of(usize::MAX).turn("Invoke").now_or_never().is_some());
    }
}
