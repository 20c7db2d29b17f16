//! What is known of the slots of a function, and of the invocations in them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
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
    /// Those of ports that end: they get none.
    pub(super) parked: Vec<Idle>,
    /// The ports of forebay's own processes.
    ports: BTreeMap<u64, Port>,
    pub(super) waiting: Turns,
    /// The invocations at work, by request id.
    open: BTreeMap<Arc<str>, Open>,
    /// Slots that have answered and not asked again.
    pub(super) resting: VecDeque<Rest>,
    /// Invocations whose time was over, the oldest first.
    pub(super) late: VecDeque<Late>,
}

/// The port of one of forebay's own processes.
#[derive(Default)]
struct Port {
    view: watch::Sender<PortView>,
    /// The event that it got last.
    last: Option<Arc<str>>,
}

/// What is known of the slots of one of forebay's own processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::function::runtime_api) struct PortView {
    /// It has asked for an event: it has started.
    pub(in crate::function::runtime_api) has_asked: bool,
    /// It is to end when it has answered what it has.
    pub(in crate::function::runtime_api) ends: bool,
    /// How many events it has.
    pub(in crate::function::runtime_api) at_work: u32,
    /// How many it has had.
    pub(in crate::function::runtime_api) served: u64,
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

    /// The invocations at work, by request id.
    pub(super) const fn open(&self) -> &BTreeMap<Arc<str>, Open> {
        &self.open
    }

    pub(super) fn open_mut(&mut self, request_id: &str) -> Option<&mut Open> {
        self.open.get_mut(request_id)
    }

    /// A worker has an event.
    pub(super) fn begin(&mut self, open: Open) {
        if let Some(port) = self.ports.get_mut(&open.place.port) {
            port.last = Some(Arc::clone(&open.call.request_id));
        }
        self.note(open.place.port, |view| {
            view.at_work += 1;
            view.served += 1;
            false
        });
        self.open.insert(Arc::clone(&open.call.request_id), open);
    }

    /// A worker does not have it any more.
    pub(super) fn end(&mut self, request_id: &str) -> Option<Open> {
        let open = self.open.remove(request_id)?;
        self.note(open.place.port, |view| {
            view.at_work -= 1;
            view.ends && view.at_work == 0
        });
        Some(open)
    }

    /// Ends all that the workers of a port have.
    pub(super) fn end_all(&mut self, of: impl Fn(&Open) -> bool) -> Vec<Open> {
        let ids: Vec<_> = self.open.iter().filter(|(_, open)| of(open)).map(|(id, _)| Arc::clone(id)).collect();
        ids.iter().filter_map(|id| self.end(id)).collect()
    }

    /// A slot asks; it is idle, unless its port ends.
    pub(super) fn ask(&mut self, idle: Idle) {
        let port = idle.place.port;
        self.note(port, |view| !std::mem::replace(&mut view.has_asked, true));
        if self.ends(port) { self.parked.push(idle) } else { self.idle.push(idle) }
    }

    pub(super) fn open_port(&mut self, port: u64) -> watch::Receiver<PortView> {
        self.ports.entry(port).or_default().view.subscribe()
    }

    /// The slots of a port get no more events.
    pub(super) fn let_end(&mut self, port: u64) {
        self.note(port, |view| {
            view.ends = true;
            true
        });
        if self.ends(port) {
            self.parked.extend(self.idle.extract_if(.., |idle| idle.place.port == port));
        }
    }

    /// Forgets a port; what was known of it.
    pub(super) fn close_port(&mut self, port: u64) -> Option<PortView> {
        self.resting.retain(|rest| rest.place.port != port);
        self.ports.remove(&port).map(|port| *port.view.borrow())
    }

    pub(super) fn port_views(&self) -> BTreeMap<u64, PortView> {
        self.ports.iter().map(|(port, known)| (*port, *known.view.borrow())).collect()
    }

    /// The event that a port has, or had last; `None` where it has several.
    pub(super) fn last(&self, port: u64) -> Option<Arc<str>> {
        let port = self.ports.get(&port)?;
        port.last.clone().filter(|_| port.view.borrow().at_work <= 1)
    }

    fn ends(&self, port: u64) -> bool {
        self.ports.get(&port).is_some_and(|port| port.view.borrow().ends)
    }

    /// Changes what is known of a port; `change` says whether that is to be seen at once.
    fn note(&self, port: u64, change: impl FnOnce(&mut PortView) -> bool) {
        if let Some(port) = self.ports.get(&port) {
            port.view.send_if_modified(change);
        }
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
