//! Every refusal of the API, in AWS's codes and words.

use axum::http::StatusCode;
use serde_json::{Value, json};
use thiserror::Error;

/// Why a request is refused. The text is what the client reads.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ApiError {
    /// A parameter, alone or with others, cannot be used.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// Constraints of the API's model are not met; says how many and which.
    #[error("{0}")]
    Validation(String),
    /// The request is broken below the API: a path that does not decode, a body that breaks off.
    #[error("{0}")]
    MalformedHttpRequest(String),
    /// The body is not JSON, or a member of it has another type.
    #[error("{0}")]
    Serialization(String),
    /// There is no such mapping.
    #[error("{0}")]
    ResourceNotFound(String),
    /// There is one already.
    #[error("{0}")]
    ResourceConflict(String),
    /// The mapping is on its way from one state to another.
    #[error("{0}")]
    ResourceInUse(String),
    /// More requests at once than are taken.
    #[error("Rate exceeded")]
    TooManyRequests,
    /// The body is larger than a request may be.
    #[error("Request must be smaller than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The body did not come in time.
    #[error("the request's body did not come within {seconds} seconds: send it again")]
    Slow {
        /// How long was waited.
        seconds: u64,
    },
    /// The request is not signed.
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    /// What signs the request lacks a part.
    #[error("{0}")]
    IncompleteSignature(String),
    /// No such access key.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    /// The signature is not that of this request, or not of this time.
    #[error("{0}")]
    InvalidSignature(String),
    /// The sender is one that is never let in.
    #[error("{0}")]
    AccessDenied(String),
    /// There is no such path, or it does not take the method.
    #[error("Unable to determine service/operation name to be authorized")]
    UnknownOperation,
    /// Something behind the API does not work: an endpoint that is not reached, a store that cannot be written.
    #[error("{0}")]
    Service(String),
    /// Forebay is shutting down.
    #[error("forebay is shutting down: try again when it runs")]
    Closing,
}

impl ApiError {
    /// The HTTP status.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::InvalidParameterValue(_)
            | Self::Validation(_)
            | Self::MalformedHttpRequest(_)
            | Self::Serialization(_)
            | Self::ResourceInUse(_)
            | Self::IncompleteSignature(_) => StatusCode::BAD_REQUEST,
            Self::MissingAuthenticationToken
            | Self::UnrecognizedClient
            | Self::InvalidSignature(_)
            | Self::AccessDenied(_) => StatusCode::FORBIDDEN,
            Self::ResourceNotFound(_) | Self::UnknownOperation => StatusCode::NOT_FOUND,
            Self::Slow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::ResourceConflict(_) => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Service(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Closing => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// AWS's code, the value of `x-amzn-ErrorType`.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::InvalidParameterValue(_) => "InvalidParameterValueException",
            Self::Validation(_) => "ValidationException",
            Self::MalformedHttpRequest(_) => "MalformedHttpRequestException",
            Self::Serialization(_) => "SerializationException",
            Self::ResourceNotFound(_) => "ResourceNotFoundException",
            Self::ResourceConflict(_) => "ResourceConflictException",
            Self::ResourceInUse(_) => "ResourceInUseException",
            Self::TooManyRequests => "TooManyRequestsException",
            Self::TooLarge { .. } => "RequestEntityTooLargeException",
            Self::Slow { .. } => "RequestTimeoutException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature(_) => "IncompleteSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::InvalidSignature(_) => "InvalidSignatureException",
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::Service(_) => "ServiceException",
            Self::Closing => "ServiceUnavailableException",
        }
    }

    /// The body. AWS spells the member of the text in two ways, and leaves the type out where its front door refuses.
    pub(crate) fn body(&self) -> Value {
        let message = self.to_string();
        match self {
            Self::ResourceNotFound(_) | Self::ResourceInUse(_) => json!({ "Type": "User", "Message": message }),
            Self::Serialization(_) => json!({ "Message": message }),
            Self::Service(_) | Self::Closing => json!({ "Type": "Service", "Message": message }),
            Self::InvalidParameterValue(_)
            | Self::ResourceConflict(_)
            | Self::TooManyRequests
            | Self::TooLarge { .. } => json!({ "Type": "User", "message": message }),
            Self::Validation(_)
            | Self::Slow { .. }
            | Self::MissingAuthenticationToken
            | Self::IncompleteSignature(_)
            | Self::UnrecognizedClient
            | Self::InvalidSignature(_)
            | Self::AccessDenied(_)
            | Self::MalformedHttpRequest(_)
            | Self::UnknownOperation => json!({ "message": message }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_the_code_the_status_and_the_body_of_aws() {
        let text = || "why".to_owned();
        let table = [
            (ApiError::InvalidParameterValue(text()), 400, "InvalidParameterValueException", Some("User"), "message"),
            (ApiError::Validation(text()), 400, "ValidationException", None, "message"),
            (ApiError::Serialization(text()), 400, "SerializationException", None, "Message"),
            (ApiError::ResourceNotFound(text()), 404, "ResourceNotFoundException", Some("User"), "Message"),
            (ApiError::ResourceConflict(text()), 409, "ResourceConflictException", Some("User"), "message"),
            (ApiError::ResourceInUse(text()), 400, "ResourceInUseException", Some("User"), "Message"),
            (ApiError::Service(text()), 500, "ServiceException", Some("Service"), "Message"),
            (ApiError::InvalidSignature(text()), 403, "InvalidSignatureException", None, "message"),
        ];
        for (error, status, code, kind, member) in table {
            assert_eq!((error.status().as_u16(), error.code()), (status, code));
            let body = error.body();
            assert_eq!(body["Type"].as_str(), kind, "{body}");
            assert_eq!(body[member], "why", "{body}");
        }
    }
}
