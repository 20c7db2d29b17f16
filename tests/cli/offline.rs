//! The verbs that need no daemon, and those that miss one.

use std::process::Stdio;

use crate::support::Place;

#[test]
fn versions() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(place.stdout(&["--version"]), format!("forebay {version}\n"));
    assert_eq!(place.stdout(&["version"]), format!("forebay {version}\n"));
    let found: serde_json::Value = serde_json::from_str(&place.stdout(&["version", "-o", "json"])).unwrap();
    assert_eq!(found, serde_json::json!({ "version": version, "running": null }));
}

#[test]
fn completions_for_every_shell() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.stdout(&["completions", shell]);
        assert!(script.contains("forebay") && script.contains("validate"), "{shell}: {script}");
    }
}

#[test]
fn the_schema_is_the_one_beside_the_examples() {
    let schema = Place::new().stdout(&["schema"]);
    assert!(serde_json::from_str::<serde_json::Value>(&schema).unwrap()["$schema"].is_string());
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/schema.json")).unwrap();
    assert_eq!(schema, file);
}

#[test]
fn codes_are_explained() {
    let place = Place::new();
    let page = place.stdout(&["explain", "FB0301"]);
    assert!(page.starts_with("FB0301: ") && page.contains("MaximumBatchingWindowInSeconds"), "{page}");
    assert_eq!(place.stdout(&["explain", "fb0301"]), page);
    let page = place.stdout(&["explain", "FB0601"]);
    assert!(page.starts_with("FB0601: ") && page.contains("forebay checkpoint reset"), "{page}");
    // What is supported by now has given its number up, and nobody else has it.
    assert!(place.stderr(&["explain", "FB0401"], 2).starts_with("error: there is no code FB0401\n"));
    let error = place.stderr(&["explain", "FB9999"], 2);
    assert_eq!(error, "error: there is no code FB9999\nhelp: `forebay explain --list` lists all codes\n");
    let list = place.stdout(&["explain", "--list"]);
    assert!(list.starts_with("FB0001 a file or folder cannot be read\n"), "{list}");
    assert!(list.lines().count() > 80, "{list}");
}

#[test]
fn without_a_daemon_the_socket_is_named_and_how_to_start_one() {
    let place = Place::new();
    let error = place.stderr(&["list"], 1);
    assert_eq!(
        error,
        "error: no forebay answers on forebay.sock\nhelp: start one with `forebay run -f mappings/`, or name its \
         socket with --socket or FOREBAY_SOCKET\n"
    );
    for arguments in [
        vec!["status", "orders"],
        vec!["start", "a", "b"],
        vec!["stop", "--all"],
        vec!["restart", "a"],
        vec!["reload"],
        vec!["list", "--watch"],
    ] {
        assert_eq!(place.stderr(&arguments, 1), error, "{arguments:?}");
    }
    let error = place.stderr(&["list", "--socket", "other.sock"], 1);
    assert!(error.contains("no forebay answers on other.sock\nhelp: "), "{error}");
}

#[test]
fn health_without_a_daemon_fails() {
    let error = Place::new().stderr(&["health", "--listen", "127.0.0.1:1"], 1);
    assert!(error.contains("no forebay answers at http://127.0.0.1:1/livez"), "{error}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place.command(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
