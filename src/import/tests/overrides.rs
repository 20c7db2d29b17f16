//! `resources` of a `serverless.yml` that change what Serverless generates.

use serde_json::json;

use super::{left, only, options, read, says};

/// A service with one event, and resources.
fn service(event: &str, resources: &str) -> String {
    format!(
        "service: shop\nprovider: {{ region: eu-west-1 }}\ncustom: {{ q: {{ Fn::GetAtt: [Own, Arn] }} }}\n\
         functions:\n  get-all_things: {{ events: [{event}] }}\nresources:\n{resources}\n"
    )
}

const OWN: &str = "    Own: { Type: AWS::SQS::Queue, Properties: { QueueName: own } }";

#[test]
fn a_generated_mapping_is_known_by_its_logical_id() {
    let function = "GetDashallUnderscorethings";
    for (event, id) in [
        ("{ sqs: 'arn:aws:sqs:eu-west-1:123456789012:my-queue.fifo' }", "SQSMyqueuefifo"),
        ("{ sqs: { arn: !GetAtt Own.Arn } }", "SQSOwn"),
        ("{ sqs: { arn: { Fn::GetAtt: [Own, Arn] } } }", "SQSOwn"),
        ("{ sqs: { arn: '${self:custom.q}' } }", "SQSOwn"),
        ("{ sqs: !GetAtt Own.Arn }", "SQSOwn"),
        ("{ sqs: { arn: !ImportValue the-queue } }", "SQSThequeue"),
        ("{ sqs: { arn: !Join [':', [arn, aws, sqs, eu-west-1, '123456789012', joined]] } }", "SQSJoined"),
        ("{ stream: 'arn:aws:kinesis:eu-west-1:123456789012:stream/my-clicks' }", "KinesisMyclicks"),
        ("{ stream: { arn: !Join ['/', ['arn:aws:kinesis:eu-west-1:123456789012:stream', s]] } }", "KinesisS"),
        (
            "{ stream: 'arn:aws:dynamodb:eu-west-1:123456789012:table/stock/stream/2026-01-02T03:04:05.678' }",
            "DynamodbStock",
        ),
    ] {
        for (section, kind) in
            [("Resources", "Type: AWS::Lambda::EventSourceMapping, "), ("Resources", ""), ("extensions", "")]
        {
            let changed = format!("    {function}EventSourceMapping{id}: {{ {kind}Properties: {{ BatchSize: 3 }} }}");
            let resources = match section {
                "Resources" => format!("  Resources:\n{OWN}\n{changed}"),
                _ => format!("  Resources:\n{OWN}\n  extensions:\n{changed}"),
            };
            let text = service(event, &resources);
            let found = only(&text, &[("the-queue", "arn:aws:sqs:eu-west-1:123456789012:theirs")]);
            assert_eq!(
                (&found["BatchSize"], &found["FunctionName"]),
                (&json!(3), &json!("shop-dev-get-all_things")),
                "{text}"
            );
        }
    }
}

#[test]
fn what_is_merged_and_what_is_replaced() {
    let event = "{ sqs: { arn: 'arn:aws:sqs:eu-west-1:123456789012:q', batchSize: 5, enabled: false, \
        maximumConcurrency: 4, filterPatterns: [{ body: [a] }, { body: [b] }] } }";
    let id = "GetDashallUnderscorethingsEventSourceMappingSQSQ";
    let of = |section: &str, properties: &str| {
        let text = service(event, &format!("  {section}: {{ {id}: {{ Properties: {{ {properties} }} }} }}"));
        only(&text, &[])
    };
    let found = of(
        "Resources",
        "ScalingConfig: { MaximumConcurrency: 2 }, FunctionResponseTypes: [ReportBatchItemFailures], Enabled: !Ref \
         AWS::NoValue, FilterCriteria: { Filters: [{ Pattern: '{\"body\":[\"c\"]}' }] }",
    );
    assert_eq!(
        found,
        json!({
            "Name": "get-all_things-q", "EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q",
            "FunctionName": "shop-dev-get-all_things", "BatchSize": 5,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": { "MaximumConcurrency": 2 },
            "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\":[\"c\"]}" }, { "Pattern": "{\"body\":[\"b\"]}" }] },
        })
    );
    let found = of("extensions", "FilterCriteria: { Filters: [{ Pattern: '{\"body\":[\"c\"]}' }] }");
    assert_eq!(found["FilterCriteria"], json!({ "Filters": [{ "Pattern": "{\"body\":[\"c\"]}" }] }));
}

#[test]
fn a_change_that_is_not_known_keeps_a_mapping_from_being_written() {
    let queue = "{ sqs: 'arn:aws:sqs:eu-west-1:123456789012:q' }";
    let id = "GetDashallUnderscorethingsEventSourceMappingSQSQ";
    for resources in [
        format!("  Resources: {{ {id}: {{ Properties: {{ BatchSize: !Ref Nowhere }} }} }}"),
        format!("  Resources: {{ {id}: '${{file(m.yml)}}' }}"),
        format!("  extensions: {{ {id}: {{ Properties: '${{file(m.yml)}}' }} }}"),
        format!("  Conditions: {{ C: !Equals [a, b] }}\n  extensions: {{ {id}: {{ Condition: C }} }}"),
    ] {
        assert_eq!(left(&service(queue, &resources), &[]).len(), 1, "{resources}");
    }
    let hidden = service(
        "{ sqs: '${env:QUEUE_ARN}' }",
        &format!("  extensions: {{ {id}: {{ Properties: {{ BatchSize: 3 }} }} }}"),
    );
    assert!(left(&hidden, &[]).iter().any(|(_, _, why)| why.contains("depends on what is not known here")));
}

#[test]
fn a_change_of_no_mapping_is_told() {
    let import = read(
        &service(
            "{ sqs: 'arn:aws:sqs:eu-west-1:123456789012:q' }",
            "  extensions: { OtherEventSourceMappingSQSQ: { Properties: { BatchSize: 1 } } }",
        ),
        &options(&[]),
    );
    assert_eq!((import.mappings.len(), import.left.len()), (1, 1));
    assert!(import.left[0].what.starts_with("the extension Other"), "{:?}", import.left);
}

#[test]
fn a_function_that_is_renamed_keeps_its_mappings() {
    let queue = "{ sqs: 'arn:aws:sqs:eu-west-1:123456789012:q' }";
    for section in ["Resources", "extensions"] {
        let renamed = format!(
            "  {section}: {{ GetDashallUnderscorethingsLambdaFunction: {{ Properties: {{ FunctionName: other }} }} }}"
        );
        let import = read(&service(queue, &renamed), &options(&[]));
        assert_eq!(import.left, []);
        assert_eq!(says(&import, 0)["FunctionName"], "other");
        assert_eq!(import.notes.len(), 1);
        assert!(import.notes[0].contains("renames the function get-all_things to other"), "{:?}", import.notes);
    }
    let unknown =
        "  extensions: { GetDashallUnderscorethingsLambdaFunction: { Properties: { FunctionName: !Ref Nowhere } } }";
    assert_eq!(left(&service(queue, unknown), &[]).len(), 1);
}
