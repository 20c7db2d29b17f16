//! Answers of AWS's API, and mapping files.

use serde_json::{Value, json};

use super::{Options, left, only, options, read, says, why};
use crate::mapping::parse_at;

const QUEUE: &str = "\"EventSourceArn\": \"arn:aws:sqs:us-east-1:123456789012:q\", \"FunctionArn\": \
    \"arn:aws:lambda:us-east-1:123456789012:function:f\"";

#[test]
fn one_mapping_a_list_and_a_listing_are_read() {
    let one = format!("{{ {QUEUE}, \"UUID\": \"u\", \"LastModified\": 5.0 }}");
    let wanted = json!({
        "Name": "f-q", "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q",
        "FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f",
    });
    for text in
        [one.clone(), format!("[{one}]"), format!("{{ \"EventSourceMappings\": [{one}], \"NextMarker\": null }}")]
    {
        assert_eq!(only(&text, &[]), wanted);
    }
}

#[test]
fn the_state_says_whether_a_mapping_is_enabled() {
    let of = |state: &str| format!("{{ {QUEUE}, \"State\": \"{state}\" }}");
    for (state, enabled) in [("Enabled", true), ("Updating", true), ("Disabled", false), ("Disabling", false)] {
        assert_eq!(only(&of(state), &[])["Enabled"], enabled, "{state}");
    }
    assert_eq!(why(&of("Deleting"), &[]), "AWS is deleting it");
}

#[test]
fn texts_of_aws_are_taken_word_for_word() {
    let pattern = r#"{\"body\":{\"a\":[1.0,1e400,\"${X}\"],\"a\":[\"!Ref\"]}}"#;
    let text = format!("{{ {QUEUE}, \"FilterCriteria\": {{ \"Filters\": [{{ \"Pattern\": \"{pattern}\" }}] }} }}");
    let import = read(&text, &options(&[]));
    let file = parse_at(std::path::Path::new("f.yaml"), &import.mappings[0].text, &|_| None, super::NOW);
    assert_eq!(file.mappings[0].filters, [r#"{"body":{"a":[1.0,1e400,"${X}"],"a":["!Ref"]}}"#]);
}

#[test]
fn a_mapping_file_stays_what_it_is() {
    let text = "Name: orders\nEventSourceArn: arn:aws:sqs:${R:-us-east-1}:123456789012:orders\nFunctionName: ${F}\n\
        BatchSize: \"${SIZE:-5}\"\nMaximumBatchingWindowInSeconds: 3\nFilterCriteria:\n  Filters:\n    - Pattern: \
         '{\"body\": {\"a\": [\"${A:-x}\", \"$${B}\"]}}'\n    - Pattern: { body: { b: [1.0, \"${A:-x}\", \"$${B}\"], \
          $or: [{ c: [null] }, { d: [true] }] } }\nTags: { a: \"$${x}\", b: \"${B:-}\" }\nPoller:\n  RateLimit: 5\n  \
           Visibility: { Timeout: 30s, OnFunctionError: { Backoff: { Initial: 2s } } }\n  OnFiltered: Release\n  \
            Endpoints: { sqs: \"http://localhost:4566\" }\n";
    let import = read(text, &options(&[]));
    assert_eq!(import.left, []);
    assert_eq!(import.variables.iter().collect::<Vec<_>>(), ["F"]);
    let env = |name: &str| (name == "F").then(|| "f".to_owned());
    let of = |text: &str| parse_at(std::path::Path::new("orders.yaml"), text, &env, super::NOW);
    let (before, after) = (of(text), of(&import.mappings[0].text));
    assert!(!before.has_errors() && !after.has_errors(), "{:?}\n{:?}", before.diagnostics, after.diagnostics);
    assert_eq!(before.mappings, after.mappings);
}

#[test]
fn what_is_imported_twice_is_the_same() {
    let text = format!("{{ {QUEUE}, \"Tags\": {{ \"a\": \"${{x}}\" }} }}");
    let once = read(&text, &options(&[]));
    let twice = read(&once.mappings[0].text, &options(&[]));
    assert_eq!(says(&once, 0), says(&twice, 0));
    assert_eq!(says(&once, 0)["Tags"], json!({ "a": "$${x}" }));
}

#[test]
fn what_is_no_mapping_is_told() {
    let text = format!("EventSourceMappings: [5, {{ {QUEUE} }}]\nNextMarker: more\nColour: red\n");
    let import = read(&text, &options(&[]));
    assert_eq!(import.mappings.len(), 1);
    let left: Vec<_> = import.left.iter().map(|left| (left.line, left.what.as_str())).collect();
    assert_eq!(
        left,
        [(1, "a mapping"), (2, "the mappings of later pages"), (3, "`Colour` next to `EventSourceMappings`")]
    );
    assert_eq!(left_of("EventSourceMappings: 5\n"), "it is no list");
    assert!(left_of(&format!("{{ {QUEUE}, \"FunctionName\": !Ref F }}")).contains("`!Ref`"));
    assert!(left_of("EventSourceArn: arn:aws:sqs:us-east-1:123456789012:q\n").contains("no `FunctionName`"));
}

fn left_of(text: &str) -> String {
    let [(_, _, why)] = left(text, &[]).try_into().unwrap();
    why
}

#[test]
fn sources_that_forebay_does_not_poll_stay_with_aws() {
    for (source, said) in [
        ("\"EventSourceArn\": \"arn:aws:kafka:us-east-1:123456789012:cluster/x/1\"", "Amazon MSK"),
        ("\"EventSourceArn\": \"arn:aws:mq:us-east-1:123456789012:broker:x:b-1\"", "Amazon MQ"),
        ("\"EventSourceArn\": \"arn:aws:rds:us-east-1:123456789012:cluster:x\"", "Amazon DocumentDB"),
        ("\"SelfManagedEventSource\": { \"Endpoints\": { \"KAFKA_BOOTSTRAP_SERVERS\": [\"x:9092\"] } }", "Kafka"),
    ] {
        let text = format!("[{{ {source}, \"FunctionArn\": \"f\", \"Topics\": [\"t\"] }}]");
        assert_eq!(why(&text, &[]), format!("forebay does not poll {said}"));
    }
}

#[test]
fn encrypted_filters_keep_a_mapping_from_running_without_them() {
    let text = format!("{{ {QUEUE}, \"FilterCriteriaError\": {{ \"ErrorCode\": \"x\" }} }}");
    assert!(why(&text, &[]).contains("could not read the mapping's filters"));
    let fine = format!("{{ {QUEUE}, \"FilterCriteriaError\": null }}");
    assert!(matches!(only(&fine, &[]), Value::Object(_)));
}

#[test]
fn a_list_does_not_show_encrypted_filters() {
    let one = format!("{{ {QUEUE}, \"UUID\": \"u-1\", \"KMSKeyArn\": \"arn:aws:kms:us-east-1:123456789012:key/1\" }}");
    for listed in [format!("{{ \"EventSourceMappings\": [{one}] }}"), format!("[{one}]")] {
        let import = read(&listed, &options(&[]));
        assert!(import.mappings.is_empty());
        assert!(import.left[0].help.contains("aws lambda get-event-source-mapping --uuid u-1 | forebay import -"));
    }
    // What AWS says of this one alone has its filters, if there are any.
    let import = read(&one, &options(&[]));
    assert_eq!((import.mappings.len(), import.left.len()), (1, 1));
}

#[test]
fn what_runs_at_aws_is_known() {
    let at_aws = |text: &str| read(text, &options(&[])).mappings.remove(0).at_aws;
    let of = |state: &str| at_aws(&format!("{{ {QUEUE}, \"UUID\": \"u-1\", \"State\": \"{state}\" }}")).unwrap();
    let enabled = of("Enabled");
    assert_eq!((enabled.uuid.as_deref(), enabled.enabled, enabled.start.as_deref()), (Some("u-1"), true, None));
    assert_eq!(enabled.source, "arn:aws:sqs:us-east-1:123456789012:q");
    assert_eq!(enabled.function, "arn:aws:lambda:us-east-1:123456789012:function:f");
    assert!(!of("Disabled").enabled);
    assert_eq!(at_aws(&format!("{{ {QUEUE}, \"Name\": \"ours\" }}")), None);
}

#[test]
fn mappings_can_be_written_disabled() {
    let text = format!("{{ {QUEUE}, \"UUID\": \"u-1\", \"State\": \"Enabled\" }}");
    let import = read(&text, &Options { disabled: true, ..options(&[]) });
    assert_eq!(says(&import, 0)["Enabled"], false);
    // AWS's own mapping is to be disabled all the same.
    assert!(import.mappings[0].at_aws.as_ref().is_some_and(|at_aws| at_aws.enabled));
}
