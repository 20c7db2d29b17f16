//! The parameters under `Poller`: what AWS does not have.

use std::time::Duration;

use crate::machine::{LONG_POLL, MAX_HIDDEN};

use super::parameters::{Member, STREAMS, Shape, integer, of_fifo_queues, of_queues, of_streams, span, taken, text};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) static POLLER: &[Member] = &[
    taken(
        "Endpoints",
        Shape::Map(ENDPOINTS),
        "URLs that replace AWS's own, for emulators and private endpoints; `AWS_ENDPOINT_URL` does the same for the whole process.",
    ),
    taken("Source", Shape::Map(SOURCE_SIDE), "How the queue or stream is reached."),
    taken("Function", Shape::Map(FUNCTION_SIDE), "How the function is reached."),
    taken("Destination", Shape::Map(DESTINATION_SIDE), "How the failure destination is reached."),
    of_queues(
        "Visibility",
        Shape::Map(VISIBILITY),
        "For queues: how messages are hidden while they are held and after they failed.",
    ),
    taken(
        "RetryBackoff",
        Shape::Map(RETRY_BACKOFF),
        "The pause between tries of a batch that was throttled or met a service error; of a stream also of one that the function failed. It doubles, with jitter.",
    ),
    taken("RateLimit", integer(1, 10_000), "The most invocations a second. Default: no limit."),
    of_queues(
        "ReceiveWait",
        span(SECOND, LONG_POLL),
        "For queues: how long a receive waits for a first message, in whole seconds. A stop waits for receives that are open, so a shorter wait makes its end quicker, for more requests while the queue is empty. Default: 20s.",
    ),
    taken(
        "DrainTimeout",
        span(SECOND, HOUR),
        "The longest that draining this mapping may take when it is stopped. Default: that of `forebay run`.",
    ),
    of_streams(
        "ParallelizationFactor",
        STREAMS,
        integer(1, 100),
        "For streams: as the parameter of the same name, which it overrules, but up to 100.",
    ),
    of_streams(
        "ReadsPerSecond",
        STREAMS,
        integer(1, 1000),
        "For streams: the most reads of one shard a second. Default: 5, which is what Kinesis allows all readers of a shard together.",
    ),
    of_queues(
        "OnFailureAttempts",
        integer(1, 1000),
        "For queues with `DestinationConfig.OnFailure`: so many times the function may fail a message before its failure record is sent and it is deleted. Default: 3.",
    ),
    of_fifo_queues(
        "GroupOrder",
        Shape::Word(&["Protect", "AsReported"]),
        "For FIFO queues with `ReportBatchItemFailures`: what becomes of messages that the function reports as processed although an earlier one of their group failed. `Protect` (the default): they come again behind it. `AsReported`, AWS's way: they are deleted, and the order of the group is broken.",
    ),
    of_queues(
        "OnFiltered",
        Shape::WordOrArn(&["Delete", "Release"]),
        "For queues with filters: what becomes of messages that no filter matches. `Delete` (the default, and AWS's way), `Release`: they go back for other consumers of the queue, hidden for longer with each receive, or the ARN of a queue, topic or bucket that they go to before they are deleted.",
    ),
    taken(
        "OnUndecidable",
        Shape::Word(&["Drop", "Deliver", "Destination"]),
        "With filters: what becomes of records to which they cannot be applied, as a body that is no JSON under a pattern that looks into it. `Drop` (the default, and AWS's way): messages are deleted, records passed over. `Deliver`: the function gets them. `Destination`: they go to the destination of `OnFiltered`, or else to `DestinationConfig.OnFailure`.",
    ),
    taken(
        "OnFailurePayload",
        Shape::Boolean,
        "Whether failure records in SQS and SNS carry the event too, as those in S3 always do. Default: false.",
    ),
];

pub(super) static ENDPOINTS: &[Member] = &[
    taken("sqs", text(1, 2048), "SQS's URL."),
    taken("kinesis", text(1, 2048), "The URL of Kinesis Data Streams."),
    taken("dynamodbstreams", text(1, 2048), "The URL of DynamoDB Streams."),
    taken("lambda", text(1, 2048), "Lambda's URL."),
    taken("sns", text(1, 2048), "SNS's URL."),
    taken("s3", text(1, 2048), "S3's URL."),
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
    taken(
        "RequireLambdaHeaders",
        Shape::Boolean,
        "Whether an answer of the function counts only with `X-Amz-Executed-Version` or a request id, as Lambda sends them. Default: true. Write false for an emulator that sends neither.",
    ),
];

const DESTINATION_SIDE: &[Member] = &[
    taken("RoleArn", text(1, 2048), ROLE_ABOUT),
    taken(
        "Region",
        text(1, 64),
        "Used instead of the region in the destination's ARN; for an S3 bucket, whose ARN has none, instead of the source's.",
    ),
];

const VISIBILITY: &[Member] = &[
    taken("Timeout", span(SECOND, MAX_HIDDEN), "Used instead of the queue's own visibility timeout."),
    taken(
        "HoldLimit",
        span(SECOND, MAX_HIDDEN),
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
    taken("Initial", span(SECOND, MAX_HIDDEN), "After the first receive. Default: 1s."),
    taken("Maximum", span(SECOND, MAX_HIDDEN), "At most. Default: 15m."),
];

const RETRY_BACKOFF: &[Member] = &[
    taken("Initial", span(Duration::from_millis(10), HOUR), "The first pause. Default: 250ms."),
    taken("Maximum", span(Duration::from_millis(10), HOUR), "The longest pause. Default: 30s."),
];
