//! Who may call which address: plain data under one lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hyper::Uri;
use tokio::sync::watch::{Receiver, Sender, channel};

use crate::function::{Part, PartState};

/// Names an address: scheme, host and port.
pub(super) type Address = Arc<str>;

/// The address of an origin. `localhost` is written in two ways, and is one place.
pub(super) fn address(origin: &str) -> Address {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    match origin.split_once("//localhost") {
        Some((scheme, rest)) if rest.is_empty() || rest.starts_with(':') => format!("{scheme}//127.0.0.1{rest}").into(),
        _ => origin.into(),
    }
}

/// All pools, all addresses, and those who wait for a turn with a ticket `T`. Each address has a link `L`.
pub(super) struct Board<T, L> {
    slots: BTreeMap<Address, Slot<L>>,
    pools: BTreeMap<u64, Members>,
    waiting: VecDeque<(u64, T)>,
    next: u64,
    /// Grows with every call that ends.
    ended: u64,
}

struct Slot<L> {
    link: L,
    /// Numbers its watch: one that was watched before, and came back, has another.
    watched: u64,
    state: State,
    busy: u32,
    /// Calls whose callers have gone.
    late: u32,
    /// When its last call ended.
    rested: u64,
    /// How many calls in a row found no connection.
    refused: u32,
    /// No pool has it; it ends with its last call.
    retired: bool,
}

/// Whether an address is used.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Up,
    /// It was not looked at so far: nothing is sent, but callers wait.
    Unknown,
    /// Why it is down.
    Down(String),
}

struct Members {
    limit: u32,
    addresses: Vec<Address>,
    capacity: Sender<u32>,
    /// Why there are no addresses; `None` where there may be some soon.
    unresolved: Option<String>,
}

/// What a caller gets.
pub(super) enum Take<L, W> {
    Now(Address, L),
    /// Its ticket waits, and the caller by this.
    Later(W),
    /// No address is up, and why.
    Down(String),
}

/// What follows from other addresses of a pool.
pub(super) struct Change<L> {
    pub(super) new: Vec<(Address, L, u64)>,
    pub(super) gone: Vec<L>,
}

impl<T, L> Default for Board<T, L> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), pools: BTreeMap::new(), waiting: VecDeque::new(), next: 0, ended: 0 }
    }
}

impl<T, L: Clone> Board<T, L> {
    /// A pool without addresses.
    pub(super) fn open(&mut self, limit: u32) -> (u64, Receiver<u32>) {
        self.next += 1;
        let (capacity, receiver) = channel(0);
        let members = Members { limit, addresses: Vec::new(), capacity, unresolved: None };
        self.pools.insert(self.next, members);
        (self.next, receiver)
    }

    pub(super) fn close(&mut self, pool: u64) -> Vec<L> {
        self.pools.remove(&pool);
        self.waiting.retain(|(waiting, _)| *waiting != pool);
        self.retire()
    }

    /// Why the pool has no addresses, as long as it has none.
    pub(super) fn unresolved(&mut self, pool: u64, reason: String) {
        if let Some(members) = self.pools.get_mut(&pool) {
            members.unresolved = Some(reason);
        }
    }

    /// The pool has these addresses now. New ones are up at first, or wait for the watch.
    pub(super) fn place(
        &mut self,
        pool: u64,
        addresses: impl Iterator<Item = (Address, Uri)>,
        make: impl Fn(Uri) -> L,
        up: bool,
    ) -> Change<L> {
        let Some(members) = self.pools.get_mut(&pool) else { return Change { new: Vec::new(), gone: Vec::new() } };
        members.addresses.clear();
        let mut new = Vec::new();
        for (address, origin) in addresses {
            if members.addresses.contains(&address) {
                continue;
            }
            members.addresses.push(Arc::clone(&address));
            let (busy, late) = match self.slots.get(&address) {
                Some(slot) if !slot.retired => continue,
                // It is watched no more: it begins as a new one does, but keeps its calls.
                Some(slot) => (slot.busy, slot.late),
                None => (0, 0),
            };
            self.next += 1;
            let state = if up { State::Up } else { State::Unknown };
            let (link, watched) = (make(origin), self.next);
            new.push((Arc::clone(&address), link.clone(), watched));
            let slot = Slot { link, watched, state, busy, late, rested: 0, refused: 0, retired: false };
            self.slots.insert(address, slot);
        }
        let gone = self.retire();
        self.publish();
        Change { new, gone }
    }

    /// Addresses that no pool has any more end with their last call.
    fn retire(&mut self) -> Vec<L> {
        let mut gone = Vec::new();
        for (address, slot) in &mut self.slots {
            let used = self.pools.values().any(|members| members.addresses.contains(address));
            if !used && !slot.retired {
                slot.retired = true;
                gone.push(slot.link.clone());
            }
        }
        self.slots.retain(|_, slot| !slot.retired || slot.busy > 0);
        gone
    }

    /// A turn now, or a place among those who wait.
    pub(super) fn take<W>(&mut self, pool: u64, ticket: impl FnOnce() -> (T, W)) -> Take<L, W> {
        let Some(members) = self.pools.get(&pool) else { return Take::Down("it has ended".into()) };
        if let Some(address) = self.free_of(members) {
            let link = self.occupy(&address);
            return link.map_or_else(|| Take::Down(String::new()), |link| Take::Now(address, link));
        }
        match self.down_of(members) {
            Some(reason) => Take::Down(reason),
            None => {
                let (ticket, turn) = ticket();
                self.waiting.push_back((pool, ticket));
                Take::Later(turn)
            }
        }
    }

    /// Takes those out of the queue for whom there is an address, and those for whom none is up any more. Tickets of
    /// callers who do not wait any more are dropped.
    pub(super) fn turns(&mut self, waits: impl Fn(&T) -> bool) -> Vec<(T, Option<(Address, L)>)> {
        let mut turns = Vec::new();
        for (pool, ticket) in std::mem::take(&mut self.waiting) {
            let Some(members) = self.pools.get(&pool).filter(|_| waits(&ticket)) else { continue };
            if let Some(address) = self.free_of(members) {
                let turn = self.occupy(&address).map(|link| (address, link));
                turns.push((ticket, turn));
            } else if self.down_of(members).is_some() {
                turns.push((ticket, None));
            } else {
                self.waiting.push_back((pool, ticket));
            }
        }
        turns
    }

    fn free_of(&self, members: &Members) -> Option<Address> {
        let slots = members.addresses.iter().filter_map(|address| Some((address, self.slots.get(address)?)));
        let free = slots.filter(|(_, slot)| slot.state == State::Up && slot.busy < members.limit);
        free.min_by_key(|(_, slot)| (slot.busy, slot.rested)).map(|(address, _)| Arc::clone(address))
    }

    /// Why no address is up; `None` where one is, or may be soon.
    fn down_of(&self, members: &Members) -> Option<String> {
        let mut reasons = Vec::new();
        for address in &members.addresses {
            match self.slots.get(address).map(|slot| &slot.state) {
                Some(State::Up | State::Unknown) => return None,
                Some(State::Down(reason)) => reasons.push(format!("{address}: {reason}")),
                None => {}
            }
        }
        let others = reasons.len().saturating_sub(1);
        Some(match reasons.into_iter().next() {
            None => return members.unresolved.clone(),
            Some(first) if others > 0 => format!("{first}; {others} more addresses are down"),
            Some(first) => first,
        })
    }

    /// Why no call of the pool has a turn now; `None` where one may have.
    pub(super) fn why_none(&self, pool: u64) -> Option<String> {
        let members = self.pools.get(&pool)?;
        if let Some(reason) = self.down_of(members) {
            return Some(reason);
        }
        let mut slots = members.addresses.iter().filter_map(|address| Some((address, self.slots.get(address)?)));
        let late = |slot: &Slot<L>| slot.state == State::Up && slot.late >= members.limit;
        if let Some((address, _)) = slots.clone().find(|(_, slot)| late(slot)) {
            return Some(format!("{address} is still at work for a call that has exceeded `Timeout`"));
        }
        let unknown = slots.find(|(_, slot)| slot.state == State::Unknown);
        unknown.map(|(address, _)| format!("{address} was not reached so far"))
    }

    /// The addresses of a pool, as they are now.
    pub(super) fn parts(&self, pool: u64) -> Vec<Part> {
        let addresses = self.pools.get(&pool).map(|members| members.addresses.iter()).into_iter().flatten();
        let slots = addresses.filter_map(|address| Some((address, self.slots.get(address)?)));
        let part = |(address, slot): (&Address, &Slot<L>)| {
            let (state, note) = match &slot.state {
                State::Up if slot.late > 0 => (PartState::Late, None),
                State::Up => (PartState::Up, None),
                State::Unknown => (PartState::Starting, None),
                State::Down(reason) => (PartState::Down, Some(reason.clone())),
            };
            Part { name: address.to_string(), state, in_flight: slot.busy, note }
        };
        slots.map(part).collect()
    }

    /// The addresses that are at work for callers who have gone.
    pub(super) fn late_ones(&self) -> Vec<Address> {
        self.slots.iter().filter(|(_, slot)| slot.late > 0).map(|(address, _)| Arc::clone(address)).collect()
    }

    fn occupy(&mut self, address: &Address) -> Option<L> {
        let slot = self.slots.get_mut(address)?;
        slot.busy += 1;
        Some(slot.link.clone())
    }

    /// A call has ended.
    pub(super) fn free(&mut self, address: &Address, late: bool) {
        self.ended += 1;
        let Some(slot) = self.slots.get_mut(address) else { return };
        slot.busy = slot.busy.saturating_sub(1);
        slot.rested = self.ended;
        if slot.retired && slot.busy == 0 {
            self.slots.remove(address);
        } else if late {
            slot.late = slot.late.saturating_sub(1);
            self.publish();
        }
    }

    /// The caller of a call has gone.
    pub(super) fn late(&mut self, address: &Address) {
        if let Some(slot) = self.slots.get_mut(address) {
            slot.late += 1;
            self.publish();
        }
    }

    /// How many calls in a row found no connection.
    pub(super) fn connected(&mut self, address: &Address, connected: bool) -> u32 {
        let Some(slot) = self.slots.get_mut(address) else { return 0 };
        slot.refused = if connected { 0 } else { slot.refused + 1 };
        slot.refused
    }

    /// The address is not used; the link of one that was up until now.
    pub(super) fn down(&mut self, address: &Address, reason: &str) -> Option<L> {
        let slot = self.slots.get_mut(address)?;
        let link = (slot.state == State::Up).then(|| slot.link.clone());
        slot.state = State::Down(reason.into());
        self.publish();
        link
    }

    /// The address is used.
    pub(super) fn up(&mut self, address: &Address) {
        if let Some(slot) = self.slots.get_mut(address) {
            slot.state = State::Up;
            slot.refused = 0;
            self.publish();
        }
    }

    /// Whether an address is up; `None` where no pool has it, or another watch.
    pub(super) fn is_up(&self, address: &Address, watched: u64) -> Option<bool> {
        let slot = self.slots.get(address).filter(|slot| !slot.retired && slot.watched == watched)?;
        Some(slot.state == State::Up)
    }

    fn publish(&self) {
        for members in self.pools.values() {
            let slots = members.addresses.iter().filter_map(|address| self.slots.get(address));
            let up = slots.filter(|slot| slot.state == State::Up);
            let capacity = up.map(|slot| members.limit.saturating_sub(slot.late)).fold(0, u32::saturating_add);
            members.capacity.send_if_modified(|known| std::mem::replace(known, capacity) != capacity);
        }
    }
}
