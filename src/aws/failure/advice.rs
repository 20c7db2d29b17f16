//! What an operator can do about a fault.

use super::{Call, Service};
use crate::machine::FaultKind;

/// What an operator can do about a class; empty where there is nothing but to wait.
pub(super) fn advice(kind: FaultKind, call: Call<'_>, code: &str) -> String {
    let namespace = match call.service {
        Service::Sqs | Service::SqsDestination => "sqs",
        Service::Kinesis => "kinesis",
        Service::DynamoDb | Service::DynamoDbStreams => "dynamodb",
        Service::Lambda => "lambda",
        Service::Sns => "sns",
        Service::S3 => "s3",
    };
    match kind {
        FaultKind::Denied => {
            let action = match call.operation {
                // IAM knows the batch calls and Invoke under other names than the API.
                "DeleteMessageBatch" => "DeleteMessage",
                "ChangeMessageVisibilityBatch" => "ChangeMessageVisibility",
                "GetQueueUrl" => "GetQueueUrl",
                "Invoke" => "InvokeFunction",
                other => other,
            };
            match (call.service, code) {
                (Service::Kinesis, "KMSAccessDeniedException" | "KMSOptInRequired") => {
                    "; allow the credentials kms:Decrypt on the stream's key".to_owned()
                }
                _ => format!("; check the credentials, and allow them {namespace}:{action}"),
            }
        }
        FaultKind::Expired if code == "ExpiredIteratorException" => String::new(),
        FaultKind::Expired => "; renew the AWS credentials".to_owned(),
        FaultKind::Missing => match call.service {
            Service::Sqs => "; create the queue, or correct EventSourceArn, region or account".to_owned(),
            Service::Kinesis | Service::DynamoDbStreams => match call.operation {
                "GetShardIterator" | "GetRecords" => {
                    "; the stream was deleted, or the shard is past its retention".to_owned()
                }
                _ => "; create the stream, or correct EventSourceArn, region or account".to_owned(),
            },
            Service::DynamoDb => "; create the table, or correct its name or region".to_owned(),
            Service::Lambda => "; create the function, or correct FunctionName or region".to_owned(),
            Service::SqsDestination => destination_advice("queue"),
            Service::Sns => destination_advice("topic"),
            Service::S3 => destination_advice("bucket"),
        },
        // S3 answers a call to the wrong region with a redirect or calls its signature malformed.
        FaultKind::Invalid if call.service == Service::S3 => {
            "; check that Region under Poller.Destination is the bucket's".to_owned()
        }
        _ => String::new(),
    }
}

fn destination_advice(what: &str) -> String {
    format!("; create the {what}, or correct DestinationConfig.OnFailure.Destination")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_calls_and_invoke_are_named_as_iam_names_them() {
        for (service, operation, action) in [
            (Service::Sqs, "DeleteMessageBatch", "sqs:DeleteMessage"),
            (Service::Sqs, "ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
            (Service::Kinesis, "ListShards", "kinesis:ListShards"),
            (Service::DynamoDbStreams, "GetRecords", "dynamodb:GetRecords"),
            (Service::DynamoDb, "UpdateItem", "dynamodb:UpdateItem"),
            (Service::Lambda, "Invoke", "lambda:InvokeFunction"),
            (Service::SqsDestination, "SendMessage", "sqs:SendMessage"),
            (Service::Sns, "Publish", "sns:Publish"),
            (Service::S3, "PutObject", "s3:PutObject"),
        ] {
            let call = Call { service, operation, target: "it" };
            let text = advice(FaultKind::Denied, call, "AccessDeniedException");
            assert!(text.ends_with(action), "{text}");
        }
    }

    #[test]
    fn a_missing_stream_is_told_from_a_missing_shard() {
        for service in [Service::Kinesis, Service::DynamoDbStreams] {
            let missing = |operation| advice(FaultKind::Missing, Call { service, operation, target: "it" }, "");
            assert!(missing("ListShards").contains("create the stream"));
            assert!(missing("DescribeStream").contains("create the stream"));
            assert!(missing("GetShardIterator").contains("past its retention"));
            assert!(missing("GetRecords").contains("past its retention"));
        }
    }
}
