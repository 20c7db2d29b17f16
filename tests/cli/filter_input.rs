//! What may come into `forebay filter` that is no good record.

use std::fs;

use crate::support::Place;

/// stdout and stderr of the records on stdin under a pattern of a queue.
fn run(place: &Place, stdin: &[u8], code: i32) -> (String, String) {
    let arguments = ["filter", "--source", "sqs", "--pattern", r#"{"body": {"a": [1]}}"#];
    let output = place.forebay(&arguments).write_stdin(stdin.to_vec()).assert().code(code);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.get_output().stdout), text(&output.get_output().stderr))
}

#[test]
fn what_cannot_be_read_is_said_with_a_mark() {
    let place = Place::new();
    let good = r#"{"body": "{\"a\": 1}"}"#;
    for (input, said) in [
        (
            format!("{good}\n{{\"body\": nothing}}\n{good}"),
            "error: stdin is not JSON at line 2, column 11: expected ident\n  |\n2 | {\"body\": no\n  |           ^\n",
        ),
        (
            format!("{good}\n{{\"body\": \"{{"),
            "error: stdin is not JSON at line 2, column 11: EOF while parsing a string\n",
        ),
        (format!("{good}\n5\n"), "error: record 2 of stdin is a number, and a record is an object\n"),
        (format!("{good}\n[[]]"), "error: record 2 of stdin is a list, and a record is an object\n"),
        (format!("{good}\nplain text"), "error: stdin is not JSON at line 2, column 1: expected value\n"),
    ] {
        let (stdout, stderr) = run(&place, input.as_bytes(), 2);
        // What came before is answered all the same.
        assert_eq!(stdout, "{\"match\":true}\n", "{input}");
        assert!(stderr.starts_with(said), "{stderr}");
    }
    let (_, stderr) = run(&place, b"{\"body\": \"\xff\"}", 2);
    assert!(stderr.contains("stdin is not JSON at line 1") && stderr.contains("unicode"), "{stderr}");
    let (_, stderr) = run(&place, b"{\"body\": \x1b[31m}", 2);
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}

#[test]
fn nothing_is_no_match() {
    let place = Place::new();
    for input in ["", "\n\n", "[]", "{\"Records\": []}"] {
        assert_eq!(run(&place, input.as_bytes(), 2), (String::new(), "error: stdin has no record\n".into()));
    }
}

#[test]
fn files_that_cannot_be_read() {
    let place = Place::new();
    let arguments = |file| ["filter", "--pattern", "{\"a\": [1]}", file];
    assert!(place.stderr(&arguments("absent.json"), 2).starts_with("error: absent.json cannot be read: "));
    assert!(place.stderr(&arguments("mappings"), 2).starts_with("error: mappings cannot be read: "));
    fs::write(place.path("-"), "{\"a\": 1}").unwrap();
    assert_eq!(place.stdout(&arguments("./-")), "{\"match\":true}\n");
}

#[test]
fn odd_records_are_decided() {
    let place = Place::new();
    let deep = format!("{{\"body\": \"{{\\\"a\\\": 1}}\", \"x\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
    for input in [
        deep.as_str(),
        r#"{"body": "{\"a\": 1, \"b\": 1e400, \"c\": \"\\ud800\"}"}"#,
        r#"{"body": "{\"a\": [0, 1.0]}", "n": -1e999}"#,
        r#"{"body": "{\"a\": 1}", "body": "{\"a\": 1}"}"#,
    ] {
        assert_eq!(run(&place, input.as_bytes(), 0).0, "{\"match\":true}\n", "{input}");
    }
    for input in [r#"{"body": null}"#, r#"{"body": "{"}"#, r#"{"body": "1"}"#, "{}"] {
        assert!(run(&place, input.as_bytes(), 1).0.starts_with("{\"match\":false"), "{input}");
    }
}

#[test]
fn bodies_alone_are_noticed() {
    let place = Place::new();
    let (stdout, stderr) = run(&place, b"{\"a\": 1}\n{\"a\": 1}\n", 1);
    assert_eq!(stdout.lines().count(), 2);
    assert_eq!(stderr.matches("note: the first record has no `body`").count(), 1, "{stderr}");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    use std::process::Stdio;
    let place = Place::new();
    fs::write(place.path("many"), "{\"a\": 1}\n".repeat(200_000)).unwrap();
    let mut child = place
        .command(&["filter", "--pattern", "{\"a\": [1]}", "many"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
