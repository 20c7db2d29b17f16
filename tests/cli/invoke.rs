//! `forebay invoke`.

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::support::Place;

/// A folder with one mapping, whose function answers `null`.
fn place(fake: &Fake) -> Place {
    let place = Place::new();
    place.mapping("orders", &fake.endpoint(), "FunctionResponseTypes: [ReportBatchItemFailures]");
    place
}

#[test]
fn an_event_goes_to_the_function_and_what_it_returns_is_printed() {
    let fake = Fake::start(0, false);
    let place = place(&fake);
    place.write("event.json", r#"{"Records": [{"messageId": "a"}, {"messageId": "b"}]}"#);
    let assert = place.forebay(&["invoke", "orders", "--event", "event.json"]).assert().code(0);
    assert_eq!(String::from_utf8_lossy(&assert.get_output().stdout), "null\n");
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.starts_with("orders: success (") && said.ends_with(" ms)\n"), "{said}");
    assert_eq!(fake.fates().invoked, 2);
}

#[test]
fn without_an_event_there_is_a_sample_and_stdin_is_one_of_the_places_for_it() {
    let fake = Fake::start(0, false);
    let place = place(&fake);
    place.forebay(&["invoke"]).assert().code(0);
    assert_eq!(fake.fates().invoked, 1);
    let event = r#"{"Records": [{}, {}, {}]}"#;
    let shown = place.forebay(&["invoke", "--event", "-", "-o", "json"]).write_stdin(event).assert().code(0);
    let shown: Value = serde_json::from_slice(&shown.get_output().stdout).unwrap();
    assert_eq!((&shown["outcome"], &shown["payload"]), (&json!("success"), &Value::Null));
    assert!(shown["milliseconds"].is_u64());
    assert_eq!(fake.fates().invoked, 4);
}

#[test]
fn a_function_that_cannot_be_invoked_is_a_failure_with_its_reason() {
    let place = Place::of(&["orders"]);
    let said = place.stderr(&["invoke"], 1);
    assert!(said.contains("orders: not invoked, or no answer: transient: "), "{said}");
    let shown = place.forebay(&["invoke", "-o", "json"]).assert().code(1);
    let shown: Value = serde_json::from_slice(&shown.get_output().stdout).unwrap();
    assert_eq!((&shown["outcome"], &shown["errorType"]), (&json!("not invoked"), &json!("transient")));
}

#[test]
fn what_is_wrong_with_the_command_is_said_before_anything_is_invoked() {
    let fake = Fake::start(0, false);
    let place = place(&fake);
    place.write("broken.json", r#"{"Records": ["#);
    place.write("large.json", &format!("\"{}\"", "x".repeat(6 * 1024 * 1024)));
    for (arguments, reason) in [
        (["invoke", "--event", "absent.json"].as_slice(), "absent.json cannot be read: No such file"),
        (
            &["invoke", "--event", "broken.json"],
            "broken.json is not JSON: EOF while parsing a list at line 1 column 13",
        ),
        (&["invoke", "--event", "large.json"], "large.json has 6291458 bytes"),
        (&["invoke", "payments"], "the files have no mapping \"payments\" without errors"),
        (&["invoke", "-f", "nowhere"], "nowhere"),
    ] {
        let said = place.stderr(arguments, 2);
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    place.mapping("payments", &fake.endpoint(), "");
    let said = place.stderr(&["invoke"], 2);
    assert!(said.contains("several mappings: orders, payments\nhelp: name one: `forebay invoke NAME`"), "{said}");
    assert_eq!(fake.fates().invoked, 0);
}
