//! Every parameter that a mapping file can hold: the one table behind reading, suggestions and the JSON Schema.
//!
//! Names, types and ranges of AWS's parameters are those of the Lambda API's
//! `CreateEventSourceMapping`; what stands under `Poller` is forebay's own.

use std::time::Duration;

use super::extensions::POLLER;

/// One member of a map.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// One or two sentences for editors and the docs.
    pub(crate) about: &'static str,
    pub(crate) shape: Shape,
    pub(crate) taken: Taken,
}

impl Member {
    /// Whether some mapping takes it.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self.taken, Taken::Yes | Taken::Queues | Taken::FifoQueues | Taken::Streams(_))
    }
}

/// Who takes a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Every mapping.
    Yes,
    /// Mappings of queues only.
    Queues,
    /// Mappings of FIFO queues only.
    FifoQueues,
    /// Mappings of streams, and of those other sources that the text names.
    Streams(&'static str),
    /// Nobody: AWS's answers carry it.
    ReadOnly,
    /// Mappings of these other sources, none of which forebay polls.
    By(&'static str),
}

/// What may be written.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Text of so many characters.
    Text {
        min: usize,
        max: usize,
    },
    /// A whole number in a range.
    Integer {
        min: i64,
        max: i64,
    },
    /// A whole number in a range, or -1: no limit.
    Limit {
        min: i64,
        max: i64,
    },
    /// A moment: RFC 3339, or seconds since the Unix epoch.
    Time,
    Boolean,
    /// A number with a unit, in a range.
    Span {
        min: Duration,
        max: Duration,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// At most so many of one shape.
    List {
        of: &'static Self,
        max: usize,
    },
    /// A map with these members.
    Map(&'static [Member]),
    /// One of these words, or a map with the one member.
    WordOrMap(&'static [&'static str], &'static [Member]),
    /// AWS's map of tags, or CloudFormation's list of `Key` and `Value`.
    Tags,
    /// One of these words, or the ARN of a destination.
    WordOrArn(&'static [&'static str]),
    /// A filter pattern: a map, or the JSON text of one.
    Pattern,
    /// Not looked at.
    Any,
}

pub(crate) const fn taken(name: &'static str, shape: Shape, about: &'static str) -> Member {
    Member { name, about, shape, taken: Taken::Yes }
}

const fn read_only(name: &'static str) -> Member {
    Member { name, about: "Part of AWS's answers; accepted and not read.", shape: Shape::Any, taken: Taken::ReadOnly }
}

pub(crate) const fn of_queues(name: &'static str, shape: Shape, about: &'static str) -> Member {
    Member { name, about, shape, taken: Taken::Queues }
}

pub(crate) const fn of_fifo_queues(name: &'static str, shape: Shape, about: &'static str) -> Member {
    Member { name, about, shape, taken: Taken::FifoQueues }
}

pub(crate) const fn of_streams(name: &'static str, sources: &'static str, shape: Shape, about: &'static str) -> Member {
    Member { name, about, shape, taken: Taken::Streams(sources) }
}

const fn other(name: &'static str, sources: &'static str) -> Member {
    Member { name, about: sources, shape: Shape::Any, taken: Taken::By(sources) }
}

pub(crate) const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max }
}

pub(crate) const fn integer(min: i64, max: i64) -> Shape {
    Shape::Integer { min, max }
}

pub(crate) const fn span(min: Duration, max: Duration) -> Shape {
    Shape::Span { min, max }
}

pub(crate) const STREAMS: &str = "Kinesis and DynamoDB streams";
const STREAMS_AND_KAFKA: &str = "Kinesis and DynamoDB streams and Kafka";
const KAFKA: &str = "Kafka";

/// The members of an event source mapping.
pub(crate) static MAPPING: &[Member] = &[
    taken(
        "Name",
        text(1, 64),
        "Ours: the mapping's name, unique among all files; it labels metrics and names the mapping on the command line. Default: the file's name without its extension; in a list the place in the list follows (`orders-1`, `orders-2`).",
    ),
    taken(
        "EventSourceArn",
        text(1, 10_000),
        "The ARN of the source: an SQS queue, a Kinesis stream, or the stream of a DynamoDB table.",
    ),
    taken(
        "FunctionName",
        text(1, 256),
        "The function: its name, ARN or partial ARN (`123456789012:function:NAME`), each with an optional `:version` or `:alias`.",
    ),
    taken("Enabled", Shape::Boolean, "Whether the mapping polls. Default: true."),
    taken(
        "BatchSize",
        integer(1, 10_000),
        "The most records of one invocation. Default: 10 for queues, 100 for streams. Of a queue, more than 10 need a `MaximumBatchingWindowInSeconds` of at least 1; a FIFO queue takes at most 10.",
    ),
    taken(
        "MaximumBatchingWindowInSeconds",
        integer(0, 300),
        "How long records are gathered before the function is invoked, in seconds. Default: 0. Not for FIFO queues.",
    ),
    taken(
        "FunctionResponseTypes",
        Shape::List { of: &Shape::Word(&["ReportBatchItemFailures"]), max: 1 },
        "`[ReportBatchItemFailures]` lets the function answer which records failed: of a queue the others are deleted, a stream goes on behind the last good record.",
    ),
    of_streams(
        "StartingPosition",
        "Kinesis and DynamoDB streams, Kafka and DocumentDB",
        Shape::Word(&["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]),
        "Required for streams. Where the mapping begins when it has no checkpoint yet: with the oldest record (`TRIM_HORIZON`), with the first that arrives after it was enabled (`LATEST`), or with the first at `StartingPositionTimestamp` or later (`AT_TIMESTAMP`, Kinesis only).",
    ),
    of_streams(
        "StartingPositionTimestamp",
        "Kinesis streams, Kafka and DocumentDB",
        Shape::Time,
        "With `AT_TIMESTAMP`: RFC 3339 (`2026-11-20T08:30:00Z`) or seconds since 1970, not in the future.",
    ),
    of_streams(
        "ParallelizationFactor",
        STREAMS,
        integer(1, 10),
        "For streams: how many batches of one shard are in flight at once. Records of one partition key (DynamoDB: of one item) stay in order. Default: 1. `Poller.ParallelizationFactor` goes beyond 10.",
    ),
    of_streams(
        "MaximumRetryAttempts",
        STREAMS_AND_KAFKA,
        Shape::Limit { min: 0, max: 10_000 },
        "For streams: how often a batch that the function failed is tried again. Default: -1, without end.",
    ),
    of_streams(
        "MaximumRecordAgeInSeconds",
        STREAMS_AND_KAFKA,
        Shape::Limit { min: 60, max: 604_800 },
        "For streams: records older than this are given up. Default: -1, never.",
    ),
    of_streams(
        "BisectBatchOnFunctionError",
        STREAMS_AND_KAFKA,
        Shape::Boolean,
        "For streams: a batch that the function failed is tried again in two halves. Default: false.",
    ),
    of_streams(
        "TumblingWindowInSeconds",
        STREAMS,
        integer(0, 900),
        "For streams: the length of the windows over which the function gathers a state. Default: 0, none. Not with a `ParallelizationFactor` above 1, and not with filters.",
    ),
    of_queues(
        "ScalingConfig",
        Shape::Map(SCALING),
        "For queues: how far the mapping scales. Without it the concurrency adapts to the queue. A stream has `ParallelizationFactor`.",
    ),
    taken(
        "FilterCriteria",
        Shape::Map(FILTER_CRITERIA),
        "Which records reach the function: those that match any of the filters. Without filters all do. Messages that match none are deleted, as on AWS, unless `Poller.OnFiltered` says otherwise.",
    ),
    taken(
        "KMSKeyArn",
        text(0, 10_000),
        "Encrypts the filters inside AWS. Not supported: forebay stores no filters outside this file.",
    ),
    taken(
        "MetricsConfig",
        Shape::Map(METRICS),
        "Which metrics AWS exports. Accepted: forebay always exports its event counts.",
    ),
    of_queues(
        "ProvisionedPollerConfig",
        Shape::Map(PROVISIONED),
        "AWS's dedicated pollers. Not supported: use `ScalingConfig.MaximumConcurrency`.",
    ),
    taken("DestinationConfig", Shape::Map(DESTINATIONS), "Where records go that the function could not process."),
    taken("Tags", Shape::Tags, "Tags of the mapping: the AWS API shows them, and forebay does nothing else with them."),
    taken("Poller", Shape::Map(POLLER), "Everything that AWS does not have."),
    taken(
        "State",
        text(0, 64),
        "Part of AWS's answers. Read only where `Enabled` is missing: `Disabled` and `Disabling` mean false.",
    ),
    taken("FunctionArn", text(0, 256), "Part of AWS's answers. Read only where `FunctionName` is missing."),
    read_only("UUID"),
    read_only("StateTransitionReason"),
    read_only("LastProcessingResult"),
    read_only("LastModified"),
    read_only("EventSourceMappingArn"),
    read_only("FilterCriteriaError"),
    read_only("ResponseMetadata"),
    other("LoggingConfig", KAFKA),
    other("Topics", KAFKA),
    other("AmazonManagedKafkaEventSourceConfig", KAFKA),
    other("SelfManagedEventSource", KAFKA),
    other("SelfManagedKafkaEventSourceConfig", KAFKA),
    other("Queues", "Amazon MQ"),
    other("SourceAccessConfigurations", "Kafka, Amazon MQ and DocumentDB"),
    other("DocumentDBEventSourceConfig", "DocumentDB"),
];

const SCALING: &[Member] = &[taken(
    "MaximumConcurrency",
    integer(1, 1000),
    "The most batches in flight at once. AWS asks for at least 2; here 1 is allowed.",
)];

const FILTER_CRITERIA: &[Member] = &[taken(
    "Filters",
    Shape::List { of: &Shape::Map(FILTER), max: 10 },
    "A record passes when any of the filters matches. AWS takes five, and up to ten after a quota increase.",
)];

const FILTER: &[Member] = &[taken(
    "Pattern",
    Shape::Pattern,
    "An event pattern: a map, or AWS's JSON text; at most 4096 characters as JSON.",
)];

const METRICS: &[Member] = &[taken(
    "Metrics",
    Shape::List { of: &Shape::Word(&["EventCount", "ErrorCount", "KafkaMetrics"]), max: 3 },
    "Groups of metrics; queues and streams have `EventCount`.",
)];

const PROVISIONED: &[Member] = &[
    taken("MinimumPollers", integer(2, 200), "Not supported."),
    taken("MaximumPollers", integer(2, 10_000), "Not supported."),
    other("PollerGroupName", KAFKA),
];

const DESTINATIONS: &[Member] = &[
    taken(
        "OnFailure",
        Shape::Map(DESTINATION),
        "Takes a record of every batch that was given up; of a queue, every message that the function failed `Poller.OnFailureAttempts` times.",
    ),
    taken("OnSuccess", Shape::Map(DESTINATION), "No event source mapping takes it."),
];

const DESTINATION: &[Member] =
    &[taken("Destination", text(0, 350), "The ARN of an SQS queue, an SNS topic or an S3 bucket.")];

/// The member of a table that a key names: AWS's spelling, or the same with a lower-case first letter.
pub(crate) fn find(table: &'static [Member], key: &str) -> Option<&'static Member> {
    // CloudFormation spells this one differently from the API.
    let key = if matches!(key, "KmsKeyArn" | "kmsKeyArn") { "KMSKeyArn" } else { key };
    table.iter().find(|member| same(member.name, key))
}

/// Whether a key is a name, but for the case of the first letter.
pub(crate) fn same(name: &str, key: &str) -> bool {
    let (mut name, mut key) = (name.chars(), key.chars());
    match (name.next(), key.next()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b) && name.as_str() == key.as_str(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_pascal_and_camel_case() {
        for key in ["BatchSize", "batchSize"] {
            assert_eq!(find(MAPPING, key).unwrap().name, "BatchSize");
        }
        for key in ["KMSKeyArn", "KmsKeyArn", "kmsKeyArn"] {
            assert_eq!(find(MAPPING, key).unwrap().name, "KMSKeyArn");
        }
        for key in ["batchsize", "BATCHSIZE", "", "Batch", "BatchSizes", "éatchSize"] {
            assert!(find(MAPPING, key).is_none(), "{key}");
        }
    }
}
