//! Which class an answer of AWS belongs to: one table a service, as pure functions.
//!
//! Codes are looked at first and HTTP statuses second, because services (and their emulators) are more
//! exact in the code. The rows are those of the services' API references.

mod streams;

pub(crate) use self::streams::{dynamodb_kind, dynamodb_streams_kind, kinesis_kind};
use crate::machine::FaultKind;

/// An error as the service put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The error code; empty when the answer has none.
    pub(crate) code: &'a str,
    /// The service's own text; empty when the answer has none.
    pub(crate) message: &'a str,
}

/// The class of an error of SQS.
pub(crate) fn sqs_kind(answer: &Answer<'_>) -> FaultKind {
    sqs_code_kind(answer.code).unwrap_or_else(|| status_kind(answer.status))
}

/// The class of an SQS error code, as it stands in an error or in an entry of a batch answer.
pub(crate) fn sqs_code_kind(code: &str) -> Option<FaultKind> {
    let bare = bare_sqs_code(code);
    access_kind(bare).or_else(|| throttle_kind(bare)).or(match bare {
        "NonExistentQueue" | "QueueDoesNotExist" | "QueueDeletedRecently" => Some(FaultKind::Missing),
        // The queue's limit of messages in flight (120,000): less is asked for.
        "OverLimit" | "KmsThrottled" => Some(FaultKind::Throttled),
        "KmsAccessDenied" | "KmsOptInRequired" | "InvalidSecurity" => Some(FaultKind::Denied),
        "KmsDisabled" | "KmsInvalidKeyUsage" | "KmsInvalidState" | "KmsNotFound" => Some(FaultKind::Invalid),
        "BatchRequestTooLong" => Some(FaultKind::TooLarge),
        "InternalError" | "InternalFailure" | "ServiceUnavailable" => Some(FaultKind::Transient),
        _ => None,
    })
}

/// Whether SQS says that a receipt handle is of no more use: the message is deleted, or visible again.
///
/// SQS answers `InvalidParameterValue` for a handle that has expired, but also for a visibility timeout
/// that is out of range; the text shows which of the two it is.
pub(crate) fn receipt_is_gone(code: &str, message: &str) -> bool {
    match bare_sqs_code(code) {
        "ReceiptHandleIsInvalid" | "MessageNotInflight" => true,
        "InvalidParameterValue" => !message.contains("VisibilityTimeout"),
        _ => false,
    }
}

/// The class of an error of Lambda.
pub(crate) fn lambda_kind(answer: &Answer<'_>) -> FaultKind {
    let known = match answer.code {
        "TooManyRequestsException" => Some(FaultKind::Throttled),
        "ResourceNotFoundException" | "FunctionNotFound" => Some(FaultKind::Missing),
        "RequestTooLargeException" | "SerializedRequestEntityTooLargeException" | "RequestEntityTooLargeException" => {
            Some(FaultKind::TooLarge)
        }
        "RecursiveInvocationException" => Some(FaultKind::Invalid),
        // The function could not be placed or started: its own network, key, file system, snapshot or
        // image is at fault, which may pass. Some of these come with 403, which is not about us.
        code if ["EFS", "S3Files", "ENI", "EC2", "KMS", "Subnet"].iter().any(|head| code.starts_with(head)) => {
            Some(FaultKind::Transient)
        }
        _ => None,
    };
    known
        .or_else(|| access_kind(answer.code))
        .or_else(|| throttle_kind(answer.code))
        .or(match answer.status {
            // ServiceQuotaExceeded, time-outs at the start of an instance, states that change, EFS I/O.
            402 | 408 | 409 | 410 => Some(FaultKind::Transient),
            _ => None,
        })
        .unwrap_or_else(|| status_kind(answer.status))
}

/// The class of an error of STS.
pub(crate) fn sts_kind(answer: &Answer<'_>) -> FaultKind {
    access_kind(answer.code).or_else(|| throttle_kind(answer.code)).unwrap_or_else(|| {
        match status_kind(answer.status) {
            // What STS refuses as invalid is the role or the identity, so it is a matter of permission.
            FaultKind::Invalid | FaultKind::Missing => FaultKind::Denied,
            kind => kind,
        }
    })
}

/// Codes that every service uses when it does not accept the caller.
pub(super) fn access_kind(code: &str) -> Option<FaultKind> {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
            Some(FaultKind::Expired)
        }
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "AuthorizationError"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "UnauthorizedOperation"
        | "UnrecognizedClient"
        | "UnrecognizedClientException" => Some(FaultKind::Denied),
        _ => None,
    }
}

/// Codes that every service uses when it is asked too often.
pub(super) fn throttle_kind(code: &str) -> Option<FaultKind> {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
    )
    .then_some(FaultKind::Throttled)
}

/// What a status says when the code says nothing.
pub(super) fn status_kind(status: u16) -> FaultKind {
    match status {
        401 | 403 => FaultKind::Denied,
        404 => FaultKind::Missing,
        408 => FaultKind::Transient,
        413 => FaultKind::TooLarge,
        429 => FaultKind::Throttled,
        300..=499 => FaultKind::Invalid,
        _ => FaultKind::Transient,
    }
}

/// SQS writes its codes with and without a prefix, by protocol, and hands on those of KMS under another.
fn bare_sqs_code(code: &str) -> &str {
    code.strip_prefix("AWS.SimpleQueueService.").or_else(|| code.strip_prefix("KMS.")).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Answer<'_> {
        Answer { status, code, message: "" }
    }

    #[test]
    fn sqs_answers_fall_into_their_classes() {
        use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
        let table = [
            (400, "AWS.SimpleQueueService.NonExistentQueue", Missing),
            (400, "QueueDoesNotExist", Missing),
            (400, "AWS.SimpleQueueService.QueueDeletedRecently", Missing),
            (403, "AccessDenied", Denied),
            (403, "AccessDeniedException", Denied),
            (403, "InvalidSecurity", Denied),
            (403, "UnrecognizedClientException", Denied),
            (403, "InvalidClientTokenId", Denied),
            (403, "SignatureDoesNotMatch", Denied),
            (403, "MissingAuthenticationToken", Denied),
            (400, "KmsAccessDenied", Denied),
            (400, "KMS.AccessDeniedException", Denied),
            (400, "KMS.ThrottlingException", Throttled),
            (400, "KMS.DisabledException", Invalid),
            (403, "ExpiredToken", Expired),
            (403, "ExpiredTokenException", Expired),
            (403, "RequestExpired", Expired),
            (403, "AWS.SimpleQueueService.OverLimit", Throttled),
            (400, "OverLimit", Throttled),
            (400, "RequestThrottled", Throttled),
            (400, "ThrottlingException", Throttled),
            (400, "KmsThrottled", Throttled),
            (400, "KmsDisabled", Invalid),
            (400, "InvalidParameterValue", Invalid),
            (400, "InvalidAddress", Invalid),
            (400, "UnsupportedOperation", Invalid),
            (400, "AWS.SimpleQueueService.BatchRequestTooLong", TooLarge),
            (500, "InternalError", Transient),
            (503, "ServiceUnavailable", Transient),
            (400, "InternalFailure", Transient),
            (503, "", Transient),
            (502, "", Transient),
            (429, "", Throttled),
            (413, "", TooLarge),
            (403, "", Denied),
            (401, "", Denied),
            (404, "", Missing),
            (400, "", Invalid),
            (301, "", Invalid),
            (200, "", Transient),
            (418, "SomethingNew", Invalid),
            (599, "SomethingNew", Transient),
        ];
        for (status, code, kind) in table {
            assert_eq!(sqs_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
    }

    #[test]
    fn lambda_answers_fall_into_their_classes() {
        use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
        let table = [
            (429, "TooManyRequestsException", Throttled),
            (400, "ThrottlingException", Throttled),
            (429, "", Throttled),
            (500, "ServiceException", Transient),
            (502, "EC2AccessDeniedException", Transient),
            (502, "EC2ThrottledException", Transient),
            (502, "EC2UnexpectedException", Transient),
            (502, "ENILimitReachedException", Transient),
            (502, "KMSAccessDeniedException", Transient),
            (502, "KMSDisabledException", Transient),
            (502, "KMSInvalidStateException", Transient),
            (502, "KMSNotFoundException", Transient),
            (502, "SubnetIPAddressLimitReachedException", Transient),
            (502, "InvalidSubnetIDException", Transient),
            (502, "InvalidSecurityGroupIDException", Transient),
            (502, "InvalidRuntimeException", Transient),
            (502, "InvalidZipFileException", Transient),
            (502, "ResourceNotReadyException", Transient),
            (408, "EFSMountTimeoutException", Transient),
            (408, "EFSMountConnectivityException", Transient),
            (408, "S3FilesMountTimeoutException", Transient),
            (408, "SnapStartTimeoutException", Transient),
            (409, "ResourceConflictException", Transient),
            (409, "SnapStartNotReadyException", Transient),
            (409, "SnapStartRegenerationFailureException", Transient),
            (409, "CodeArtifactUserDeletedException", Transient),
            (409, "RuntimeVersionDeletedException", Transient),
            (409, "RuntimeAliasDeletedException", Transient),
            (409, "DurableExecutionAlreadyStartedException", Transient),
            (410, "EFSIOException", Transient),
            (403, "EFSMountFailureException", Transient),
            (403, "S3FilesMountFailureException", Transient),
            (402, "ServiceQuotaExceededException", Transient),
            (503, "", Transient),
            (404, "ResourceNotFoundException", Missing),
            (403, "AccessDeniedException", Denied),
            (403, "UnrecognizedClientException", Denied),
            (403, "InvalidSignatureException", Denied),
            (403, "", Denied),
            (403, "ExpiredTokenException", Expired),
            (400, "InvalidParameterValueException", Invalid),
            (400, "InvalidRequestContentException", Invalid),
            (400, "NoPublishedVersionException", Invalid),
            (400, "ModeNotSupportedException", Invalid),
            (400, "SnapStartException", Invalid),
            (400, "RecursiveInvocationException", Invalid),
            (415, "UnsupportedMediaTypeException", Invalid),
            (413, "RequestTooLargeException", TooLarge),
            (413, "SerializedRequestEntityTooLargeException", TooLarge),
            (413, "", TooLarge),
            (307, "", Invalid),
            (451, "SomethingNew", Invalid),
            (520, "SomethingNew", Transient),
        ];
        for (status, code, kind) in table {
            assert_eq!(lambda_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
    }

    #[test]
    fn what_sts_refuses_is_a_matter_of_permission() {
        let table = [
            (403, "AccessDenied", FaultKind::Denied),
            (400, "ValidationError", FaultKind::Denied),
            (403, "ExpiredToken", FaultKind::Expired),
            (400, "Throttling", FaultKind::Throttled),
            (503, "", FaultKind::Transient),
        ];
        for (status, code, kind) in table {
            assert_eq!(sts_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
    }

    #[test]
    fn a_spent_receipt_is_told_from_a_bad_timeout() {
        let expired = "Value AQEB is invalid for parameter ReceiptHandle. Reason: The receipt handle has expired.";
        let range = "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200";
        let total = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
        let table = [
            ("ReceiptHandleIsInvalid", "", true),
            ("AWS.SimpleQueueService.MessageNotInflight", "", true),
            ("MessageNotInflight", "", true),
            ("InvalidParameterValue", expired, true),
            ("InvalidParameterValue", range, false),
            ("InvalidParameterValue", total, false),
            ("InternalError", "", false),
            ("AccessDenied", "", false),
            ("", "", false),
        ];
        for (code, message, gone) in table {
            assert_eq!(receipt_is_gone(code, message), gone, "{code} {message}");
        }
    }
}
