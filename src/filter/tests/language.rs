//! Every operator against values of every type.

use super::matches;

/// A list of values for the field `a`, then values that pass, then values that do not.
fn table(list: &str, pass: &[&str], fail: &[&str]) {
    let pattern = format!("{{\"a\":{list}}}");
    for value in pass {
        assert!(matches(&pattern, &format!("{{\"a\":{value}}}")), "{list} should take {value}");
    }
    for value in fail {
        assert!(!matches(&pattern, &format!("{{\"a\":{value}}}")), "{list} should not take {value}");
    }
}

#[test]
fn plain_values() {
    table(
        r#"["x"]"#,
        &[r#""x""#, r#"["y","x"]"#, r#""\u0078""#],
        &[r#""X""#, r#""xy""#, r#""""#, "null", r#"{"x":1}"#],
    );
    table(r#"[""]"#, &[r#""""#], &["null", "0", "false", "[]", r#"" ""#]);
    table("[1]", &["1", "1.0", "10e-1", "[2,1]"], &[r#""1""#, "true", "1.0000000000000001", "-1"]);
    table("[true]", &["true"], &["false", r#""true""#, "1"]);
    table("[false]", &["false"], &["true", "null", "0"]);
    table("[null]", &["null", "[null]"], &["false", r#""null""#, "[]", "0", r#""""#]);
    table(r#"[1,"x",null]"#, &["1", r#""x""#, "null"], &["2", r#""y""#, "true"]);
    table(r#"["é"]"#, &[r#""é""#, r#""\u00e9""#], &[r#""e\u0301""#, r#""É""#]);
    table(r#"["{\"b\":1}"]"#, &[r#""{\"b\":1}""#], &[r#"{"b":1}"#]);
    table(r#"["😀"]"#, &[r#""\ud83d\ude00""#], &[r#""\ud83d""#]);
    let many: Vec<String> = (0..100).map(|number| format!("\"k{number}\"")).collect();
    table(&format!("[{}]", many.join(",")), &[r#""k0""#, r#""k99""#, r#""k42""#], &[r#""k100""#, r#""k""#]);
}

#[test]
fn large_and_small_numbers() {
    table("[12345678901234567890]", &["12345678901234567890", "1.2345678901234567890e19"], &["12345678901234567891"]);
    table("[9007199254740993]", &["9007199254740993"], &["9007199254740992", "9007199254740994"]);
    table("[1e400]", &["1e400", "10e399"], &["1e401", r#""1e400""#]);
    table(r#"[{"numeric":[">",9007199254740992]}]"#, &["9007199254740993", "1e400"], &["9007199254740992", "-1e400"]);
}

#[test]
fn addresses() {
    table(r#"["10.0.0.1"]"#, &[r#""10.0.0.1""#, r#""010.0.0.1""#], &[r#""10.0.0.2""#, r#""::a00:1""#]);
    table(r#"["::1"]"#, &[r#""::1""#, r#""0:0:0:0:0:0:0:1""#], &[r#""::2""#, r#""1""#]);
    table(r#"["10.0.0.256"]"#, &[r#""10.0.0.256""#], &[r#""010.0.0.256""#]);
    let block = r#"[{"cidr":"10.0.0.0/24"}]"#;
    table(block, &[r#""10.0.0.0""#, r#""10.0.0.255""#], &[r#""10.0.1.0""#, r#""x""#, "10", r#""::1""#]);
    table(r#"[{"cidr":"2001:db8::/32"}]"#, &[r#""2001:db8:1::""#], &[r#""2001:db9::""#, r#""32.1.13.184""#]);
}

#[test]
fn beginnings_and_ends() {
    table(r#"[{"prefix":"ab"}]"#, &[r#""ab""#, r#""abc""#], &[r#""a""#, r#""Ab""#, r#""xab""#, "null"]);
    table(r#"[{"prefix":""}]"#, &[r#""""#, r#""x""#], &["1", "null", "true"]);
    table(r#"[{"prefix":"1"}]"#, &[r#""12""#], &["12"]);
    table(r#"[{"suffix":"ab"}]"#, &[r#""ab""#, r#""xab""#], &[r#""b""#, r#""abx""#, r#""xAB""#]);
    table(r#"[{"suffix":""}]"#, &[r#""""#, r#""x""#], &["1", "[]"]);
    table(r#"[{"prefix":{"equals-ignore-case":"Ab"}}]"#, &[r#""aBc""#, r#""AB""#], &[r#""a""#, r#""xab""#]);
    table(r#"[{"suffix":{"equals-ignore-case":".PnG"}}]"#, &[r#""x.png""#, r#"".PNG""#], &[r#""png""#, r#""x.png ""#]);
}

#[test]
fn case_and_wildcards() {
    table(r#"[{"equals-ignore-case":"alice"}]"#, &[r#""Alice""#, r#""ALICE""#], &[r#""alic""#, r#""alicee""#, "1"]);
    table(r#"[{"equals-ignore-case":"ß"}]"#, &[r#""SS""#, r#""ß""#], &[r#""ẞ""#, r#""ss""#]);
    table(r#"[{"equals-ignore-case":"😀a"}]"#, &[r#""😀A""#], &[r#""😁A""#]);
    table(r#"[{"wildcard":"a*z"}]"#, &[r#""az""#, r#""abcz""#], &[r#""a""#, r#""zaz""#, r#""azx""#, "1"]);
    table(r#"[{"wildcard":"\\*"}]"#, &[r#""*""#], &[r#""x""#, r#""\\*""#]);
    table(r#"[{"wildcard":""}]"#, &[r#""""#], &[r#""x""#]);
    table(r#"[{"exactly":"10.0.0.1"}]"#, &[r#""10.0.0.1""#], &[r#""010.0.0.1""#]);
}

#[test]
fn ranges() {
    table(r#"[{"numeric":["=",1.5]}]"#, &["1.5", "15e-1"], &["1.50001", r#""1.5""#, "null"]);
    table(r#"[{"numeric":["<",0]}]"#, &["-1", "-0.1"], &["0", "-0", "1"]);
    table(r#"[{"numeric":["<=",0]}]"#, &["-1", "0", "-0.0"], &["0.1"]);
    table(r#"[{"numeric":[">",0]}]"#, &["1e-400", "5"], &["0", "-5"]);
    table(r#"[{"numeric":[">=",0,"<",5]}]"#, &["0", "4.999", "[9,3]"], &["5", "-1", r#""3""#]);
    table(r#"[{"numeric":[">",0,"<=",5]}]"#, &["5", "0.1"], &["0", "5.1"]);
}

#[test]
fn exclusions() {
    table(
        r#"[{"anything-but":"x"}]"#,
        &[r#""y""#, "1", "null", "true", r#"["x","y"]"#],
        &[r#""x""#, r#"["x","x"]"#, "[]", "{}"],
    );
    table(r#"[{"anything-but":["x","y"]}]"#, &[r#""z""#, "0"], &[r#""x""#, r#""y""#]);
    table(r#"[{"anything-but":1}]"#, &["2", r#""1""#, "null"], &["1", "1.0"]);
    table(r#"[{"anything-but":[1,2]}]"#, &["3", r#""x""#], &["2e0", "[1,2]"]);
    table(r#"[{"anything-but":{"prefix":"x"}}]"#, &[r#""yx""#, "1", "null"], &[r#""xy""#, r#""x""#]);
    table(r#"[{"anything-but":{"suffix":["x","y"]}}]"#, &[r#""xz""#], &[r#""zx""#, r#""zy""#]);
    table(r#"[{"anything-but":{"equals-ignore-case":["x","y"]}}]"#, &[r#""z""#, "5"], &[r#""X""#, r#""y""#]);
    table(r#"[{"anything-but":{"wildcard":["a*","*b"]}}]"#, &[r#""cbc""#, "false"], &[r#""ax""#, r#""xb""#]);
    assert!(!matches(r#"{"a":[{"anything-but":"x"}]}"#, r#"{"b":1}"#), "a field that is missing is not anything");
}

#[test]
fn presence() {
    table(r#"[{"exists":true}]"#, &["1", "null", r#""""#, "false", "[0]"], &["[]", "{}", "[[]]", "[{}]", r#"{"b":1}"#]);
    table(r#"[{"exists":false}]"#, &["[]", "{}", "[[],{}]", r#"{"b":1}"#], &["1", "null", "[null]"]);
    table(r#"[{"exists":false},"x"]"#, &[r#""x""#, "{}"], &[r#""y""#]);
    assert!(matches(r#"{"a":[{"exists":false}]}"#, "{}"));
    assert!(!matches(r#"{"a":[{"exists":true}]}"#, "{}"));
    assert!(matches(r#"{"a":{"b":[{"exists":false}]}}"#, r#"{"a":1}"#));
}

#[test]
fn names() {
    let cases = [
        (r#"{"a":{"b":[1]}}"#, r#"{"a.b":1}"#, true),
        (r#"{"a.b":[1]}"#, r#"{"a":{"b":1}}"#, true),
        (r#"{"a.b":{"c.d":[1]}}"#, r#"{"a":{"b.c":{"d":1}}}"#, true),
        (r#"{"a":{"b":[1]}}"#, r#"{"a":{"c":{"b":1}}}"#, false),
        (r#"{"a":[1]}"#, r#"{"A":1}"#, false),
        (r#"{"\u0061":[1]}"#, r#"{"a":1}"#, true),
        (r#"{"a":[1]}"#, r#"{"\u0061":1}"#, true),
        (r#"{"":[1]}"#, r#"{"":1}"#, true),
        (r#"{"a":{"":[1]}}"#, r#"{"a":{"":1}}"#, true),
        (r#"{"a":{"":[1]}}"#, r#"{"a":1}"#, false),
        (r#"{"a":[1],"b":[2]}"#, r#"{"b":2,"c":3,"a":1}"#, true),
        (r#"{"a":[1],"b":[2]}"#, r#"{"b":3,"a":1}"#, false),
        (r#"{"a":[1]}"#, r#"{"a":2,"a":1}"#, true),
        (r#"{"a":[1],"ab":[2]}"#, r#"{"abc":1,"ab":2,"a":1}"#, true),
        (r#"{"a":[1]}"#, r#"[{"a":2},{"a":1}]"#, true),
    ];
    for (pattern, event, expected) in cases {
        assert_eq!(matches(pattern, event), expected, "{pattern} {event}");
    }
    // More members than are looked through one by one.
    let fields: Vec<String> = (0..40).map(|number| format!("\"n{number}\":[{number}]")).collect();
    let values: Vec<String> = (0..40).rev().map(|number| format!("\"n{number}\":{number}")).collect();
    let event = format!("{{{}}}", values.join(","));
    assert!(matches(&format!("{{{}}}", fields.join(",")), &event));
    assert!(!matches(&format!("{{{}}}", fields.join(",")), &event.replace("\"n7\":7,", "\"n7\":8,")));
}

#[test]
fn repeated_names_of_a_pattern() {
    let cases = [
        (r#"{"a":[1],"a":[2]}"#, r#"{"a":2}"#, true),
        (r#"{"a":[1],"a":[2]}"#, r#"{"a":1}"#, false),
        (r#"{"d":{"n":[1]},"d":{"o":[2]}}"#, r#"{"d":{"n":1,"o":2}}"#, true),
        (r#"{"d":{"n":[1]},"d":{"o":[2]}}"#, r#"{"d":{"n":9,"o":2}}"#, false),
        (r#"{"d":{"n":[1]},"d":{"n":[2]}}"#, r#"{"d":{"n":2}}"#, true),
        (r#"{"d":[1],"d":{"n":[2]}}"#, r#"{"d":[1,{"n":2}]}"#, true),
        (r#"{"d":[1],"d":{"n":[2]}}"#, r#"{"d":[{"n":2}]}"#, false),
    ];
    for (pattern, event, expected) in cases {
        assert_eq!(matches(pattern, event), expected, "{pattern} {event}");
    }
}

#[test]
fn alternatives() {
    let cases = [
        (r#"{"$or":[{"a":[1]},{"b":[2]}]}"#, r#"{"b":2}"#, true),
        (r#"{"$or":[{"a":[1]},{"b":[2]}]}"#, r#"{"a":2,"b":1}"#, false),
        (r#"{"c":[3],"$or":[{"a":[1]},{"b":[2]}]}"#, r#"{"b":2}"#, false),
        (r#"{"c":[3],"$or":[{"a":[1]},{"b":[2]}]}"#, r#"{"b":2,"c":3}"#, true),
        (r#"{"x":{"$or":[{"a":[1]},{"b":[2]}]}}"#, r#"{"x":{"a":1}}"#, true),
        (r#"{"$or":[{"a":[1]},{"b":[2]}],"$or":[{"c":[3]},{"d":[4]}]}"#, r#"{"a":1,"d":4}"#, true),
        (r#"{"$or":[{"a":[1]},{"b":[2]}],"$or":[{"c":[3]},{"d":[4]}]}"#, r#"{"a":1,"b":2}"#, false),
        (r#"{"$or":[{"$or":[{"a":[1]},{"b":[2]}],"c":[3]},{"d":[4]}]}"#, r#"{"b":2,"c":3}"#, true),
        (r#"{"$or":[{"$or":[{"a":[1]},{"b":[2]}],"c":[3]},{"d":[4]}]}"#, r#"{"b":2}"#, false),
        // What a branch says of a path that was given before counts instead, and what follows counts instead of that.
        (r#"{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}"#, r#"{"a":2}"#, true),
        (r#"{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}"#, r#"{"a":1}"#, false),
        (r#"{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}"#, r#"{"a":1,"b":3}"#, true),
        (r#"{"$or":[{"a":[2]},{"b":[3]}],"a":[1]}"#, r#"{"a":1}"#, true),
        (r#"{"$or":[{"a":[2]},{"b":[3]}],"a":[1]}"#, r#"{"a":2}"#, false),
    ];
    for (pattern, event, expected) in cases {
        assert_eq!(matches(pattern, event), expected, "{pattern} {event}");
    }
}
