//! What a source's ARN says about its kind.

use crate::aws_api::ApiError;
use crate::filter::View;

/// A kind of source that forebay polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Queue { fifo: bool },
    Kinesis,
    DynamoDb,
}

impl Source {
    /// Reads the kind off an ARN. Whether the ARN is sound in every part is checked with the mapping.
    pub(crate) fn of(arn: &str) -> Result<Self, ApiError> {
        let mut parts = arn.splitn(6, ':');
        let service = parts.nth(2).unwrap_or_default();
        let resource = parts.nth(2).unwrap_or_default();
        match service {
            "sqs" => Ok(Self::Queue { fifo: resource.ends_with(".fifo") }),
            "kinesis" if resource.contains("/consumer/") => Err(refused(
                "Forebay does not read Kinesis streams by enhanced fan-out: name the stream's ARN, not the consumer's.",
            )),
            "kinesis" => Ok(Self::Kinesis),
            "dynamodb" => Ok(Self::DynamoDb),
            "kafka" => Err(unpolled("Amazon MSK")),
            "mq" => Err(unpolled("Amazon MQ")),
            "rds" => Err(unpolled("Amazon DocumentDB")),
            _ => Err(refused(UNRECOGNIZED)),
        }
    }

    pub(crate) const fn is_queue(self) -> bool {
        matches!(self, Self::Queue { .. })
    }

    pub(crate) const fn view(self) -> View {
        match self {
            Self::Queue { .. } => View::Sqs,
            Self::Kinesis => View::Kinesis,
            Self::DynamoDb => View::DynamoDb,
        }
    }
}

/// AWS's text where a request names no source that it knows.
pub(crate) const UNRECOGNIZED: &str = "Unrecognized event source.";

/// The refusal of a source that AWS polls and forebay does not.
pub(crate) fn unpolled(what: &str) -> ApiError {
    ApiError::InvalidParameterValue(format!(
        "Forebay does not poll {what}: map an SQS queue, a Kinesis stream or a DynamoDB stream."
    ))
}

fn refused(text: &str) -> ApiError {
    ApiError::InvalidParameterValue(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_sources_by_their_arns() {
        let table = [
            ("arn:aws:sqs:us-east-1:123456789012:q", Source::Queue { fifo: false }),
            ("arn:aws:sqs:us-east-1:123456789012:q.fifo", Source::Queue { fifo: true }),
            ("arn:aws:kinesis:us-east-1:123456789012:stream/s", Source::Kinesis),
            ("arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-20T08:30:00.000", Source::DynamoDb),
        ];
        for (arn, source) in table {
            assert_eq!(Source::of(arn), Ok(source), "{arn}");
        }
    }

    #[test]
    fn refuses_what_is_not_polled() {
        let table = [
            ("arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1", "enhanced fan-out"),
            ("arn:aws:kafka:us-east-1:123456789012:cluster/c/x", "Amazon MSK"),
            ("arn:aws:mq:us-east-1:123456789012:broker:b:x", "Amazon MQ"),
            ("arn:aws:rds:us-east-1:123456789012:cluster:c", "Amazon DocumentDB"),
            ("arn:aws:s3:::bucket", UNRECOGNIZED),
            ("arn:aws:sns:us-east-1:123456789012:t", UNRECOGNIZED),
            ("", UNRECOGNIZED),
        ];
        for (arn, text) in table {
            let error = Source::of(arn).unwrap_err();
            assert_eq!(error.code(), "InvalidParameterValueException");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
