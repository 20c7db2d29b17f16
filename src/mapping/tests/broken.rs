//! Broken files: the codes each gives, and how the problems look, line and caret included.

use super::broken_lines::LINES;
use super::{
    broken_destinations as destinations, broken_filters as filters, broken_http as http, broken_streams as streams,
    broken_targets as targets, read,
};
use crate::mapping::Code;

/// Name, the codes in the order of their places, the text.
pub(super) type Case = (&'static str, &'static [&'static str], &'static str);

pub(super) const SOUND: &str = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n";

/// Whole texts.
const FILES: &[Case] = &[
    ("empty", &["FB0005"], ""),
    ("only_comments", &["FB0005"], "# nothing yet\n---\n"),
    ("empty_list", &["FB0005"], "[]\n"),
    ("empty_listing", &["FB0005"], "{\"EventSourceMappings\": []}\n"),
    ("unclosed_bracket", &["FB0007"], "Name: a\nFunctionResponseTypes: [ReportBatchItemFailures\nBatchSize: 1\n"),
    ("unclosed_quote", &["FB0007"], "Name: 'a\nBatchSize: 1\n"),
    ("tab_indentation", &["FB0007"], "ScalingConfig:\n\tMaximumConcurrency: 2\n"),
    ("bad_indentation", &["FB0007"], "ScalingConfig:\n    MaximumConcurrency: 2\n  Name: x\n"),
    ("json_trailing_text", &["FB0103", "FB0103", "FB0007"], "{\"Name\": \"a\"} x\n"),
    ("binary", &["FB0007"], "\u{0}\u{1}\u{2}"),
    ("unknown_alias", &["FB0011"], "Name: *name\n"),
    ("alias_inside_itself", &["FB0011"], "Tags: &tags [*tags]\n"),
    (
        "type_of_its_own",
        &["FB0104"],
        "Type: queue\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n",
    ),
    (
        "duplicate_properties",
        &["FB0103", "FB0008"],
        "Properties: { FunctionName: f }\nProperties: { FunctionName: f }\n",
    ),
    (
        "duplicate_logical_name",
        &["FB0008", "FB0304"],
        "Orders:\n  Type: SQS\n  FunctionName: f\n  Properties: { Queue: \"arn:aws:sqs:us-east-1:000000000000:q1\" }\n\
         Orders:\n  Type: SQS\n  FunctionName: f\n  Properties: { Queue: \"arn:aws:sqs:us-east-1:000000000000:q2\" }\n",
    ),
    ("a_scalar", &["FB0104"], "orders\n"),
    ("a_list_of_names", &["FB0104", "FB0104"], "- orders\n- payments\n"),
    ("nothing_given", &["FB0103", "FB0103"], "Enabled: true\n"),
    (
        "whole_template",
        &["FB0104"],
        "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  Q: { Type: AWS::SQS::Queue }\n",
    ),
    ("other_resource", &["FB0104"], "Type: AWS::SQS::Queue\nProperties: { QueueName: orders }\n"),
    ("properties_no_map", &["FB0102"], "Type: SQS\nProperties: [BatchSize]\n"),
    ("sam_kafka", &["FB0403"], "Type: MSK\nProperties: { Stream: arn }\n"),
    (
        "sam_with_both",
        &["FB0311"],
        "Type: SQS\nFunctionName: f\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nProperties:\n  Queue: \
         arn:aws:sqs:us-east-1:000000000000:orders\n",
    ),
    (
        "sam_without_function",
        &["FB0103"],
        "Type: SQS\nProperties:\n  Queue: arn:aws:sqs:us-east-1:000000000000:orders\n",
    ),
    (
        "condition",
        &["FB0010"],
        "Type: AWS::Lambda::EventSourceMapping\nCondition: IsProd\nProperties:\n  EventSourceArn: \
         arn:aws:sqs:us-east-1:000000000000:orders\n  FunctionName: f\n",
    ),
    (
        "beside_a_listing",
        &["FB0101"],
        "EventSourceMappings:\n  - { EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:orders\", FunctionName: f }\n\
         Defaults: {}\n",
    ),
    ("a_listing_of_one", &["FB0102"], "EventSourceMappings:\n  Name: a\n"),
    (
        "two_names",
        &["FB0304"],
        "- { Name: a, EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:q1\", FunctionName: f }\n- { Name: a, \
         EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:q2\", FunctionName: f }\n",
    ),
    (
        "two_pairs",
        &["FB0305"],
        "- { EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:q\", FunctionName: f }\n- { EventSourceArn: \
         \"arn:aws:sqs:us-east-1:000000000000:q\", FunctionName: \"arn:aws:lambda:us-east-1:000000000000:function:f\" \
          }\n",
    ),
    (
        "second_document",
        &["FB0103", "FB0007"],
        "---\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\n---\nName: [\n",
    ),
    ("null_source", &["FB0103"], "Name: a\nEventSourceArn:\nFunctionName: f\n"),
    (
        "queue_url",
        &["FB0205"],
        "EventSourceArn: https://sqs.eu-west-1.amazonaws.com/123456789012/orders\nFunctionName: f\n",
    ),
    ("queue_name", &["FB0205"], "EventSourceArn: orders\nFunctionName: f\n"),
    ("short_account", &["FB0205"], "EventSourceArn: arn:aws:sqs:us-east-1:1234:orders\nFunctionName: f\n"),
    (
        "bad_queue_name",
        &["FB0205"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders.queue\nFunctionName: f\n",
    ),
    ("topic_arn", &["FB0205"], "EventSourceArn: arn:aws:sns:us-east-1:000000000000:orders\nFunctionName: f\n"),
    (
        "msk",
        &["FB0403"],
        "EventSourceArn: arn:aws:kafka:us-east-1:000000000000:cluster/c/1\nFunctionName: f\nTopics: [t]\n",
    ),
    (
        "self_managed_kafka",
        &["FB0403"],
        "FunctionName: f\nSelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [\"h:9092\"] } }\n",
    ),
    (
        "release_of_groups",
        &["FB0324"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders.fifo\nFunctionName: f\nFilterCriteria: { Filters: \
         [{ Pattern: { body: { a: [1] } } }] }\nPoller: { OnFiltered: release }\n",
    ),
    (
        "fifo",
        &["FB0302", "FB0303"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders.fifo\nFunctionName: f\nBatchSize: 11\n\
         MaximumBatchingWindowInSeconds: 5\n",
    ),
    (
        "fifo_order_without_reports",
        &["FB0318"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders.fifo\nFunctionName: f\nPoller:\n  GroupOrder: \
         AsReported\n",
    ),
    (
        "fifo_order_unknown",
        &["FB0204", "FB0101"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders.fifo\nFunctionName: f\nPoller:\n  GroupOrder: \
         as_reported\n  GruopOrder: Protect\n",
    ),
    (
        "fifo_order_misplaced",
        &["FB0101", "FB0101"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders.fifo\nFunctionName: f\nGroupOrder: Protect\nPoller: \
         { Visibility: { GroupOrder: Protect } }\n",
    ),
    (
        "function_of_other_kind",
        &["FB0206"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: \
         arn:aws:lambda:us-east-1:000000000000:layer:f\n",
    ),
    (
        "function_with_space",
        &["FB0206"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: process orders\n",
    ),
    (
        "long_function_name",
        &["FB0206"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: \
         f1234567890123456789012345678901234567890123456789012345678901234\n",
    ),
    (
        "regions_differ",
        &["FB0306"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: \
         arn:aws:lambda:eu-west-1:000000000000:function:f\n",
    ),
    ("intrinsics", &["FB0010", "FB0010"], "EventSourceArn: !GetAtt Queue.Arn\nFunctionName: { Ref: Function }\n"),
    ("intrinsic_fn", &["FB0010"], "EventSourceArn:\n  Fn::GetAtt: [Queue, Arn]\nFunctionName: f\n"),
    (
        "undefined_variables",
        &["FB0012", "FB0012"],
        "EventSourceArn: arn:aws:sqs:${AWS_REGION}:${ACCOUNT}:orders\nFunctionName: f\n",
    ),
    (
        "json_answer_broken",
        &["FB0201", "FB0101"],
        "{\n    \"UUID\": \"1\",\n    \"BatchSize\": 10001,\n    \"EventSourceArn\": \
         \"arn:aws:sqs:us-east-1:000000000000:orders\",\n    \"FunctionArn\": \
          \"arn:aws:lambda:us-east-1:000000000000:function:f\",\n    \"Satte\": \"Enabled\"\n}\n",
    ),
    (
        "crlf",
        &["FB0201"],
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\r\nFunctionName: f\r\nBatchSize: 0\r\n",
    ),
    (
        "bom",
        &["FB0101"],
        "\u{feff}Colour: red\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n",
    ),
    (
        "wide_characters",
        &["FB0203"],
        "{ Name: \"\", Tags: { größe: \"日本語\" }, EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:orders\", \
         FunctionName: f }\n",
    ),
];

/// Every case, those of streams too.
fn all() -> impl Iterator<Item = &'static Case> {
    FILES
        .iter()
        .chain(LINES)
        .chain(destinations::LINES)
        .chain(targets::FILES)
        .chain(targets::LINES)
        .chain(filters::LINES)
        .chain(filters::KINESIS)
        .chain(filters::DYNAMODB)
        .chain(http::LINES)
        .chain(http::KINESIS)
        .chain(streams::FILES)
        .chain(streams::KINESIS)
        .chain(streams::DYNAMODB)
}

/// Compares one case with its codes and its snapshot; says what differs in the codes.
fn check((name, codes, text): &Case, prefix: &str) -> Option<String> {
    let text = format!("{prefix}{text}");
    let loaded = read(&text);
    let found: Vec<_> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect();
    let rendered: Vec<_> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect();
    let rendered = rendered.join("\n\n");
    if found != *codes {
        return Some(format!("{name}: expected {codes:?}, found {found:?}\n{text}\n{rendered}"));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, description => text }, {
        insta::assert_snapshot!(format!("broken_{name}"), rendered);
    });
    for diagnostic in loaded.diagnostics {
        assert!(diagnostic.help.is_some(), "{name}: {} has no help", diagnostic.code);
    }
    None
}

pub(super) fn check_all(cases: &[Case], prefix: &str) {
    let wrong: Vec<_> = cases.iter().filter_map(|case| check(case, prefix)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn broken_files_give_their_codes_and_carets() {
    check_all(FILES, "");
}

#[test]
fn broken_lines_give_their_codes_and_carets() {
    check_all(LINES, SOUND);
}

#[test]
fn every_code_of_a_file_has_a_case() {
    // What needs a disk or a queue is in `files` and in `lint`.
    let elsewhere = ["FB0001", "FB0002", "FB0003", "FB0004", "FB0006"];
    for code in Code::ALL.iter().map(|code| code.as_str()).filter(|code| !elsewhere.contains(code) && *code < "FB0500")
    {
        assert!(all().any(|(_, codes, _)| codes.contains(&code)), "no case gives {code}");
    }
}

#[test]
fn names_of_cases_are_unique() {
    let mut names: Vec<_> = all().map(|(name, ..)| name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 45);
}

#[test]
fn a_broken_mapping_does_not_harm_the_others() {
    let text = "- { Name: a, EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:q1\", FunctionName: f }\n\
                - { Name: b, EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:q2\", FunctionName: f, BatchSize: 0 \
                 }\n\
                - { Name: c, EventSourceArn: \"arn:aws:sqs:us-east-1:000000000000:q3\", FunctionName: f }\n";
    let loaded = read(text);
    assert!(loaded.has_errors());
    assert_eq!(loaded.mappings.iter().map(|mapping| mapping.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(loaded.diagnostics[0].mapping.as_deref(), Some("b"));
}

#[test]
fn a_warning_does_not_stop_a_mapping() {
    let loaded = read(
        "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:q\nFunctionName: \
         arn:aws:lambda:eu-west-1:000000000000:function:f\n",
    );
    assert!(!loaded.has_errors());
    assert_eq!((loaded.mappings.len(), loaded.diagnostics.len()), (1, 1));
}
