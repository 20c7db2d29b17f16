//! Failures and mappings for the tests of this folder.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::machine::{Condition, FailedBatch, FailedResponse, FailedSpan, Failure};
use crate::mapping::{Arn, FunctionRef, Mapping, Origin, Poller, SourceKind};

pub(super) const KINESIS: &str = "arn:aws:kinesis:us-east-2:123456789012:stream/mystream";
pub(super) const DYNAMODB: &str =
    "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2026-01-02T03:04:05.678";
pub(super) const QUEUE: &str = "arn:aws:sqs:us-east-2:123456789012:orders";

/// A mapping from a source to the function `myfunction`.
pub(super) fn mapping(source: &str) -> Mapping {
    let source = Arn::parse(source).unwrap();
    let kind = match source.service.as_str() {
        "kinesis" => SourceKind::Kinesis,
        "dynamodb" => SourceKind::DynamoDb,
        _ => SourceKind::Sqs,
    };
    Mapping {
        name: "orders".into(),
        uuid: "6c6fdcd6-8a1a-4d34-9d05-3a7bd47b2a8f".into(),
        origin: Origin::File("orders.yaml".into()),
        kind,
        fifo: false,
        filters: Vec::new(),
        filtered_to: None,
        source,
        function: FunctionRef::parse("myfunction").unwrap(),
        enabled: true,
        batch_size: 100,
        window: Duration::ZERO,
        maximum_concurrency: None,
        report_batch_item_failures: false,
        stream: None,
        on_failure: None,
        poller: Poller::default(),
        tags: BTreeMap::new(),
        metrics: Vec::new(),
    }
}

/// A batch of a shard on which the function threw.
pub(super) fn stream_failure() -> Failure {
    Failure {
        uuid: 0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e,
        request_id: "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81".into(),
        condition: Condition::RetryAttemptsExhausted,
        invokes: 2,
        response: Some(FailedResponse {
            status: 200,
            executed_version: Some("$LATEST".into()),
            function_error: Some("Unhandled".into()),
            payload: Bytes::from_static(b"{\"errorMessage\":\"no\"}"),
        }),
        unix_ms: 1_573_691_886_021,
        batch: FailedBatch::Stream {
            shard: Arc::from("shardId-000000000001"),
            span: Some(FailedSpan {
                start: Arc::from("49601189658422359378836298521827638475320189012309704722"),
                end: Arc::from("49601189658422359378836298522902373528957594348623495186"),
                first_unix_ms: 1_573_691_884_835,
                last_unix_ms: 1_573_691_885_580,
                records: 500,
            }),
            window: None,
        },
        payload: Bytes::from_static("{\"Records\":[{\"a\":\"é\\n\"}]}".as_bytes()),
    }
}

/// A message of a queue on which the function threw.
pub(super) fn queue_failure() -> Failure {
    Failure {
        invokes: 3,
        batch: FailedBatch::Queue {
            group: None,
            message_id: Arc::from("059f36b4-87a3-44ab-83d2-661975830a7d"),
            receive_count: 4,
            sent_unix_ms: 1_573_691_880_007,
        },
        payload: Bytes::from_static(b"{\"Records\":[{\"body\":\"1 \\/ 2\",\"n\":1.0}]}"),
        ..stream_failure()
    }
}
