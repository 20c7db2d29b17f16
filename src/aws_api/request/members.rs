//! Every member of a request that makes or changes a mapping: the one table behind types, constraints and merging.
//!
//! Names, order, ranges, lengths, words and patterns are those of Lambda's API model of 2015-03-31
//! (`CreateEventSourceMapping`, `UpdateEventSourceMapping`). Members that the table does not name are ignored, as AWS
//! ignores them; names count letter for letter.

use super::patterns::Form;

/// One member of a request or of a structure in it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// Who takes it.
    pub(crate) owner: Owner,
    /// Whether `UpdateEventSourceMapping` has it.
    pub(crate) updates: bool,
    /// The value with which the member says nothing; empty text, lists and structures never say anything.
    pub(crate) silent: Silent,
}

/// What a member may hold.
#[derive(Debug)]
pub(crate) enum Shape {
    Text {
        min: usize,
        max: usize,
        form: Option<Form>,
    },
    /// One of these words. The order is that of AWS's error text where it is recorded, else the model's.
    Word(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    /// Seconds since the Unix epoch, or a time of RFC 3339.
    Time,
    List {
        of: &'static Self,
        min: usize,
        max: usize,
    },
    Structure(&'static [Member]),
    /// Text by text.
    Tags,
    /// A structure of which nothing is read: forebay does not do what it is for.
    Other,
}

/// Who takes a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Every source that forebay polls.
    Every,
    Queues,
    Streams,
    /// None that forebay polls.
    Others,
}

/// The value with which a member says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silent {
    Never,
    Number(i64),
    False,
}

const fn member(name: &'static str, shape: Shape, owner: Owner) -> Member {
    Member { name, shape, owner, updates: true, silent: Silent::Never }
}

/// A member that is fixed when the mapping is made.
const fn fixed(name: &'static str, shape: Shape, owner: Owner) -> Member {
    Member { name, shape, owner, updates: false, silent: Silent::Never }
}

const fn number(name: &'static str, min: i64, max: i64, silent: i64, owner: Owner) -> Member {
    Member { name, shape: Shape::Integer { min, max }, owner, updates: true, silent: Silent::Number(silent) }
}

const fn text(min: usize, max: usize, form: Form) -> Shape {
    Shape::Text { min, max, form: Some(form) }
}

/// The members of a mapping, in the model's order.
pub(crate) static MAPPING: &[Member] = &[
    fixed("EventSourceArn", text(0, 10_000, Form::Arn), Owner::Every),
    member("FunctionName", text(1, 256, Form::Function), Owner::Every),
    member("Enabled", Shape::Boolean, Owner::Every),
    member("BatchSize", Shape::Integer { min: 1, max: 10_000 }, Owner::Every),
    member("FilterCriteria", Shape::Structure(FILTERS), Owner::Every),
    member("KMSKeyArn", text(0, 10_000, Form::Key), Owner::Others),
    member("MetricsConfig", Shape::Structure(METRICS), Owner::Every),
    member("LoggingConfig", Shape::Structure(LOGGING), Owner::Others),
    member("ScalingConfig", Shape::Structure(SCALING), Owner::Queues),
    number("MaximumBatchingWindowInSeconds", 0, 300, 0, Owner::Every),
    number("ParallelizationFactor", 1, 10, 1, Owner::Streams),
    fixed("StartingPosition", Shape::Word(&["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"]), Owner::Streams),
    fixed("StartingPositionTimestamp", Shape::Time, Owner::Streams),
    member("DestinationConfig", Shape::Structure(DESTINATIONS), Owner::Every),
    number("MaximumRecordAgeInSeconds", -1, 604_800, -1, Owner::Streams),
    Member {
        name: "BisectBatchOnFunctionError",
        shape: Shape::Boolean,
        owner: Owner::Streams,
        updates: true,
        silent: Silent::False,
    },
    number("MaximumRetryAttempts", -1, 10_000, -1, Owner::Streams),
    fixed("Tags", Shape::Tags, Owner::Every),
    number("TumblingWindowInSeconds", 0, 900, 0, Owner::Streams),
    fixed("Topics", Shape::List { of: &TOPIC, min: 1, max: 1 }, Owner::Others),
    fixed("Queues", Shape::List { of: &QUEUE, min: 1, max: 1 }, Owner::Others),
    member("SourceAccessConfigurations", Shape::List { of: &Shape::Other, min: 0, max: 23 }, Owner::Others),
    fixed("SelfManagedEventSource", Shape::Other, Owner::Others),
    member("FunctionResponseTypes", Shape::List { of: &RESPONSE, min: 0, max: 1 }, Owner::Every),
    member("AmazonManagedKafkaEventSourceConfig", Shape::Other, Owner::Others),
    member("SelfManagedKafkaEventSourceConfig", Shape::Other, Owner::Others),
    member("DocumentDBEventSourceConfig", Shape::Other, Owner::Others),
    member("ProvisionedPollerConfig", Shape::Structure(PROVISIONED), Owner::Others),
];

static TOPIC: Shape = text(1, 249, Form::Topic);
static QUEUE: Shape = text(1, 1000, Form::AnyText);
static RESPONSE: Shape = Shape::Word(&["ReportBatchItemFailures"]);
static METRIC: Shape = Shape::Word(&["EventCount", "ErrorCount", "KafkaMetrics"]);
static FILTER: Shape = Shape::Structure(&[member("Pattern", text(0, 4096, Form::AnyText), Owner::Every)]);

/// The model names no length: the service has its own limit.
static FILTERS: &[Member] = &[member("Filters", Shape::List { of: &FILTER, min: 0, max: usize::MAX }, Owner::Every)];

static METRICS: &[Member] = &[member("Metrics", Shape::List { of: &METRIC, min: 0, max: 3 }, Owner::Every)];

static LOGGING: &[Member] = &[member("SystemLogLevel", Shape::Word(&["DEBUG", "INFO", "WARN"]), Owner::Others)];

static SCALING: &[Member] = &[member("MaximumConcurrency", Shape::Integer { min: 2, max: 1000 }, Owner::Queues)];

static DESTINATIONS: &[Member] = &[
    member("OnSuccess", Shape::Structure(DESTINATION), Owner::Every),
    member("OnFailure", Shape::Structure(DESTINATION), Owner::Every),
];

static DESTINATION: &[Member] = &[member("Destination", text(0, 350, Form::Destination), Owner::Every)];

static PROVISIONED: &[Member] = &[
    member("MinimumPollers", Shape::Integer { min: 1, max: 200 }, Owner::Others),
    member("MaximumPollers", Shape::Integer { min: 1, max: 10_000 }, Owner::Others),
    member("PollerGroupName", text(0, 128, Form::Group), Owner::Others),
];

/// The body of `TagResource`.
pub(crate) static TAGGING: &[Member] = &[member("Tags", Shape::Tags, Owner::Every)];

/// The member of a mapping that has a name.
pub(crate) fn find(name: &str) -> Option<&'static Member> {
    MAPPING.iter().find(|member| member.name == name)
}

/// AWS's error texts name members with a small first letter: `batchSize`, `kMSKeyArn`.
pub(crate) fn shown(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_update_lacks_is_what_the_model_says() {
        let fixed: Vec<&str> = MAPPING.iter().filter(|member| !member.updates).map(|member| member.name).collect();
        assert_eq!(
            fixed,
            [
                "EventSourceArn",
                "StartingPosition",
                "StartingPositionTimestamp",
                "Tags",
                "Topics",
                "Queues",
                "SelfManagedEventSource"
            ]
        );
    }

    #[test]
    fn members_are_shown_as_aws_shows_them() {
        for (name, expected) in
            [("BatchSize", "batchSize"), ("KMSKeyArn", "kMSKeyArn"), ("UUID", "uUID"), ("", ""), ("É", "é")]
        {
            assert_eq!(shown(name), expected);
        }
    }
}
