//! Reads the SDK's errors: what failed, and the words for it.

mod advice;
mod credentials;
mod words;

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::endpoint::error::ResolveEndpointError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use self::advice::advice;
pub(crate) use self::credentials::credentials_fault;
pub(crate) use self::words::chain;
use self::words::{describe, root_cause};
pub(super) use self::words::{in_chain, shortened};
use super::delivery_faults::{s3_kind, sns_kind};
use super::faults::{Answer, dynamodb_kind, dynamodb_streams_kind, kinesis_kind, lambda_kind, sqs_kind};
use super::http::Unusable;
use crate::machine::{Fault, FaultKind};

/// A service, as a table of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Sqs,
    Kinesis,
    DynamoDb,
    DynamoDbStreams,
    Lambda,
    /// SQS as a failure destination: the same table, other advice.
    SqsDestination,
    Sns,
    S3,
}

/// One call, for messages and for the choice of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// Whose table classifies its errors.
    pub(crate) service: Service,
    /// The API's name of the operation.
    pub(crate) operation: &'static str,
    /// What it was about: `queue orders (us-east-1, account 000000000000)`.
    pub(crate) target: &'a str,
}

/// The fault of a call that did not end within `bound`.
pub(crate) fn timed_out(call: Call<'_>, bound: Duration) -> Fault {
    Fault::new(
        FaultKind::Timeout,
        format!("{} on {}: no answer within {}", call.operation, call.target, seconds(bound)),
    )
}

/// Puts an SDK error into its class, in words that an operator can act on.
pub(crate) fn fault_of<E>(call: Call<'_>, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let place = format!("{} on {}", call.operation, call.target);
    if let Some(credentials) = in_chain::<CredentialsError>(error) {
        let fault = credentials_fault(credentials);
        return Fault { message: format!("{place}: {fault}"), ..fault };
    }
    if in_chain::<ResolveEndpointError>(error).is_some() {
        return Fault::new(
            FaultKind::Invalid,
            format!("{place}: there is no endpoint: {}; check region and endpoint", root_cause(error)),
        );
    }
    if let Some(unusable) = in_chain::<Unusable>(error) {
        // What is too long will be again; all else may pass with whatever stands before the service.
        let is_too_long = matches!(unusable, Unusable::TooLong(_));
        let kind = if is_too_long { FaultKind::Invalid } else { FaultKind::Transient };
        return Fault::new(kind, format!("{place}: {unusable}"));
    }
    match error {
        SdkError::ServiceError(context) => {
            let response = context.raw();
            let meta = context.err().meta();
            let answer = Answer {
                status: response.status().as_u16(),
                code: meta.code().unwrap_or_default(),
                message: meta.message().unwrap_or_default(),
            };
            answered(call, &place, &answer, response)
        }
        SdkError::TimeoutError(_) => Fault::new(FaultKind::Timeout, format!("{place}: no answer in time")),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            // A connect timeout: nothing was sent, so nothing can have taken effect.
            Fault::new(FaultKind::Transient, format!("{place}: cannot connect: {}", root_cause(error)))
        }
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            Fault::new(FaultKind::Invalid, format!("{place}: the request cannot be sent: {}", root_cause(error)))
        }
        SdkError::DispatchFailure(_) => Fault::new(
            FaultKind::Transient,
            format!("{place}: the connection failed: {}; check that the endpoint can be reached", root_cause(error)),
        ),
        // Some of the SDK's clients count an error without a code as an answer that cannot be read.
        SdkError::ResponseError(context) if !context.raw().status().is_success() => {
            let status = context.raw().status().as_u16();
            answered(call, &place, &Answer { status, code: "", message: "" }, context.raw())
        }
        SdkError::ResponseError(context) => Fault::new(
            FaultKind::Transient,
            format!(
                "{place}: the answer (HTTP {}) cannot be read: {}",
                context.raw().status().as_u16(),
                root_cause(error)
            ),
        ),
        // Nothing was sent: the endpoint, the region or a parameter is not usable.
        _ => Fault::new(
            FaultKind::Invalid,
            format!("{place}: the request cannot be made: {}; check region and endpoint", root_cause(error)),
        ),
    }
}

/// Whether the answer was longer than any of the service can be.
pub(crate) fn answered_too_much<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: Error + 'static,
{
    matches!(in_chain(error), Some(Unusable::TooLong(_)))
}

/// The fault of an answer in which the service says no.
fn answered(call: Call<'_>, place: &str, answer: &Answer<'_>, response: &HttpResponse) -> Fault {
    let kind = match call.service {
        Service::Sqs | Service::SqsDestination => sqs_kind(answer),
        Service::Sns => sns_kind(answer),
        Service::S3 => s3_kind(answer),
        Service::Kinesis => kinesis_kind(answer),
        Service::DynamoDb => dynamodb_kind(answer),
        Service::DynamoDbStreams => dynamodb_streams_kind(answer),
        Service::Lambda => lambda_kind(answer),
    };
    let said = if answer.code.is_empty() && answer.status == 404 {
        not_aws(call, answer.status)
    } else {
        format!("{}{}", describe(answer), advice(kind, call, answer.code))
    };
    let mut fault = Fault::new(kind, format!("{place}: {said}"));
    fault.retry_after = response.headers().get("retry-after").and_then(parse_retry_after);
    fault
}

/// Stands in the message of an answer that does not come from an AWS service.
const FOREIGN: &str = "without an AWS error code";

/// Whether something else than the service answered, as far as an answer shows that.
pub(crate) fn is_foreign(fault: &Fault) -> bool {
    fault.message.contains(FOREIGN)
}

/// What AWS would have said with a code.
fn not_aws(call: Call<'_>, status: u16) -> String {
    let endpoint = match call.service {
        Service::Sqs | Service::SqsDestination => "an SQS",
        Service::Kinesis => "a Kinesis",
        Service::DynamoDb => "a DynamoDB",
        Service::DynamoDbStreams => "a DynamoDB Streams",
        Service::Lambda => "a Lambda",
        Service::Sns => "an SNS",
        Service::S3 => "an S3",
    };
    let hint = match call.service {
        Service::Lambda if call.operation != "Invoke" => " (the Lambda runtime interface emulator serves only Invoke)",
        _ => "",
    };
    format!("HTTP {status} {FOREIGN}: is this {endpoint} endpoint?{hint}")
}

/// `Retry-After` in seconds; a date is not understood, and then we choose the pause ourselves.
fn parse_retry_after(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A span as `25 s` or `1.5 s`.
fn seconds(span: Duration) -> String {
    format!("{} s", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::operation::receive_message::ReceiveMessageError;
    use aws_sdk_sts::operation::assume_role::AssumeRoleError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    type Failed = SdkError<ReceiveMessageError, HttpResponse>;

    const CALL: Call<'static> = Call { service: Service::Sqs, operation: "ReceiveMessage", target: "queue orders" };

    fn answered(status: u16, code: &str, text: &str, retry_after: Option<&'static str>) -> Failed {
        let meta = ErrorMetadata::builder().code(code).message(text).build();
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        if let Some(pause) = retry_after {
            response.headers_mut().insert("retry-after", pause);
        }
        SdkError::service_error(ReceiveMessageError::generic(meta), response)
    }

    #[test]
    fn a_refusal_names_call_code_text_and_the_permission() {
        let fault = fault_of(CALL, &answered(403, "AccessDenied", "no identity-based policy allows it", None));
        assert_eq!(fault.kind, FaultKind::Denied);
        assert_eq!(
            fault.message,
            "ReceiveMessage on queue orders: AccessDenied: no identity-based policy allows it (HTTP 403); \
             check the credentials, and allow them sqs:ReceiveMessage"
        );
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_nothing_else() {
        for (text, pause) in [
            ("3", Some(Duration::from_secs(3))),
            (" 1.5 ", Some(Duration::from_millis(1500))),
            ("0", Some(Duration::ZERO)),
            ("-1", None),
            ("NaN", None),
            ("1e300", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("", None),
        ] {
            let fault = fault_of(CALL, &answered(429, "ThrottlingException", "", Some(text)));
            assert_eq!((fault.kind, fault.retry_after), (FaultKind::Throttled, pause), "{text:?}");
        }
    }

    #[test]
    fn long_or_wild_texts_are_cut_to_one_line() {
        let fault = fault_of(CALL, &answered(500, "InternalError", &"é\n".repeat(4000), None));
        assert!(fault.message.chars().count() < 400 && !fault.message.contains('\n'), "{}", fault.message);
        assert!(fault.message.contains('…'));
    }

    #[test]
    fn an_expired_iterator_is_no_matter_of_credentials() {
        let call = Call { service: Service::Kinesis, operation: "GetRecords", target: "shard" };
        for (code, advised) in [("ExpiredIteratorException", false), ("ExpiredTokenException", true)] {
            let fault = fault_of(call, &answered(400, code, "", None));
            assert_eq!(fault.kind, FaultKind::Expired);
            assert_eq!(fault.message.contains("renew the AWS credentials"), advised, "{}", fault.message);
        }
        let fault = fault_of(call, &answered(400, "KMSAccessDeniedException", "", None));
        assert!(fault.message.ends_with("kms:Decrypt on the stream's key"), "{}", fault.message);
    }

    #[test]
    fn an_error_that_cannot_be_read_goes_by_its_status() {
        for (status, kind) in [(429, FaultKind::Throttled), (403, FaultKind::Denied), (500, FaultKind::Transient)] {
            let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
            let fault = fault_of(CALL, &Failed::response_error("no code", response));
            assert_eq!(fault.kind, kind, "{}", fault.message);
        }
        let response = HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        assert_eq!(fault_of(CALL, &Failed::response_error("torn", response)).kind, FaultKind::Transient);
    }

    #[test]
    fn broken_transport_is_classified_without_an_answer() {
        let io = || Box::new(std::io::Error::other("connection reset by peer"));
        let table: [(Failed, FaultKind); 6] = [
            (SdkError::timeout_error("late"), FaultKind::Timeout),
            (SdkError::dispatch_failure(ConnectorError::io(io())), FaultKind::Transient),
            (SdkError::dispatch_failure(ConnectorError::timeout(io())), FaultKind::Transient),
            (SdkError::dispatch_failure(ConnectorError::other(io(), None)), FaultKind::Transient),
            (SdkError::dispatch_failure(ConnectorError::user(io())), FaultKind::Invalid),
            (SdkError::construction_failure("no such region"), FaultKind::Invalid),
        ];
        for (error, kind) in table {
            let fault = fault_of(CALL, &error);
            assert_eq!(fault.kind, kind, "{}", fault.message);
            assert!(fault.message.starts_with("ReceiveMessage on queue orders: "), "{}", fault.message);
        }
    }

    #[test]
    fn an_answer_of_something_else_passes_and_one_that_is_too_long_does_not() {
        let table = [
            (Unusable::Status(204), FaultKind::Transient, false),
            (Unusable::Encoded, FaultKind::Transient, false),
            (Unusable::TooLong(1000), FaultKind::Invalid, true),
        ];
        for (reason, kind, too_much) in table {
            let error: Failed = SdkError::dispatch_failure(ConnectorError::other(Box::new(reason), None));
            let fault = fault_of(CALL, &error);
            assert_eq!((fault.kind, answered_too_much(&error)), (kind, too_much), "{reason:?}");
            assert_eq!(fault.message, format!("ReceiveMessage on queue orders: {reason}"));
        }
    }

    #[test]
    fn missing_credentials_say_what_to_set() {
        let error: Failed =
            SdkError::dispatch_failure(ConnectorError::other(Box::new(CredentialsError::not_loaded("nothing")), None));
        let fault = fault_of(CALL, &error);
        assert_eq!(fault.kind, FaultKind::Denied);
        assert!(fault.message.contains("AWS_ACCESS_KEY_ID"), "{}", fault.message);
    }

    #[test]
    fn a_role_that_sts_refuses_names_the_role_setting() {
        let refusal = AssumeRoleError::generic(ErrorMetadata::builder().code("AccessDenied").build());
        let error: Failed = SdkError::dispatch_failure(ConnectorError::other(
            Box::new(CredentialsError::provider_error(refusal)),
            None,
        ));
        let fault = fault_of(CALL, &error);
        assert_eq!(fault.kind, FaultKind::Denied);
        assert!(fault.message.contains("RoleArn"), "{}", fault.message);
    }
}
