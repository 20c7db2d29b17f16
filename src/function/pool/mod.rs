//! Addresses of a target: which are up, how many calls each has, and whose turn is next.
//!
//! Pools may share addresses: an address takes so many calls at a time from all pools together.

mod board;
mod members;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch as channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use board::{Address, Board, Take};
pub(crate) use watch::{Probe, Watch};

use super::Part;
use super::wire::{Client, Dial};
use crate::mapping::Addresses;

/// All pools that share addresses.
#[derive(Clone, Default)]
pub(crate) struct Pools(Arc<Shared>);

#[derive(Default)]
struct Shared {
    board: Mutex<Board<oneshot::Sender<Permit>, Link>>,
}

/// What an address is called and watched by.
#[derive(Clone)]
struct Link {
    client: Arc<Client>,
    /// The address is down, or no pool has it any more.
    wake: Arc<Notify>,
}

/// How the addresses of a pool are reached.
#[derive(Clone)]
pub(crate) struct Reach {
    /// How many calls an address takes at a time.
    pub(crate) limit: u32,
    pub(crate) dial: Dial,
    pub(crate) watch: Watch,
}

/// The addresses of one target. They are given back when this is dropped.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    id: u64,
    capacity: channel::Receiver<u32>,
    /// Asks DNS again and again.
    resolver: Option<JoinHandle<()>>,
}

/// The right to one call of an address. The right ends when this is dropped.
pub(crate) struct Permit {
    shared: Arc<Shared>,
    address: Address,
    client: Arc<Client>,
    /// The target is still at work for a caller who has gone.
    late: bool,
}

impl Pools {
    /// A pool of these addresses.
    pub(crate) fn open(&self, addresses: &Addresses, reach: &Reach) -> Pool {
        let (id, capacity) = self.0.with(|board| board.open(reach.limit));
        let mut pool = Pool { shared: Arc::clone(&self.0), id, capacity, resolver: None };
        match addresses {
            Addresses::Fixed(origins) => place(&self.0, id, reach, origins),
            Addresses::Dns(dns) => {
                let (shared, dns, reach) = (Arc::downgrade(&self.0), dns.clone(), reach.clone());
                pool.resolver = Some(tokio::spawn(members::follow(shared, id, dns, reach)));
            }
        }
        pool
    }

    /// The addresses that are at work for callers who have gone.
    pub(crate) fn late(&self) -> Vec<String> {
        self.0.with(|board| board.late_ones()).iter().map(ToString::to_string).collect()
    }
}

/// From now on the pool has these addresses; new ones are watched from now on.
fn place(shared: &Arc<Shared>, id: u64, reach: &Reach, origins: &[String]) {
    let addresses = origins.iter().filter_map(|origin| Some((board::address(origin), origin.parse().ok()?)));
    let make = |origin| Link { client: Arc::new(Client::new(origin, reach.dial.clone())), wake: Arc::default() };
    let change = shared.with(|board| board.place(id, addresses, make, reach.watch.is_up_at_first()));
    for new in change.new {
        tokio::spawn(watch::watch(Arc::downgrade(shared), new, reach.watch.clone()));
    }
    change.gone.iter().for_each(|link| link.wake.notify_one());
}

impl Pool {
    /// Why no call has a turn now; `None` where one may have.
    pub(crate) fn why_none(&self) -> Option<String> {
        self.shared.with(|board| board.why_none(self.id))
    }

    /// The addresses, as they are now.
    pub(crate) fn parts(&self) -> Vec<Part> {
        self.shared.with(|board| board.parts(self.id))
    }

    /// How many calls the addresses that are up can take at a time.
    pub(crate) fn capacity(&self) -> channel::Receiver<u32> {
        self.capacity.clone()
    }

    /// Whether an address can be called: waits until one is up, for `patience` at most, and connects to it.
    ///
    /// # Errors
    /// When none can: why.
    pub(crate) async fn look(&self, patience: Duration) -> Result<(), String> {
        let mut capacity = self.capacity();
        // Where it takes too long, the reason is what an address is down for.
        drop(timeout(patience, capacity.wait_for(|capacity| *capacity > 0)).await);
        let permit = self.acquire().await?;
        permit.client().try_connection().await.map_err(|lost| lost.reason().to_owned())
    }

    /// Waits for an address: that with the fewest calls, and of these the one that has rested longest.
    ///
    /// # Errors
    /// When no address is up: why.
    pub(crate) async fn acquire(&self) -> Result<Permit, String> {
        loop {
            match self.shared.with(|board| board.take(self.id, oneshot::channel)) {
                Take::Now(address, link) => return Ok(Permit::new(&self.shared, address, link)),
                Take::Down(reason) => return Err(reason),
                // The ticket is dropped where no address is left that is up.
                Take::Later(turn) => {
                    if let Ok(permit) = turn.await {
                        return Ok(permit);
                    }
                }
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(resolver) = &self.resolver {
            resolver.abort();
        }
        let gone = self.shared.with(|board| board.close(self.id));
        gone.iter().for_each(|link| link.wake.notify_one());
    }
}

impl Permit {
    fn new(shared: &Arc<Shared>, address: Address, link: Link) -> Self {
        Self { shared: Arc::clone(shared), address, client: link.client, late: false }
    }

    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Scheme, host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The caller has gone, and the target is still at work: until it has answered, it can take less.
    pub(crate) fn is_late(&mut self) {
        self.late = true;
        self.shared.with(|board| board.late(&self.address));
    }

    /// The address is not used until the watch finds it up again.
    pub(crate) fn is_lost(&self, reason: &str) {
        self.shared.is_down(&self.address, reason);
    }

    /// Whether there was a connection: after several calls in a row without one the address is down.
    pub(crate) fn connected(&self, result: Result<(), &str>, most: u32) {
        if self.shared.with(|board| board.connected(&self.address, result.is_ok())) >= most {
            self.is_lost(result.err().unwrap_or_default());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.with(|board| board.free(&self.address, self.late));
    }
}

impl Shared {
    /// Changes the board, and then gives turns to those for whom there is an address now.
    fn with<R>(self: &Arc<Self>, change: impl FnOnce(&mut Board<oneshot::Sender<Permit>, Link>) -> R) -> R {
        let (result, turns) = {
            let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
            let result = change(&mut board);
            (result, board.turns(|ticket| !ticket.is_closed()))
        };
        // Without the lock: a permit that finds no taker gives its address back.
        for (ticket, turn) in turns {
            if let Some((address, link)) = turn {
                drop(ticket.send(Permit::new(self, address, link)));
            }
        }
        result
    }

    fn is_down(self: &Arc<Self>, address: &Address, reason: &str) {
        if let Some(link) = self.with(|board| board.down(address, reason)) {
            tracing::warn!(%address, reason, "nothing is sent to this address of a target until it is up again");
            link.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
