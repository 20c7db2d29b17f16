//! From parameters to a mapping, or to the refusal of the service. Pure: no I/O, no clock.
//!
//! What goes with which source, and what goes together, is checked once for files and for the API: by `mapping`. Of
//! what that finds, AWS reports the first in an order of its own. Its texts are kept word for word where they are
//! known; where AWS's are not, or forebay lacks what is asked for, they are forebay's.

use serde_json::Value;

use super::ApiError;
use super::request::{Parameters, check_tags};
use crate::mapping::{self, Code, Diagnostic, FunctionRef, Mapping};
use crate::parameters::{MAPPING, MOST_FILTERS, find};

/// The mapping that parameters describe.
///
/// # Errors
/// The first refusal in AWS's order; where AWS would refuse nothing, everything that forebay finds.
pub(crate) fn build(uuid: &str, parameters: &Parameters, now: u64) -> Result<Mapping, ApiError> {
    let found = match mapping::of_definition(uuid, &parameters.0, now) {
        Ok(mapping) => return check_tags(parameters).map(|()| mapping),
        Err(found) => found,
    };
    let refusals = found.iter().filter_map(|found| refusal(found, parameters)).chain(provisioned(parameters));
    if let Some((_, text)) = refusals.min_by_key(|(place, _)| *place) {
        return Err(ApiError::InvalidParameterValue(text));
    }
    check_tags(parameters)?;
    let all: Vec<String> = found.iter().map(in_words).collect();
    Err(ApiError::InvalidParameterValue(all.join("; ")))
}

/// Gives a mapping and its parameters the function's whole ARN.
pub(crate) fn name_function(mapping: &mut Mapping, parameters: &mut Parameters, arn: String) -> Result<(), ApiError> {
    let unnamed = |_| ApiError::InvalidParameterValue(format!("{arn:?} names no function"));
    mapping.function = FunctionRef::parse(&arn).map_err(unnamed)?;
    parameters.0.insert("FunctionName".into(), arn.into());
    Ok(())
}

/// The service's text for what was found, and when AWS checks it: hundreds are its checks, one after the other.
fn refusal(found: &Diagnostic, parameters: &Parameters) -> Option<(u16, String)> {
    let arn = parameters.text("EventSourceArn").unwrap_or_default();
    let ranked = |place: u16, text: &str| Some((place, text.to_owned()));
    match (found.code, found.parameter) {
        (Code::Missing, "EventSourceArn") => ranked(0, UNRECOGNIZED),
        (Code::SourceArn, _) if !matches!(arn.split(':').nth(2), Some("sqs" | "kinesis" | "dynamodb")) => {
            ranked(0, UNRECOGNIZED)
        }
        (Code::SourceUnsupported, _) if arn.is_empty() && !parameters.has("SourceAccessConfigurations") => {
            ranked(0, "Required 'sourceAccessConfigurations' parameter is missing.")
        }
        (Code::SourceUnsupported, _) => ranked(0, &format!("F{}.", in_words(found).get(1..)?)),
        (Code::FanOutNotYet, _) => ranked(0, FAN_OUT),
        (Code::OnSuccess, _) => ranked(100, &unsupported("DestinationConfig")),
        (Code::DestinationArn, _) if failures_to(parameters).starts_with("kafka://") => ranked(101, KAFKA_DESTINATION),
        (Code::OtherSource, "StartingPosition") => ranked(300, "StartingPosition is not valid for SQS event sources."),
        (Code::KmsKey, _) => ranked(400, "Forebay does not encrypt filters with KMS: remove KMSKeyArn."),
        (Code::OtherSource, "Metrics") => {
            let group = found.message.split('`').nth(1)?;
            let help = "write EventCount, or remove MetricsConfig.";
            ranked(800, &format!("The metrics {group} are of Kafka sources only: {help}"))
        }
        (Code::OtherSource, name) => ranked(500 + u16::from(find(MAPPING, name)?.place), &unsupported(name)),
        (Code::FifoWindow, _) => ranked(600, "Batching window is not supported for FIFO queues"),
        (Code::FifoBatch, _) => ranked(601, "Maximum batch size must be between 1 and 10 inclusive"),
        (Code::BatchNeedsWindow, _) => ranked(602, BATCH_NEEDS_WINDOW),
        (Code::Missing, "StartingPosition") => ranked(700, NO_POSITION),
        (Code::PositionUnsupported, _) => ranked(700, &format!("Unsupported starting position for arn type: {arn}")),
        (Code::TimestampPosition, _) => {
            let is = if parameters.has("StartingPositionTimestamp") { "only valid" } else { "required" };
            ranked(701, &format!("StartingPositionTimestamp is {is} with StartingPosition AT_TIMESTAMP."))
        }
        (Code::TimeForm, _) if parameters.at(&["StartingPositionTimestamp"])?.as_f64()? < 0.0 => {
            ranked(702, "StartingPositionTimestamp must not be before 1970.")
        }
        (Code::OutOfRange, _) if parameters.integer("MaximumRecordAgeInSeconds")? < 60 => {
            ranked(703, "MaximumRecordAgeInSeconds must be -1, or from 60 to 604800.")
        }
        (Code::WindowAndParallelization, _) => {
            ranked(704, "A tumbling window excludes a ParallelizationFactor greater than 1.")
        }
        (Code::WindowAndFilters, _) => ranked(705, "A tumbling window excludes FilterCriteria."),
        (Code::TooMany, _) => {
            let count = parameters.at(&["FilterCriteria", "Filters"])?.as_array()?.len();
            ranked(900, &format!("A mapping takes {MOST_FILTERS} filters at most, and these are {count}."))
        }
        (Code::Pattern | Code::PatternRefused | Code::PatternOfSource, _) | (Code::Missing, "Pattern") => {
            ranked(901, "Invalid filter pattern definition.")
        }
        _ => None,
    }
}

const UNRECOGNIZED: &str = "Unrecognized event source.";
const FAN_OUT: &str =
    "Forebay does not read Kinesis streams by enhanced fan-out: name the stream's ARN, not the consumer's.";
const KAFKA_DESTINATION: &str =
    "A Kafka topic takes the failure records of Kafka sources only: name an SQS queue, an SNS topic or an S3 bucket.";
const BATCH_NEEDS_WINDOW: &str =
    "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
const NO_POSITION: &str = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: \
    Member must not be null.";

/// Forebay is the poller, for any source and however many are asked for.
fn provisioned(parameters: &Parameters) -> Option<(u16, String)> {
    let text = if parameters.has("ScalingConfig") {
        "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control \
         mechanism and remove maximum concurrency."
    } else {
        "Forebay has no provisioned pollers: remove ProvisionedPollerConfig; ScalingConfig.MaximumConcurrency bounds \
         the batches in flight."
    };
    parameters.has("ProvisionedPollerConfig").then(|| (200, text.into()))
}

fn failures_to(parameters: &Parameters) -> &str {
    parameters.at(&["DestinationConfig", "OnFailure", "Destination"]).and_then(Value::as_str).unwrap_or_default()
}

/// AWS's refusal of a member that the source does not take.
fn unsupported(name: &str) -> String {
    format!("Unsupported {name} parameter for given event source mapping type.")
}

fn in_words(found: &Diagnostic) -> String {
    match &found.help {
        Some(help) => format!("{}: {help}", found.message),
        None => found.message.clone(),
    }
}
