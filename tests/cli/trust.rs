//! What forebay trusts, broken under it: its store, its files, its limits, and the time that it has to start.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value;

use crate::fake::Fake;
use crate::support::{CLOSED, Place, eventually};

fn named_pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn a_store_that_is_removed_shows_at_once_and_no_stop_is_confirmed_that_is_not_kept() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    daemon.await_degraded("orders");
    fs::rename(place.path("forebay.redb"), place.path("aside")).unwrap();
    let reason = |status: &Value| status["HealthReason"].as_str().unwrap_or_default().to_owned();
    daemon.await_status("orders", |status| reason(status).contains("store: FB0603: "));
    let (_, details) = daemon.request("GET", "/readyz?verbose", "");
    assert!(details.contains("\nstore: FB0603: the store forebay.redb was removed"), "{details}");
    let refused = place.stderr(&["stop", "orders"], 1);
    assert!(refused.contains("FB0603: ") && refused.contains("nothing more is kept"), "{refused}");
    assert_ne!(daemon.status("orders")["State"], "Disabled");
    let (_, metrics) = daemon.request("GET", "/metrics", "");
    assert!(metrics.contains("forebay_mapping_degraded{mapping=\"orders\",source=\"sqs\"} 1\n"), "{metrics}");

    // A second process finds no store there, and makes one.
    let second = place.run(&["--socket", "second.sock"]);
    daemon.await_status("orders", |status| reason(status).contains("replaced by another one"));
    assert!(place.stderr(&["stop", "orders"], 1).contains("FB0603: "));
    second.end(Signal::TERM, 0);

    fs::rename(place.path("aside"), place.path("forebay.redb")).unwrap();
    daemon.await_status("orders", |status| !reason(status).contains("FB0603"));
    assert_eq!(place.stdout(&["stop", "orders", "--wait"]), "orders Disabled\n");
    daemon.end(Signal::TERM, 0);
    let daemon = place.run(&[]);
    assert_eq!(daemon.status("orders")["State"], "Disabled", "the stop was kept");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_disk_that_takes_nothing_refuses_a_stop_and_is_no_end_of_the_process() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    let limit = |size| {
        let limit = rustix::process::Rlimit { current: size, maximum: None };
        rustix::process::prlimit(Some(daemon.process.pid()), rustix::process::Resource::Fsize, limit).unwrap();
    };
    limit(Some(0));
    let refused = place.stderr(&["stop", "orders"], 1);
    assert!(refused.contains("File too large"), "{refused}");
    limit(None);
    assert_eq!(place.stdout(&["stop", "orders", "--wait"]), "orders Disabled\n");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_store_with_a_flipped_bit_is_refused_with_a_code() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    place.stdout(&["stop", "orders", "--wait"]);
    daemon.end(Signal::TERM, 0);
    let mut bytes = fs::read(place.path("forebay.redb")).unwrap();
    // Also in pages that hold what was before: which of them counts cannot be seen from outside.
    let found: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"\"enabled\"")).collect();
    found.iter().for_each(|at| bytes[at + 1] ^= 1);
    fs::write(place.path("forebay.redb"), bytes).unwrap();
    let said = place.stderr(&["run", "--listen", "127.0.0.1:0", "--store", "forebay.redb"], 1);
    assert!(said.contains("FB0604: ") && said.contains("the desired state of \"orders\" cannot be read"), "{said}");
    assert!(place.stdout(&["explain", "FB0604"]).contains("FB0604"));
    let output = place.forebay(&["checkpoint", "export", "--store", "forebay.redb"]).assert().code(3);
    let output = output.get_output();
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("undamaged checkpoints are exported, others are missing"),
        "{output:?}"
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"mappings\": {}"), "{output:?}");
    assert!(place.stderr(&["checkpoint", "list", "--store", "forebay.redb"], 1).contains("FB0604: "));
}

#[test]
fn a_named_pipe_among_the_mapping_files_is_an_error_and_holds_up_nothing() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    let pipe = place.path("mappings/pipe.yaml");
    named_pipe(&pipe);
    let output = place.forebay(&["validate"]).assert().code(2);
    let said = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(said.contains("FB0001") && said.contains("it is a named pipe: only regular files are read"), "{said}");
    let said = place.stderr(&["run", "--socket", "other.sock", "--store", "memory"], 2);
    assert!(said.contains("a named pipe"), "{said}");
    let said = place.stderr(&["validate", "-f", "mappings/pipe.yaml"], 2);
    assert!(said.contains("1 error"), "{said}");

    daemon.process.signal(Signal::HUP);
    let files = |wanted: &str| {
        eventually("the reload has ended", || {
            daemon.request("GET", "/readyz?verbose", "").1.contains(wanted).then_some(())
        });
    };
    files("files: error: ");
    fs::remove_file(&pipe).unwrap();
    place.mapping("payments", CLOSED, "");
    daemon.process.signal(Signal::HUP);
    files("files: ok 2 mappings");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_signal_during_the_loading_of_thousands_of_files_is_heard() {
    let place = Place::new();
    for number in 0..3_000 {
        place.mapping(&format!("orders-{number}"), CLOSED, "");
    }
    let flags = ["run", "--listen", "127.0.0.1:0", "--store", "memory"];
    for (signal, code) in [(Signal::TERM, 0), (Signal::INT, 130)] {
        let mut process = place.spawn_with(&flags, &[("RUST_LOG", "forebay=debug")]);
        process.await_line("reading the mapping files");
        process.signal(signal);
        let (status, lines) = process.wait();
        assert_eq!(status.code(), Some(code), "{}", lines.join("\n"));
        assert!(lines.iter().any(|line| line.contains("stopped before anything was started")), "{}", lines.join("\n"));
    }
}

#[test]
fn the_limit_of_open_files_is_raised_and_a_low_one_is_told() {
    let place = Place::of(&["orders"]);
    let flags = ["run", "--listen", "127.0.0.1:0", "--store", "memory"];
    let daemon = place.run_under("ulimit -Sn 100; ulimit -Hn 4096");
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.process.pid().as_raw_nonzero())).unwrap();
    let open = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(open.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["4096", "4096"]);
    daemon.end(Signal::TERM, 0);
    let mut process = place.spawn_under("ulimit -Sn 256; ulimit -Hn 256", &flags);
    let told = process.await_line("the limit of open files allows few calls at once");
    assert!(told.contains("limit=256") && told.contains("calls=64"), "{told}");
    process.await_line("forebay runs");
    process.signal(Signal::TERM);
    assert!(process.wait().0.success());
}

#[test]
fn probes_and_control_are_answered_while_calls_take_all_that_they_may() {
    let place = Place::new();
    let fake = Fake::start(300, true);
    place.mapping("orders", &fake.endpoint(), "BatchSize: 1\nScalingConfig: { MaximumConcurrency: 200 }");
    // Of 128 descriptors 32 are for calls, and half of those for invokes.
    let daemon = place.run_under("ulimit -n 128");
    eventually("all turns are taken", || (fake.fates().invoked == 16).then_some(()));
    for _ in 0..12 {
        assert_eq!(daemon.request("GET", "/livez", ""), (200, "ok\n".into()));
        assert!(place.stdout(&["list"]).contains("orders"));
    }
    let orders = daemon.await_status("orders", |status| status["Queue"]["InFlight"].as_u64() > Some(16));
    assert_eq!(orders["Health"], "ok", "what waits for its turn is no failure: {orders}");
    assert_eq!(fake.fates().invoked, 16);
    daemon.process.signal(Signal::TERM);
    daemon.process.signal(Signal::TERM);
}

#[test]
fn probes_and_control_are_answered_while_strangers_crowd_the_port_of_workers() {
    let place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    place.write(
        "mappings/orders.yaml",
        &format!(
            "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: orders\nPoller:\n  Endpoints: {{ \
             sqs: \"{CLOSED}\" }}\n  Function: {{ RuntimeApi: {{ Listen: \"127.0.0.1:{port}\" }} }}\n"
        ),
    );
    let mut daemon = place.run_under("ulimit -n 128");
    let connect = || TcpStream::connect(("127.0.0.1", port)).ok();
    let mut worker = eventually("the port is open", connect);
    worker.write_all(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let attached = |status: &Value| status["Target"]["Capacity"] == 1;
    daemon.await_status("orders", attached);
    let strangers: Vec<_> = (0..200).map(|_| eventually("a stranger is let in", connect)).collect();
    for _ in 0..12 {
        assert_eq!(daemon.request("GET", "/livez", ""), (200, "ok\n".into()));
        assert!(place.stdout(&["list"]).contains("orders"));
    }
    daemon.process.await_line("there are 16 connections for workers, and one that asked for nothing was closed");
    daemon.await_status("orders", attached);
    drop(strangers);
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_worker_inherits_nothing_that_forebay_was_left() {
    let place = Place::new();
    let forebay = env!("CARGO_BIN_EXE_forebay");
    let look = "test -e /proc/self/fd/7 && echo left; test -e /proc/self/fd/1 && echo runs";
    let script = format!("exec 7</dev/null; {look}; \"{forebay}\" guard become --guard $$ -- sh -c '{look}'; true");
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path("")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "left\nruns\nruns\n");
}
