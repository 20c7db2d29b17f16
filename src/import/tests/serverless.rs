//! `serverless.yml`, one thing at a time.

use serde_json::json;

use super::{left, only, options, read, says, why};

/// A service with one event of one function.
fn service(event: &str, more: &str) -> String {
    format!(
        "service: mail\nprovider: {{ name: aws, region: eu-west-1 }}\nfunctions:\n  sort:\n    events:\n      - \
         {event}\n{more}\n"
    )
}

/// The source that an ARN becomes.
fn arn(arn: &str, more: &str, parameters: &[(&str, &str)]) -> String {
    let found = only(&service(&format!("sqs: {{ arn: \"{arn}\" }}"), more), parameters);
    found["EventSourceArn"].as_str().unwrap().to_owned()
}

#[test]
fn variables_are_filled_in() {
    let more = "custom: { q: letters, dev: { q: dev-letters }, list: [a, b], empty: , deep: '${self:custom.q}' }\n\
        params: { default: { p: default }, dev: { only: dev } }\nstages: { dev: { params: { newer: staged } } }";
    let of = |name: &str| {
        arn(&format!("arn:aws:sqs:eu-west-1:123456789012:{name}"), more, &[("given", "given"), ("ssm:/x", "stored")])
    };
    let is = |name: &str| format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
    for (variable, value) in [
        ("${self:custom.q}", "letters"),
        ("${ self:custom.q }", "letters"),
        ("${self:custom.deep}", "letters"),
        ("${self:custom.list.1}", "b"),
        ("${self:custom.${sls:stage}.q}", "dev-letters"),
        ("${self:custom.missing, 'x'}", "x"),
        ("${self:custom.empty, self:custom.q}", "letters"),
        ("${self:custom.missing, ${self:custom.q}}", "letters"),
        ("${opt:colour, 'red'}", "red"),
        ("${opt:colour, 'red', 'blue'}", "red"),
        ("${opt:given}", "given"),
        ("${opt:stage, 'other'}", "other"),
        ("${sls:stage}", "dev"),
        ("${self:provider.stage}", "dev"),
        ("${param:p}", "default"),
        ("${param:only}", "dev"),
        ("${param:newer}", "staged"),
        ("${ssm:/x}", "stored"),
        ("${self:service}", "mail"),
        ("${env:QUEUE, 'x'}", "${QUEUE:-x}"),
        ("${opt:colour, env:QUEUE, self:custom.q}", "${QUEUE:-letters}"),
    ] {
        assert_eq!(of(variable), is(value), "{variable}");
    }
    assert_eq!(
        arn("arn:aws:sqs:${aws:region}:${aws:accountId}:q", "", &[]),
        "arn:aws:sqs:eu-west-1:${AWS_ACCOUNT_ID}:q"
    );
    let stage = arn("arn:aws:sqs:eu-west-1:123456789012:${sls:stage}", "", &[("stage", "prod")]);
    assert_eq!(stage, is("prod"));
}

#[test]
fn variables_without_a_value_are_told() {
    let more = "custom: { a: '${self:custom.b}', b: '${self:custom.a}', map: { x: 1 } }";
    for (variable, said) in [
        ("${self:custom.a}", "refers to itself"),
        ("${self:custom.map}x", "is no text"),
        ("${opt:colour}", "nothing gives"),
        ("${file(x.yml):y}", "outside this file"),
        ("${cf:stack.Output}", "outside this file"),
        ("${self:custom.${env:X}}", "depends on what is not known here"),
        ("${env:no-name}", "can name the variable"),
        ("${env:X, env:Y}", "is no plain text"),
        ("${self:custom", "no closing brace"),
    ] {
        let found = why(&service(&format!("sqs: {{ arn: \"{variable}\" }}"), more), &[]);
        assert!(found.contains(said), "{variable}: {found}");
    }
}

#[test]
fn a_variable_of_the_environment_is_one_of_forebays() {
    let import = read(&service("sqs: { arn: '${env:QUEUE_ARN}', batchSize: '${env:SIZE, 5}' }", ""), &options(&[]));
    assert_eq!((import.left.len(), import.mappings.len()), (0, 1));
    assert_eq!(says(&import, 0)["EventSourceArn"], "${QUEUE_ARN}");
    assert_eq!(says(&import, 0)["BatchSize"], "${SIZE:-5}");
    assert_eq!(import.variables.iter().collect::<Vec<_>>(), ["QUEUE_ARN"]);
}

#[test]
fn defaults_that_are_not_forebays_are_written_out() {
    let found = only(&service("sqs: arn:aws:sqs:eu-west-1:123456789012:q", ""), &[]);
    assert_eq!(
        (&found["BatchSize"], &found["Name"], &found["FunctionName"]),
        (&json!(10), &json!("sort-q"), &json!("mail-dev-sort"))
    );
    let found = only(&service("stream: arn:aws:kinesis:eu-west-1:123456789012:stream/s", ""), &[]);
    assert_eq!((&found["BatchSize"], &found["StartingPosition"]), (&json!(10), &json!("TRIM_HORIZON")));
}

#[test]
fn functions_have_the_names_that_serverless_gives_them() {
    let of = |function: &str| {
        let text = format!(
            "service: {{ name: mail }}\nprovider: {{ stage: test }}\nfunctions:\n  - sort: {{ events: [{{ sqs: \
             'arn:aws:sqs:eu-west-1:123456789012:q' }}], {function} }}\n"
        );
        only(&text, &[])["FunctionName"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("handler: h"), "mail-test-sort");
    assert_eq!(of("name: '${self:service.name}-own'"), "mail-own");
    assert_eq!(of("provisionedConcurrency: 1"), "mail-test-sort:provisioned");
    assert_eq!(of("provisionedConcurrency: 0, snapStart: true"), "mail-test-sort:snapstart");
}

#[test]
fn every_member_of_an_event_is_carried_over() {
    let event = "stream:\n          arn: arn:aws:kinesis:eu-west-1:123456789012:stream/s\n          type: \
        kinesis\n          batchSize: 1\n          batchWindow: 2\n          enabled: false\n          \
         startingPosition: AT_TIMESTAMP\n          startingPositionTimestamp: 1700000000\n          \
          parallelizationFactor: 3\n          maximumRetryAttempts: 4\n          maximumRecordAgeInSeconds: \
           60\n          bisectBatchOnFunctionError: true\n          functionResponseType: \
            ReportBatchItemFailures\n          destinations: { onFailure: 'arn:aws:s3:::failed' }\n          \
             filterPatterns: [{ data: { a: [1] } }]\n          consumer: false";
    let mut found = only(&service(event, ""), &[]);
    found.as_object_mut().unwrap().remove("Name");
    assert_eq!(
        found,
        json!({
            "EventSourceArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s", "FunctionName": "mail-dev-sort",
            "BatchSize": 1, "MaximumBatchingWindowInSeconds": 2, "Enabled": false, "StartingPosition": "AT_TIMESTAMP",
            "StartingPositionTimestamp": "1700000000", "ParallelizationFactor": 3, "MaximumRetryAttempts": 4,
            "MaximumRecordAgeInSeconds": 60, "BisectBatchOnFunctionError": true,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:s3:::failed" } },
            "FilterCriteria": { "Filters": [{ "Pattern": "{\"data\":{\"a\":[1]}}" }] },
        })
    );
}

#[test]
fn what_stands_elsewhere_is_told() {
    let functions = "service: mail\nfunctions: ${file(f.yml)}\n";
    assert!(why(functions, &[]).contains("outside this file"));
    let one = "service: mail\nfunctions: { sort: '${file(f.yml):sort}', '${file(g.yml)}': , none: }\n";
    assert_eq!(left(one, &[]).len(), 1);
    let events = "service: mail\nfunctions: { sort: { events: '${file(f.yml)}' }, b: { events: ['${file(f.yml):0}', \
        schedule] } }\n";
    let left = left(events, &[]);
    let left: Vec<_> = left.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(left, ["the events of function sort", "function b, event 1"]);
}

#[test]
fn a_condition_of_a_function_counts() {
    let more = "    condition: C\nresources: { Conditions: { C: !Equals [a, b] } }";
    assert!(why(&service("sqs: arn:aws:sqs:eu-west-1:123456789012:q", more), &[]).contains("`C` does not hold"));
}

#[test]
fn pseudo_parameters_and_booleans_are_filled_in() {
    let more = "resources: { Resources: { Own: { Type: AWS::SQS::Queue, Properties: { QueueName: own } } } }\ncustom: \
        { on: 'TRUE' }";
    for (written, found) in [
        ("arn:aws:sqs:#{AWS::Region}:123456789012:q", "arn:aws:sqs:eu-west-1:123456789012:q"),
        ("arn:aws:sqs:eu-west-1:#{AWS::AccountId}:q", "arn:aws:sqs:eu-west-1:${AWS_ACCOUNT_ID}:q"),
        ("#{Own.Arn}", "arn:aws:sqs:eu-west-1:${AWS_ACCOUNT_ID}:own"),
    ] {
        assert_eq!(arn(written, more, &[]), found, "{written}");
    }
    let unknown = service("sqs: { arn: 'arn:aws:sqs:eu-west-1:123456789012:#{Nowhere}' }", more);
    assert_eq!(left(&unknown, &[]).len(), 1);
    let enabled = |value: &str| {
        let event = format!("sqs: {{ arn: 'arn:aws:sqs:eu-west-1:123456789012:q', enabled: {value} }}");
        only(&service(&event, more), &[])["Enabled"].clone()
    };
    for (value, wanted) in [
        ("'${strToBool(${self:custom.on})}'", json!(true)),
        ("'${strToBool(0)}'", json!(false)),
        ("'${strToBool(\"false\")}'", json!(false)),
        ("'${strToBool(${opt:off, \"false\"})}'", json!(false)),
        ("'${strToBool(${env:ON, \"true\"})}'", json!("${ON:-true}")),
        ("no", json!(false)),
        ("On", json!(true)),
    ] {
        assert_eq!(enabled(value), wanted, "{value}");
    }
    let wrong = service("sqs: { arn: 'arn:aws:sqs:eu-west-1:123456789012:q', enabled: '${strToBool(perhaps)}' }", "");
    assert!(why(&wrong, &[]).contains("`strToBool` takes true"));
}

#[test]
fn words_in_patterns_are_no_booleans_of_yaml_1_1() {
    let found = only(
        &service(
            "sqs: { arn: 'arn:aws:sqs:eu-west-1:123456789012:q', filterPatterns: [{ body: { land: [no, true] } }] }",
            "",
        ),
        &[],
    );
    assert_eq!(found["FilterCriteria"]["Filters"][0]["Pattern"], r#"{"body":{"land":["no",true]}}"#);
}

#[test]
fn what_plugins_make_is_told() {
    let text = "service: mail\nconstructs:\n  jobs: { type: queue, batchSize: 5, worker: { handler: h } }\n  more: { \
        type: queue, worker: sort }\n  shop: { type: storage }\n  odd: { type: '${self:custom.x}' }\n  far: \
         ${file(c.yml)}\nfunctions:\n  sort: { events: [{ snsSqs: { name: a, topicArn: t } }, { kafkaLite: x }, \
          snsSqs, schedule, { http: GET / }] }\n";
    let left = left(text, &[]);
    let whats: Vec<_> = left.iter().map(|(line, what, _)| (*line, what.as_str())).collect();
    let wanted = [
        (3, "the mapping of construct jobs"),
        (4, "the mapping of construct more"),
        (6, "the mapping of construct odd"),
        (7, "construct far"),
        (9, "the mapping of function sort, event 1"),
        (9, "the mapping of function sort, event 2"),
        (9, "function sort, event 3"),
    ];
    assert_eq!(whats, wanted);
    assert!(left[0].2.contains("`jobsWorker`, with BatchSize 5"), "{left:?}");
    assert!(left[1].2.contains("`sort`, with BatchSize 1"), "{left:?}");
    assert!(left[4].2.contains("serverless-plugin-sns-sqs-lambda"), "{left:?}");
}

#[test]
fn resources_of_other_files_are_told() {
    for resources in [
        "${file(r.yml)}",
        "[ '${file(r.yml)}' ]",
        "{ Resources: '${file(r.yml)}' }",
        "{ Resources: { A: '${file(r.yml):a}' } }",
    ] {
        let text = format!("service: mail\nresources: {resources}\n");
        assert!(why(&text, &[]).contains("outside this file"), "{resources}");
    }
}

#[test]
fn a_filter_of_an_unknown_name_keeps_a_mapping_from_being_written() {
    for filter in [
        "filterPattern: [{ body: [a] }]",
        "filterCriteria: {}",
        "filterPatterns: { body: [a] }",
        "filterPatterns: five",
    ] {
        let text = service(&format!("sqs: {{ arn: 'arn:aws:sqs:eu-west-1:123456789012:q', {filter} }}"), "");
        assert_eq!(left(&text, &[]).len(), 1, "{filter}");
    }
}

#[test]
fn one_run_asks_for_all_that_is_missing() {
    let text = "service: ${opt:team}\nprovider: { stage: '${opt:where}' }\nfunctions: { sort: { events: [{ sqs: { arn: \
        'arn:aws:sqs:${opt:region2}:${opt:account}:q', batchSize: '${opt:size}' } }] } }\n";
    let mut asked: Vec<_> =
        left(text, &[]).into_iter().map(|(_, _, why)| why.split(['`']).nth(1).unwrap().to_owned()).collect();
    asked.sort();
    assert_eq!(asked, ["${opt:account}", "${opt:region2}", "${opt:size}", "${opt:team}", "${opt:where}"]);
}

#[test]
fn towers_of_variables_end() {
    let nested = format!("{}x{}", "${self:".repeat(5000), "}".repeat(5000));
    let sources = format!("${{{}x}}", "env:A, ".repeat(5000));
    let circle = "${self:custom.a.b.c}".to_owned();
    for text in [nested, sources, circle] {
        let service = service("sqs: { arn: '${self:custom.a}' }", &format!("custom: {{ a: \"{text}\" }}"));
        assert_eq!(left(&service, &[]).len(), 1);
    }
    let mut chain = String::from("custom:\n  a: '${self:custom.a0}'\n");
    for link in 0..3000 {
        chain.push_str(&format!("  a{link}: '${{self:custom.a{}}}'\n", link + 1));
    }
    assert!(why(&service("sqs: { arn: '${self:custom.a}' }", &chain), &[]).contains("on and on"));
}
