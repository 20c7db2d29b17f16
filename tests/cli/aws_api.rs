//! `forebay run --aws-api`: its flags, and mappings that come without files.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::support::{CLOSED, Daemon, Place, eventually};

const PATH: &str = "/2015-03-31/event-source-mappings/";
const INSECURE: [&str; 3] = ["--aws-api", "127.0.0.1:0", "--aws-api-insecure"];

/// A place without a folder of mappings.
fn bare() -> Place {
    let place = Place::new();
    fs::remove_dir(place.path("mappings")).unwrap();
    place
}

/// The status and the body of a request to the AWS API.
fn ask(daemon: &Daemon<'_>, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(daemon.aws_api.unwrap()).unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    (head.split_whitespace().nth(1).unwrap().parse().unwrap(), body)
}

fn create(daemon: &Daemon<'_>) -> String {
    let request = json!({ "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders", "FunctionName": "work" });
    let (status, made) = ask(daemon, "POST", PATH, &request);
    assert_eq!(status, 202, "{made}");
    made["UUID"].as_str().unwrap().to_owned()
}

/// Flags, variables, and what is said of them.
type Refused<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn nothing_is_served_to_everybody_by_mistake() {
    let place = bare();
    let keys = ("FOREBAY_API_KEYS", "id:0123456789abcdef0123456789abcdef");
    let served = ("FOREBAY_AWS_API", "127.0.0.1:0");
    let insecure = ("FOREBAY_AWS_API_INSECURE", "1");
    let table: [Refused<'_>; 8] = [
        (&["--aws-api", "127.0.0.1:0"], &[], "the AWS API has no keys\nhelp: set FOREBAY_API_KEYS=id:secret"),
        (&[], &[served], "the AWS API has no keys\nhelp: set FOREBAY_API_KEYS=id:secret"),
        (&["--aws-api", "0.0.0.0:0", "--aws-api-insecure"], &[], "choose a loopback address such as 127.0.0.1:9691"),
        (&["--aws-api", "[::]:0"], &[insecure], "choose a loopback address such as 127.0.0.1:9691"),
        (&INSECURE, &[keys], "remove one of the two"),
        (&["--aws-api-insecure"], &[], "add --aws-api 127.0.0.1:9691"),
        (&["--aws-api", "9691"], &[keys], "--aws-api 9691 is not an address"),
        (&["--aws-api", "127.0.0.1:0"], &[("FOREBAY_API_KEYS", "secret")], "FOREBAY_API_KEYS"),
    ];
    for (flags, environment, text) in table {
        let arguments = [&["run", "--listen", "127.0.0.1:0"], flags].concat();
        let mut command = place.forebay(&arguments);
        let output = command.envs(environment.iter().copied()).assert().code(2);
        let error = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(error.starts_with("error: ") && error.contains(text), "{flags:?} {environment:?}: {error}");
        assert!(!error.contains("0123456789"), "a secret shows: {error}");
    }
    // Without the API, files are needed as ever; and a folder that was named must be there.
    assert!(place.stderr(&["run"], 2).contains("FB0002"));
    let named = [&["run", "--listen", "127.0.0.1:0"][..], &INSECURE, &["-f", "nowhere"]].concat();
    assert!(place.stderr(&named, 2).contains("FB0002"));
    assert!(!place.path("forebay.sock").exists());
}

#[test]
fn with_keys_only_signed_requests_are_heard() {
    let place = bare();
    let keys = [("FOREBAY_API_KEYS", "id:0123456789abcdef0123456789abcdef")];
    let daemon = place.run_with(&["--aws-api", "127.0.0.1:0"], &keys);
    let (status, refused) = ask(&daemon, "GET", PATH, &Value::Null);
    assert_eq!((status, refused["message"].as_str()), (403, Some("Missing Authentication Token")));
    daemon.end(Signal::TERM, 0);
}

#[test]
fn mappings_of_the_api_need_no_files_and_outlive_the_process() {
    let place = bare();
    let fake = Fake::start(3, false);
    let endpoint = fake.endpoint();
    let environment = [("AWS_ENDPOINT_URL", endpoint.as_str())];
    let daemon = place.run_with(&INSECURE, &environment);
    assert_eq!(
        ask(&daemon, "GET", PATH, &Value::Null),
        (200, json!({ "NextMarker": null, "EventSourceMappings": [] }))
    );
    let uuid = create(&daemon);
    eventually("the messages are processed", || (fake.fates().deleted.len() == 3).then_some(()));
    let status = daemon.await_status(&uuid, |status| status["State"] == "Enabled");
    assert_eq!(
        (&status["Origin"], &status["File"], &status["UUID"]),
        (&"api".into(), &"".into(), &uuid.as_str().into())
    );
    let one = format!("{PATH}{uuid}");
    assert_eq!(ask(&daemon, "GET", &one, &Value::Null).1["State"], "Enabled");

    let (_, shown) = ask(&daemon, "GET", &format!("{one}/"), &Value::Null);
    let tags = format!("/2017-03-31/tags/{}", shown["EventSourceMappingArn"].as_str().unwrap().replace(':', "%3A"));
    assert_eq!(ask(&daemon, "POST", &tags, &json!({ "Tags": { "team": "a", "stage": "b" } })), (204, Value::Null));
    assert_eq!(ask(&daemon, "DELETE", &format!("{tags}?tagKeys=stage"), &Value::Null), (204, Value::Null));
    assert_eq!(ask(&daemon, "GET", &tags, &Value::Null), (200, json!({ "Tags": { "team": "a" } })));

    // A reload is no matter of theirs, with files or without.
    daemon.process.signal(Signal::HUP);
    place.stdout(&["stop", &uuid, "--wait"]);
    assert_eq!(ask(&daemon, "GET", &one, &Value::Null).1["State"], "Disabled");
    daemon.process.signal(Signal::KILL);
    drop(daemon);

    // They run without the API, too.
    fs::create_dir(place.path("mappings")).unwrap();
    place.mapping("payments", CLOSED, "");
    let daemon = place.run_with(&[], &environment);
    assert_eq!(daemon.status(&uuid)["State"], "Disabled");
    assert!(daemon.aws_api.is_none());
    daemon.end(Signal::TERM, 0);

    let daemon = place.run_with(&INSECURE, &environment);
    let (status, changed) = ask(&daemon, "PUT", &one, &json!({ "Enabled": true }));
    assert_eq!((status, &changed["State"]), (202, &"Enabling".into()));
    daemon.await_status(&uuid, |status| status["State"] == "Enabled" && status["EnabledBy"] == "api");
    let (_, all) = ask(&daemon, "GET", PATH, &Value::Null);
    assert_eq!(all["EventSourceMappings"].as_array().unwrap().len(), 2);
    let of_the_file = daemon.status("payments")["UUID"].as_str().unwrap().to_owned();
    let (status, refused) = ask(&daemon, "DELETE", &format!("{PATH}{of_the_file}"), &Value::Null);
    assert_eq!(status, 400);
    assert!(refused["message"].as_str().unwrap().contains("mappings/payments.yaml"), "{refused}");

    assert_eq!(ask(&daemon, "GET", &tags, &Value::Null).1, json!({ "Tags": { "team": "a" } }));
    assert_eq!(ask(&daemon, "DELETE", &one, &Value::Null).0, 202);
    daemon.process.signal(Signal::KILL);
    drop(daemon);
    let daemon = place.run_with(&INSECURE, &environment);
    assert_eq!(ask(&daemon, "GET", &one, &Value::Null).0, 404);
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_reload_that_loses_the_folder_keeps_what_the_api_made() {
    let place = Place::of(&["payments"]);
    let fake = Fake::start(0, false);
    let endpoint = fake.endpoint();
    let mut daemon = place.run_with(&INSECURE, &[("AWS_ENDPOINT_URL", endpoint.as_str())]);
    let uuid = create(&daemon);
    fs::remove_dir_all(place.path("mappings")).unwrap();
    daemon.process.signal(Signal::HUP);
    daemon.process.await_line("reloaded");
    let names = || {
        let all: Value = serde_json::from_str(&place.stdout(&["list", "-o", "json"])).unwrap();
        all.as_array().unwrap().iter().map(|one| one["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("the file's mapping is gone", || (names() == [uuid.clone()]).then_some(()));
    daemon.end(Signal::TERM, 0);
}

#[test]
fn requests_during_a_drain_are_told_to_come_again() {
    let place = bare();
    let fake = Fake::start(1, true);
    let endpoint = fake.endpoint();
    let daemon = place.run_with(&INSECURE, &[("AWS_ENDPOINT_URL", endpoint.as_str())]);
    let uuid = create(&daemon);
    eventually("the function has the message", || (fake.fates().invoked == 1).then_some(()));
    daemon.process.signal(Signal::TERM);
    let one = format!("{PATH}{uuid}");
    eventually("the drain begins", || (ask(&daemon, "GET", &one, &Value::Null).0 == 503).then_some(()));
    for (method, path) in [("GET", PATH), ("POST", PATH), ("PUT", &one), ("DELETE", &one)] {
        let (status, refused) = ask(&daemon, method, path, &Value::Null);
        assert_eq!(status, 503, "{method} {path}");
        assert_eq!(refused["Message"], "forebay is shutting down: try again when it runs");
    }
    daemon.end(Signal::TERM, 1);
    assert_eq!(place.run_with(&INSECURE, &[]).status(&uuid)["UUID"], uuid);
}
