//! Checkpoints: shown, changed, carried from one store to another.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{CLOSED, Place};

const ORDERS: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
const CLICKS: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/clicks/stream/2026-11-20T08:00:00.000";

/// An export of two mappings.
fn export() -> Value {
    json!({ "version": 1, "mappings": {
        "clicks": { "source": CLICKS, "checkpoints": { "shardId-00000001541626099285-f35f62ef": "TRIM_HORIZON" } },
        "orders": { "source": ORDERS, "checkpoints": {
            "shardId-000000000000": "END",
            "shardId-000000000001": "AFTER:49590338271490256608559692538361571095921575989136588898",
        } },
    } })
}

/// A place with a store `a.redb` that holds them.
fn with_store() -> Place {
    let place = Place::new();
    place.write("export.json", &export().to_string());
    let said = place.stdout(&["checkpoint", "import", "export.json", "--store", "a.redb"]);
    assert_eq!(said, "clicks 1 shard\norders 2 shards\n");
    place
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn help_of_every_part() {
    let place = Place::new();
    for verb in ["list", "get", "set", "reset", "export", "import"] {
        insta::assert_snapshot!(format!("help_{verb}"), place.stdout(&["checkpoint", verb, "--help"]));
    }
}

#[test]
fn tables_and_json() {
    let place = with_store();
    let shown = |arguments: &[&str]| place.stdout(&[&["checkpoint"], arguments, &["--store", "a.redb"]].concat());
    insta::assert_snapshot!("list", shown(&["list"]));
    insta::assert_snapshot!("list_one", shown(&["list", "orders"]));
    insta::assert_snapshot!("list_json", shown(&["list", "-o", "json"]));
    insta::assert_snapshot!("get", shown(&["get", "orders"]));
    insta::assert_snapshot!("get_json", shown(&["get", "orders", "-o", "json"]));
    assert_eq!(shown(&["get", "orders", "shardId-000000000000"]), "END\n");
    let expected = json!({ "name": "orders", "source": ORDERS, "shard": "shardId-000000000000",
        "checkpoint": "END", "mark": "END" });
    assert_eq!(parsed(&shown(&["get", "orders", "shardId-000000000000", "-o", "json"])), expected);
}

#[test]
fn an_export_is_imported_elsewhere_without_a_daemon() {
    let place = with_store();
    let exported = place.stdout(&["checkpoint", "export", "--store", "a.redb"]);
    assert_eq!(parsed(&exported), export());
    let import = ["checkpoint", "import", "--store", "b.redb"];
    place.forebay(&import).write_stdin(exported.clone()).assert().success();
    assert_eq!(place.stdout(&["checkpoint", "export", "--store", "b.redb"]), exported);
    // Exports of the version before have another name for them.
    let old = exported.replace("\"checkpoints\"", "\"marks\"");
    place.forebay(&["checkpoint", "import", "--store", "c.redb"]).write_stdin(old).assert().success();
    assert_eq!(place.stdout(&["checkpoint", "export", "--store", "c.redb"]), exported);

    let one = parsed(&place.stdout(&["checkpoint", "export", "orders", "--store", "a.redb"]));
    assert_eq!(one["mappings"].as_object().unwrap().keys().collect::<Vec<_>>(), ["orders"]);
    let error = place.stderr(&["checkpoint", "export", "orders", "nope", "--store", "a.redb"], 1);
    assert!(error.contains("the store a.redb has no checkpoint of \"nope\""), "{error}");

    // What is imported takes the place of all that was there.
    place.stdout(&["checkpoint", "set", "orders", "shardId-9", "5", "--store", "b.redb"]);
    place.forebay(&["checkpoint", "import", "-", "--store", "b.redb"]).write_stdin(exported.clone()).assert().success();
    assert_eq!(place.stdout(&["checkpoint", "export", "--store", "b.redb"]), exported);
    // Exports of the version before have another name for them.
    let old = exported.replace("\"checkpoints\"", "\"marks\"");
    place.forebay(&["checkpoint", "import", "--store", "c.redb"]).write_stdin(old).assert().success();
    assert_eq!(place.stdout(&["checkpoint", "export", "--store", "c.redb"]), exported);
}

#[test]
fn an_import_is_checked_as_a_whole_before_anything_is_changed() {
    let place = Place::new();
    for (text, said) in [
        ("", "EOF while parsing"),
        ("{\"version\": 7}", "its version is 7, and this forebay reads version 1"),
        (
            r#"{"version":1,"mappings":{"a":{"source":"arn","marks":{"s":"END"}},"b":{"source":"arn","marks":{"t":"SOON"}}}}"#,
            "shard t: \"SOON\" is no position",
        ),
    ] {
        place.write("broken.json", text);
        let error = place.stderr(&["checkpoint", "import", "broken.json", "--store", "a.redb"], 2);
        assert!(
            error.starts_with("error: nothing was changed: broken.json is not an export of checkpoints: "),
            "{error}"
        );
        assert!(error.contains(said), "{error}");
    }
    assert!(!place.path("a.redb").exists());
    let error = place.stderr(&["checkpoint", "import", "absent.json", "--store", "a.redb"], 1);
    assert!(error.contains("absent.json cannot be read"), "{error}");
}

#[test]
fn shards_are_set_and_reset_in_a_store() {
    let place = with_store();
    let run = |arguments: &[&str]| place.stdout(&[&["checkpoint"], arguments, &["--store", "a.redb"]].concat());
    let position = |shard: &str| run(&["get", "orders", shard]);
    assert_eq!(run(&["set", "orders", "shardId-7", "4959"]), "orders shardId-7 AFTER:4959\n");
    assert_eq!(position("shardId-7"), "AFTER:4959\n");
    run(&["set", "orders", "shardId-7", "2025-10-09T08:53:20Z"]);
    assert_eq!(position("shardId-7"), "AT_TIMESTAMP:1760000000.000\n");
    assert_eq!(run(&["reset", "orders", "shardId-7"]), "orders shardId-7 reset\n");
    let error = place.stderr(&["checkpoint", "reset", "orders", "shardId-7", "--store", "a.redb"], 1);
    assert!(error.contains("shard \"shardId-7\" of \"orders\" has no checkpoint\nhelp: "), "{error}");
    let error = place.stderr(&["checkpoint", "get", "orders", "shardId-7", "--store", "a.redb"], 1);
    assert!(error.contains("shard \"shardId-7\" of \"orders\" has no checkpoint\nhelp: "), "{error}");
    assert_eq!(run(&["reset", "orders"]), "orders reset\n");
    assert_eq!(parsed(&run(&["list", "-o", "json"])).as_array().unwrap().len(), 1);
}

#[test]
fn a_mapping_that_never_began_needs_the_name_of_its_stream() {
    let place = Place::new();
    let set = |more: &[&str]| place.forebay(&[&["checkpoint", "set", "orders", "shardId-0", "END"], more].concat());
    let said = |output: assert_cmd::assert::Assert| String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    let error = said(set(&["--store", "a.redb"]).assert().code(1));
    assert_eq!(error, "error: there is no store a.redb\n");
    let note = said(set(&["--store", "a.redb", "--source", ORDERS]).assert().success());
    assert_eq!(
        note,
        "note: orders has no other checkpoints: its other shards are now read from their oldest record, even with \
         StartingPosition LATEST\n"
    );
    let error = said(set(&["--store", "a.redb", "--source", CLICKS]).assert().code(1));
    assert!(
        error.contains(&format!("has checkpoints of \"orders\" for {ORDERS}, not for {CLICKS}\nhelp: ")),
        "{error}"
    );
    place.stdout(&["checkpoint", "reset", "orders", "--store", "a.redb"]);
    let error = said(set(&["--store", "a.redb"]).assert().code(1));
    assert!(error.contains("name its stream with --source ARN"), "{error}");
}

#[test]
fn a_lost_mapping_can_be_reset_without_a_daemon() {
    let place = with_store();
    fs::remove_file(place.path("a.redb")).unwrap();
    place.write("empty.json", r#"{"version":1,"mappings":{}}"#);
    let said = place.forebay(&["checkpoint", "import", "empty.json", "--store", "a.redb"]).assert().success();
    assert_eq!(String::from_utf8_lossy(&said.get_output().stderr), "the export has no mapping\n");
    let known = || fs::read_to_string(place.path("a.redb.known")).unwrap();
    assert!(known().contains("orders"));
    assert_eq!(place.stdout(&["checkpoint", "reset", "orders", "--store", "a.redb"]), "orders reset\n");
    assert!(!known().contains("orders") && known().contains("clicks"));
    place.stderr(&["checkpoint", "reset", "orders", "--store", "a.redb"], 1);
}

#[test]
fn a_daemon_answers_for_its_store() {
    let place = Place::new();
    place.write("export.json", &export().to_string());
    place.stdout(&["checkpoint", "import", "export.json", "--store", "forebay.redb"]);
    place.mapping("queue", CLOSED, "");
    let daemon = place.run(&[]);
    assert_eq!(parsed(&place.stdout(&["checkpoint", "export"])), export());
    assert!(place.stdout(&["checkpoint", "list"]).contains("shardId-00000001541626099285-f35f62ef"));
    let error = place.stderr(&["checkpoint", "list", "--store", "forebay.redb"], 1);
    assert!(error.contains("help: ask the running forebay: omit --store"), "{error}");
    assert!(error.contains("the store forebay.redb is in use by another process"), "{error}");

    for arguments in [vec!["get", "queue"], vec!["set", "queue", "a", "END"], vec!["reset", "queue", "--force"]] {
        let error = place.stderr(&[vec!["checkpoint"], arguments].concat(), 1);
        assert_eq!(error, "error: \"queue\" reads a queue: only mappings of streams have checkpoints\n");
    }
    let error = place.stderr(&["checkpoint", "get", "nope"], 1);
    assert!(error.starts_with("error: there is no mapping named \"nope\""), "{error}");
    // Neither is in a file: what is kept of them can be seen and removed, but not changed.
    let error = place.stderr(&["checkpoint", "import", "export.json"], 1);
    assert_eq!(error.lines().filter(|line| line.starts_with("error: ")).count(), 2, "{error}");
    assert_eq!(place.stdout(&["checkpoint", "reset", "orders"]), "orders reset\n");
    daemon.end(Signal::TERM, 0);
}

/// A mapping of a stream that cannot be reached.
fn stream_mapping(place: &Place) {
    let text = format!(
        "Name: orders\nEventSourceArn: {ORDERS}\nFunctionName: f\nStartingPosition: LATEST\n\
         Poller: {{ Endpoints: {{ kinesis: \"{CLOSED}\", lambda: \"{CLOSED}\" }} }}\n"
    );
    place.write("mappings/orders.yaml", &text);
}

#[test]
fn a_running_mapping_is_changed_only_by_force() {
    let place = Place::new();
    stream_mapping(&place);
    let daemon = place.run(&[]);
    daemon.await_degraded("orders");
    let run = |arguments: &[&str]| place.stdout(&[&["checkpoint"], arguments].concat());
    assert_eq!(
        parsed(&run(&["get", "orders", "-o", "json"])),
        json!({ "name": "orders", "source": ORDERS, "checkpoints": {}, "marks": {} })
    );
    place.write("export.json", &export().to_string());
    for arguments in [vec!["set", "orders", "shardId-0", "END"], vec!["reset", "orders"]] {
        let error = place.stderr(&[vec!["checkpoint"], arguments].concat(), 1);
        assert_eq!(
            error,
            "error: \"orders\" is running\nhelp: stop it with `forebay stop orders --wait`, or use --force\n"
        );
    }
    assert_eq!(run(&["set", "orders", "shardId-0", "7", "--force"]), "orders shardId-0 AFTER:7\n");
    assert_eq!(run(&["get", "orders", "shardId-0"]), "AFTER:7\n");
    daemon.await_degraded("orders");
    place.stdout(&["stop", "orders", "--wait"]);
    assert_eq!(run(&["set", "orders", "shardId-1", "TRIM_HORIZON"]), "orders shardId-1 TRIM_HORIZON\n");
    assert_eq!(run(&["reset", "orders", "shardId-0"]), "orders shardId-0 reset\n");

    // One of the two is in no file here: a part is done.
    let output = place.forebay(&["checkpoint", "import", "export.json"]).assert().code(3);
    assert_eq!(String::from_utf8_lossy(&output.get_output().stdout), "orders 2 shards\n");
    let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(said.starts_with("error: there is no mapping named \"clicks\""), "{said}");
    let foreign = export().to_string().replace(ORDERS, CLICKS);
    place.write("foreign.json", &foreign);
    let error = place.stderr(&["checkpoint", "import", "foreign.json"], 1);
    assert!(error.contains(&format!("the checkpoints are of {CLICKS}, but \"orders\" reads {ORDERS}")), "{error}");
    daemon.process.signal(Signal::KILL);
    daemon.process.wait();

    let kept = parsed(&place.stdout(&["checkpoint", "export", "--store", "forebay.redb"]));
    assert_eq!(kept["mappings"]["orders"], export()["mappings"]["orders"]);
}

#[test]
fn all_shards_of_a_mapping_are_moved_to_now() {
    let place = with_store();
    let set = |arguments: &[&str]| {
        place.stdout(&[&["checkpoint", "set", "orders"], arguments, &["--store", "a.redb"]].concat())
    };
    let said = set(&["--all", "LATEST"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "orders shardId-000000000000 END", "what is finished stays so");
    assert!(lines[1].starts_with("orders shardId-000000000001 LATEST:"), "{said}");
    let kept = parsed(&place.stdout(&["checkpoint", "get", "orders", "-o", "json", "--store", "a.redb"]));
    let latest = kept["checkpoints"]["shardId-000000000001"].as_str().unwrap();
    assert_eq!(lines[1], format!("orders shardId-000000000001 {latest}"));
    let said = set(&["TRIM_HORIZON", "--all"]);
    assert_eq!(said, "orders shardId-000000000000 TRIM_HORIZON\norders shardId-000000000001 TRIM_HORIZON\n");
    let said = set(&["shardId-000000000001", "LATEST"]);
    assert!(said.starts_with("orders shardId-000000000001 LATEST:"), "{said}");
}

#[test]
fn a_mapping_that_has_not_begun_has_no_shards_to_move() {
    let place = Place::new();
    stream_mapping(&place);
    let daemon = place.run(&[]);
    place.stdout(&["stop", "orders", "--wait"]);
    let error = place.stderr(&["checkpoint", "set", "orders", "--all", "LATEST"], 1);
    assert_eq!(error, "error: no shard of orders is known: it starts at its StartingPosition\n");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_lost_store_stops_a_mapping_at_latest_until_it_is_reset() {
    let place = Place::new();
    stream_mapping(&place);
    let source = ["--source", ORDERS, "--store", "forebay.redb"];
    place.stdout(&[&["checkpoint", "set", "orders", "shardId-0", "7"], &source[..]].concat());
    fs::remove_file(place.path("forebay.redb")).unwrap();
    let daemon = place.run(&[]);
    let reason = |status: &Value| status["HealthReason"].as_str().unwrap_or_default().to_owned();
    let status = daemon.await_status("orders", |status| reason(status).contains("FB0601"));
    assert!(reason(&status).contains("`forebay checkpoint reset orders --force`"), "{status}");
    assert_eq!(place.stdout(&["checkpoint", "reset", "orders", "--force"]), "orders reset\n");
    daemon.await_status("orders", |status| reason(status).contains("Connection refused"));
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_store_in_memory_warns_of_a_mapping_at_latest() {
    let place = Place::new();
    stream_mapping(&place);
    let mut daemon = place.spawn(&["run", "--listen", "127.0.0.1:0", "--store", "memory"]);
    let line = daemon.await_line("the store keeps nothing");
    assert!(line.contains("WARN") && line.contains("orders"), "{line}");
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().0.success());
}

#[test]
fn without_a_daemon_the_socket_is_named() {
    let place = Place::new();
    place.write("export.json", &export().to_string());
    for arguments in [vec!["list"], vec!["get", "a"], vec!["reset", "a"], vec!["export"], vec!["import", "export.json"]]
    {
        let error = place.stderr(&[vec!["checkpoint"], arguments].concat(), 1);
        assert!(error.starts_with("error: no forebay answers on forebay.sock\nhelp: start one with"), "{error}");
        assert_eq!(error.lines().count(), 2, "{error}");
    }
}
