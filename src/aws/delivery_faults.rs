//! Which class an answer of SNS or S3, where failure records go, belongs to. The rows are those of their API
//! references.

use super::faults::{Answer, access_kind, status_kind, throttle_kind};
use crate::machine::FaultKind;

/// The class of an error of SNS.
pub(crate) fn sns_kind(answer: &Answer<'_>) -> FaultKind {
    let code = answer.code.strip_prefix("KMS.").unwrap_or(answer.code);
    let known = match answer.code {
        // The topic is there, but its key is not.
        "KMSNotFound" | "KMSNotFoundException" | "KMS.NotFoundException" => Some(FaultKind::Invalid),
        "NotFound" | "NotFoundException" | "ResourceNotFoundException" => Some(FaultKind::Missing),
        "Throttled" | "KMSThrottling" | "KMSThrottlingException" => Some(FaultKind::Throttled),
        "KMSAccessDenied" | "KMSAccessDeniedException" | "KMSOptInRequired" | "InvalidSecurity" => {
            Some(FaultKind::Denied)
        }
        "InvalidParameter" | "InvalidParameterValue" | "InvalidParameterException"
            if answer.message.contains("Message too long") =>
        {
            Some(FaultKind::TooLarge)
        }
        "InternalError" | "InternalFailure" | "ServiceUnavailable" => Some(FaultKind::Transient),
        _ => None,
    };
    known.or_else(|| access_kind(code)).or_else(|| throttle_kind(code)).unwrap_or_else(|| status_kind(answer.status))
}

/// The class of an error of S3.
pub(crate) fn s3_kind(answer: &Answer<'_>) -> FaultKind {
    let code = answer.code.strip_prefix("KMS.").unwrap_or(answer.code);
    let known = match code {
        "NoSuchBucket" | "NotFound" => Some(FaultKind::Missing),
        "InvalidToken" | "AccountProblem" | "AllAccessDisabled" | "NotSignedUp" => Some(FaultKind::Denied),
        "EntityTooLarge" => Some(FaultKind::TooLarge),
        // What was sent did not arrive as it was sent, or too slowly.
        "BadDigest" | "IncompleteBody" | "InvalidDigest" | "RequestTimeout" | "XAmzContentSHA256Mismatch" => {
            Some(FaultKind::Transient)
        }
        // Somebody changes the bucket at this moment, or its name is not yet known everywhere.
        "OperationAborted" | "TemporaryRedirect" => Some(FaultKind::Transient),
        "InternalError" | "ServiceUnavailable" => Some(FaultKind::Transient),
        "NotImplemented" => Some(FaultKind::Invalid),
        _ => None,
    };
    known.or_else(|| access_kind(code)).or_else(|| throttle_kind(code)).unwrap_or_else(|| status_kind(answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Answer<'_> {
        Answer { status, code, message: "" }
    }

    #[test]
    fn sns_answers_fall_into_their_classes() {
        use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
        let table = [
            (404, "NotFound", Missing),
            (404, "NotFoundException", Missing),
            (404, "ResourceNotFoundException", Missing),
            (404, "", Missing),
            (404, "KMSNotFound", Invalid),
            (400, "KMS.NotFoundException", Invalid),
            (403, "AuthorizationError", Denied),
            (403, "AccessDenied", Denied),
            (403, "InvalidClientTokenId", Denied),
            (403, "SignatureDoesNotMatch", Denied),
            (403, "InvalidSecurity", Denied),
            (400, "KMSAccessDenied", Denied),
            (400, "KMSOptInRequired", Denied),
            (403, "ExpiredToken", Expired),
            (429, "Throttled", Throttled),
            (400, "Throttling", Throttled),
            (400, "ThrottlingException", Throttled),
            (400, "KMSThrottling", Throttled),
            (400, "KMS.ThrottlingException", Throttled),
            (429, "", Throttled),
            (400, "KMSDisabled", Invalid),
            (400, "KMSInvalidState", Invalid),
            (400, "InvalidParameter", Invalid),
            (400, "ParameterValueInvalid", Invalid),
            (400, "ValidationException", Invalid),
            (400, "EndpointDisabled", Invalid),
            (500, "InternalError", Transient),
            (503, "ServiceUnavailable", Transient),
            (400, "InternalFailure", Transient),
            (502, "", Transient),
            (413, "", TooLarge),
        ];
        for (status, code, kind) in table {
            assert_eq!(sns_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
        let message = "Invalid parameter: Message too long";
        assert_eq!(sns_kind(&Answer { status: 400, code: "InvalidParameter", message }), TooLarge);
    }

    #[test]
    fn s3_answers_fall_into_their_classes() {
        use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
        let table = [
            (404, "NoSuchBucket", Missing),
            (404, "NotFound", Missing),
            (404, "", Missing),
            (403, "AccessDenied", Denied),
            (403, "AllAccessDisabled", Denied),
            (403, "InvalidAccessKeyId", Denied),
            (403, "SignatureDoesNotMatch", Denied),
            (403, "RequestTimeTooSkewed", Denied),
            (400, "InvalidToken", Denied),
            (400, "ExpiredToken", Expired),
            (503, "SlowDown", Throttled),
            (503, "ThrottlingException", Throttled),
            (400, "KMS.ThrottlingException", Throttled),
            (429, "", Throttled),
            (400, "KMS.DisabledException", Invalid),
            (400, "KMS.NotFoundException", Invalid),
            (400, "KMS.KMSInvalidStateException", Invalid),
            (301, "PermanentRedirect", Invalid),
            (400, "AuthorizationHeaderMalformed", Invalid),
            (400, "IllegalLocationConstraintException", Invalid),
            (400, "InvalidBucketName", Invalid),
            (405, "MethodNotAllowed", Invalid),
            (501, "NotImplemented", Invalid),
            (400, "EntityTooLarge", TooLarge),
            (413, "", TooLarge),
            (400, "RequestTimeout", Transient),
            (400, "BadDigest", Transient),
            (400, "IncompleteBody", Transient),
            (307, "TemporaryRedirect", Transient),
            (409, "OperationAborted", Transient),
            (500, "InternalError", Transient),
            (503, "ServiceUnavailable", Transient),
            (503, "", Transient),
        ];
        for (status, code, kind) in table {
            assert_eq!(s3_kind(&answer(status, code)), kind, "{status} {code:?}");
        }
    }
}
