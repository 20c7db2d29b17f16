//! Everything that makes a pattern invalid: where the error points, and what it says.

use crate::filter::{Pattern, PatternError};

fn error(text: &str) -> PatternError {
    Pattern::parse(text).expect_err(text)
}

/// The pattern with the place marked by `^`, the path, and a part of the message.
const ERRORS: [(&str, &str, &str); 73] = [
    ("^", "", "ends too early"),
    ("^text", "", "not JSON"),
    ("^null", "", "must be an object, this is null"),
    ("^[1]", "", "must be an object, this is a list"),
    ("^\"x\"", "", "this is a string"),
    ("{\"a\":[1]^", "", "ends too early"),
    ("{\"a\":[1],^}", "", "a name in quotes"),
    ("{\"a\":[1 ^2]}", "a", "expected `,` or `]`"),
    ("{\"a\":[\"^\\x\"]}", "a[0]", "no such escape"),
    ("^{}", "", "empty object"),
    ("{\"a\":^{}}", "a", "empty object"),
    ("{\"a\":^[]}", "a", "empty list"),
    ("{\"a\":^1}", "a", "not a number: write the value in brackets"),
    ("{\"a\":{\"b\":^\"x\"}}", "a.b", "not a string"),
    ("{\"a\":^null}", "a", "not null"),
    ("{\"a\":^true}", "a", "not a boolean"),
    ("{\"a\":[1,^[1]]}", "a[1]", "must not hold lists"),
    ("{\"a\":[^{}]}", "a[0]", "needs an operator"),
    ("{\"a\":[{^\"regexp\":\"x\"}]}", "a[0]", "no operator `regexp`; did you mean `wildcard`?"),
    ("{\"a\":[{^\"NUMERIC\":[\"=\",5]}]}", "a[0]", "did you mean `numeric`?"),
    ("{\"a\":[{^\"Prefix\":\"x\"}]}", "a[0]", "did you mean `prefix`?"),
    ("{\"a\":[{^\"zzz\":\"x\"}]}", "a[0]", "no operator `zzz`"),
    ("{\"a\":[{\"prefix\":\"x\",^\"suffix\":\"y\"}]}", "a[0]", "put `suffix` into an object of its own"),
    ("{\"a\":[{\"prefix\":^1}]}", "a[0].prefix", "needs a string or {\"equals-ignore-case\": \"…\"}, not a number"),
    ("{\"a\":[{\"prefix\":^[\"x\"]}]}", "a[0].prefix", "not a list"),
    ("{\"a\":[{\"suffix\":^null}]}", "a[0].suffix", "`suffix` needs"),
    ("{\"a\":[{\"suffix\":^{}}]}", "a[0].suffix", "not an empty object"),
    ("{\"a\":[{\"prefix\":{^\"x\":1}}]}", "a[0].prefix", "not `x`"),
    ("{\"a\":[{\"prefix\":{\"equals-ignore-case\":^1}}]}", "a[0].prefix.equals-ignore-case", "needs a string"),
    ("{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"x\",^\"y\":1}}]}", "a[0].prefix", "object of its own"),
    ("{\"a\":[{\"equals-ignore-case\":^[\"x\"]}]}", "a[0].equals-ignore-case", "needs a string, not a list"),
    ("{\"a\":[{\"equals-ignore-case\":^{\"prefix\":\"x\"}}]}", "a[0].equals-ignore-case", "not an object"),
    ("{\"a\":[{\"exactly\":^33}]}", "a[0].exactly", "needs a string, not a number"),
    ("{\"a\":[{\"exists\":^\"yes\"}]}", "a[0].exists", "needs true or false, not a string"),
    ("{\"a\":[{\"exists\":true,^\"x\":1}]}", "a[0]", "object of its own"),
    ("{\"a\":[{\"wildcard\":^5}]}", "a[0].wildcard", "needs a string"),
    ("{\"a\":[{\"wildcard\":^\"a**b\"}]}", "a[0].wildcard", "two `*` in a row"),
    ("{\"a\":[{\"wildcard\":^\"a\\\\b\"}]}", "a[0].wildcard", "unknown escape"),
    ("{\"a\":[{\"wildcard\":^\"a\\\\\"}]}", "a[0].wildcard", "nothing follows"),
    ("{\"a\":[{\"cidr\":^[\"x\"]}]}", "a[0].cidr", "needs a string"),
    ("{\"a\":[{\"cidr\":^\"10.0.0.0\"}]}", "a[0].cidr", "no single `/`"),
    ("{\"a\":[{\"cidr\":^\"10.0.0.0/8/8\"}]}", "a[0].cidr", "no single `/`"),
    ("{\"a\":[{\"cidr\":^\"10.0.0.0/x\"}]}", "a[0].cidr", "no whole number"),
    ("{\"a\":[{\"cidr\":^\"host/8\"}]}", "a[0].cidr", "no address before"),
    ("{\"a\":[{\"cidr\":^\"10.0.0.0/32\"}]}", "a[0].cidr", "at most 31 bits"),
    ("{\"a\":[{\"cidr\":^\"::/128\"}]}", "a[0].cidr", "at most 127 bits"),
    ("{\"a\":[{\"numeric\":^10}]}", "a[0].numeric", "needs a list"),
    ("{\"a\":[{\"numeric\":^[]}]}", "a[0].numeric", "one of `=`, `<`, `<=`, `>`, `>=` here, not nothing"),
    ("{\"a\":[{\"numeric\":[^\"==\",1]}]}", "a[0].numeric", "not `==`"),
    ("{\"a\":[{\"numeric\":[^\"!=\",1]}]}", "a[0].numeric", "not `!=`"),
    ("{\"a\":[{\"numeric\":[^1]}]}", "a[0].numeric", "not a number"),
    ("{\"a\":[{\"numeric\":[\">\",1,\"<\"^]}]}", "a[0].numeric", "a number after `<`, not nothing"),
    ("{\"a\":[{\"numeric\":[\">\",^\"1\"]}]}", "a[0].numeric", "a number after `>`, not a string"),
    ("{\"a\":[{\"numeric\":[\"=\",^1e309]}]}", "a[0].numeric", "beyond what a double holds"),
    ("{\"a\":[{\"numeric\":[\"=\",^1e-325]}]}", "a[0].numeric", "beyond what a double holds"),
    ("{\"a\":[{\"numeric\":[\"<\",1,^\">\",0]}]}", "a[0].numeric", "takes one comparison"),
    ("{\"a\":[{\"numeric\":[\"=\",1,^\"<\",2]}]}", "a[0].numeric", "takes one comparison"),
    ("{\"a\":[{\"numeric\":[\">\",0,^\">\",1]}]}", "a[0].numeric", "takes one comparison"),
    ("{\"a\":[{\"numeric\":[\">\",0,\"<\",5,^\"<\",6]}]}", "a[0].numeric", "takes one comparison"),
    ("{\"a\":[{\"numeric\":^[\">=\",1,\"<=\",1]}]}", "a[0].numeric", "no number is in the range"),
    ("{\"a\":[{\"anything-but\":^null}]}", "a[0].anything-but", "not null"),
    ("{\"a\":[{\"anything-but\":[\"x\",^true]}]}", "a[0].anything-but", "not a boolean in a list"),
    ("{\"a\":[{\"anything-but\":[\"x\",^1]}]}", "a[0].anything-but", "either strings or numbers"),
    ("{\"a\":[{\"anything-but\":^[]}]}", "a[0].anything-but", "is empty"),
    ("{\"a\":[{\"anything-but\":{^\"cidr\":\"x\"}}]}", "a[0].anything-but", "not `cidr`"),
    ("{\"a\":[{\"anything-but\":{\"prefix\":^\"\"}}]}", "a[0].anything-but.prefix", "excludes every string"),
    (
        "{\"a\":[{\"anything-but\":{\"suffix\":[\"x\",^1]}}]}",
        "a[0].anything-but.suffix",
        "a list of strings, not a number",
    ),
    ("{\"a\":[{\"anything-but\":{\"prefix\":^[]}}]}", "a[0].anything-but.prefix", "not an empty list"),
    ("{\"a\":[{\"anything-but\":{\"wildcard\":[\"x\",^\"**\"]}}]}", "a[0].anything-but.wildcard", "two `*`"),
    ("{\"$or\":^1}", "$or", "needs a list of at least two objects, not a number"),
    ("{\"$or\":^[{\"a\":[1]}]}", "$or", "at least two objects"),
    ("{\"$or\":[{\"a\":[1]},^\"x\"]}", "$or[1]", "objects only, not a string"),
    ("{\"b\":{\"$or\":[{\"a\":[1]},{^\"prefix\":[1]}]}}", "b.$or[1].prefix", "a reserved word"),
];

#[test]
fn errors_point_to_their_place() {
    for (marked, path, message) in ERRORS {
        let text = marked.replacen('^', "", 1);
        let error = error(&text);
        let shown = error.to_string();
        assert_eq!(Some(error.offset), marked.find('^'), "{marked}: {shown}");
        assert_eq!(error.path, path, "{marked}: {shown}");
        assert!(shown.contains(message), "{marked}: {shown}");
    }
}

#[test]
fn trailing_text_is_an_error() {
    for text in ["{\"a\":[1]} x", "{\"a\":[1]}}", "{\"a\":[1]}\"", "{\"a\":[1]},{\"b\":[1]}"] {
        assert!(error(text).to_string().contains("nothing may follow"), "{text}");
    }
    assert!(Pattern::parse(" {\"a\":[1]} \n").is_ok());
}

#[test]
fn one_wrong_value_makes_all_of_it_wrong() {
    let text = r#"{"a":[1],"b":["x",{"prefix":"p"},{"suffix":0}],"c":[2]}"#;
    assert_eq!(error(text).path, "b[2].suffix");
}

#[test]
fn nesting_and_branches_are_capped() {
    let nested = |levels: usize| format!("{}[1]{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(Pattern::parse(&nested(128)).is_ok());
    assert!(error(&nested(129)).to_string().contains("deeper than 128 levels"));
    assert!(error(&nested(200_000)).to_string().contains("deeper than 128 levels"));
    let ors = "{\"$or\":[{\"x\":[1]},".repeat(100_000);
    assert!(error(&ors).to_string().contains("deeper than 128 levels"));
    let doubled = |times: usize| format!("{{{}}}", vec![r#""$or":[{"a":[1]},{"b":[1]}]"#; times].join(","));
    assert!(Pattern::parse(&doubled(9)).is_ok(), "512 branches");
    assert!(error(&doubled(10)).to_string().contains("more than 1000 branches"));
    assert!(error(&doubled(110)).to_string().contains("more than 1000 branches"));
}

#[test]
fn patterns_tell_what_they_look_at() {
    let pattern = Pattern::parse(r#"{"b":{"c":[1],"$or":[{"d":[1]},{"e":[1]}]},"a":[1]}"#).expect("it is valid");
    assert_eq!(pattern.paths().collect::<Vec<_>>(), ["b.c", "b.d", "b.e", "a"]);
}
