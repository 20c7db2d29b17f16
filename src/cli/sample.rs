//! For the tests of this folder: mappings as a running forebay shows them.

use crate::engine::{Counters, MappingState, ShardState};
use crate::view::facts::{LastError, ShardStatus};
use crate::view::parts::OnFailure;
use crate::view::{
    DestinationConfig, HealthStatus, MappingStatus, QueueStatus, ScalingConfig, StreamConfiguration, StreamStatus,
};

pub(super) fn orders() -> MappingStatus {
    MappingStatus {
        uuid: "0b8e1f0e-1f6c-5f4e-9a56-3a4f8a3f9c11".into(),
        name: "orders".into(),
        event_source_arn: "arn:aws:sqs:us-east-1:000000000000:orders".into(),
        function_arn: "arn:aws:lambda:us-east-1:000000000000:function:process-orders:live".into(),
        batch_size: 10,
        maximum_batching_window_in_seconds: 0,
        function_response_types: vec!["ReportBatchItemFailures".into()],
        scaling_config: Some(ScalingConfig { maximum_concurrency: 20 }),
        filter_criteria: None,
        stream_configuration: None,
        destination_config: None,
        elsewhere: false,
        state: MappingState::Enabled,
        state_transition_reason: "USER_INITIATED".into(),
        last_processing_result: "OK".into(),
        last_modified: 1_760_000_000.5,
        health: HealthStatus::Ok,
        health_reason: None,
        since: "2026-11-20T08:00:00Z".into(),
        last_error: None,
        failed_in_a_row: 0,
        enabled_by: "file".into(),
        origin: "file".into(),
        file: "mappings/orders.yaml".into(),
        counters: Counters {
            polled: 1000,
            invoked: 1010,
            failed: 10,
            deleted: 990,
            invokes: 101,
            ..Counters::default()
        },
        target: None,
        queue: Some(QueueStatus {
            backlog: Some(12),
            not_visible: Some(40),
            held: 40,
            in_flight: 4,
            concurrency: 20,
            lowered: None,
            open_receives: 5,
            visibility_timeout: Some(30),
        }),
        stream: None,
        shards: None,
    }
}

pub(super) fn broken() -> MappingStatus {
    MappingStatus {
        name: "payments".into(),
        function_arn: "pay".into(),
        health: HealthStatus::Degraded,
        health_reason: Some(
            "the queue payments does not exist in us-east-1 of account 000000000000\nor it is gone".into(),
        ),
        scaling_config: None,
        function_response_types: vec![],
        target: None,
        queue: None,
        ..orders()
    }
}

/// A mapping whose function fails every batch.
pub(super) fn failing() -> MappingStatus {
    let last = LastError {
        kind: "ZeroDivisionError".into(),
        message: "division by zero".into(),
        at: "2026-11-20T08:07:02Z".into(),
        count: 14,
    };
    let mut counters = orders().counters;
    (counters.failed, counters.exhausted) = (140, 6);
    MappingStatus {
        name: "refunds".into(),
        health: HealthStatus::Failing,
        health_reason: Some(format!("function: {} (14 batches in a row)", last.headline())),
        last_processing_result: "PROBLEM: Function call failed".into(),
        last_error: Some(last),
        failed_in_a_row: 14,
        counters,
        ..orders()
    }
}

/// A mapping that was made through the AWS API.
pub(super) fn made() -> MappingStatus {
    let uuid = "1c8e1b5f-95a6-4d0a-b2a9-6d0d62a0a1c5".to_owned();
    MappingStatus {
        name: uuid.clone(),
        uuid,
        enabled_by: "api".into(),
        origin: "api".into(),
        file: String::new(),
        ..orders()
    }
}

pub(super) fn clicks() -> MappingStatus {
    let shard = |id: &str, position: &str, age: Option<f64>, state| ShardStatus {
        shard_id: id.into(),
        position: position.into(),
        iterator_age_seconds: age,
        state,
    };
    MappingStatus {
        name: "clicks".into(),
        event_source_arn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks".into(),
        batch_size: 100,
        scaling_config: None,
        stream_configuration: Some(StreamConfiguration {
            starting_position: "AT_TIMESTAMP".into(),
            starting_position_timestamp: Some(1_760_000_000.5),
            parallelization_factor: 10,
            maximum_retry_attempts: 3,
            maximum_record_age_in_seconds: -1,
            bisect_batch_on_function_error: true,
            tumbling_window_in_seconds: 0,
        }),
        destination_config: Some(DestinationConfig {
            on_failure: OnFailure { destination: Some("arn:aws:sqs:us-east-1:000000000000:clicks-failed".into()) },
        }),
        state_transition_reason: "User action".into(),
        file: "mappings/clicks.yaml".into(),
        counters: Counters {
            polled: 5000,
            invoked: 5100,
            failed: 100,
            invokes: 60,
            delivered_to_destination: 1,
            bisections: 7,
            ..Counters::default()
        },
        target: None,
        queue: None,
        stream: Some(StreamStatus {
            iterator_age_seconds: Some(4.25),
            checkpoint_age_seconds: 0.4,
            held: 300,
            in_flight: 12,
            concurrency: 20,
            clock_ahead_seconds: None,
        }),
        shards: Some(vec![
            shard("shardId-000000000000", "END", None, ShardState::Ended),
            shard("shardId-000000000001", "AFTER:4959033827149025660855", Some(4.25), ShardState::Reading),
            shard("shardId-000000000002", "AFTER:4959033827149025660999", Some(0.0), ShardState::Reading),
            shard("shardId-000000000003", "TRIM_HORIZON", None, ShardState::Waiting),
        ]),
        ..orders()
    }
}
