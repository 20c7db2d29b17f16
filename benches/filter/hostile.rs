//! Records that a sender with bad intentions could write for a pattern: lists that combine in many ways.

/// A pattern, and the worst record that we know for it, of about a number of bytes.
pub(crate) struct Case {
    pub name: &'static str,
    pub pattern: &'static str,
    pub record: fn(usize) -> String,
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "three lists, a field that nothing passes",
            pattern: r#"{"a":{"x":[1]},"b":{"y":[1]},"c":{"z":[1]},"d":[9]}"#,
            record: |bytes| {
                let list = |name: &str| many(&format!("{{\"{name}\":1}}"), bytes / 3);
                format!(r#"{{"a":{},"b":{},"c":{},"d":8}}"#, list("x"), list("y"), list("z"))
            },
        },
        Case {
            name: "three lists, then two fields never together",
            pattern: r#"{"a":{"x":[1]},"b":{"y":[1]},"c":{"z":[1]},"d":{"p":[1],"q":[1]}}"#,
            record: |bytes| {
                let list = |name: &str| many(&format!("{{\"{name}\":1}}"), bytes / 4);
                let last = many(r#"{"p":1},{"q":1}"#, bytes / 4);
                format!(r#"{{"a":{},"b":{},"c":{},"d":{last}}}"#, list("x"), list("y"), list("z"))
            },
        },
        Case {
            name: "one list, two fields never together",
            pattern: r#"{"a":{"x":[1],"y":[1]}}"#,
            record: |bytes| format!(r#"{{"a":{}}}"#, many(r#"{"x":1},{"y":1}"#, bytes)),
        },
        Case {
            name: "one list, four fields never all together",
            pattern: r#"{"a":{"w":[1],"x":[1],"y":[1],"z":[1]}}"#,
            record: |bytes| format!(r#"{{"a":{}}}"#, many(r#"{"w":1,"x":1,"y":1},{"w":1,"z":1}"#, bytes)),
        },
        Case {
            name: "two lists, names that sort between each other",
            pattern: r#"{"a":[1],"a-b":{"x":[1],"y":[1]},"a.c":[2]}"#,
            record: two_lists,
        },
        Case {
            name: "the same, and the last one never with the first",
            pattern: r#"{"a":[1],"a-b":{"x":[1],"y":[1]},"a.c":[1]}"#,
            record: two_lists,
        },
        Case {
            name: "the same, with absence elsewhere",
            pattern: r#"{"a":[1],"a-b":{"x":[1],"y":[1]},"a.c":[1],"z":[{"exists":false}]}"#,
            record: two_lists,
        },
        Case {
            name: "names repeated, each with a list of its own",
            pattern: r#"{"a":{"p":[1],"q":[1],"r":[1],"s":[1],"t":[1],"u":[1]},"z":[1]}"#,
            record: |bytes| {
                let lists = r#""a":[{"p":1,"q":1},{"r":1,"s":1},{"t":1}],"a":[{"p":1},{"u":2},{"t":1,"r":1}],"#;
                format!(r#"{{{}"a":[{{"u":1,"z":2}},{{"p":1,"q":1,"r":1}}],"z":1}}"#, lists.repeat(bytes / lists.len()))
            },
        },
        Case {
            name: "names repeated, six fields that exclude each other",
            pattern: r#"{"a":{"p":[1],"q":[1],"r":[1],"s":[1],"t":[1],"u":[1]}}"#,
            record: |bytes| {
                let list = r#""a":[[{"p":1},{"q":1}],[{"r":1},{"s":1}],[{"t":1},{"u":1}]],"#;
                format!(r#"{{{}"z":1}}"#, list.repeat(bytes / list.len()))
            },
        },
        Case {
            name: "absence, in a list",
            pattern: r#"{"a":{"x":[1],"y":[{"exists":false}],"z":[1]}}"#,
            record: |bytes| format!(r#"{{"a":{}}}"#, many(r#"{"x":1,"y":1,"z":1},{"x":1},{"z":1}"#, bytes)),
        },
        Case {
            name: "lists within lists",
            pattern: r#"{"a":{"x":[1],"y":[1]}}"#,
            record: |bytes| {
                let depth = bytes / 18;
                format!(r#"{{"a":{}{{"y":1}}{}}}"#, r#"[{"x":1},{"a":1},"#.repeat(depth), "]".repeat(depth))
            },
        },
        Case {
            name: "lists within lists, all values at the bottom",
            pattern: r#"{"a":{"x":[1],"y":[1]}}"#,
            record: |bytes| {
                let depth = bytes / 4;
                format!(
                    r#"{{"a":{}{}{}}}"#,
                    "[".repeat(depth),
                    many(r#"{"x":1},{"y":1}"#, bytes / 2),
                    "]".repeat(depth)
                )
            },
        },
        Case {
            name: "a string that almost fits a wildcard",
            pattern: r#"{"a":[{"wildcard":"*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*aaaaaaaaaaaab*"}]}"#,
            record: |bytes| format!(r#"{{"a":"{}"}}"#, "a".repeat(bytes)),
        },
        Case {
            name: "plain values, many for one field",
            pattern: r#"{"a":[{"prefix":"x"},{"anything-but":["y",""]},"10.0.0.1",{"numeric":[">",5]}]}"#,
            record: |bytes| format!(r#"{{"a":{}}}"#, many(r#""",1,"y""#, bytes)),
        },
        Case {
            name: "a number of many digits, compared with many",
            pattern: "{\"a\":[1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5,{\"numeric\":[\"<\",1]},{\"numeric\":[\"=\",1e9]}]}",
            record: |bytes| format!(r#"{{"a":{}}}"#, "1".repeat(bytes)),
        },
        Case {
            name: "escapes",
            pattern: r#"{"a":["x"]}"#,
            record: |bytes| format!(r#"{{"a":"{}"}}"#, r"\u0041".repeat(bytes / 6)),
        },
    ]
}

/// A list of as many items as fit.
fn many(item: &str, bytes: usize) -> String {
    let count = (bytes / (item.len() + 1)).max(1);
    format!("[{}]", vec![item; count].join(","))
}

/// Two lists whose names sort with another's between them.
fn two_lists(bytes: usize) -> String {
    let (first, second) = (many("[1],{\"c\":1}", bytes / 2), many(r#"{"x":1,"y":1}"#, bytes / 2));
    format!(r#"{{"a":{first},"a-b":{second}}}"#)
}
