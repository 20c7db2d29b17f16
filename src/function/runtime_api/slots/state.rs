//! What is known of the slots of a function, and of the invocations in them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::HandOver;
use super::turns::{Call, Turns};

/// For so long a worker that has answered counts although it has not asked again: most ask within a millisecond.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// For so long an answer that comes too late is known as one, and a second answer as a second one.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// The most of them.
const MOST_REMEMBERED: usize = 10_000;

/// Where a slot is: the port and the connection of its request, and which of the connection's requests that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::function::runtime_api) struct Place {
    /// The listener: each process that forebay has started has its own.
    pub(in crate::function::runtime_api) port: u64,
    pub(in crate::function::runtime_api) connection: u64,
    pub(in crate::function::runtime_api) request: u64,
    /// The client keeps its connection for as long as it lives: where that closes, the client is gone.
    pub(in crate::function::runtime_api) keeps: bool,
}

#[derive(Default)]
pub(super) struct State {
    next_id: u64,
    /// The slots that wait for an event, the newest last.
    pub(super) idle: Vec<Idle>,
    pub(super) waiting: Turns,
    /// The invocations at work, by request id.
    pub(super) open: BTreeMap<Arc<str>, Open>,
    /// Slots that have answered and not asked again.
    pub(super) resting: VecDeque<Rest>,
    /// Invocations whose time was over, the oldest first.
    pub(super) late: VecDeque<Late>,
}

/// A slot that waits for an event.
pub(super) struct Idle {
    pub(super) id: u64,
    pub(super) place: Place,
    pub(super) sender: oneshot::Sender<HandOver>,
}

/// An invocation that a worker has.
pub(super) struct Open {
    pub(super) call: Call,
    pub(super) invocation_id: Arc<str>,
    pub(super) place: Place,
    /// The answer is coming in.
    pub(super) answering: bool,
}

/// A slot that has answered.
pub(super) struct Rest {
    pub(super) request_id: Arc<str>,
    pub(super) place: Place,
    /// The connection that the answer came on.
    pub(super) answered_on: u64,
    pub(super) since: Instant,
    /// Until when it counts as a slot.
    pub(super) counts_until: Option<Instant>,
}

/// An invocation that was abandoned.
pub(super) struct Late {
    pub(super) request_id: Arc<str>,
    pub(super) invocation_id: Arc<str>,
    pub(super) place: Place,
    pub(super) since: Instant,
    pub(super) accepts: bool,
}

impl State {
    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// How many invocations the workers can have at a time.
    pub(super) fn capacity(&self) -> u32 {
        let resting = self.resting.iter().filter(|rest| rest.counts_until.is_some()).count();
        u32::try_from(self.idle.len() + self.open.len() + resting).unwrap_or(u32::MAX)
    }

    /// A worker asks: if it has answered before, its rest is over. A client that closes its connection after each
    /// request is not recognised, so the oldest rest of such a one ends.
    pub(super) fn end_rest(&mut self, place: Place) {
        let own = |rest: &Rest| rest.place.connection == place.connection || rest.answered_on == place.connection;
        let other = |rest: &Rest| rest.place.port == place.port && !rest.place.keeps && rest.counts_until.is_some();
        let found = self.resting.iter().position(own).or_else(|| self.resting.iter().position(other));
        if let Some(found) = found {
            self.resting.remove(found);
        }
    }

    /// The first moment at which a rest counts no more.
    pub(super) fn next_rest_end(&self) -> Option<Instant> {
        self.resting.iter().filter_map(|rest| rest.counts_until).min()
    }

    /// Rests that have lasted too long count no more.
    pub(super) fn expire_rests(&mut self, now: Instant) {
        for rest in &mut self.resting {
            rest.counts_until.take_if(|until| *until <= now);
        }
        let old = |rest: &Rest| now.duration_since(rest.since) > REMEMBERED;
        while self.resting.front().is_some_and(old) || self.resting.len() > MOST_REMEMBERED {
            self.resting.pop_front();
        }
    }

    pub(super) fn remember_late(&mut self, late: Late) {
        let old = |first: &Late| late.since.duration_since(first.since) > REMEMBERED;
        while self.late.front().is_some_and(old) || self.late.len() >= MOST_REMEMBERED {
            self.late.pop_front();
        }
        self.late.push_back(late);
    }
}
