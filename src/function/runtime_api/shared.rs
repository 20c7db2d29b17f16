//! What all connections of a function's server share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::extensions::Extensions;
use super::parts::{Clients, Own};
use super::seats::Seats;
use super::slots::Slots;
use super::workers::Outputs;
use crate::clock::WallClock;
use crate::crowd::Seat;

/// The port of all workers that forebay has not started itself.
pub(super) const PUBLIC: u64 = 0;

/// What all connections of a function's server share.
pub(super) struct Shared {
    pub(super) slots: Arc<Slots>,
    /// The function's ARN, as events show it.
    pub(super) arn: String,
    /// The function's name, for the log.
    pub(super) function: Arc<str>,
    /// From where connections are taken; empty: from anywhere.
    allow_from: Mutex<Vec<IpNet>>,
    pub(super) extensions: Extensions,
    pub(super) outputs: Outputs,
    pub(super) wall: WallClock,
    /// Why the server has no worker, as far as it knows.
    trouble: Mutex<Option<String>>,
    pub(super) connections: AtomicU64,
    ports: AtomicU64,
    pub(super) seats: Seats,
    /// Who has asked for events, by connection.
    pub(super) clients: Clients,
    /// The processes of forebay's own.
    pub(super) own: Own,
}

impl Shared {
    pub(super) fn new(
        function: Arc<str>,
        arn: String,
        allow_from: Vec<IpNet>,
        wall: WallClock,
        seats: Seats,
    ) -> Arc<Self> {
        Arc::new(Self {
            slots: Slots::new(Arc::clone(&function)),
            arn,
            function,
            allow_from: Mutex::new(allow_from),
            extensions: Extensions::default(),
            outputs: Outputs::default(),
            wall,
            trouble: Mutex::default(),
            connections: AtomicU64::new(0),
            ports: AtomicU64::new(PUBLIC + 1),
            seats,
            clients: Clients::default(),
            own: Own::default(),
        })
    }

    pub(super) fn allow(&self, from: Vec<IpNet>) {
        *self.allow_from.lock().unwrap_or_else(PoisonError::into_inner) = from;
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Why there is no worker, as far as that is known.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The seat of a new connection.
    pub(super) async fn seat(&self) -> Option<Seat> {
        self.seats.seat(&self.function).await
    }

    /// A port for a process of forebay's own.
    pub(super) fn next_port(&self) -> u64 {
        self.ports.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn is_allowed(&self, peer: IpAddr) -> bool {
        let allowed = self.allow_from.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = peer.to_canonical();
        allowed.is_empty() || peer.is_loopback() || allowed.iter().any(|net| net.contains(&peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_taken_from_where_they_may_come() {
        let of = |nets: &[&str]| {
            let nets = nets.iter().map(|net| net.parse().unwrap()).collect();
            Shared::new("f".into(), String::new(), nets, crate::clock::host(), Seats::new(8))
        };
        let (all, some) = (of(&[]), of(&["10.0.0.0/8", "fd00::1/128"]));
        for (peer, allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("fd00::1", true),
            ("fd00::2", false),
            ("192.0.2.1", false),
        ] {
            let peer = peer.parse().unwrap();
            assert_eq!((all.is_allowed(peer), some.is_allowed(peer)), (true, allowed), "{peer}");
        }
    }
}
