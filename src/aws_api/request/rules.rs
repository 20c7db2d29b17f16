//! The service's own checks: what goes with which source, and what goes together. None needs to ask AWS.
//!
//! The texts of AWS are kept word for word where they are known; where AWS's are not, or forebay lacks what is asked for, they are
//! forebay's. The first that is not met is told, as AWS does.

use serde_json::Value;

use super::canonical::Parameters;
use super::members::{MAPPING, Owner};
use super::source::{Source, UNRECOGNIZED, unpolled};
use super::tags;
use crate::aws_api::ApiError;
use crate::filter::{Filters, Pattern};

/// The most filters of a mapping: AWS's five can be raised to as many.
const MOST_FILTERS: usize = 10;

/// Checks the whole parameters of a mapping.
pub(crate) fn check(parameters: &Parameters) -> Result<(), ApiError> {
    let source = source(parameters)?;
    destination(parameters)?;
    provisioned(parameters)?;
    if source.is_queue() && parameters.has("StartingPosition") {
        return Err(refused("StartingPosition is not valid for SQS event sources."));
    }
    foreign(parameters, source)?;
    match source {
        Source::Queue { fifo } => queue(parameters, fifo)?,
        Source::Kinesis | Source::DynamoDb => stream(parameters, source)?,
    }
    metrics(parameters)?;
    filters(parameters, source)?;
    parameters.at(&["Tags"]).and_then(Value::as_object).map_or(Ok(()), tags::check)
}

fn source(parameters: &Parameters) -> Result<Source, ApiError> {
    match parameters.text("EventSourceArn") {
        Some(arn) => Source::of(arn),
        None if !parameters.has("SelfManagedEventSource") => Err(refused(UNRECOGNIZED)),
        None if !parameters.has("SourceAccessConfigurations") => {
            Err(refused("Required 'sourceAccessConfigurations' parameter is missing."))
        }
        None => Err(unpolled("Kafka")),
    }
}

/// No mapping takes `OnSuccess`. Unlike AWS, forebay delivers the failures of queues, too.
fn destination(parameters: &Parameters) -> Result<(), ApiError> {
    if parameters.at(&["DestinationConfig", "OnSuccess"]).is_some() {
        return Err(unsupported("DestinationConfig"));
    }
    let topic = parameters.at(&["DestinationConfig", "OnFailure", "Destination"]).and_then(Value::as_str);
    if topic.is_some_and(|destination| destination.starts_with("kafka://")) {
        return Err(refused(
            "A Kafka topic takes the failure records of Kafka sources only: name an SQS queue, an SNS topic or an S3 bucket.",
        ));
    }
    Ok(())
}

fn provisioned(parameters: &Parameters) -> Result<(), ApiError> {
    if !parameters.has("ProvisionedPollerConfig") {
        return Ok(());
    }
    if parameters.has("ScalingConfig") {
        return Err(refused(
            "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency.",
        ));
    }
    Err(refused(
        "Forebay has no provisioned pollers: remove ProvisionedPollerConfig; ScalingConfig.MaximumConcurrency bounds the batches in flight.",
    ))
}

/// Members that say something and belong to other sources.
fn foreign(parameters: &Parameters, source: Source) -> Result<(), ApiError> {
    if parameters.has("KMSKeyArn") {
        return Err(refused("Forebay does not encrypt filters with KMS: remove KMSKeyArn."));
    }
    let foreign = |owner: Owner| match owner {
        Owner::Every => false,
        Owner::Queues => !source.is_queue(),
        Owner::Streams => source.is_queue(),
        Owner::Others => true,
    };
    let found = MAPPING.iter().find(|member| foreign(member.owner) && parameters.has(member.name));
    found.map_or(Ok(()), |member| Err(unsupported(member.name)))
}

fn queue(parameters: &Parameters, fifo: bool) -> Result<(), ApiError> {
    let window = parameters.integer("MaximumBatchingWindowInSeconds").unwrap_or(0);
    let batch = parameters.integer("BatchSize").unwrap_or(10);
    match (fifo, window, batch) {
        (true, 1.., _) => Err(refused("Batching window is not supported for FIFO queues")),
        (true, _, 11..) => Err(refused("Maximum batch size must be between 1 and 10 inclusive")),
        (false, ..=0, 11..) => Err(refused(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        )),
        _ => Ok(()),
    }
}

fn stream(parameters: &Parameters, source: Source) -> Result<(), ApiError> {
    position(parameters, source)?;
    if let Some(..=59) = parameters.integer("MaximumRecordAgeInSeconds") {
        return Err(refused("MaximumRecordAgeInSeconds must be -1, or from 60 to 604800."));
    }
    if !parameters.has("TumblingWindowInSeconds") {
        return Ok(());
    }
    if parameters.has("ParallelizationFactor") {
        return Err(refused("A tumbling window excludes a ParallelizationFactor greater than 1."));
    }
    if parameters.has("FilterCriteria") {
        return Err(refused("A tumbling window excludes FilterCriteria."));
    }
    Ok(())
}

fn position(parameters: &Parameters, source: Source) -> Result<(), ApiError> {
    let timestamp = parameters.has("StartingPositionTimestamp");
    match parameters.text("StartingPosition") {
        None => Err(refused(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
        )),
        Some("AT_TIMESTAMP") if source == Source::DynamoDb => {
            let arn = parameters.text("EventSourceArn").unwrap_or_default();
            Err(ApiError::InvalidParameterValue(format!("Unsupported starting position for arn type: {arn}")))
        }
        Some("AT_TIMESTAMP") if !timestamp => {
            Err(refused("StartingPositionTimestamp is required with StartingPosition AT_TIMESTAMP."))
        }
        Some(position) if position != "AT_TIMESTAMP" && timestamp => {
            Err(refused("StartingPositionTimestamp is only valid with StartingPosition AT_TIMESTAMP."))
        }
        Some(_) => {
            let before = parameters.at(&["StartingPositionTimestamp"]).and_then(Value::as_f64);
            if before.is_some_and(|seconds| seconds < 0.0) {
                return Err(refused("StartingPositionTimestamp must not be before 1970."));
            }
            Ok(())
        }
    }
}

fn metrics(parameters: &Parameters) -> Result<(), ApiError> {
    match parameters.texts(&["MetricsConfig", "Metrics"]).iter().find(|group| **group != "EventCount") {
        Some(group) => Err(ApiError::InvalidParameterValue(format!(
            "The metrics {group} are of Kafka sources only: write EventCount, or remove MetricsConfig."
        ))),
        None => Ok(()),
    }
}

fn filters(parameters: &Parameters, source: Source) -> Result<(), ApiError> {
    let filters = parameters.at(&["FilterCriteria", "Filters"]).and_then(Value::as_array);
    let Some(filters) = filters else { return Ok(()) };
    if filters.len() > MOST_FILTERS {
        return Err(ApiError::InvalidParameterValue(format!(
            "A mapping takes {MOST_FILTERS} filters at most, and these are {}.",
            filters.len()
        )));
    }
    let invalid = || refused("Invalid filter pattern definition.");
    let patterns: Option<Vec<Pattern>> = filters
        .iter()
        .map(|filter| filter.get("Pattern").and_then(Value::as_str).and_then(|text| Pattern::parse(text).ok()))
        .collect();
    Filters::new(source.view(), patterns.ok_or_else(invalid)?).map(drop).map_err(|_| invalid())
}

/// AWS's refusal of a member that the source does not take.
fn unsupported(name: &str) -> ApiError {
    ApiError::InvalidParameterValue(format!("Unsupported {name} parameter for given event source mapping type."))
}

fn refused(text: &str) -> ApiError {
    ApiError::InvalidParameterValue(text.into())
}
