//! Broken failure destinations: the codes each gives, and how the problems look.

use super::broken::{Case, SOUND, check_all};

/// Lines added to a queue's mapping.
pub(super) const LINES: &[Case] = &[
    (
        "on_success",
        &["FB0310"],
        "DestinationConfig: { OnSuccess: { Destination: \"arn:aws:sqs:us-east-1:000000000000:done\" } }",
    ),
    ("payload_without_destination", &["FB0317"], "Poller: { OnFailurePayload: true }"),
    (
        "attempts_without_destination",
        &["FB0317"],
        "DestinationConfig: { OnFailure: {} }\nPoller: { OnFailureAttempts: 5 }",
    ),
    (
        "attempts_out_of_range",
        &["FB0201", "FB0102"],
        "DestinationConfig: { OnFailure: { Destination: \"arn:aws:s3:::failed\" } }\nPoller: { OnFailureAttempts: 0, \
         OnFailurePayload: all }",
    ),
    ("destination_no_arn", &["FB0218"], "DestinationConfig: { OnFailure: { Destination: failed } }"),
    (
        "destination_url",
        &["FB0218"],
        "DestinationConfig:\n  OnFailure:\n    Destination: https://sqs.eu-west-1.amazonaws.com/123456789012/failed",
    ),
    ("destination_kafka", &["FB0218"], "DestinationConfig: { OnFailure: { Destination: \"kafka://failed\" } }"),
    (
        "destination_function",
        &["FB0218"],
        "DestinationConfig: { OnFailure: { Destination: \"arn:aws:lambda:us-east-1:000000000000:function:f\" } }",
    ),
    (
        "destination_bucket_with_key",
        &["FB0218"],
        "DestinationConfig: { OnFailure: { Destination: \"arn:aws:s3:::failed/records\" } }",
    ),
    (
        "destination_subscription",
        &["FB0218"],
        "DestinationConfig: { OnFailure: { Destination: \"arn:aws:sns:us-east-1:000000000000:failed:1234\" } }",
    ),
    (
        "destination_queue_without_account",
        &["FB0218"],
        "DestinationConfig: { OnFailure: { Destination: \"arn:aws:sqs:us-east-1::failed\" } }",
    ),
    (
        "destination_is_source",
        &["FB0316"],
        "DestinationConfig: { OnFailure: { Destination: \"arn:aws:sqs:us-east-1:000000000000:orders\" } }",
    ),
    ("destination_no_map", &["FB0102"], "DestinationConfig: { OnFailure: \"arn:aws:s3:::failed\" }"),
    ("destination_role", &["FB0213", "FB0212"], "Poller: { Destination: { RoleArn: admin, Region: Paris } }"),
];

#[test]
fn broken_destinations() {
    check_all(LINES, SOUND);
}
