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

/// How AWS writes the body of a refusal: it spells the member of the text in two ways, and leaves the type out where
/// its front door refuses.
#[derive(Clone, Copy)]
enum Body {
    /// `message`, without a type.
    Front,
    /// `Message`, without a type.
    Parser,
    /// `message`, by the user's fault.
    User,
    /// `Message`, by the user's fault.
    Resource,
    /// `Message`, by the service's fault.
    Service,
}

impl ApiError {
    /// The HTTP status, AWS's code, and the form of the body.
    const fn row(&self) -> (StatusCode, &'static str, Body) {
        use StatusCode as Status;
        match self {
            Self::InvalidParameterValue(_) => (Status::BAD_REQUEST, "InvalidParameterValueException", Body::User),
            Self::Validation(_) => (Status::BAD_REQUEST, "ValidationException", Body::Front),
            Self::MalformedHttpRequest(_) => (Status::BAD_REQUEST, "MalformedHttpRequestException", Body::Front),
            Self::Serialization(_) => (Status::BAD_REQUEST, "SerializationException", Body::Parser),
            Self::ResourceNotFound(_) => (Status::NOT_FOUND, "ResourceNotFoundException", Body::Resource),
            Self::ResourceConflict(_) => (Status::CONFLICT, "ResourceConflictException", Body::User),
            Self::ResourceInUse(_) => (Status::BAD_REQUEST, "ResourceInUseException", Body::Resource),
            Self::TooManyRequests => (Status::TOO_MANY_REQUESTS, "TooManyRequestsException", Body::User),
            Self::TooLarge { .. } => (Status::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", Body::User),
            Self::Slow { .. } => (Status::REQUEST_TIMEOUT, "RequestTimeoutException", Body::Front),
            Self::MissingAuthenticationToken => (Status::FORBIDDEN, "MissingAuthenticationTokenException", Body::Front),
            Self::IncompleteSignature(_) => (Status::BAD_REQUEST, "IncompleteSignatureException", Body::Front),
            Self::UnrecognizedClient => (Status::FORBIDDEN, "UnrecognizedClientException", Body::Front),
            Self::InvalidSignature(_) => (Status::FORBIDDEN, "InvalidSignatureException", Body::Front),
            Self::AccessDenied(_) => (Status::FORBIDDEN, "AccessDeniedException", Body::Front),
            Self::UnknownOperation => (Status::NOT_FOUND, "UnknownOperationException", Body::Front),
            Self::Service(_) => (Status::INTERNAL_SERVER_ERROR, "ServiceException", Body::Service),
            Self::Closing => (Status::SERVICE_UNAVAILABLE, "ServiceUnavailableException", Body::Service),
        }
    }

    /// The HTTP status.
    pub(crate) const fn status(&self) -> StatusCode {
        self.row().0
    }

    /// AWS's code, the value of `x-amzn-ErrorType`.
    pub(crate) const fn code(&self) -> &'static str {
        self.row().1
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        let message = self.to_string();
        match self.row().2 {
            Body::Front => json!({ "message": message }),
            Body::Parser => json!({ "Message": message }),
            Body::User => json!({ "Type": "User", "message": message }),
            Body::Resource => json!({ "Type": "User", "Message": message }),
            Body::Service => json!({ "Type": "Service", "Message": message }),
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
