//! Forms that must be taken as they are pasted.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{clean, read};
use crate::machine::{BackoffPolicy, GroupOrder, OnFunctionError};
use crate::mapping::{
    FunctionRef, LambdaTarget, Mapping, Poller, QueueSpec, Side, SourceSpec, Target, VisibilityOptions,
};

const ANSWER: &str = r#"{
    "UUID": "a1b2c3d4-5678-90ab-cdef-11111EXAMPLE",
    "StartingPosition": null,
    "StartingPositionTimestamp": null,
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 5,
    "ParallelizationFactor": null,
    "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders",
    "FilterCriteria": null,
    "FilterCriteriaError": null,
    "KMSKeyArn": null,
    "MetricsConfig": { "Metrics": ["EventCount"] },
    "LoggingConfig": null,
    "ScalingConfig": { "MaximumConcurrency": 7 },
    "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:process:live",
    "LastModified": 1763625600.123,
    "LastProcessingResult": null,
    "State": "Disabled",
    "StateTransitionReason": "USER_INITIATED",
    "DestinationConfig": { "OnFailure": {} },
    "Topics": null,
    "Queues": [],
    "SourceAccessConfigurations": null,
    "SelfManagedEventSource": { "Endpoints": null },
    "MaximumRecordAgeInSeconds": null,
    "BisectBatchOnFunctionError": null,
    "MaximumRetryAttempts": null,
    "TumblingWindowInSeconds": null,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "AmazonManagedKafkaEventSourceConfig": null,
    "SelfManagedKafkaEventSourceConfig": null,
    "DocumentDBEventSourceConfig": null,
    "EventSourceMappingArn": "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:a1b2c3d4",
    "ProvisionedPollerConfig": {},
    "ResponseMetadata": { "HTTPStatusCode": 200 }
}"#;

fn queue(mapping: &Mapping) -> &QueueSpec {
    mapping.source.queue().unwrap()
}

fn group_order(mapping: &Mapping) -> Option<GroupOrder> {
    match &mapping.source {
        SourceSpec::Fifo(fifo) => Some(fifo.group_order),
        _ => None,
    }
}

fn function(mapping: &Mapping) -> &FunctionRef {
    &mapping.function
}

#[test]
fn an_answer_of_aws() {
    let [mapping] = clean(ANSWER).try_into().unwrap();
    assert_eq!((mapping.name.as_str(), mapping.batch_size, mapping.window), ("orders", 100, Duration::from_secs(5)));
    assert_eq!((function(&mapping).name.as_str(), function(&mapping).qualifier.as_deref()), ("process", Some("live")));
    assert_eq!(queue(&mapping).maximum_concurrency, Some(7));
    assert!(mapping.report_batch_item_failures);
    assert!(!mapping.enabled, "State: Disabled");
}

#[test]
fn a_listing_of_aws() {
    let other = ANSWER.replace(":orders", ":payments").replace("\"Disabled\"", "\"Enabled\"");
    let listing =
        format!("{{\"EventSourceMappings\": [{ANSWER}, {other}], \"NextMarker\": null, \"ResponseMetadata\": {{}}}}");
    let mappings = clean(&listing);
    assert_eq!(mappings.iter().map(|mapping| mapping.name.as_str()).collect::<Vec<_>>(), ["orders-1", "orders-2"]);
    assert_eq!(mappings.iter().map(|mapping| mapping.enabled).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn an_answer_of_aws_for_a_fifo_queue() {
    let answer = ANSWER.replace(":orders", ":orders.fifo").replace("100", "10").replace("Seconds\": 5", "Seconds\": 0");
    let [mapping] = clean(&answer).try_into().unwrap();
    assert!(mapping.report_batch_item_failures);
    assert_eq!(
        (mapping.batch_size, mapping.window, queue(&mapping).maximum_concurrency),
        (10, Duration::ZERO, Some(7))
    );
    assert_eq!(group_order(&mapping), Some(GroupOrder::Protect), "unless it is written");
}

#[test]
fn the_order_of_groups_is_chosen() {
    let fifo = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders.fifo\nFunctionName: f\n\
        FunctionResponseTypes: [ReportBatchItemFailures]\n";
    for (line, order) in [
        ("Poller: { GroupOrder: AsReported }", GroupOrder::AsReported),
        ("poller: { groupOrder: AsReported }", GroupOrder::AsReported),
        ("Poller: { GroupOrder: Protect }", GroupOrder::Protect),
        ("Poller: { GroupOrder: null }", GroupOrder::Protect),
    ] {
        assert_eq!(group_order(&clean(&format!("{fifo}{line}\n"))[0]), Some(order), "{line}");
    }
    assert_eq!(group_order(&clean(&fifo.replace(".fifo", ""))[0]), None);
}

#[test]
fn json_indented_with_tabs() {
    let tabs = ANSWER.replace("    ", "\t");
    assert_eq!(clean(&tabs).len(), 1);
    let packed: String = ANSWER.split_whitespace().collect();
    assert_eq!(clean(&packed).len(), 1);
}

#[test]
fn a_resource_of_cloudformation() {
    let properties = "Properties:\n  EventSourceArn: arn:aws:sqs:us-east-1:123456789012:orders\n  FunctionName: f\n  \
        Enabled: true\n  \
                      BatchSize: 5\n  ScalingConfig: { MaximumConcurrency: 2 }\n  KmsKeyArn: \"\"\n  Tags:\n    - { \
                       Key: team, Value: shop }\n";
    let typed = format!("Type: AWS::Lambda::EventSourceMapping\nDependsOn: Queue\n{properties}");
    for text in [properties, &typed] {
        let [mapping] = clean(text).try_into().unwrap();
        assert_eq!(
            (mapping.name.as_str(), mapping.batch_size, queue(&mapping).maximum_concurrency),
            ("orders", 5, Some(2))
        );
    }
}

#[test]
fn resources_under_their_logical_names() {
    let text = "OrdersMapping:\n  Type: AWS::Lambda::EventSourceMapping\n  Properties: { EventSourceArn: \
        \"arn:aws:sqs:us-east-1:123456789012:orders\", FunctionName: f }\n\
                Payments:\n  Type: SQS\n  Properties: { Queue: \"arn:aws:sqs:us-east-1:123456789012:payments\" }\n  \
                 FunctionName: g\n";
    let mappings = clean(text);
    assert_eq!(mappings.iter().map(|mapping| mapping.name.as_str()).collect::<Vec<_>>(), ["OrdersMapping", "Payments"]);
}

#[test]
fn an_event_of_sam() {
    let text = "Type: SQS\nName: orders-sam\nFunctionName: f\nProperties:\n  Queue: \
        arn:aws:sqs:us-east-1:123456789012:orders\n  BatchSize: 3\n  FunctionResponseTypes:\n    - \
         ReportBatchItemFailures\nPoller:\n  RateLimit: 4\n";
    let [mapping] = clean(text).try_into().unwrap();
    assert_eq!((mapping.name.as_str(), mapping.batch_size), ("orders-sam", 3));
    assert_eq!(mapping.poller.rate_limit, NonZeroU32::new(4));
    assert_eq!(mapping.source.arn().resource, "orders");
}

#[test]
fn camel_case_everywhere() {
    let text = "eventSourceArn: arn:aws:sqs:us-east-1:123456789012:orders\nfunctionName: f\nbatchSize: 3\n\
        scalingConfig: { maximumConcurrency: 1 }\npoller: { visibility: { onFunctionError: Release }, endpoints: { \
         Sqs: http://h } }\n";
    let [mapping] = clean(text).try_into().unwrap();
    assert_eq!((mapping.batch_size, queue(&mapping).maximum_concurrency), (3, Some(1)));
    assert_eq!(queue(&mapping).visibility.on_function_error, OnFunctionError::Release);
    assert_eq!(mapping.poller.endpoints["sqs"], "http://h");
}

#[test]
fn defaults_are_those_of_aws() {
    let [mapping] =
        clean("EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n").try_into().unwrap();
    assert!(mapping.enabled);
    assert_eq!((mapping.batch_size, mapping.window, queue(&mapping).maximum_concurrency), (10, Duration::ZERO, None));
    assert!(!mapping.report_batch_item_failures);
    assert_eq!(mapping.poller, Poller::default());
    let source = queue(&mapping);
    assert_eq!((source.receive_wait, source.on_failure_attempts), (None, 3));
    assert_eq!(source.visibility, VisibilityOptions::default());
    let Target::Lambda(LambdaTarget { side, timeout, headers_optional }) = &mapping.target else { panic!("another") };
    assert_eq!((side, *timeout, *headers_optional), (&Side::default(), None, false));
}

#[test]
fn empty_members_mean_what_aws_means() {
    let text = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\nScalingConfig: {}\n\
        FilterCriteria: { Filters: [] }\nProvisionedPollerConfig: { MinimumPollers: null }\nFunctionResponseTypes: []\n\
         DestinationConfig: { OnFailure: { Destination: \"\" } }\nTags: {}\nPoller: {}\nBatchSize: null\n";
    assert_eq!(clean(text)[0].batch_size, 10);
}

#[test]
fn variables_stand_for_texts_numbers_and_booleans() {
    let text = "{ \"EventSourceArn\": \"${QUEUE}\", \"FunctionName\": \"f-${NONE:-a}\", \"BatchSize\": \"${SIZE}\", \
        \"Enabled\": \"${ON}\", \"Poller\": { \"DrainTimeout\": \"${SIZE}s\" } }";
    let [mapping] = clean(text).try_into().unwrap();
    assert_eq!((function(&mapping).name.as_str(), mapping.batch_size, mapping.enabled), ("f-a", 5, false));
    assert_eq!(mapping.poller.drain_timeout, Some(Duration::from_secs(5)));
}

#[test]
fn aliases_and_documents() {
    let text = "Name: a\nEventSourceArn: &queue arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\nTags: { \
        queue: *queue }\n---\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f:live\n";
    let mappings = clean(text);
    assert_eq!(mappings.iter().map(|mapping| mapping.name.as_str()).collect::<Vec<_>>(), ["a", "orders-2"]);
}

#[test]
fn the_same_arn_behind_another_endpoint_is_another_queue() {
    let one = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n";
    assert_eq!(clean(&format!("{one}---\n{one}Poller: {{ Endpoints: {{ sqs: \"http://other:4566\" }} }}\n")).len(), 2);
    assert!(read(&format!("{one}---\n{one}")).has_errors());
}

#[test]
fn everything_under_poller() {
    let text = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\nPoller:\n  Endpoints: { \
        lambda: \"https://l\" }\n  Source: { RoleArn: \"arn:aws:iam::123456789012:role/poll\", Region: eu-west-1 }\n  \
         Function: { Region: eu-west-2, Timeout: 15m, RequireLambdaHeaders: false }\n  Visibility:\n    Timeout: \
          30s\n    HoldLimit: 1h\n    OnFunctionError: { Backoff: { Initial: 2s } }\n  RetryBackoff: { Maximum: 100ms \
           }\n  RateLimit: 50\n  DrainTimeout: 2m\n";
    let [mapping] = clean(text).try_into().unwrap();
    let (poller, queue) = (&mapping.poller, queue(&mapping));
    let Target::Lambda(target) = &mapping.target else { panic!("another target") };
    assert_eq!(poller.source.role_arn.as_deref(), Some("arn:aws:iam::123456789012:role/poll"));
    assert_eq!(
        (poller.source.region.as_deref(), target.side.region.as_deref()),
        (Some("eu-west-1"), Some("eu-west-2"))
    );
    assert!(target.headers_optional);
    assert_eq!(
        (target.timeout, poller.drain_timeout),
        (Some(Duration::from_secs(900)), Some(Duration::from_secs(120)))
    );
    assert_eq!(
        (queue.visibility.timeout, queue.visibility.hold_limit),
        (Some(Duration::from_secs(30)), Duration::from_secs(3600))
    );
    let backoff = BackoffPolicy { initial: Duration::from_secs(2), maximum: Duration::from_secs(900) };
    assert_eq!(queue.visibility.on_function_error, OnFunctionError::Backoff(backoff));
    assert_eq!(
        poller.retry_backoff,
        BackoffPolicy { initial: Duration::from_millis(100), maximum: Duration::from_millis(100) }
    );
}
