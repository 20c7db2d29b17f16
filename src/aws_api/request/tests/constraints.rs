//! The model's constraints: every range and length at its edges, every word and pattern.

use serde_json::{Value, json};

use super::*;

/// Parameters that meet the constraints, whether or not a mapping can be made of them.
fn taken(source: &str, more: Value) -> Parameters {
    let body = body(source, more).to_string();
    super::super::create(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn below(value: &str, path: &str, min: i64) -> String {
    format!(
        "Value '{value}' at '{path}' failed to satisfy constraint: Member must have value greater than or equal to \
         {min}"
    )
}

fn above(value: &str, path: &str, max: i64) -> String {
    format!(
        "Value '{value}' at '{path}' failed to satisfy constraint: Member must have value less than or equal to {max}"
    )
}

fn one(finding: &str) -> (&'static str, String) {
    (VALIDATION, format!("1 validation error detected: {finding}"))
}

#[test]
fn numbers_have_their_ranges() {
    // Source, member, its range as the model has it, and how a request holds a number.
    type Hold = fn(i64) -> Value;
    let table: &[(&str, &str, i64, i64, Hold)] = &[
        (KINESIS, "batchSize", 1, 10_000, |n| json!({ "BatchSize": n })),
        (QUEUE, "batchSize", 1, 10_000, |n| json!({ "BatchSize": n, "MaximumBatchingWindowInSeconds": 1 })),
        (QUEUE, "maximumBatchingWindowInSeconds", 0, 300, |n| json!({ "MaximumBatchingWindowInSeconds": n })),
        (KINESIS, "parallelizationFactor", 1, 10, |n| json!({ "ParallelizationFactor": n })),
        (DYNAMODB, "maximumRecordAgeInSeconds", -1, 604_800, |n| json!({ "MaximumRecordAgeInSeconds": n })),
        (DYNAMODB, "maximumRetryAttempts", -1, 10_000, |n| json!({ "MaximumRetryAttempts": n })),
        (KINESIS, "tumblingWindowInSeconds", 0, 900, |n| json!({ "TumblingWindowInSeconds": n })),
        (
            QUEUE,
            "scalingConfig.maximumConcurrency",
            2,
            1000,
            |n| json!({ "ScalingConfig": { "MaximumConcurrency": n } }),
        ),
    ];
    for (source, path, min, max, hold) in table {
        for inside in [*min, *max] {
            taken(source, hold(inside));
        }
        let text = |n: i64| n.to_string();
        assert_eq!(refused(source, hold(min - 1)), one(&below(&text(min - 1), path, *min)));
        assert_eq!(refused(source, hold(max + 1)), one(&above(&text(max + 1), path, *max)));
        assert_eq!(refused(source, hold(i64::MAX)), one(&above("9223372036854775807", path, *max)));
        assert_eq!(refused(source, hold(i64::MIN)), one(&below("-9223372036854775808", path, *min)));
        let current = taken(source, json!({}));
        let body = hold(max + 1).to_string();
        assert_eq!(told(update(&current, body.as_bytes()), &body), one(&above(&text(max + 1), path, *max)));
    }
    let huge = refused(QUEUE, json!({ "BatchSize": u64::MAX }));
    assert_eq!(huge, one(&above("18446744073709551615", "batchSize", 10_000)));
    // What nobody takes here has its range all the same.
    for (name, path, max) in [
        ("MinimumPollers", "provisionedPollerConfig.minimumPollers", 200),
        ("MaximumPollers", "provisionedPollerConfig.maximumPollers", 10_000),
    ] {
        let hold = |n: i64| json!({ "ProvisionedPollerConfig": { name: n } });
        assert_eq!(refused(QUEUE, hold(0)), one(&below("0", path, 1)));
        assert_eq!(refused(QUEUE, hold(max + 1)), one(&above(&(max + 1).to_string(), path, max)));
        assert_eq!(refused(QUEUE, hold(max)).0, INVALID);
    }
}

#[test]
fn texts_have_their_lengths() {
    let long = |path: &str, max: usize, text: &str| {
        one(&format!(
            "Value '{text}' at '{path}' failed to satisfy constraint: Member must have length less than or equal to \
             {max}"
        ))
    };
    let arn = |length: usize| format!("{KINESIS}{}", "x".repeat(length - KINESIS.len()));
    let name = |length: usize| "f".repeat(length);
    // The last number is the longest that is taken.
    type Hold = fn(&str) -> Value;
    let table: [(&str, usize, String, String, Hold); 3] = [
        ("eventSourceArn", 10_000, arn(10_000), arn(10_001), |text| json!({ "EventSourceArn": text })),
        ("functionName", 256, name(256), name(257), |text| json!({ "FunctionName": text })),
        (
            "destinationConfig.onFailure.destination",
            350,
            arn(350),
            arn(351),
            |text| json!({ "DestinationConfig": { "OnFailure": { "Destination": text } } }),
        ),
    ];
    for (path, max, fits, exceeds, hold) in table {
        taken(KINESIS, hold(&fits));
        assert_eq!(refused(KINESIS, hold(&exceeds)), long(path, max, &exceeds));
    }
    let pattern = |length: usize| format!(r#"{{"data":{{"a":["{}"]}}}}"#, "x".repeat(length - 19));
    assert_eq!(pattern(4096).len(), 4096);
    let filters = |text: &str| {
        json!({ "FilterCriteria": { "Filters": [{ "Pattern": "{\"data\":{\"a\":[1]}}" },
        { "Pattern": text }] } })
    };
    taken(KINESIS, filters(&pattern(4096)));
    let exceeds = pattern(4097);
    assert_eq!(refused(KINESIS, filters(&exceeds)), long("filterCriteria.filters.2.member.pattern", 4096, &exceeds));
    // A character beyond the first plane counts twice, as in Java.
    let wide = format!(r#"{{"data":{{"a":["{}"]}}}}"#, "\u{1f600}".repeat(2040));
    assert!(wide.chars().count() < 4096);
    assert_eq!(refused(KINESIS, filters(&wide)).0, VALIDATION);
    assert_eq!(
        refused(QUEUE, json!({ "FunctionName": "" })).1.split(" at ").count(),
        3,
        "a name has neither the form nor the length"
    );
}

#[test]
fn texts_have_their_forms() {
    let function = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
    let source = r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
    let table = [
        (json!({ "FunctionName": "f g" }), "f g", "functionName", function.to_owned()),
        (
            json!({ "FunctionName": "arn:aws:lambda:eu-west-3::function:f" }),
            "arn:aws:lambda:eu-west-3::function:f",
            "functionName",
            function.to_owned(),
        ),
        (json!({ "EventSourceArn": "orders" }), "orders", "eventSourceArn", source.to_owned()),
        (
            json!({ "DestinationConfig": { "OnFailure": { "Destination": "failed" } } }),
            "failed",
            "destinationConfig.onFailure.destination",
            format!(r"$|kafka://([^.]([a-zA-Z0-9\-_.]{{0,248}}))|{source}"),
        ),
        (json!({ "KMSKeyArn": "key" }), "key", "kMSKeyArn", "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()".to_owned()),
    ];
    for (more, value, path, pattern) in table {
        let finding = format!(
            "Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy regular expression pattern: \
             {pattern}"
        );
        assert_eq!(refused(QUEUE, more), one(&finding));
    }
}

#[test]
fn words_are_of_a_set() {
    // Recorded, order of the set included.
    assert_eq!(
        refused(KINESIS, json!({ "StartingPosition": "invalid" })),
        one("Value 'invalid' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: \
             [LATEST, AT_TIMESTAMP, TRIM_HORIZON]")
    );
    for near in ["latest", "LATEST ", ""] {
        assert_eq!(refused(KINESIS, json!({ "StartingPosition": near })).0, VALIDATION, "{near:?}");
    }
    assert_eq!(
        refused(QUEUE, json!({ "FunctionResponseTypes": ["Report"] })),
        one(
            "Value '[Report]' at 'functionResponseTypes' failed to satisfy constraint: Member must satisfy constraint: \
             [Member must satisfy enum value set: [ReportBatchItemFailures]]"
        )
    );
    assert_eq!(
        refused(QUEUE, json!({ "MetricsConfig": { "Metrics": ["EventCount", "Events"] } })),
        one(
            "Value '[EventCount, Events]' at 'metricsConfig.metrics' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must satisfy enum value set: [EventCount, ErrorCount, KafkaMetrics]]"
        )
    );
    assert_eq!(
        refused(QUEUE, json!({ "LoggingConfig": { "SystemLogLevel": "LOUD" } })).1,
        "1 validation error detected: Value 'LOUD' at 'loggingConfig.systemLogLevel' failed to satisfy constraint: \
         Member must satisfy enum value set: [DEBUG, INFO, WARN]"
    );
}

#[test]
fn lists_have_their_lengths() {
    let twice = "ReportBatchItemFailures";
    assert_eq!(
        refused(QUEUE, json!({ "FunctionResponseTypes": [twice, twice] })),
        one(&format!(
            "Value '[{twice}, {twice}]' at 'functionResponseTypes' failed to satisfy constraint: Member must have \
             length less than or equal to 1"
        ))
    );
    taken(QUEUE, json!({ "MetricsConfig": { "Metrics": ["EventCount", "EventCount", "EventCount"] } }));
    assert_eq!(refused(QUEUE, json!({ "MetricsConfig": { "Metrics": vec!["EventCount"; 4] } })).0, VALIDATION);
    assert_eq!(
        refused(QUEUE, json!({ "Topics": [] })),
        one("Value '[]' at 'topics' failed to satisfy constraint: Member must have length greater than or equal to 1")
    );
    assert_eq!(
        refused(QUEUE, json!({ "Topics": ["t"] })).1,
        r"1 validation error detected: Value '[t]' at 'topics' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 249, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [^.]([a-zA-Z0-9\-_.]+)]"
    );
    let many = vec![json!({ "Type": "VPC_SUBNET", "URI": "subnet:a" }); 24];
    assert_eq!(refused(QUEUE, json!({ "SourceAccessConfigurations": many })).0, VALIDATION);
}

#[test]
fn a_function_is_required() {
    let missing = "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: Member must \
        not be null";
    for body in ["", "{}", r#"{"FunctionName":null}"#, r#"{"functionName":"f"}"#] {
        assert_eq!(told(create(body.as_bytes()), body), (VALIDATION, missing.to_owned()));
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let body = json!({
        "EventSourceArn": KINESIS, "BatchSize": 0, "MaximumRetryAttempts": 10_001, "StartingPosition": "NOW",
        "FilterCriteria": { "Filters": [{ "Pattern": "x".repeat(4097) }] },
    });
    let (code, text) = told(create(body.to_string().as_bytes()), "");
    assert_eq!(code, VALIDATION);
    let (count, findings) = text.split_once(": ").unwrap();
    assert_eq!(count, "5 validation errors detected");
    let paths: Vec<&str> =
        findings.split("; ").filter_map(|finding| finding.split(" at '").nth(1)?.split('\'').next()).collect();
    assert_eq!(
        paths,
        [
            "functionName",
            "batchSize",
            "filterCriteria.filters.1.member.pattern",
            "startingPosition",
            "maximumRetryAttempts"
        ]
    );
}
