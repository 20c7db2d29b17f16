//! The parameters of AWS's `CreateEventSourceMapping`, and those that files have with them.
//!
//! Names, places, ranges, words and forms are those of Lambda's API model of 2015-03-31. The order is that of the documentation.

use super::form::{ANY_TEXT, ARN, DESTINATION, FUNCTION, GROUP, KEY, TOPIC};
use super::poller::POLLER;
use super::{
    LONGEST_KEY, LONGEST_VALUE, MOST_FILTERS, Member, Owner, Shape, answered, boolean, formed, integer, limit, list,
    map, members, text, word,
};

const STREAMS: Owner = Owner::Streams("Kinesis and DynamoDB streams");
const STREAMS_AND_KAFKA: Owner = Owner::Streams("Kinesis and DynamoDB streams and Kafka");
const KAFKA: Owner = Owner::Others("Kafka");

/// The members of an event source mapping.
pub(crate) static MAPPING: &[Member] = members! {
    /// Ours: the mapping's name, unique among all files; it labels metrics and names the mapping on the command line.
    /// Default: the file's name without its extension; in a list the place in the list follows (`orders-1`, `orders-2`).
    Name: text(1, 64);
    /// The ARN of the source: an SQS queue, a Kinesis stream, or the stream of a DynamoDB table.
    EventSourceArn: formed(1, 10_000, &ARN).api(1).fixed().least(0);
    /// The function: its name, ARN or partial ARN (`123456789012:function:NAME`), each with an optional `:version` or
    /// `:alias`.
    FunctionName: formed(1, 256, &FUNCTION).api(2);
    /// Whether the mapping polls. Default: true.
    Enabled: boolean().api(3);
    /// The most records of one invocation. Default: 10 for queues, 100 for streams. Of a queue, more than 10 need a
    /// `MaximumBatchingWindowInSeconds` of at least 1; a FIFO queue takes at most 10.
    BatchSize: integer(1, 10_000).api(4);
    /// How long records are gathered before the function is invoked, in seconds. Default: 0. Not for FIFO queues.
    MaximumBatchingWindowInSeconds: integer(0, 300).api(10).silent(0);
    /// `[ReportBatchItemFailures]` lets the function answer which records failed: of a queue the others are deleted, a
    /// stream goes on behind the last good record.
    FunctionResponseTypes: list(&Shape::Word(&["ReportBatchItemFailures"]), 0, 1).api(24);
    /// Required for streams. Where the mapping begins when it has no checkpoint yet: with the oldest record
    /// (`TRIM_HORIZON`), with the first that arrives after it was enabled (`LATEST`), or with the first at
    /// `StartingPositionTimestamp` or later (`AT_TIMESTAMP`, Kinesis only).
    StartingPosition: word(&["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"]).api(12).fixed()
        .of(Owner::Streams("Kinesis and DynamoDB streams, Kafka and DocumentDB"));
    /// With `AT_TIMESTAMP`: RFC 3339 (`2026-11-20T08:30:00Z`) or seconds since 1970, not in the future.
    StartingPositionTimestamp: Member::new(Shape::Time).api(13).fixed()
        .of(Owner::Streams("Kinesis streams, Kafka and DocumentDB"));
    /// For streams: how many batches of one shard are in flight at once. Records of one partition key (DynamoDB: of one
    /// item) stay in order. Default: 1. `Poller.ParallelizationFactor` goes beyond 10.
    ParallelizationFactor: integer(1, 10).api(11).silent(1).of(STREAMS);
    /// For streams: how often a batch that the function failed is tried again. Default: -1, without end.
    MaximumRetryAttempts: limit(0, 10_000).api(17).of(STREAMS_AND_KAFKA);
    /// For streams: records older than this are given up. Default: -1, never.
    MaximumRecordAgeInSeconds: limit(60, 604_800).api(15).of(STREAMS_AND_KAFKA);
    /// For streams: a batch that the function failed is tried again in two halves. Default: false.
    BisectBatchOnFunctionError: boolean().api(16).silent(0).of(STREAMS_AND_KAFKA);
    /// For streams: the length of the windows over which the function gathers a state. Default: 0, none. Not with a
    /// `ParallelizationFactor` above 1, and not with filters.
    TumblingWindowInSeconds: integer(0, 900).api(19).silent(0).of(STREAMS);
    /// For queues: how far the mapping scales. Without it the concurrency adapts to the queue. A stream has
    /// `ParallelizationFactor`.
    ScalingConfig: map(SCALING).api(9).of(Owner::Queues);
    /// Which records reach the function: those that match any of the filters. Without filters all do. Messages that match
    /// none are deleted, as on AWS, unless `Poller.OnFiltered` says otherwise.
    FilterCriteria: map(FILTER_CRITERIA).api(5);
    /// Encrypts the filters inside AWS. Not supported: forebay stores no filters outside this file.
    KMSKeyArn: formed(0, 10_000, &KEY).api(6);
    /// Which metrics AWS exports. Accepted: forebay always exports its event counts.
    MetricsConfig: map(METRICS).api(7);
    /// AWS's dedicated pollers. Not supported: use `ScalingConfig.MaximumConcurrency`.
    ProvisionedPollerConfig: map(PROVISIONED).api(28).of(Owner::Queues);
    /// Where records go that the function could not process.
    DestinationConfig: map(DESTINATIONS).api(14);
    /// Tags of the mapping: the AWS API shows them, and forebay does nothing else with them.
    Tags: Member::new(Shape::Tags).api(18).fixed();
    /// Everything that AWS does not have.
    Poller: map(POLLER);
    /// Part of AWS's answers. Read only where `Enabled` is missing: `Disabled` and `Disabling` mean false.
    State: text(0, 64);
    /// Part of AWS's answers. Read only where `FunctionName` is missing.
    FunctionArn: text(0, 256);
    UUID: answered();
    StateTransitionReason: answered();
    LastProcessingResult: answered();
    LastModified: answered();
    EventSourceMappingArn: answered();
    FilterCriteriaError: answered();
    ResponseMetadata: answered();
    LoggingConfig: map(LOGGING).api(8).of(KAFKA);
    Topics: list(&TOPIC_NAME, 1, 1).api(20).fixed().of(KAFKA);
    AmazonManagedKafkaEventSourceConfig: Member::new(Shape::Any).api(25).of(KAFKA);
    SelfManagedEventSource: Member::new(Shape::Any).api(23).fixed().of(KAFKA);
    SelfManagedKafkaEventSourceConfig: Member::new(Shape::Any).api(26).of(KAFKA);
    Queues: list(&QUEUE_NAME, 1, 1).api(21).fixed().of(Owner::Others("Amazon MQ"));
    SourceAccessConfigurations: list(&Shape::Any, 0, 23).api(22)
        .of(Owner::Others("Kafka, Amazon MQ and DocumentDB"));
    DocumentDBEventSourceConfig: Member::new(Shape::Any).api(27).of(Owner::Others("DocumentDB"));
};

static TOPIC_NAME: Shape = Shape::Text { min: 1, max: 249, form: Some(&TOPIC) };
static QUEUE_NAME: Shape = Shape::Text { min: 1, max: 1000, form: Some(&ANY_TEXT) };

static SCALING: &[Member] = members! {
    /// The most batches in flight at once. AWS asks for at least 2; here 1 is allowed.
    MaximumConcurrency: integer(1, 1000).api(1).least(2);
};

static FILTER_CRITERIA: &[Member] = members! {
    /// A record passes when any of the filters matches. AWS takes five, and up to ten after a quota increase.
    Filters: list(&Shape::Map(FILTER), 0, MOST_FILTERS).api(1);
};

static FILTER: &[Member] = members! {
    /// An event pattern: a map, or AWS's JSON text; at most 4096 characters as JSON.
    Pattern: Member::new(Shape::Pattern).api(1);
};

static METRICS: &[Member] = members! {
    /// Groups of metrics; queues and streams have `EventCount`.
    Metrics: list(&Shape::Word(&["EventCount", "ErrorCount", "KafkaMetrics"]), 0, 3).api(1);
};

static LOGGING: &[Member] = members! {
    /// How much AWS logs.
    SystemLogLevel: word(&["DEBUG", "INFO", "WARN"]).api(1);
};

static PROVISIONED: &[Member] = members! {
    /// Not supported.
    MinimumPollers: integer(2, 200).api(1).least(1);
    /// Not supported.
    MaximumPollers: integer(2, 10_000).api(2).least(1);
    PollerGroupName: formed(0, 128, &GROUP).api(3).of(KAFKA);
};

static DESTINATIONS: &[Member] = members! {
    /// Takes a record of every batch that was given up; of a queue, every message that the function failed
    /// `Poller.OnFailureAttempts` times.
    OnFailure: map(DESTINATION_CONFIG).api(2);
    /// No event source mapping takes it.
    OnSuccess: map(DESTINATION_CONFIG).api(1);
};

static DESTINATION_CONFIG: &[Member] = members! {
    /// The ARN of an SQS queue, an SNS topic or an S3 bucket.
    Destination: formed(0, 350, &DESTINATION).api(1);
};

/// The body of `TagResource`.
pub(crate) static TAGGING: &[Member] = members! {
    Tags: Member::new(Shape::Tags).api(1);
};

/// A tag in CloudFormation's list of them.
pub(crate) static TAG_ENTRY: &[Member] = members! {
    /// The tag's name.
    Key: text(1, LONGEST_KEY);
    /// The tag's value.
    Value: text(0, LONGEST_VALUE);
};
