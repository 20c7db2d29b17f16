//! What keeps `forebay run` from starting, and that it harms nobody.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use redb::{Database, TableDefinition};
use rustix::process::Signal;

use crate::support::{CLOSED, Place};

#[test]
fn broken_files_start_nothing() {
    let place = Place::new();
    place.mapping("orders", CLOSED, "BatchSize: 0");
    let error = place.stderr(&["run", "--store", "forebay.redb"], 2);
    assert!(error.contains("error[FB0201]: `BatchSize` is 0"), "{error}");
    assert!(error.ends_with("error: the mapping files have 1 error: nothing was started\n"), "{error}");
    assert!(!place.path("forebay.redb").exists() && !place.path("forebay.sock").exists());
}

#[test]
fn an_empty_folder_is_an_error() {
    let error = Place::new().stderr(&["run"], 2);
    assert!(error.contains("FB0003"), "{error}");
}

#[test]
fn json_logs_hold_the_refusal_too() {
    let place = Place::new();
    place.mapping("orders", CLOSED, "BatchSize: 0");
    let said = place.stderr(&["run", "--log-format", "json"], 2);
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["code"], "FB0201", "{said}");
    assert_eq!(lines[0]["line"], 3, "{said}");
    assert!(lines.last().unwrap()["message"].as_str().unwrap().ends_with("nothing was started"), "{said}");
}

#[test]
fn a_socket_in_use_is_left_to_its_owner() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    let error = place.stderr(&["run", "--store", "other.redb", "--listen", "127.0.0.1:0"], 1);
    assert!(error.starts_with("error: another forebay answers on the control socket forebay.sock"), "{error}");
    assert_eq!(daemon.status("orders")["Name"], "orders");
    daemon.end(Signal::TERM, 0);
    assert!(!place.path("forebay.sock").exists());
}

#[test]
fn a_stale_socket_is_replaced() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    daemon.process.signal(Signal::KILL);
    daemon.process.wait();
    assert!(place.path("forebay.sock").exists());
    place.run(&[]).end(Signal::TERM, 0);
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let place = Place::of(&["orders"]);
    place.write("forebay.sock", "precious");
    let error = place.stderr(&["run", "--store", "memory"], 1);
    assert!(error.contains("forebay.sock is not a socket"), "{error}");
    assert_eq!(fs::read_to_string(place.path("forebay.sock")).unwrap(), "precious");
}

#[test]
fn a_stranger_on_the_socket_is_told_apart() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("forebay.sock")).unwrap();
    let stranger = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let error = place.stderr(&["list"], 1);
    assert!(error.contains("error: cannot read the answer of the forebay on forebay.sock: "), "{error}");
    stranger.join().unwrap();
}

#[test]
fn addresses_that_cannot_be_had() {
    let place = Place::of(&["orders"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for address in [address.as_str(), "nonsense", "127.0.0.1:99999", "192.0.2.1:9690"] {
        let error = place.stderr(&["run", "--store", "memory", "--listen", address], 1);
        assert!(error.starts_with(&format!("error: cannot listen on {address}: ")), "{error}");
        assert!(!place.path("forebay.sock").exists(), "{address}: the socket stays behind");
    }
}

#[test]
fn stores_that_cannot_be_used() {
    let place = Place::of(&["orders"]);
    let refused = |store: &str| place.stderr(&["run", "--listen", "127.0.0.1:0", "--store", store], 1);

    let daemon = place.run(&[]);
    let error =
        place.stderr(&["run", "--listen", "127.0.0.1:0", "--socket", "other.sock", "--store", "forebay.redb"], 1);
    assert!(error.contains("the store forebay.redb is in use by another process"), "{error}");
    assert!(!place.path("other.sock").exists());
    daemon.end(Signal::TERM, 0);

    let database = Database::open(place.path("forebay.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", 99).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = refused("forebay.redb");
    assert!(
        error.contains("FB0602: the store forebay.redb has format 99, but this forebay knows formats up to 5"),
        "{error}"
    );

    place.write("damaged.redb", &"not a store\n".repeat(1000));
    let error = refused("damaged.redb");
    assert!(error.contains("the store damaged.redb cannot be read"), "{error}");

    let error = refused("/proc/forebay/x.redb");
    assert!(error.contains("the store /proc/forebay/x.redb cannot be used"), "{error}");
}
