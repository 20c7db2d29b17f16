//! Lists of a record: which values may be taken together, and what lists made to be slow cost.

use std::thread;

use super::{decide, matches};
use crate::filter::{Undecidable, Verdict, View};

#[test]
fn fields_are_satisfied_from_one_item() {
    let names = r#"{"e":{"first":["Anna"],"last":["Jones"]}}"#;
    let cases = [
        (names, r#"{"e":[{"first":"Anna","last":"Smith"},{"first":"Peter","last":"Jones"}]}"#, false),
        (names, r#"{"e":[{"first":"Anna","last":"Smith"},{"first":"Anna","last":"Jones"}]}"#, true),
        (names, r#"{"e":[[{"first":"Anna"}],[{"last":"Jones"}]]}"#, false),
        (names, r#"{"e":[[{"first":"Anna"},{"last":"Jones"}]]}"#, false),
        (names, r#"{"e":[{"first":"Anna"}],"e":[{"last":"Jones"}]}"#, true),
        (r#"{"e":{"a":[1],"b":{"c":[2]}}}"#, r#"{"e":[{"a":1,"b":[{"c":3},{"c":2}]}]}"#, true),
        (r#"{"e":{"a":[1],"b":{"c":[2]}}}"#, r#"{"e":[{"a":1,"b":[{"c":3}]},{"b":{"c":2}}]}"#, false),
        // Lists beside each other combine freely.
        (r#"{"a":{"x":[1]},"b":{"x":[2]}}"#, r#"{"a":[{"x":0},{"x":1}],"b":[{"x":2},{"x":0}]}"#, true),
        // Plain values of a list belong to what is around it.
        (r#"{"e":{"t":[1],"u":[2]}}"#, r#"{"e":{"t":[0,1],"u":[2,0]}}"#, true),
        (r#"{"e":[1],"f":[2]}"#, r#"{"e":[[1,3]],"f":2}"#, true),
        (r#"{"e":[1],"e.f":[2]}"#, r#"{"e":[[1],{"f":2}]}"#, false),
        (r#"{"e":[1],"e.f":[2]}"#, r#"{"e":[1,{"f":2}]}"#, true),
    ];
    for (pattern, event, expected) in cases {
        assert_eq!(matches(pattern, event), expected, "{pattern} {event}");
    }
}

#[test]
fn absence_is_tested_in_what_was_taken_before() {
    let cases = [
        (r#"{"a":{"x":[1],"z":[{"exists":false}]}}"#, r#"{"a":[{"x":1},{"z":9}]}"#, true),
        (r#"{"a":{"x":[1],"b":[{"exists":false}]}}"#, r#"{"a":[{"x":1},{"b":9}]}"#, false),
        (r#"{"a":{"x":[1],"z":[{"exists":false}]}}"#, r#"{"a":[{"x":1,"z":9},{"x":1}]}"#, true),
        (r#"{"a":{"x":[1],"z":[{"exists":false}]}}"#, r#"{"a":[{"x":1,"z":9},{"x":2}]}"#, false),
        (r#"{"a":{"z":[{"exists":false}]}}"#, r#"{"a":[{"x":1},{"z":9}]}"#, false),
        // A value at hand is not taken if another excludes what must be absent.
        (r#"{"a":{"x":[1],"z":[{"exists":false}]}}"#, r#"{"a":{"x":1},"a":[{"x":1},{"z":9}]}"#, true),
        (r#"{"a":{"x":[1,{"exists":false}],"z":[2]}}"#, r#"{"a":[{"x":1},{"z":2}]}"#, false),
        (r#"{"a":{"x":[1,{"exists":false}],"z":[2]}}"#, r#"{"a":[{"y":1},{"z":2}]}"#, true),
    ];
    for (pattern, event, expected) in cases {
        assert_eq!(matches(pattern, event), expected, "{pattern} {event}");
    }
}

/// A list of so many items.
fn many(item: &str, count: usize) -> String {
    format!("[{}]", vec![item; count].join(","))
}

#[test]
fn products_of_lists_are_not_walked_through() {
    // As a product these would take longer than anyone waits.
    let list = |name: &str| many(&format!("{{\"{name}\":1}}"), 5_000);
    let (x, y, z) = (list("x"), list("y"), list("z"));
    let apart = many(r#"{"p":1},{"q":1}"#, 5_000);
    let cases = [
        (r#"{"a":{"x":[1]},"b":{"y":[1]},"c":{"z":[1]},"d":[9]}"#, format!(r#"{{"a":{x},"b":{y},"c":{z},"d":8}}"#)),
        (
            r#"{"a":{"x":[1]},"b":{"y":[1]},"c":{"z":[1]},"d":{"p":[1],"q":[1]}}"#,
            format!(r#"{{"a":{x},"b":{y},"c":{z},"d":{apart}}}"#),
        ),
        (r#"{"d":{"p":[1],"q":[1]}}"#, format!(r#"{{"d":{apart}}}"#)),
        (r#"{"d":{"a":[{"exists":false}],"p":[1],"q":[1],"z":[{"exists":false}]}}"#, format!(r#"{{"d":{apart}}}"#)),
    ];
    for (pattern, event) in cases {
        assert_eq!(decide(View::Event, pattern, event.as_bytes()), Verdict::NoMatch, "{pattern}");
    }
}

#[test]
fn long_lists_are_decided_for_patterns_of_many_fields() {
    let names: Vec<String> = (10..50).map(|number| format!("f{number}")).collect();
    let fields: Vec<String> = names.iter().map(|name| format!("\"{name}\":[1]")).collect();
    let pattern = format!("{{\"a\":{{{},\"z\":[1]}}}}", fields.join(","));
    let values: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
    let item = format!("{{{}}},{{\"z\":1}}", values.join(","));
    let record = format!("{{\"a\":{}}}", many(&item, 1_000_000 / item.len()));
    assert_eq!(decide(View::Event, &pattern, record.as_bytes()), Verdict::NoMatch);
    let one = format!("{{{},\"z\":1}}", values.join(","));
    let record = format!("{{\"a\":[{item},{one}]}}");
    assert!(matches(&pattern, &record));
}

#[test]
fn a_product_that_cannot_be_avoided_is_given_up() {
    let record = |count| {
        let (first, second) = (many("[1],{\"c\":1}", count), many(r#"{"x":1,"y":1}"#, count));
        format!(r#"{{"a":{first},"a-b":{second}}}"#)
    };
    // `a` and `a.c` lie in one list, and in the order of the paths one of its own lies between them. The order matters
    // where absence is accepted.
    let pattern = r#"{"a":[1],"a-b":{"x":[1],"y":[1]},"a.c":[1],"z":[{"exists":false}]}"#;
    assert_eq!(decide(View::Event, pattern, record(30).as_bytes()), Verdict::NoMatch);
    let given_up = Verdict::Undecidable(Undecidable::TooComplex);
    assert_eq!(decide(View::Event, pattern, record(3_000).as_bytes()), given_up);
    // Without it the fields of a list come together.
    let pattern = r#"{"a":[1],"a-b":{"x":[1],"y":[1]},"a.c":[1]}"#;
    assert_eq!(decide(View::Event, pattern, record(3_000).as_bytes()), Verdict::NoMatch);
}

#[test]
fn depth_needs_no_stack() {
    let small = thread::Builder::new().stack_size(128 * 1024);
    let run = || {
        let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
        let (objects, ends) = ("{\"b\":".repeat(200_000), "}".repeat(200_000));
        assert!(matches(r#"{"a":[1]}"#, &format!(r#"{{"x":{open}{close},"a":1}}"#)));
        assert!(matches(r#"{"a":[1]}"#, &format!(r#"{{"x":{objects}1{ends},"a":1}}"#)));
        assert!(matches(r#"{"a":[1]}"#, &format!(r#"{{"a":{open}1{close}}}"#)));
        assert!(matches(r#"{"a":{"b":[1]}}"#, &format!(r#"{{"a":{open}{{"b":1}}{close}}}"#)));
        assert!(!matches(r#"{"a":{"b":[1]}}"#, &format!(r#"{{"a":{objects}1{ends}}}"#)));
        let broken = format!(r#"{{"a":{open}"#);
        assert!(matches!(
            decide(View::Event, r#"{"a":[1]}"#, broken.as_bytes()),
            Verdict::Undecidable(Undecidable::Malformed { offset }) if offset == broken.len()
        ));
    };
    small.spawn(run).expect("a thread can be started").join().expect("nothing panics");
}
