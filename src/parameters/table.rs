//! The parameters of AWS's `CreateEventSourceMapping`, and those that files have with them.
//!
//! Names, places, ranges, words and forms are those of Lambda's API model of 2015-03-31. The order is that of the
//! documentation.

use super::form::{ANY_TEXT, ARN, DESTINATION, FUNCTION, GROUP, KEY, TOPIC};
use super::poller::POLLER;
use super::{
    LONGEST_KEY, LONGEST_VALUE, MOST_FILTERS, Member, Owner, Shape, formed, integer, limit, list, members, text,
};

const STREAMS: Owner = Owner::Streams("Kinesis and DynamoDB streams");
const STREAMS_AND_KAFKA: Owner = Owner::Streams("Kinesis and DynamoDB streams and Kafka");
const KAFKA: Owner = Owner::Others("Kafka");

/// The members of an event source mapping.
pub(crate) static MAPPING: &[Member] = members! {
    /// Ours: the mapping's name, unique among all files; it labels metrics and names the mapping on the command line.
    /// Default: the file's name without its extension; in a list the place in the list follows (`orders-1`,
    /// `orders-2`).
    Name: text(1, 64);
    /// The ARN of the source: an SQS queue, a Kinesis stream, or the stream of a DynamoDB table.
    EventSourceArn: formed(1, 10_000, &ARN), place = 1, fixed = true, least = Some(0);
    /// The function: its name, ARN or partial ARN (`123456789012:function:NAME`), each with an optional `:version` or
    /// `:alias`.
    FunctionName: formed(1, 256, &FUNCTION), place = 2;
    /// Whether the mapping polls. Default: true.
    Enabled: Shape::Boolean, place = 3;
    /// The most records of one invocation. Default: 10 for queues, 100 for streams. Of a queue, more than 10 need a
    /// `MaximumBatchingWindowInSeconds` of at least 1; a FIFO queue takes at most 10.
    BatchSize: integer(1, 10_000), place = 4;
    /// How long records are gathered before the function is invoked, in seconds. Default: 0. Not for FIFO queues.
    MaximumBatchingWindowInSeconds: integer(0, 300), place = 10, silent = Some(0);
    /// `[ReportBatchItemFailures]` lets the function answer which records failed: of a queue the others are deleted, a
    /// stream goes on behind the last good record.
    FunctionResponseTypes: list(&Shape::Word(&["ReportBatchItemFailures"]), 0, 1), place = 24;
    /// Required for streams. Where the mapping begins when it has no checkpoint yet: with the oldest record
    /// (`TRIM_HORIZON`), with the first that arrives after it was enabled (`LATEST`), or with the first at
    /// `StartingPositionTimestamp` or later (`AT_TIMESTAMP`, Kinesis only).
    StartingPosition: Shape::Word(&["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"]), place = 12, fixed = true,
        owner = Owner::Streams("Kinesis and DynamoDB streams, Kafka and DocumentDB");
    /// With `AT_TIMESTAMP`: RFC 3339 (`2026-11-20T08:30:00Z`) or seconds since 1970, not in the future.
    StartingPositionTimestamp: Shape::Time, place = 13, fixed = true,
        owner = Owner::Streams("Kinesis streams, Kafka and DocumentDB");
    /// For streams: how many batches of one shard are in flight at once. Records of one partition key (DynamoDB: of one
    /// item) stay in order. Default: 1. `Poller.ParallelizationFactor` goes beyond 10.
    ParallelizationFactor: integer(1, 10), place = 11, silent = Some(1), owner = STREAMS;
    /// For streams: how often a batch that the function failed is tried again. Default: -1, without end.
    MaximumRetryAttempts: limit(0, 10_000), place = 17, owner = STREAMS_AND_KAFKA, silent = Some(-1), least = Some(-1);
    /// For streams: records older than this are discarded. Default: -1, never.
    MaximumRecordAgeInSeconds: limit(60, 604_800), place = 15,
        owner = STREAMS_AND_KAFKA, silent = Some(-1), least = Some(-1);
    /// For streams: a batch that the function failed is tried again in two halves. Default: false.
    BisectBatchOnFunctionError: Shape::Boolean, place = 16, silent = Some(0), owner = STREAMS_AND_KAFKA;
    /// For streams: the length of the windows over which the function gathers a state. Default: 0, none. Not with a
    /// `ParallelizationFactor` above 1, and not with filters.
    TumblingWindowInSeconds: integer(0, 900), place = 19, silent = Some(0), owner = STREAMS;
    /// For queues: how far the mapping scales. Without it the concurrency adapts to the queue. A stream has
    /// `ParallelizationFactor`.
    ScalingConfig: Shape::Map(SCALING), place = 9, owner = Owner::Queues;
    /// Which records reach the function: those that match any of the filters. Without filters all do. Messages that
    /// match none are deleted, as on AWS, unless `Poller.OnFiltered` says otherwise.
    FilterCriteria: Shape::Map(FILTER_CRITERIA), place = 5;
    /// Encrypts the filters inside AWS. Not supported: forebay stores no filters outside this file.
    KMSKeyArn: formed(0, 10_000, &KEY), place = 6;
    /// Which metrics AWS exports. Accepted: forebay always exports its event counts.
    MetricsConfig: Shape::Map(METRICS), place = 7;
    /// AWS's dedicated pollers. Not supported: use `ScalingConfig.MaximumConcurrency`.
    ProvisionedPollerConfig: Shape::Map(PROVISIONED), place = 28, owner = Owner::Queues;
    /// Where records go that the function could not process.
    DestinationConfig: Shape::Map(DESTINATIONS), place = 14;
    /// Tags of the mapping: the AWS API shows them, and forebay does nothing else with them.
    Tags: Shape::Tags, place = 18, fixed = true;
    /// Everything that AWS does not have.
    Poller: Shape::Map(POLLER);
    /// Part of AWS's answers. Read only where `Enabled` is missing: `Disabled` and `Disabling` mean false.
    State: text(0, 64);
    /// Part of AWS's answers. Read only where `FunctionName` is missing.
    FunctionArn: text(0, 256);
    UUID: Shape::Any, owner = Owner::ReadOnly;
    StateTransitionReason: Shape::Any, owner = Owner::ReadOnly;
    LastProcessingResult: Shape::Any, owner = Owner::ReadOnly;
    LastModified: Shape::Any, owner = Owner::ReadOnly;
    EventSourceMappingArn: Shape::Any, owner = Owner::ReadOnly;
    FilterCriteriaError: Shape::Any, owner = Owner::ReadOnly;
    ResponseMetadata: Shape::Any, owner = Owner::ReadOnly;
    LoggingConfig: Shape::Map(LOGGING), place = 8, owner = KAFKA;
    Topics: list(&TOPIC_NAME, 1, 1), place = 20, fixed = true, owner = KAFKA;
    AmazonManagedKafkaEventSourceConfig: Shape::Any, place = 25, owner = KAFKA;
    SelfManagedEventSource: Shape::Any, place = 23, fixed = true, owner = KAFKA;
    SelfManagedKafkaEventSourceConfig: Shape::Any, place = 26, owner = KAFKA;
    Queues: list(&QUEUE_NAME, 1, 1), place = 21, fixed = true, owner = Owner::Others("Amazon MQ");
    SourceAccessConfigurations: list(&Shape::Any, 0, 23), place = 22,
        owner = Owner::Others("Kafka, Amazon MQ and DocumentDB");
    DocumentDBEventSourceConfig: Shape::Any, place = 27, owner = Owner::Others("DocumentDB");
};

static TOPIC_NAME: Shape = Shape::Text { min: 1, max: 249, form: Some(&TOPIC) };
static QUEUE_NAME: Shape = Shape::Text { min: 1, max: 1000, form: Some(&ANY_TEXT) };

static SCALING: &[Member] = members! {
    /// The most batches in flight at once. AWS asks for at least 2; here 1 is allowed.
    MaximumConcurrency: integer(1, 1000), place = 1, least = Some(2);
};

static FILTER_CRITERIA: &[Member] = members! {
    /// A record passes when any of the filters matches. AWS takes five, and up to ten after a quota increase.
    Filters: list(&Shape::Map(FILTER), 0, MOST_FILTERS), place = 1;
};

static FILTER: &[Member] = members! {
    /// An event pattern: a map, or AWS's JSON text; at most 4096 characters as JSON.
    Pattern: Shape::Pattern, place = 1;
};

static METRICS: &[Member] = members! {
    /// Groups of metrics; queues and streams have `EventCount`.
    Metrics: list(&Shape::Word(&["EventCount", "ErrorCount", "KafkaMetrics"]), 0, 3), place = 1;
};

static LOGGING: &[Member] = members! {
    /// How much AWS logs.
    SystemLogLevel: Shape::Word(&["DEBUG", "INFO", "WARN"]), place = 1;
};

static PROVISIONED: &[Member] = members! {
    /// Not supported.
    MinimumPollers: integer(2, 200), place = 1, least = Some(1);
    /// Not supported.
    MaximumPollers: integer(2, 10_000), place = 2, least = Some(1);
    PollerGroupName: formed(0, 128, &GROUP), place = 3, owner = KAFKA;
};

static DESTINATIONS: &[Member] = members! {
    /// Gets a failure record of every batch that failed for good; of a queue, every message that failed
    /// `Poller.OnFailureAttempts` times.
    OnFailure: Shape::Map(DESTINATION_CONFIG), place = 2;
    /// No event source mapping takes it.
    OnSuccess: Shape::Map(DESTINATION_CONFIG), place = 1;
};

static DESTINATION_CONFIG: &[Member] = members! {
    /// The ARN of an SQS queue, an SNS topic or an S3 bucket.
    Destination: formed(0, 350, &DESTINATION), place = 1;
};

/// The body of `TagResource`.
pub(crate) static TAGGING: &[Member] = members! {
    Tags: Shape::Tags, place = 1;
};

/// A tag in CloudFormation's list of them.
pub(crate) static TAG_ENTRY: &[Member] = members! {
    /// The tag's name.
    Key: text(1, LONGEST_KEY);
    /// The tag's value.
    Value: text(0, LONGEST_VALUE);
};
