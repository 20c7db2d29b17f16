//! The tables of streams.

use super::{Answer, access_kind, status_kind, throttle_kind};
use crate::machine::FaultKind;

/// The class of an error of Kinesis.
pub(crate) fn kinesis_kind(answer: &Answer<'_>) -> FaultKind {
    let known = match answer.code {
        "ProvisionedThroughputExceededException" | "LimitExceededException" | "KMSThrottlingException" => {
            Some(FaultKind::Throttled)
        }
        "ExpiredIteratorException" => Some(FaultKind::Expired),
        "ResourceNotFoundException" => Some(FaultKind::Missing),
        "KMSAccessDeniedException" | "KMSOptInRequired" => Some(FaultKind::Denied),
        "KMSDisabledException" | "KMSInvalidStateException" | "KMSNotFoundException" => Some(FaultKind::Invalid),
        // The stream is being made or changed; the page was asked for too late; both pass.
        "ResourceInUseException" | "ExpiredNextTokenException" => Some(FaultKind::Transient),
        _ => None,
    };
    stream_kind(known, answer)
}

/// The class of an error of DynamoDB. A condition that failed is no error there: its callers look for it first.
pub(crate) fn dynamodb_kind(answer: &Answer<'_>) -> FaultKind {
    let known = match answer.code {
        "ProvisionedThroughputExceededException" | "LimitExceededException" => Some(FaultKind::Throttled),
        "ResourceNotFoundException" | "TableNotFoundException" => Some(FaultKind::Missing),
        // Another write of the same item; the table is being made or changed; both pass.
        "TransactionConflictException" | "ReplicatedWriteConflictException" | "ResourceInUseException" => {
            Some(FaultKind::Transient)
        }
        "ItemCollectionSizeLimitExceededException" => Some(FaultKind::TooLarge),
        _ => None,
    };
    stream_kind(known, answer)
}

/// The class of an error of DynamoDB Streams.
pub(crate) fn dynamodb_streams_kind(answer: &Answer<'_>) -> FaultKind {
    let known = match answer.code {
        "TrimmedDataAccessException" => Some(FaultKind::Trimmed),
        "ExpiredIteratorException" => Some(FaultKind::Expired),
        "LimitExceededException" | "ProvisionedThroughputExceededException" => Some(FaultKind::Throttled),
        "ResourceNotFoundException" => Some(FaultKind::Missing),
        _ => None,
    };
    stream_kind(known, answer)
}

/// What streams have in common: a service's own row, else that of every service.
fn stream_kind(known: Option<FaultKind>, answer: &Answer<'_>) -> FaultKind {
    known.or_else(|| access_kind(answer.code)).or_else(|| throttle_kind(answer.code)).unwrap_or(match answer.code {
        // Whatever their status: emulators are not exact in it.
        "InternalFailure" | "InternalFailureException" | "InternalServerError" | "ServiceUnavailable" => {
            FaultKind::Transient
        }
        _ => status_kind(answer.status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Answer<'_> {
        Answer { status, code, message: "" }
    }

    #[test]
    fn dynamodb_answers_fall_into_their_classes() {
        use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
        let table = [
            (400, "ProvisionedThroughputExceededException", Throttled),
            (400, "ThrottlingException", Throttled),
            (400, "RequestLimitExceeded", Throttled),
            (400, "TransactionConflictException", Transient),
            (400, "ResourceInUseException", Transient),
            (400, "ResourceNotFoundException", Missing),
            (400, "ItemCollectionSizeLimitExceededException", TooLarge),
            (400, "AccessDeniedException", Denied),
            (400, "ExpiredTokenException", Expired),
            (400, "ValidationException", Invalid),
            (500, "InternalServerError", Transient),
            (503, "", Transient),
        ];
        for (status, code, kind) in table {
            assert_eq!(dynamodb_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
    }

    #[test]
    fn kinesis_answers_fall_into_their_classes() {
        use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
        let table = [
            (400, "ProvisionedThroughputExceededException", Throttled),
            (400, "LimitExceededException", Throttled),
            (400, "KMSThrottlingException", Throttled),
            (400, "ThrottlingException", Throttled),
            (429, "", Throttled),
            (400, "ExpiredIteratorException", Expired),
            (400, "ExpiredTokenException", Expired),
            (400, "ExpiredNextTokenException", Transient),
            (400, "ResourceInUseException", Transient),
            (400, "ResourceNotFoundException", Missing),
            (404, "", Missing),
            (400, "InvalidArgumentException", Invalid),
            (400, "ValidationException", Invalid),
            (400, "SerializationException", Invalid),
            (400, "UnknownOperationException", Invalid),
            (400, "KMSAccessDeniedException", Denied),
            (400, "KMSOptInRequired", Denied),
            (400, "KMSDisabledException", Invalid),
            (400, "KMSInvalidStateException", Invalid),
            (400, "KMSNotFoundException", Invalid),
            (400, "AccessDeniedException", Denied),
            (400, "UnrecognizedClientException", Denied),
            (400, "InvalidSignatureException", Denied),
            (400, "IncompleteSignatureException", Denied),
            (400, "MissingAuthenticationTokenException", Denied),
            (403, "", Denied),
            (413, "", TooLarge),
            (500, "InternalFailureException", Transient),
            (400, "InternalFailure", Transient),
            (503, "ServiceUnavailable", Transient),
            (500, "", Transient),
            (400, "", Invalid),
            (418, "SomethingNew", Invalid),
            (599, "SomethingNew", Transient),
        ];
        for (status, code, kind) in table {
            assert_eq!(kinesis_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
    }

    #[test]
    fn dynamodb_streams_answers_fall_into_their_classes() {
        use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, Transient, Trimmed};
        let table = [
            (400, "TrimmedDataAccessException", Trimmed),
            (400, "ExpiredIteratorException", Expired),
            (400, "ExpiredTokenException", Expired),
            (400, "LimitExceededException", Throttled),
            (400, "ProvisionedThroughputExceededException", Throttled),
            (400, "ThrottlingException", Throttled),
            (429, "", Throttled),
            (400, "ResourceNotFoundException", Missing),
            (400, "ValidationException", Invalid),
            (400, "AccessDeniedException", Denied),
            (400, "UnrecognizedClientException", Denied),
            (500, "InternalServerError", Transient),
            (400, "InternalServerError", Transient),
            (503, "", Transient),
            (400, "", Invalid),
            (418, "SomethingNew", Invalid),
            (599, "SomethingNew", Transient),
        ];
        for (status, code, kind) in table {
            assert_eq!(dynamodb_streams_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
    }
}
