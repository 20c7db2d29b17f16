//! `forebay filter`: patterns of the command line and of mappings, on files, on stdin, and on a live queue.

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::support::{CLOSED, Place};

const CREATED: &str = r#"{"body": {"type": ["order.created"]}}"#;

/// Records of a queue with these bodies, one a line.
fn lines(bodies: &[&str]) -> String {
    bodies
        .iter()
        .map(|body| format!("{}\n", json!({ "messageId": "m", "body": body, "eventSource": "aws:sqs" })))
        .collect()
}

/// What is printed and said for records on stdin.
fn run(place: &Place, arguments: &[&str], stdin: &str, code: i32) -> (String, String) {
    let arguments = [&["filter"], arguments].concat();
    let output = place.forebay(&arguments).write_stdin(stdin).assert().code(code);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.get_output().stdout), text(&output.get_output().stderr))
}

fn parsed(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_line_for_each_record_and_the_exit_code_says_whether_all_matched() {
    let place = Place::new();
    let (hit, miss) = (r#"{"type": "order.created"}"#, r#"{"type": "order.paid"}"#);
    let of = |bodies: &[&str], code| run(&place, &["--source", "sqs", "--pattern", CREATED], &lines(bodies), code);
    assert_eq!(of(&[hit, hit], 0), ("{\"match\":true}\n{\"match\":true}\n".into(), String::new()));
    assert_eq!(of(&[hit, miss, hit], 1).0, "{\"match\":true}\n{\"match\":false}\n{\"match\":true}\n");
    let found = parsed(&of(&["hello"], 1).0);
    assert_eq!(found[0]["match"], false);
    assert!(found[0]["undecidable"].as_str().unwrap().contains("not a JSON object"), "{found:?}");
}

#[test]
fn several_patterns_say_which_one_matched() {
    let place = Place::new();
    let arguments = ["--source", "sqs", "--pattern", CREATED, "--pattern", r#"{"body": ["hello"]}"#];
    let (stdout, _) = run(&place, &arguments, &lines(&["hello", r#"{"type": "order.created"}"#]), 0);
    assert_eq!(stdout, "{\"match\":true,\"pattern\":1}\n{\"match\":true,\"pattern\":0}\n");
}

#[test]
fn explanations_name_the_field_what_was_wanted_and_what_was_found() {
    let place = Place::new();
    let pattern = r#"{"body": {"type": ["order.created"], "total": [{"numeric": [">=", 100]}]}}"#;
    let bodies = [r#"{"type": "order.created", "total": 5}"#, r#"{"type": "order.created", "total": 500}"#];
    let (stdout, _) = run(&place, &["--source", "sqs", "--explain", "--pattern", pattern], &lines(&bodies), 1);
    let found = parsed(&stdout);
    assert_eq!(found[0]["patterns"][0]["field"], "body.total");
    for member in ["wanted", "found"] {
        let said = found[0]["patterns"][0][member].as_str().unwrap();
        assert!(said.contains(if member == "found" { "5" } else { "100" }), "{said}");
    }
    assert_eq!(found[1], json!({ "match": true, "patterns": [{ "match": true }] }));
}

#[test]
fn sources_see_records_each_in_its_way() {
    let place = Place::new();
    // {"a":1}
    let kinesis = r#"{"kinesis": {"partitionKey": "k", "data": "eyJhIjoxfQ=="}, "eventSource": "aws:kinesis"}"#;
    let table = r#"{"eventName": "INSERT", "dynamodb": {"NewImage": {"n": {"N": "5"}}}}"#;
    for (source, pattern, record, matches) in [
        ("kinesis", r#"{"data": {"a": [1]}, "partitionKey": ["k"]}"#, kinesis, true),
        ("kinesis", r#"{"data": {"a": [2]}}"#, kinesis, false),
        ("dynamodb", r#"{"dynamodb": {"NewImage": {"n": {"N": ["5"]}}}}"#, table, true),
        ("event", r#"{"kinesis": {"data": ["eyJhIjoxfQ=="]}}"#, kinesis, true),
        ("event", r#"{"Records": {"x": [1]}}"#, r#"{"Records": [{"x": 1}, {"x": 2}]}"#, true),
    ] {
        let arguments = ["--source", source, "--pattern", pattern];
        let (stdout, stderr) = run(&place, &arguments, record, i32::from(!matches));
        assert_eq!((stdout, stderr), (format!("{{\"match\":{matches}}}\n"), String::new()), "{pattern}");
    }
    assert_eq!(run(&place, &["--pattern", r#"{"a": [1]}"#], r#"{"a": 1.0}"#, 0).0, "{\"match\":true}\n");
}

#[test]
fn invalid_patterns_are_marked_and_match_nothing() {
    let place = Place::new();
    let (stdout, stderr) = run(&place, &["--pattern", r#"{"a": [{"prefx": "x"}]}"#, "--pattern", "{\"a\":"], "{}", 2);
    assert_eq!(stdout, "");
    insta::assert_snapshot!("filter_invalid_patterns", stderr);
    for (source, pattern, said) in [
        ("event", "{}", "error[FB0219]"),
        ("event", "[]", "error[FB0214]"),
        ("event", "{\"a\": [1]} {\"b\": [2]}", "nothing may follow"),
        ("event", "", "the text ends too early"),
        ("kinesis", "{\"data\": [\"x\"]}", "error[FB0319]"),
        ("dynamodb", "{\"dynamodb\": [1]}", "error[FB0319]"),
    ] {
        let (stdout, stderr) = run(&place, &["--source", source, "--pattern", pattern], "{}", 2);
        assert!(stdout.is_empty() && stderr.contains(said), "{pattern}: {stderr}");
    }
    let long = format!("{{\"a\": [\"{}\"]}}", "x".repeat(4096));
    assert!(run(&place, &["--pattern", &long], "{}", 2).1.contains("has 4107 characters"));
    let eleven: Vec<&str> = ["--pattern", "{\"a\": [1]}"].repeat(11);
    assert!(run(&place, &eleven, "{}", 2).1.contains("11 patterns: a mapping may have at most 10"));
}

#[test]
fn a_pattern_that_can_never_match_is_a_warning() {
    let place = Place::new();
    let pattern = r#"{"Body": {"a": [1]}}"#;
    let (stdout, stderr) = run(&place, &["--source", "sqs", "--pattern", pattern], &lines(&["{}"]), 1);
    assert_eq!(stdout, "{\"match\":false}\n");
    assert!(
        stderr.starts_with("warning[FB0322]: `Body.a` never matches") && stderr.contains("--pattern:1:2"),
        "{stderr}"
    );
    // Nobody knows what an event holds; and a variable is none here.
    assert_eq!(run(&place, &["--pattern", pattern], r#"{"Body": {"a": 1}}"#, 0).1, "");
    assert_eq!(run(&place, &["--pattern", r#"{"a": ["${HOME}"]}"#], r#"{"a": "${HOME}"}"#, 0).1, "");
}

#[test]
fn a_mapping_says_what_it_would_do() {
    let place = Place::new();
    let filters = "FilterCriteria: { Filters: [{ Pattern: { body: { type: [order.created] } } }] }";
    let bodies = lines(&[r#"{"type": "order.created"}"#, "{}", "hello"]);
    let would = |stdout: &str| -> Vec<String> {
        parsed(stdout).iter().map(|line| line["would"].as_str().unwrap().to_owned()).collect()
    };
    place.mapping("orders", CLOSED, filters);
    place.write("records.jsonl", &bodies);
    let (stdout, stderr) = run(&place, &["-f", "mappings", "orders", "records.jsonl"], "", 1);
    assert_eq!((would(&stdout), stderr), (vec!["deliver".into(), "delete".into(), "delete".into()], String::new()));
    let head = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n";
    place.write(
        "mappings/orders.yaml",
        &format!("{head}{filters}\nPoller: {{ OnFiltered: Release, OnUndecidable: Deliver }}\n"),
    );
    for arguments in
        [&["-f", "mappings", "orders"][..], &["-f", "mappings"], &["-f", "mappings/orders.yaml", "orders", "-"]]
    {
        let (stdout, _) = run(&place, arguments, &bodies, 1);
        assert_eq!(would(&stdout), ["deliver", "release", "deliver"]);
    }
    let (stdout, _) = run(&place, &["-f", "mappings", "orders", "--explain"], &bodies, 1);
    assert_eq!(parsed(&stdout)[1]["patterns"][0]["field"], "body.type");
}

#[test]
fn mappings_are_named_and_sound() {
    let place = Place::of(&["orders"]);
    let (stdout, stderr) = run(&place, &["-f", "mappings"], &lines(&["x"]), 0);
    assert_eq!(stdout, "{\"match\":true,\"would\":\"deliver\"}\n");
    assert_eq!(stderr, "the mapping orders has no filters: every record reaches the function\n");
    place.mapping("payments", CLOSED, "FilterCriteria: { Filters: [{ Pattern: { body: [] } }] }");
    let (_, stderr) = run(&place, &["-f", "mappings", "payments"], "", 2);
    assert!(stderr.contains("error[FB0219]"), "{stderr}");
    assert!(
        stderr.ends_with("error: the files have no mapping \"payments\" without errors\nhelp: they have orders\n"),
        "{stderr}"
    );
    // What is wrong with others concerns nobody here.
    assert!(!run(&place, &["-f", "mappings", "orders"], &lines(&["x"]), 0).1.contains("FB0219"));
    place.mapping("payments", CLOSED, "");
    let (_, stderr) = run(&place, &["-f", "mappings"], "", 2);
    assert!(
        stderr.contains(
            "the files have several mappings: orders, payments\nhelp: name one: `forebay filter -f PATH NAME`"
        ),
        "{stderr}"
    );
    assert!(run(&place, &["-f", "absent", "orders"], "", 2).1.contains("FB0002"));
    assert!(run(&place, &["-f", "mappings", "orders", "x", "--peek", "5"], "", 2).1.contains("cannot be combined"));
    let (_, stderr) = run(&place, &["--pattern", CREATED, "a", "b"], "", 2);
    assert!(stderr.contains("unexpected \"b\": --pattern takes one file"), "{stderr}");
}

#[test]
fn peeking_gives_messages_back_at_once_and_in_order() {
    let fake = Fake::start(13, false);
    let place = Place::new();
    let filters = "FilterCriteria: { Filters: [{ Pattern: { messageId: [{ anything-but: message-3 }] } }] }";
    place.mapping("orders", &fake.endpoint(), filters);
    let (stdout, stderr) = run(&place, &["-f", "mappings", "orders", "--peek", "12", "--explain"], "", 1);
    assert!(
        stderr.contains("receiving up to 12 messages of orders,") && stderr.contains("spends a receive"),
        "{stderr}"
    );
    let found = parsed(&stdout);
    let fates = fake.fates();
    let ids: Vec<&str> = found.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 12);
    assert_eq!(
        fates.hidden.iter().map(|(id, seconds)| (id.as_str(), *seconds)).collect::<Vec<_>>(),
        ids.iter().map(|id| (*id, 0)).collect::<Vec<_>>()
    );
    assert!(fates.deleted.is_empty() && fates.invoked == 0);
    for line in &found {
        let expected =
            if line["id"] == "message-3" { (json!(false), json!("delete")) } else { (json!(true), json!("deliver")) };
        assert_eq!((line["match"].clone(), line["would"].clone()), expected);
    }
}

#[test]
fn peeking_at_what_is_empty_or_absent() {
    let fake = Fake::start(0, false);
    let place = Place::new();
    let filters = "FilterCriteria: { Filters: [{ Pattern: { body: [a] } }] }";
    place.mapping("orders", &fake.endpoint(), filters);
    let (stdout, stderr) = run(&place, &["-f", "mappings", "orders", "--peek", "3"], "", 0);
    assert!(stdout.is_empty() && stderr.ends_with("orders has no record\n"), "{stderr}");
    place.mapping("orders", CLOSED, filters);
    let (stdout, stderr) = run(&place, &["-f", "mappings", "orders", "--peek", "3"], "", 2);
    assert!(stdout.is_empty() && stderr.contains("error: "), "{stderr}");
    let stream = "EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks\nFunctionName: f\n\
        StartingPosition: LATEST\n";
    place.write(
        "mappings/orders.yaml",
        &format!("{stream}Poller: {{ Endpoints: {{ kinesis: \"{CLOSED}\", lambda: \"{CLOSED}\" }} }}\n"),
    );
    let (stdout, stderr) = run(&place, &["-f", "mappings", "orders", "--peek", "3"], "", 2);
    assert!(stdout.is_empty() && stderr.contains("error: "), "{stderr}");
}
