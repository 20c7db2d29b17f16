//! The workers of a function, one by one, for those who look at a mapping.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::shared::{PUBLIC, Shared};
use super::slots::PortView;
use crate::function::{Part, PartState};

/// Clients that attached: from where, and what they call themselves, by connection.
#[derive(Default)]
pub(super) struct Clients(Mutex<BTreeMap<u64, (SocketAddr, String)>>);

impl Clients {
    /// A client has asked for an event.
    pub(super) fn asks(&self, connection: u64, from: SocketAddr, agent: String) {
        lock(&self.0).insert(connection, (from, agent));
    }

    pub(super) fn gone(&self, connection: u64) {
        lock(&self.0).remove(&connection);
    }
}

/// The processes of forebay's own.
#[derive(Default)]
pub(super) struct Own(Mutex<BTreeMap<u64, Process>>);

struct Process {
    number: u32,
    /// The port where it attaches; or why it does not run.
    runs: Result<u64, String>,
}

/// One worker that is kept running. It is shown until this is dropped.
pub(super) struct Kept {
    shared: Arc<Shared>,
    id: u64,
}

impl Kept {
    pub(super) fn new(shared: &Arc<Shared>, number: u32) -> Self {
        let id = shared.next_port();
        let process = Process { number, runs: Err("it is about to start".into()) };
        lock(&shared.own.0).insert(id, process);
        Self { shared: Arc::clone(shared), id }
    }

    pub(super) fn runs_at(&self, port: u64) {
        self.set(Ok(port));
    }

    pub(super) fn is_down(&self, reason: &str) {
        self.set(Err(reason.into()));
    }

    fn set(&self, runs: Result<u64, String>) {
        if let Some(process) = lock(&self.shared.own.0).get_mut(&self.id) {
            process.runs = runs;
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        lock(&self.shared.own.0).remove(&self.id);
    }
}

/// What the slots know of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at_work: u32,
    /// Of these, whose time is over.
    pub(super) late: u32,
    /// It asks for events, or did a moment ago.
    pub(super) asks: bool,
}

/// All workers: first the processes of forebay's own, then those that attached.
pub(super) fn of(shared: &Shared) -> Vec<Part> {
    let (ports, mut connections) = shared.slots.seen();
    let own = lock(&shared.own.0);
    let mut parts: Vec<_> = own.values().map(|process| of_process(process, &ports)).collect();
    drop(own);
    let clients = lock(&shared.clients.0);
    for (connection, (from, agent)) in clients.iter() {
        let seen = connections.remove(&(PUBLIC, *connection));
        // Those at the ports of processes are those.
        let Some(Seen { at_work, late, asks }) = seen else { continue };
        let state = if late > 0 && !asks && at_work == late { PartState::Late } else { PartState::Up };
        let note = Some(agent.clone()).filter(|agent| !agent.is_empty());
        parts.push(Part { name: from.to_string(), state, in_flight: at_work, note });
    }
    // Clients with a connection for each request have none while they work.
    let unknown = connections.iter().filter(|((port, _), seen)| *port == PUBLIC && seen.at_work > seen.late);
    parts.extend(unknown.map(|(_, seen)| Part {
        name: "a client without a connection".into(),
        state: PartState::Up,
        in_flight: seen.at_work,
        note: None,
    }));
    parts
}

fn of_process(process: &Process, ports: &BTreeMap<u64, PortView>) -> Part {
    let name = format!("worker {}", process.number);
    let port = match &process.runs {
        Err(reason) => return Part { name, state: PartState::Down, in_flight: 0, note: Some(reason.clone()) },
        Ok(port) => port,
    };
    let (state, in_flight) = match ports.get(port) {
        Some(view) if view.ends => (PartState::Ending, view.at_work),
        Some(view) if view.has_asked => (PartState::Up, view.at_work),
        _ => (PartState::Starting, 0),
    };
    Part { name, state, in_flight, note: None }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
