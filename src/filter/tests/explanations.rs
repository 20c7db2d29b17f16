//! What users are told about records that were filtered out.

use super::filters;
use crate::filter::{Outcome, View};

fn explained(view: View, pattern: &str, record: &str) -> String {
    filters(view, &[pattern]).explain(record.as_bytes()).remove(0).outcome.to_string()
}

#[test]
fn the_first_field_that_fails_is_named() {
    let cases = [
        (r#"{"a":["x","y"]}"#, r#"{"a":"x"}"#, "matches"),
        (r#"{"a":["x","y"]}"#, r#"{"a":"z"}"#, r#"a: wanted "x" or "y", found "z""#),
        (r#"{"b":[1],"a":[1]}"#, r#"{"a":2,"b":2}"#, "a: wanted the number 1, found 2"),
        (r#"{"a":[1]}"#, r#"{"b":2}"#, "a: wanted the number 1, found nothing"),
        (r#"{"a":[5]}"#, r#"{"a":"5"}"#, r#"a: wanted the number 5, found "5""#),
        (
            r#"{"a":["5"]}"#,
            r#"{"a":{"S":"5"}}"#,
            r#"a: wanted "5", found an object, which has fields but no value of its own"#,
        ),
        (r#"{"a":[null]}"#, r#"{"a":[]}"#, "a: wanted null, found a list without values"),
        (
            r#"{"a":[{"exists":false}]}"#,
            r#"{"a":[1,true,null,"x",5,6]}"#,
            r#"a: wanted no value, found 1, true, null, "x" and 2 more"#,
        ),
        (r#"{"a":[{"exists":true}]}"#, "{}", "a: wanted any value, found nothing"),
        (
            r#"{"a":[{"numeric":[">",1,"<=",5]},{"numeric":["=",7]},{"numeric":["<",0]}]}"#,
            r#"{"a":6}"#,
            "a: wanted a number > 1 and <= 5 or a number = 7 or a number < 0, found 6",
        ),
        (
            r#"{"a":[{"prefix":"p"},{"suffix":{"equals-ignore-case":"s"}},{"wildcard":"w*"},{"cidr":"10.0.0.0/8"}]}"#,
            r#"{"a":"q"}"#,
            "a: wanted a string that begins with \"p\" or a string that ends with \"s\" in any case or a string like \
             \"w*\" or an address in 10.0.0.0/8, found \"q\"",
        ),
        (r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":"x"}"#, r#"a: wanted any value but "x" or "y", found "x""#),
        (
            r#"{"a":{"x":[1],"y":[2]}}"#,
            r#"{"a":[{"x":1,"y":3},{"x":2,"y":2}]}"#,
            "a.y: wanted the number 2, found 3 and 2, but not in the same item of a list as the fields before it",
        ),
        // Of several branches the one that came furthest.
        (r#"{"$or":[{"a":[1],"b":[1]},{"a":[2],"c":[3]}]}"#, r#"{"a":2,"c":4}"#, "c: wanted the number 3, found 4"),
    ];
    for (pattern, record, expected) in cases {
        assert_eq!(explained(View::Event, pattern, record), expected, "{pattern} {record}");
    }
}

#[test]
fn long_values_are_shortened_and_quoted() {
    let record = format!(r#"{{"a":"line\n\"{}"}}"#, "é".repeat(500));
    let shown = explained(View::Event, r#"{"a":["x"]}"#, &record);
    assert!(shown.starts_with(r#"a: wanted "x", found "line\n\"é"#) && shown.ends_with("é…\""), "{shown}");
    assert!(shown.chars().count() < 130, "{shown}");
    let many: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let shown = explained(View::Event, &format!("{{\"a\":[{}]}}", many.join(",")), r#"{"a":-1}"#);
    assert_eq!(shown.matches("the number").count(), 4, "{shown}");
    assert!(shown.contains("46 more"), "{shown}");
}

#[test]
fn what_cannot_be_decided_says_why() {
    let cases = [
        (View::Sqs, r#"{"body":{"a":[1]}}"#, r#"{"body":"text"}"#, "the body is not a JSON object or list"),
        (View::Sqs, r#"{"body":["x"]}"#, r#"{"body":"{}"}"#, "but the body is JSON"),
        (View::Kinesis, r#"{"data":{"a":[1]}}"#, r#"{"kinesis":{"data":"eA=="}}"#, "the data is not a JSON object"),
        (View::Kinesis, r#"{"data":{"a":[1]}}"#, r#"{"kinesis":{"data":"!"}}"#, "not Base64"),
        (View::Event, r#"{"a":[1]}"#, "{\"a\":}", "(byte 5)"),
    ];
    for (view, pattern, record, expected) in cases {
        let shown = explained(view, pattern, record);
        assert!(shown.starts_with("cannot be decided: ") && shown.contains(expected), "{shown}");
    }
}

#[test]
fn every_pattern_is_explained() {
    let patterns = [r#"{"a":[1]}"#, r#"{"a":[2]}"#, r#"{"b":[1]}"#];
    let explained = filters(View::Event, &patterns).explain(br#"{"a":2}"#);
    assert_eq!(explained.iter().map(|one| one.pattern).collect::<Vec<_>>(), [0, 1, 2]);
    let matched: Vec<bool> = explained.iter().map(|one| one.outcome == Outcome::Matched).collect();
    assert_eq!(matched, [false, true, false]);
}
