//! Every parameter that a mapping file can hold: the one table behind reading, suggestions and the JSON Schema.
//!
//! Names, types and ranges of AWS's parameters are those of the Lambda API's
//! `CreateEventSourceMapping`; what stands under `Poller` is forebay's own.

use std::time::Duration;

/// One member of a map.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// One or two sentences for editors and the docs.
    pub(crate) about: &'static str,
    pub(crate) shape: Shape,
    pub(crate) taken: Taken,
}

/// Who takes a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Mappings of a queue.
    Yes,
    /// Nobody: AWS's answers carry it.
    ReadOnly,
    /// Mappings of these other sources.
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
        min: u64,
        max: u64,
    },
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
    /// A filter pattern: a map, or the JSON text of one.
    Pattern,
    /// Not looked at.
    Any,
}

const fn taken(name: &'static str, shape: Shape, about: &'static str) -> Member {
    Member { name, about, shape, taken: Taken::Yes }
}

const fn read_only(name: &'static str) -> Member {
    Member { name, about: "Part of AWS's answers; accepted and not read.", shape: Shape::Any, taken: Taken::ReadOnly }
}

const fn other(name: &'static str, sources: &'static str) -> Member {
    Member { name, about: sources, shape: Shape::Any, taken: Taken::By(sources) }
}

const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max }
}

const fn integer(min: u64, max: u64) -> Shape {
    Shape::Integer { min, max }
}

const fn span(min: Duration, max: Duration) -> Shape {
    Shape::Span { min, max }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// The longest that SQS hides a message.
pub(crate) const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 3600);

const STREAMS: &str = "Kinesis and DynamoDB streams";
const STREAMS_AND_KAFKA: &str = "Kinesis and DynamoDB streams and Kafka";
const KAFKA: &str = "Kafka";

/// The members of an event source mapping.
pub(crate) static MAPPING: &[Member] = &[
    taken(
        "Name",
        text(1, 64),
        "Ours: the mapping's name, unique among all files; it labels metrics and names the mapping on the command line. Default: the file's name without its extension; in a list the place in the list follows (`orders-1`, `orders-2`).",
    ),
    taken("EventSourceArn", text(1, 10_000), "The queue's ARN."),
    taken(
        "FunctionName",
        text(1, 256),
        "The function: its name, ARN or partial ARN (`123456789012:function:NAME`), each with an optional `:version` or `:alias`.",
    ),
    taken("Enabled", Shape::Boolean, "Whether the mapping polls. Default: true."),
    taken(
        "BatchSize",
        integer(1, 10_000),
        "The most records of one invocation. Default: 10. Above 10, `MaximumBatchingWindowInSeconds` must be at least 1; a FIFO queue takes at most 10.",
    ),
    taken(
        "MaximumBatchingWindowInSeconds",
        integer(0, 300),
        "How long records are gathered before the function is invoked, in seconds. Default: 0. Not for FIFO queues.",
    ),
    taken(
        "FunctionResponseTypes",
        Shape::List { of: &Shape::Word(&["ReportBatchItemFailures"]), max: 1 },
        "`[ReportBatchItemFailures]` lets the function answer which records failed; the others are deleted.",
    ),
    taken(
        "ScalingConfig",
        Shape::Map(SCALING),
        "How far the mapping scales. Without it the concurrency adapts to the queue.",
    ),
    taken(
        "FilterCriteria",
        Shape::Map(FILTER_CRITERIA),
        "Which records reach the function. Not yet supported when it holds a filter.",
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
    taken(
        "ProvisionedPollerConfig",
        Shape::Map(PROVISIONED),
        "AWS's dedicated pollers. Not supported: use `ScalingConfig.MaximumConcurrency`.",
    ),
    taken(
        "DestinationConfig",
        Shape::Map(DESTINATIONS),
        "Where records of failed batches go. Not yet supported for queues: use the queue's redrive policy.",
    ),
    taken("Tags", Shape::Tags, "Tags of the mapping. They stay in the file; forebay does nothing with them."),
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
    other("ParallelizationFactor", STREAMS),
    other("TumblingWindowInSeconds", STREAMS),
    other("StartingPosition", "Kinesis and DynamoDB streams, Kafka and DocumentDB"),
    other("StartingPositionTimestamp", "Kinesis streams, Kafka and DocumentDB"),
    other("MaximumRecordAgeInSeconds", STREAMS_AND_KAFKA),
    other("MaximumRetryAttempts", STREAMS_AND_KAFKA),
    other("BisectBatchOnFunctionError", STREAMS_AND_KAFKA),
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
    "A record passes when any of the filters matches.",
)];

const FILTER: &[Member] = &[taken("Pattern", Shape::Pattern, "An event pattern: a map, or AWS's JSON text.")];

const METRICS: &[Member] = &[taken(
    "Metrics",
    Shape::List { of: &Shape::Word(&["EventCount", "ErrorCount", "KafkaMetrics"]), max: 3 },
    "Groups of metrics; a queue has `EventCount`.",
)];

const PROVISIONED: &[Member] = &[
    taken("MinimumPollers", integer(2, 200), "Not supported."),
    taken("MaximumPollers", integer(2, 10_000), "Not supported."),
    other("PollerGroupName", KAFKA),
];

const DESTINATIONS: &[Member] = &[
    taken("OnFailure", Shape::Map(DESTINATION), "Not yet supported for queues."),
    taken("OnSuccess", Shape::Map(DESTINATION), "No event source mapping takes it."),
];

const DESTINATION: &[Member] = &[taken("Destination", text(0, 350), "An ARN.")];

const POLLER: &[Member] = &[
    taken(
        "Endpoints",
        Shape::Map(ENDPOINTS),
        "URLs that replace AWS's own, for emulators and private endpoints; `AWS_ENDPOINT_URL` does the same for the whole process.",
    ),
    taken("Source", Shape::Map(SOURCE_SIDE), "How the queue is reached."),
    taken("Function", Shape::Map(FUNCTION_SIDE), "How the function is reached."),
    taken("Visibility", Shape::Map(VISIBILITY), "How messages are hidden while they are held and after they failed."),
    taken(
        "RetryBackoff",
        Shape::Map(RETRY_BACKOFF),
        "The pause between tries of a batch that was throttled or met a service error. It doubles, with jitter.",
    ),
    taken("RateLimit", integer(1, 10_000), "The most invocations a second. Default: no limit."),
    taken(
        "DrainTimeout",
        span(SECOND, HOUR),
        "The longest that draining this mapping may take when it is stopped. Default: that of `forebay run`.",
    ),
    taken("OnFailurePayload", Shape::Any, "Not yet supported."),
];

const ENDPOINTS: &[Member] = &[
    taken("sqs", text(1, 2048), "SQS's URL."),
    taken("lambda", text(1, 2048), "Lambda's URL."),
    taken("sts", text(1, 2048), "The security token service's URL; it is asked for roles."),
];

const ROLE_ABOUT: &str = "A role that is assumed before the first call.";

const SOURCE_SIDE: &[Member] = &[
    taken("RoleArn", text(1, 2048), ROLE_ABOUT),
    taken("Region", text(1, 64), "Used instead of the region in `EventSourceArn`."),
];

const FUNCTION_SIDE: &[Member] = &[
    taken("RoleArn", text(1, 2048), ROLE_ABOUT),
    taken("Region", text(1, 64), "Used instead of the region in `FunctionName`."),
    taken("Timeout", span(SECOND, HOUR), "The function's timeout, where its configuration may not be read."),
];

const VISIBILITY: &[Member] = &[
    taken("Timeout", span(SECOND, LONGEST_VISIBILITY), "Used instead of the queue's own visibility timeout."),
    taken(
        "HoldLimit",
        span(SECOND, LONGEST_VISIBILITY),
        "The longest that a message is held through throttles and service errors. Default: 12h.",
    ),
    taken(
        "OnFunctionError",
        Shape::WordOrMap(&["Wait", "Release", "Backoff"], ON_FUNCTION_ERROR),
        "What happens to the messages of a failed batch. `Wait` (the default, and AWS's way): they wait out their visibility timeout. `Release`: they are visible again at once. `Backoff`: they are hidden for a time that doubles with each receive.",
    ),
];

const ON_FUNCTION_ERROR: &[Member] =
    &[taken("Backoff", Shape::Map(VISIBILITY_BACKOFF), "Hidden for a time that doubles with each receive.")];

const VISIBILITY_BACKOFF: &[Member] = &[
    taken("Initial", span(SECOND, LONGEST_VISIBILITY), "After the first receive. Default: 1s."),
    taken("Maximum", span(SECOND, LONGEST_VISIBILITY), "At most. Default: 15m."),
];

const RETRY_BACKOFF: &[Member] = &[
    taken("Initial", span(Duration::from_millis(10), HOUR), "The first pause. Default: 250ms."),
    taken("Maximum", span(Duration::from_millis(10), HOUR), "The longest pause. Default: 30s."),
];

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
