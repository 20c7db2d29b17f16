//! Every form of an answer, and what it means.

use super::*;

const IDS: &[&str] = &["m-0", "m-1", "m-2"];

fn malformed(payload: &str) -> &'static str {
    match read(payload.as_bytes(), IDS) {
        Answer::Malformed(reason) => reason,
        other => panic!("{payload} was read as {other:?}"),
    }
}

#[test]
fn every_form_of_success() {
    for payload in [
        "",
        " \n",
        "null",
        "{}",
        r#"{"batchItemFailures":[]}"#,
        r#"{"batchItemFailures":null}"#,
        r#"{"statusCode":200,"nested":{"batchItemFailures":[{"itemIdentifier":"m-0"}]}}"#,
        r#""""#,
        r#""ok""#,
        "[]",
        "[1,[2]]",
        "7",
        "-7",
        "7.5",
        "true",
    ] {
        assert_eq!(read(payload.as_bytes(), IDS), Answer::Success, "{payload}");
    }
}

#[test]
fn named_records_fail_and_the_others_succeed() {
    for (payload, failed) in [
        (r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#, vec![1]),
        (r#"{"batchItemFailures":[{"itemIdentifier":"m-2"},{"itemIdentifier":"m-0"}]}"#, vec![0, 2]),
        (r#"{"batchItemFailures":[{"itemIdentifier":"m-1"},{"itemIdentifier":"m-1"}]}"#, vec![1]),
        (r#"{"note":[1],"batchItemFailures":[{"why":{"x":1},"itemIdentifier":"m-1"}],"more":0}"#, vec![1]),
        (r#"{"batchItemFailures":[{"itemIdentifier":"m\u002d1"}]}"#, vec![1]),
    ] {
        assert_eq!(read(payload.as_bytes(), IDS), Answer::Partial(failed), "{payload}");
    }
}

#[test]
fn a_message_delivered_twice_fails_twice() {
    let payload = br#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#;
    assert_eq!(read(payload, &["m-1", "m-0", "m-1"]), Answer::Partial(vec![0, 2]));
}

#[test]
fn a_member_that_is_almost_the_right_one_fails_the_whole_batch() {
    for name in
        ["BatchItemFailures", "batchitemfailures", "BATCHITEMFAILURES", "batch_item_failures", "batch-item-failures"]
    {
        for list in ["[]", "null", r#"[{"itemIdentifier":"m-1"}]"#, r#""m-1""#] {
            let payload = format!(r#"{{"note":1,"{name}":{list}}}"#);
            assert_eq!(malformed(&payload), MISSPELT, "{payload}");
            let body = serde_json::to_string(&payload).unwrap();
            assert_eq!(malformed(&format!(r#"{{"statusCode":200,"body":{body}}}"#)), WRAPPED, "{body}");
        }
    }
    for other in ["batchItemFailure", "itemFailures", "batchItemFailures2", "_"] {
        assert_eq!(read(format!(r#"{{"{other}":[{{}}]}}"#).as_bytes(), IDS), Answer::Success, "{other}");
    }
}

#[test]
fn failures_in_the_body_of_an_http_answer_fail_the_whole_batch() {
    let (text, object) = (r#""{\"batchItemFailures\":[]}""#, r#"{"batchItemFailures":[]}"#);
    for body in [text, object] {
        for payload in [
            format!(r#"{{"statusCode":200,"body":{body}}}"#),
            format!(r#"{{"body":{body},"headers":{{}},"statusCode":"200"}}"#),
        ] {
            assert_eq!(malformed(&payload), WRAPPED, "{payload}");
        }
        let no_http = format!(r#"{{"body":{body}}}"#);
        assert_eq!(read(no_http.as_bytes(), IDS), Answer::Success, "{no_http}");
    }
    for body in [r#""done""#, r#""""#, r#""[1]""#, r#""{\"ok\":true}""#, "{}", "null", "7", "[1,{}]"] {
        let payload = format!(r#"{{"statusCode":200,"body":{body}}}"#);
        assert_eq!(read(payload.as_bytes(), IDS), Answer::Success, "{payload}");
    }
}

#[test]
fn the_exact_member_counts_next_to_any_other() {
    let exact = r#""batchItemFailures":[{"itemIdentifier":"m-1"}]"#;
    for other in [r#""BatchItemFailures":[{}]"#, r#""statusCode":200,"body":"{\"batchItemFailures\":[]}""#] {
        for payload in [format!("{{{exact},{other}}}"), format!("{{{other},{exact}}}")] {
            assert_eq!(read(payload.as_bytes(), IDS), Answer::Partial(vec![1]), "{payload}");
        }
    }
}

#[test]
fn every_malformed_form_fails_the_whole_batch() {
    for payload in ["{", "nul", "{}x", r#"{"batchItemFailures":["#, "\u{feff}{}", "<html>"] {
        assert_eq!(malformed(payload), "the answer is not JSON", "{payload}");
    }
    assert_eq!(read(b"\xff\xfe", IDS), Answer::Malformed("the answer is not JSON"));
    for list in [r#""m-1""#, "1", "true", r#"{"itemIdentifier":"m-1"}"#, r#"["m-1"]"#, "[null]", "[[]]", "[1]"] {
        let payload = format!(r#"{{"batchItemFailures":{list}}}"#);
        assert_eq!(malformed(&payload), "batchItemFailures is not a list of objects", "{payload}");
    }
    for (item, reason) in [
        (r#"{"itemIdentifier":""}"#, "an itemIdentifier is empty"),
        (r#"{"itemIdentifier":"m-9"}"#, "an itemIdentifier names no record of the batch"),
        ("{}", "a member of batchItemFailures has no itemIdentifier"),
        (r#"{"foo":"notvalid"}"#, "a member of batchItemFailures has no itemIdentifier"),
        (r#"{"itemIdentifier":null}"#, "an itemIdentifier is not a string"),
        (r#"{"itemIdentifier":123}"#, "an itemIdentifier is not a string"),
        (r#"{"itemIdentifier":-1.5}"#, "an itemIdentifier is not a string"),
        (r#"{"itemIdentifier":true}"#, "an itemIdentifier is not a string"),
        (r#"{"itemIdentifier":["m-1"]}"#, "an itemIdentifier is not a string"),
        (r#"{"itemIdentifier":{"a":"m-1"}}"#, "an itemIdentifier is not a string"),
    ] {
        let alone = format!(r#"{{"batchItemFailures":[{item}]}}"#);
        assert_eq!(malformed(&alone), reason, "{alone}");
        let after_a_good_one = format!(r#"{{"batchItemFailures":[{{"itemIdentifier":"m-1"}},{item}]}}"#);
        assert_eq!(malformed(&after_a_good_one), reason, "{after_a_good_one}");
    }
}
