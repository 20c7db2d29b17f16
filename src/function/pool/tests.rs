//! The board by itself: chance decides what happens, and the limits hold.

use std::collections::BTreeMap;

use std::sync::Arc;

use super::board::{Address, Board, Take, address};

type Tickets = Board<u32, Address>;

/// The pool has these addresses; new ones are their own links.
fn place(board: &mut Tickets, pool: u64, names: &[usize], up: bool) -> Vec<Address> {
    let origins: Vec<String> = names.iter().map(|name| format!("http://h{name}:1")).collect();
    let addresses = origins.iter().map(|origin| (address(origin), origin.parse().unwrap()));
    let make = |origin: hyper::Uri| address(&origin.to_string());
    board.place(pool, addresses, make, up).new.into_iter().map(|(address, ..)| address).collect()
}

#[test]
fn one_place_has_one_address() {
    for origin in ["http://localhost:80", "http://LOCALHOST:80/", "http://127.0.0.1:80"] {
        assert_eq!(&*address(origin), "http://127.0.0.1:80");
    }
    assert_eq!(&*address("http://localhost.example:80"), "http://localhost.example:80");
}

#[test]
fn two_hundred_addresses_are_used_in_turn() {
    let mut board = Tickets::default();
    let (pool, capacity) = board.open(1);
    let names: Vec<usize> = (0..200).collect();
    assert_eq!(place(&mut board, pool, &names, false).len(), 200);
    assert_eq!(*capacity.borrow(), 0);
    assert!(matches!(board.take(pool, || (7, ())), Take::Later(())), "they were not looked at so far");
    for name in &names {
        board.down(&address(&format!("http://h{name}:1")), "refused");
    }
    assert!(matches!(board.turns(|_| true).as_slice(), [(7, None)]));
    assert!(
        matches!(board.take(pool, || (0, ())), Take::Down(reason) if reason.ends_with("199 more addresses are down"))
    );
    for name in &names {
        board.up(&address(&format!("http://h{name}:1")));
    }
    assert_eq!(*capacity.borrow(), 200);
    for _ in 0..2 {
        let mut taken = Vec::new();
        for ticket in 0..200 {
            let Take::Now(address, _) = board.take(pool, || (ticket, ())) else { panic!("{ticket}") };
            taken.push(address);
        }
        assert!(matches!(board.take(pool, || (200, ())), Take::Later(())));
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), 200);
        let mut turns = Vec::new();
        for address in &taken {
            board.free(address, false);
            turns.extend(board.turns(|_| true));
        }
        let [(200, Some((address, _)))] = turns.as_slice() else { panic!("{} turns", turns.len()) };
        board.free(address, false);
    }
}

#[test]
fn callers_who_have_gone_get_no_turn() {
    let mut board = Tickets::default();
    let (pool, _capacity) = board.open(1);
    place(&mut board, pool, &[1], true);
    let Take::Now(address, _) = board.take(pool, || (0, ())) else { panic!("it is free") };
    for ticket in 1..100_000 {
        assert!(matches!(board.take(pool, || (ticket, ())), Take::Later(())));
    }
    board.free(&address, false);
    let turns = board.turns(|ticket| *ticket == 99_999);
    assert_eq!(turns.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [99_999]);
    board.free(&address, false);
    assert!(board.turns(|_| true).is_empty(), "the others are forgotten");
}

#[test]
fn an_address_has_no_more_calls_than_its_pool_allows_and_nobody_waits_for_nothing() {
    for seed in 0..300 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut board = Tickets::default();
        let limits = [1, 1, 3];
        let pools = limits.map(|limit| board.open(limit));
        let mut busy: BTreeMap<Address, u32> = BTreeMap::new();
        let mut running: Vec<(Address, bool)> = Vec::new();
        let mut waiting = 0;
        for ticket in 0..400 {
            let which = chance.usize(..3);
            let mut started = Vec::new();
            match chance.u32(..10) {
                0 => {
                    let names: Vec<usize> = (0..6).filter(|_| chance.bool()).collect();
                    place(&mut board, pools[which].0, &names, chance.bool());
                }
                1 => drop(board.down(&address(&format!("http://h{}:1", chance.u32(..6))), "lost")),
                2 => board.up(&address(&format!("http://h{}:1", chance.u32(..6)))),
                3 if !running.is_empty() => {
                    let index = chance.usize(..running.len());
                    if !std::mem::replace(&mut running[index].1, true) {
                        board.late(&running[index].0);
                    }
                }
                4..=6 if !running.is_empty() => {
                    let (address, late) = running.swap_remove(chance.usize(..running.len()));
                    *busy.get_mut(&address).unwrap() -= 1;
                    board.free(&address, late);
                }
                _ => match board.take(pools[which].0, || (ticket, ())) {
                    Take::Now(address, link) => started.push((address, link, limits[which])),
                    Take::Later(()) => waiting += 1,
                    Take::Down(reason) => assert!(!reason.is_empty()),
                },
            }
            for (_, turn) in board.turns(|_| true) {
                waiting -= 1;
                if let Some((address, link)) = turn {
                    started.push((address, link, 3));
                }
            }
            for (address, link, limit) in started {
                assert_eq!(address, link);
                let busy = busy.entry(Arc::clone(&address)).or_default();
                *busy += 1;
                assert!(*busy <= limit, "seed {seed}: {busy} calls of {address}");
                running.push((address, false));
            }
            for ((_, capacity), limit) in pools.iter().zip(limits) {
                assert!(*capacity.borrow() <= 6 * limit);
            }
        }
        // All calls end, and those whose turn it was; then the addresses go, and who still waits is sent away.
        while let Some((address, late)) = running.pop() {
            board.free(&address, late);
            for (_, turn) in board.turns(|_| true) {
                waiting -= 1;
                running.extend(turn.map(|(address, _)| (address, false)));
            }
        }
        for (pool, _) in &pools {
            board.unresolved(*pool, "gone".into());
            place(&mut board, *pool, &[], true);
        }
        waiting -= board.turns(|_| true).len();
        assert_eq!(waiting, 0, "seed {seed}");
        assert!(pools.iter().all(|(_, capacity)| *capacity.borrow() == 0));
    }
}
