//! The end of a call's time, which a pause of this process does not bring forward.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

/// A deadline that is noticed so much later has passed while this process stood still: it was stopped, or its host was.
const SLEPT: Duration = Duration::from_millis(5);
/// So often what has arrived in the meantime is read, before the time counts as over; and the pause in between.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until the deadline. What has arrived before a pause of this process has ended is not late, although it was
/// not read so far.
pub(super) async fn until<F: Future>(deadline: Instant, answer: F) -> Option<F::Output> {
    let mut answer = pin!(answer);
    if let Ok(answer) = timeout_at(deadline, &mut answer).await {
        return Some(answer);
    }
    if deadline.elapsed() < SLEPT {
        return None;
    }
    for _ in 0..LOOKS {
        // Every pause goes through the system's poll, which wakes those who read.
        if let Ok(answer) = timeout(PAUSE, &mut answer).await {
            return Some(answer);
        }
    }
    None
}

/// The same for a time that begins now.
pub(super) async fn within<F: Future>(limit: Duration, answer: F) -> Option<F::Output> {
    until(Instant::now() + limit, answer).await
}
