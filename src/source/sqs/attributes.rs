//! A queue's attributes.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;

use crate::aws::Call;
use crate::machine::{Fault, FaultKind, QueueAttributes};

/// The part of a redrive policy that concerns a poller. SQS itself writes the count as a number, but keeps a
/// string where the queue's owner wrote one.
#[derive(Deserialize)]
struct RedrivePolicy {
    #[serde(rename = "maxReceiveCount")]
    max_receive_count: Option<serde_json::Value>,
}

/// Reads what `GetQueueAttributes` answered. Only the visibility timeout must be there.
pub(super) fn read(call: Call<'_>, all: &HashMap<QueueAttributeName, String>) -> Result<QueueAttributes, Fault> {
    let visibility = number(all, &QueueAttributeName::VisibilityTimeout).map(Duration::from_secs).ok_or_else(|| {
        let message = format!("{} on {}: the answer has no usable VisibilityTimeout", call.operation, call.target);
        Fault::new(FaultKind::Transient, message)
    })?;
    Ok(QueueAttributes {
        visibility,
        backlog: number(all, &QueueAttributeName::ApproximateNumberOfMessages),
        in_flight: number(all, &QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        max_receive_count: all.get(&QueueAttributeName::RedrivePolicy).and_then(|text| max_receive_count(text)),
        retention: number(all, &QueueAttributeName::MessageRetentionPeriod).map(Duration::from_secs),
    })
}

fn number<T: FromStr>(all: &HashMap<QueueAttributeName, String>, name: &QueueAttributeName) -> Option<T> {
    all.get(name)?.trim().parse().ok()
}

fn max_receive_count(policy: &str) -> Option<u32> {
    let policy: RedrivePolicy = serde_json::from_str(policy).ok()?;
    match policy.max_receive_count? {
        serde_json::Value::Number(count) => count.as_u64().and_then(|count| u32::try_from(count).ok()),
        serde_json::Value::String(count) => count.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Service;

    const CALL: Call<'static> = Call { service: Service::Sqs, operation: "GetQueueAttributes", target: "queue orders" };

    fn attributes(pairs: &[(QueueAttributeName, &str)]) -> HashMap<QueueAttributeName, String> {
        pairs.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_full_answer_is_read() {
        let all = attributes(&[
            (QueueAttributeName::VisibilityTimeout, "30"),
            (QueueAttributeName::ApproximateNumberOfMessages, "1200"),
            (QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "7"),
            (QueueAttributeName::MessageRetentionPeriod, "345600"),
            (
                QueueAttributeName::RedrivePolicy,
                r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3}"#,
            ),
        ]);
        assert_eq!(
            read(CALL, &all).unwrap(),
            QueueAttributes {
                visibility: Duration::from_secs(30),
                backlog: Some(1200),
                in_flight: Some(7),
                max_receive_count: Some(3),
                retention: Some(Duration::from_secs(345_600)),
            }
        );
    }

    #[test]
    fn the_receive_count_may_be_a_string_and_a_broken_policy_is_none() {
        for (policy, count) in [
            (r#"{"maxReceiveCount":"5"}"#, Some(5)),
            (r#"{"maxReceiveCount":5}"#, Some(5)),
            (r#"{"maxReceiveCount":-1}"#, None),
            (r#"{"maxReceiveCount":null}"#, None),
            (r#"{"maxReceiveCount":[5]}"#, None),
            (r"{}", None),
            ("", None),
            ("not json", None),
        ] {
            assert_eq!(max_receive_count(policy), count, "{policy}");
        }
    }

    #[test]
    fn without_a_visibility_timeout_there_is_nothing_to_go_by() {
        for value in [None, Some(""), Some("soon"), Some("-1")] {
            let pairs: Vec<_> = value.into_iter().map(|value| (QueueAttributeName::VisibilityTimeout, value)).collect();
            let fault = read(CALL, &attributes(&pairs)).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Transient, "{value:?}");
        }
    }
}
