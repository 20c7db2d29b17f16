//! Failures and mappings for the tests of this folder.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::machine::{Condition, FailedBatch, FailedResponse, FailedSpan, Failure};
use crate::mapping::{Mapping, parse};

pub(super) const KINESIS: &str = "arn:aws:kinesis:us-east-2:123456789012:stream/mystream";
pub(super) const DYNAMODB: &str =
    "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2026-01-02T03:04:05.678";
pub(super) const QUEUE: &str = "arn:aws:sqs:us-east-2:123456789012:orders";

/// A mapping from a source to the function `myfunction`.
pub(super) fn mapping(source: &str) -> Mapping {
    let start = if source == QUEUE { "" } else { "StartingPosition: LATEST\n" };
    let text = format!("Name: orders\nEventSourceArn: {source}\nFunctionName: myfunction\n{start}");
    let mapping = parse(Path::new("orders.yaml"), &text, &|_| None).mappings.remove(0);
    Mapping { uuid: "6c6fdcd6-8a1a-4d34-9d05-3a7bd47b2a8f".into(), ..mapping }
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
