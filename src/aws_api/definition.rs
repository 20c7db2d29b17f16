//! From parameters to a mapping, or to the refusal of the service. Pure: no I/O, no clock.
//!
//! What goes with which source, and what goes together, is checked once for files and for the API: by `mapping`. Of what that
//! finds, AWS tells the first in an order of its own. Its texts are kept word for word where they are known; where AWS's are
//! not, or forebay lacks what is asked for, they are forebay's.

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
    mapping.target.lambda_mut().function = FunctionRef::parse(&arn).map_err(unnamed)?;
    parameters.0.insert("FunctionName".into(), arn.into());
    Ok(())
}

/// When a check is made: the service's check, then the place of what it is about.
type Place = (u8, u8);

/// The service's text for what was found, and when AWS checks it.
fn refusal(found: &Diagnostic, parameters: &Parameters) -> Option<(Place, String)> {
    let arn = parameters.text("EventSourceArn").unwrap_or_default();
    let (place, text) = match (found.code, found.parameter) {
        (Code::Missing, "EventSourceArn") => ((0, 0), "Unrecognized event source."),
        (Code::SourceArn, _) if !matches!(arn.split(':').nth(2), Some("sqs" | "kinesis" | "dynamodb")) => {
            ((0, 0), "Unrecognized event source.")
        }
        (Code::SourceUnsupported, _) if arn.is_empty() && !parameters.has("SourceAccessConfigurations") => {
            ((0, 0), "Required 'sourceAccessConfigurations' parameter is missing.")
        }
        (Code::SourceUnsupported, _) => return Some(((0, 0), format!("F{}.", in_words(found).get(1..)?))),
        (Code::FanOutNotYet, _) => (
            (0, 0),
            "Forebay does not read Kinesis streams by enhanced fan-out: name the stream's ARN, not the consumer's.",
        ),
        (Code::OnSuccess, _) => return Some(((1, 0), unsupported("DestinationConfig"))),
        (Code::DestinationArn, _) if failures_to(parameters).starts_with("kafka://") => (
            (1, 1),
            "A Kafka topic takes the failure records of Kafka sources only: name an SQS queue, an SNS topic or an S3 bucket.",
        ),
        (Code::OtherSource, "StartingPosition") => ((3, 0), "StartingPosition is not valid for SQS event sources."),
        (Code::KmsKey, _) => ((4, 0), "Forebay does not encrypt filters with KMS: remove KMSKeyArn."),
        (Code::OtherSource, "Metrics") => {
            let group = found.message.split('`').nth(1)?;
            let text = "are of Kafka sources only: write EventCount, or remove MetricsConfig.";
            return Some(((8, 0), format!("The metrics {group} {text}")));
        }
        (Code::OtherSource, name) => return Some(((5, find(MAPPING, name)?.place), unsupported(name))),
        (Code::FifoWindow, _) => ((6, 0), "Batching window is not supported for FIFO queues"),
        (Code::FifoBatch, _) => ((6, 1), "Maximum batch size must be between 1 and 10 inclusive"),
        (Code::BatchNeedsWindow, _) => {
            ((6, 2), "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
        }
        (Code::Missing, "StartingPosition") => (
            (7, 0),
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
        ),
        (Code::PositionUnsupported, _) => {
            return Some(((7, 0), format!("Unsupported starting position for arn type: {arn}")));
        }
        (Code::TimestampPosition, _) if parameters.has("StartingPositionTimestamp") => {
            ((7, 1), "StartingPositionTimestamp is only valid with StartingPosition AT_TIMESTAMP.")
        }
        (Code::TimestampPosition, _) => {
            ((7, 1), "StartingPositionTimestamp is required with StartingPosition AT_TIMESTAMP.")
        }
        (Code::TimeForm, _) if parameters.0.get("StartingPositionTimestamp")?.as_f64()? < 0.0 => {
            ((7, 2), "StartingPositionTimestamp must not be before 1970.")
        }
        (Code::OutOfRange, _) if parameters.integer("MaximumRecordAgeInSeconds")? < 60 => {
            ((7, 3), "MaximumRecordAgeInSeconds must be -1, or from 60 to 604800.")
        }
        (Code::WindowAndLanes, _) => ((7, 4), "A tumbling window excludes a ParallelizationFactor greater than 1."),
        (Code::WindowAndFilters, _) => ((7, 5), "A tumbling window excludes FilterCriteria."),
        (Code::TooMany, _) => {
            let count = parameters.at(&["FilterCriteria", "Filters"])?.as_array()?.len();
            return Some(((9, 0), format!("A mapping takes {MOST_FILTERS} filters at most, and these are {count}.")));
        }
        (Code::Pattern | Code::PatternRefused | Code::PatternOfSource, _) | (Code::Missing, "Pattern") => {
            ((9, 1), "Invalid filter pattern definition.")
        }
        _ => return None,
    };
    Some((place, text.into()))
}

/// Forebay is the poller, whatever its source and however many are asked for.
fn provisioned(parameters: &Parameters) -> Option<(Place, String)> {
    let text = match (parameters.has("ProvisionedPollerConfig"), parameters.has("ScalingConfig")) {
        (false, _) => return None,
        (true, true) => {
            "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency."
        }
        (true, false) => {
            "Forebay has no provisioned pollers: remove ProvisionedPollerConfig; ScalingConfig.MaximumConcurrency bounds the batches in flight."
        }
    };
    Some(((2, 0), text.into()))
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
