//! Definitions that came through the AWS API, and what only they and their like show: origin, tags, metrics.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{NOW, clean};
use crate::machine::StartingPosition;
use crate::mapping::{Diagnostic, Mapping, Origin, of_definition};

const UUID: &str = "1c8e1b5f-95a6-4d0a-b2a9-6d0d62a0a1c5";
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:work:live";

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// A queue's parameters and more of them.
fn with(more: Value) -> Map<String, Value> {
    let mut parameters = object(json!({ "EventSourceArn": QUEUE, "FunctionName": FUNCTION }));
    parameters.extend(object(more));
    parameters
}

fn sound(parameters: &Map<String, Value>) -> Mapping {
    of_definition(UUID, parameters, NOW).unwrap_or_else(|found| panic!("{parameters:?}: {}", told(&found)))
}

fn told(found: &[Diagnostic]) -> String {
    found.iter().map(|one| format!("{} {}", one.code, one.message)).collect::<Vec<_>>().join("\n")
}

fn tagged(name: &str, value: &str) -> Map<String, Value> {
    with(json!({ "Tags": { name: value } }))
}

#[test]
fn a_definition_is_a_mapping_that_its_uuid_names() {
    let mapping = sound(&with(json!({
        "BatchSize": 50,
        "MaximumBatchingWindowInSeconds": 3,
        "Enabled": false,
        "ScalingConfig": { "MaximumConcurrency": 7 },
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\": {\"a\": [1]}}" }] },
        "MetricsConfig": { "Metrics": ["EventCount"] },
        "Tags": { "team": "shop", "empty": "" },
    })));
    assert_eq!((mapping.name.as_str(), mapping.uuid.as_str()), (UUID, UUID));
    assert_eq!((&mapping.origin, mapping.origin.to_string().as_str()), (&Origin::Api, "(api)"));
    assert_eq!((mapping.source.id(), mapping.function.text.as_str()), (QUEUE, FUNCTION));
    assert_eq!((mapping.batch_size, mapping.window, mapping.enabled), (50, Duration::from_secs(3), false));
    assert_eq!(
        (mapping.source.queue().unwrap().maximum_concurrency, mapping.report_batch_item_failures),
        (Some(7), true)
    );
    assert_eq!(mapping.filters, ["{\"body\": {\"a\": [1]}}"]);
    assert_eq!(mapping.metrics, ["EventCount"]);
    let tags: Vec<_> = mapping.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("empty", ""), ("team", "shop")]);
}

#[test]
fn times_are_taken_as_the_api_gives_them() {
    for (time, unix_ms) in [
        (json!(1_763_627_400), 1_763_627_400_000),
        (json!(1_763_627_400.0), 1_763_627_400_000),
        (json!(1_763_627_400.25), 1_763_627_400_250),
        (json!("2025-11-20T08:30:00Z"), 1_763_627_400_000),
        (json!(0), 0),
    ] {
        let parameters = object(json!({
            "EventSourceArn": STREAM,
            "FunctionName": FUNCTION,
            "StartingPosition": "AT_TIMESTAMP",
            "StartingPositionTimestamp": time,
        }));
        let stream = sound(&parameters).source.stream().unwrap().clone();
        assert_eq!(stream.start, StartingPosition::Timestamp(unix_ms), "{parameters:?}");
        let early = of_definition(UUID, &parameters, unix_ms.saturating_sub(1));
        assert_eq!(early.is_err(), unix_ms > 0, "a time to come");
    }
}

#[test]
fn nothing_is_filled_in() {
    for text in ["${HOME}", "${QUEUE}", "a ${SIZE:-x} b", "$${HOME}", "${", "${1}", "$"] {
        let mut parameters = tagged(text, text);
        let pattern = json!({ "body": { text: [text] } }).to_string();
        parameters.insert("FilterCriteria".into(), json!({ "Filters": [{ "Pattern": pattern }] }));
        let mapping = sound(&parameters);
        assert_eq!(mapping.tags[text], text);
        assert_eq!(mapping.filters, [pattern]);
    }
    let found = of_definition(UUID, &with(json!({ "FunctionName": "${QUEUE}" })), NOW).unwrap_err();
    assert_eq!(told(&found), "FB0206 \"${QUEUE}\" names no function");
}

#[test]
fn texts_survive_whatever_stands_in_them() {
    let alone = [
        "\0",
        "\u{1}",
        "\u{8}",
        "\t",
        "\n",
        "\r",
        "\u{c}",
        "\u{1b}",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "\u{9f}",
        "\u{a0}",
        "\u{2028}",
        "\u{2029}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{feff}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10000}",
        "🦀",
        "\u{1fffe}",
        "\u{10ffff}",
    ];
    let texts = [
        "\"",
        "\\",
        "\\\"",
        "'",
        "/",
        "\\u0041",
        "\\x41",
        "# no comment",
        "a: b",
        "- a",
        "[a",
        "{a",
        "!tag",
        "&a",
        "*a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "---",
        "...",
        "null",
        "~",
        "true",
        "1e3",
        "0x10",
        "<<",
        "Ref",
        "Fn::GetAtt",
        " ",
        "  a  b  ",
        "a\n\n  b\n",
        "\r\n",
        "é日本語",
    ];
    for text in alone.into_iter().chain(texts) {
        let mapping = sound(&tagged(text, text));
        assert_eq!(mapping.tags.iter().next(), Some((&text.to_owned(), &text.to_owned())));
    }
    // The longest keys: YAML bounds how far a key may reach.
    for text in alone {
        let (name, value) = (text.repeat(128), text.repeat(256));
        assert_eq!(sound(&tagged(&name, &value)).tags[&name], value);
    }
    let pattern = json!({ "body": { "a\u{7f}\u{feff}": ["b\u{fffe}\u{85}\"\n🦀"] } }).to_string();
    let filters = with(json!({ "FilterCriteria": { "Filters": [{ "Pattern": pattern }] } }));
    assert_eq!(sound(&filters).filters, [pattern]);
}

#[test]
fn what_is_wrong_is_told_as_it_is_of_files() {
    let long = "x".repeat(257);
    let mut deep = json!([]);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    for (more, codes) in [
        (json!({ "BatchSize": 0 }), &["FB0201"][..]),
        (json!({ "BatchSize": "5", "Colour": "red" }), &["FB0202", "FB0101"]),
        (json!({ "BatchSize": 11 }), &["FB0301"]),
        (json!({ "FunctionName": null }), &["FB0103"]),
        (json!({ "EventSourceArn": "orders" }), &["FB0205"]),
        (json!({ "StartingPosition": "LATEST" }), &["FB0105"]),
        (json!({ "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\": 1}" }] } }), &["FB0219"]),
        (json!({ "MetricsConfig": { "Metrics": ["KafkaMetrics"] } }), &["FB0105"]),
        (json!({ "Tags": { "a": long } }), &["FB0203"]),
        (json!({ "Tags": "a" }), &["FB0102"]),
        (json!({ "Name": "orders" }), &["FB0101"]),
        (json!({ "Poller": deep }), &["FB0006"]),
    ] {
        let found = of_definition(UUID, &with(more.clone()), NOW).unwrap_err();
        let found_codes: Vec<_> = found.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(found_codes, codes, "{more}: {}", told(&found));
        assert!(found.iter().all(|one| one.file == Path::new("(api)") && one.is_error() && one.help.is_some()));
    }
    let nothing = of_definition(UUID, &Map::new(), NOW).unwrap_err();
    assert_eq!(nothing.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["FB0103", "FB0103"]);
    let unnamed = of_definition("", &with(json!({})), NOW).unwrap_err();
    assert_eq!(unnamed.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["FB0207"]);
}

#[test]
fn warnings_are_no_errors() {
    let filters: Vec<_> = (0..6).map(|number| json!({ "Pattern": format!("{{\"body\":[{number}]}}") })).collect();
    assert_eq!(sound(&with(json!({ "FilterCriteria": { "Filters": filters } }))).filters.len(), 6);
    let found = of_definition(UUID, &with(json!({ "FilterCriteria": { "Filters": filters }, "BatchSize": 0 })), NOW);
    assert_eq!(told(&found.unwrap_err()), "FB0201 `BatchSize` is 0, but may be 1 to 10000");
}

#[test]
fn files_have_tags_and_metrics_too() {
    let text = format!("EventSourceArn: {QUEUE}\nFunctionName: f\nMetricsConfig: {{ Metrics: [EventCount] }}\n");
    let map = "Tags: { team: shop, size: \"${SIZE}\", nothing: null, 5: true, \"<<\": x }";
    let list = "Tags:\n  - { Key: team, Value: shop }\n  - { Key: nothing }\n  - { key: size, value: \"${SIZE}\" }\n  \
        - { Key: 5, Value: true }\n  - { Key: <<, Value: x }";
    for tags in [map, list] {
        let [mapping] = clean(&format!("{text}{tags}\n")).try_into().unwrap();
        assert_eq!(mapping.origin, Origin::File("orders.yaml".into()));
        assert_eq!(mapping.metrics, ["EventCount"]);
        let tags: Vec<_> = mapping.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(tags, [("5", "true"), ("<<", "x"), ("nothing", ""), ("size", "5"), ("team", "shop")]);
    }
    let [bare] = clean(&format!("EventSourceArn: {QUEUE}\nFunctionName: f\n")).try_into().unwrap();
    assert!(bare.tags.is_empty() && bare.metrics.is_empty());
}

#[test]
fn origin_tags_and_metrics_do_not_change_how_a_mapping_runs() {
    let mapping = sound(&with(json!({ "BatchSize": 5, "Tags": { "a": "b" } })));
    let shown = Mapping {
        origin: Origin::File("a.yaml".into()),
        tags: [("c".to_owned(), "d".to_owned())].into(),
        metrics: vec!["EventCount".into()],
        ..mapping.clone()
    };
    assert!(mapping.runs_like(&shown) && shown.runs_like(&mapping) && mapping != shown);
    for other in [
        Mapping { batch_size: 6, ..shown.clone() },
        Mapping { enabled: false, ..shown.clone() },
        Mapping { uuid: "x".into(), ..shown.clone() },
        Mapping { filters: vec!["{}".into()], ..shown },
        sound(&with(json!({ "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:work:next" }))),
    ] {
        assert!(!mapping.runs_like(&other) && !other.runs_like(&mapping));
    }
}

/// Any JSON of little size, with the names and words of parameters among the keys and texts.
fn anything() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "EventSourceArn",
        "FunctionName",
        "Tags",
        "FilterCriteria",
        "Filters",
        "Pattern",
        "Poller",
        "Name",
        "BatchSize",
        "Key",
        "Value",
        "StartingPosition",
        "LATEST",
        "Ref",
        "<<",
        QUEUE,
        STREAM,
        FUNCTION,
        "{\"body\":[1]}",
    ]);
    let text = prop_oneof![words.prop_map(str::to_owned), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tag_survives(name in prop::collection::vec(any::<char>(), 1..=128),
        value in prop::collection::vec(any::<char>(), 0..=256)) {
        let (name, value): (String, String) = (name.into_iter().collect(), value.into_iter().collect());
        prop_assert_eq!(sound(&tagged(&name, &value)).tags.into_iter().next(), Some((name, value)));
    }

    #[test]
    fn any_parameters_get_an_answer(value in anything(), sound in any::<bool>()) {
        let more = match value {
            Value::Object(map) => map,
            other => [("Tags".to_owned(), other)].into_iter().collect(),
        };
        let mut parameters = if sound { with(json!({})) } else { Map::new() };
        parameters.extend(more);
        if let Err(found) = of_definition(UUID, &parameters, NOW) {
            prop_assert!(!found.is_empty() && found.iter().all(Diagnostic::is_error));
            prop_assert!(found.iter().all(|one| !one.render(false).is_empty()));
        }
    }
}
