//! The parameters under `Poller`: what AWS does not have.

use std::time::Duration;

use super::function::FUNCTION_SIDE;
use super::{Member, Owner, Shape, integer, members, span, text};
use crate::machine::{LONG_POLL, MAX_HIDDEN};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const STREAMS: Owner = Owner::Streams("Kinesis and DynamoDB streams");

pub(super) static POLLER: &[Member] = members! {
    /// URLs that replace AWS's own, for emulators and private endpoints; `AWS_ENDPOINT_URL` does the same for the whole
    /// process.
    Endpoints: Shape::Map(ENDPOINTS);
    /// How the queue or stream is reached.
    Source: Shape::Map(SOURCE_SIDE);
    /// How the function is reached.
    Function: Shape::Map(FUNCTION_SIDE);
    /// How the failure destination is reached.
    Destination: Shape::Map(DESTINATION_SIDE);
    /// For queues: how messages are hidden while they are held and after they failed.
    Visibility: Shape::Map(VISIBILITY), owner = Owner::Queues;
    /// The pause between tries of a batch that was throttled or met a service error; of a stream also of one that the
    /// function failed. It doubles, with jitter.
    RetryBackoff: Shape::Map(RETRY_BACKOFF);
    /// The most invocations a second. Default: no limit.
    RateLimit: integer(1, 10_000);
    /// For queues: how long a receive waits for a first message, in whole seconds. A stop waits for receives that are
    /// open, so a shorter wait makes its end quicker, for more requests while the queue is empty. Default: 20s.
    ReceiveWait: span(SECOND, LONG_POLL), owner = Owner::Queues;
    /// The longest that draining this mapping may take when it is stopped. Default: that of `forebay run`.
    DrainTimeout: span(SECOND, HOUR);
    /// For streams: as the parameter of the same name, which it overrules, but up to 100.
    ParallelizationFactor: integer(1, 100), owner = STREAMS;
    /// For streams: the most reads of one shard a second. Default: 5, which is what Kinesis allows all readers of a
    /// shard together.
    ReadsPerSecond: integer(1, 1000), owner = STREAMS;
    /// For queues with `DestinationConfig.OnFailure`: so many times the function may fail a message before its failure
    /// record is sent and it is deleted. Default: 3.
    OnFailureAttempts: integer(1, 1000), owner = Owner::Queues;
    /// For FIFO queues with `ReportBatchItemFailures`: what becomes of messages that the function reports as processed
    /// although an earlier one of their group failed. `Protect` (the default): they come again behind it. `AsReported`,
    /// AWS's way: they are deleted, and the order of the group is broken.
    GroupOrder: Shape::Word(&["Protect", "AsReported"]), owner = Owner::FifoQueues;
    /// For queues with filters: what becomes of messages that no filter matches. `Delete` (the default, and AWS's way),
    /// `Release`: they go back for other consumers of the queue, hidden for longer with each receive, or the ARN of a
    /// queue, topic or bucket that they go to before they are deleted.
    OnFiltered: Shape::WordOrArn(&["Delete", "Release"]), owner = Owner::Queues;
    /// With filters: what becomes of records to which they cannot be applied, as a body that is no JSON under a pattern
    /// that looks into it. `Drop` (the default, and AWS's way): messages are deleted, records passed over. `Deliver`:
    /// the function gets them. `Destination`: they go to the destination of `OnFiltered`, or else to
    /// `DestinationConfig.OnFailure`.
    OnUndecidable: Shape::Word(&["Drop", "Deliver", "Destination"]);
    /// Whether failure records in SQS and SNS carry the event too, as those in S3 always do. Default: false.
    OnFailurePayload: Shape::Boolean;
};

pub(crate) static ENDPOINTS: &[Member] = members! {
    /// SQS's URL.
    sqs: text(1, 2048);
    /// The URL of Kinesis Data Streams.
    kinesis: text(1, 2048);
    /// The URL of DynamoDB Streams.
    dynamodbstreams: text(1, 2048);
    /// Lambda's URL.
    lambda: text(1, 2048);
    /// SNS's URL.
    sns: text(1, 2048);
    /// S3's URL.
    s3: text(1, 2048);
    /// The security token service's URL; it is asked for roles.
    sts: text(1, 2048);
};

static SOURCE_SIDE: &[Member] = members! {
    /// A role that is assumed before the first call.
    RoleArn: text(1, 2048);
    /// Used instead of the region in `EventSourceArn`.
    Region: text(1, 64);
};

static DESTINATION_SIDE: &[Member] = members! {
    /// A role that is assumed before the first call.
    RoleArn: text(1, 2048);
    /// Used instead of the region in the destination's ARN; for an S3 bucket, whose ARN has none, instead of the
    /// source's.
    Region: text(1, 64);
};

static VISIBILITY: &[Member] = members! {
    /// Used instead of the queue's own visibility timeout.
    Timeout: span(SECOND, MAX_HIDDEN);
    /// The longest that a message is held through throttles and service errors. Default: 12h.
    HoldLimit: span(SECOND, MAX_HIDDEN);
    /// What happens to the messages of a failed batch. `Wait` (the default, and AWS's way): they wait out their
    /// visibility timeout. `Release`: they are visible again at once. `Backoff`: they are hidden for a time that
    /// doubles with each receive.
    OnFunctionError: Shape::WordOrMap(&["Wait", "Release", "Backoff"], ON_FUNCTION_ERROR);
};

static ON_FUNCTION_ERROR: &[Member] = members! {
    /// Hidden for a time that doubles with each receive.
    Backoff: Shape::Map(VISIBILITY_BACKOFF);
};

static VISIBILITY_BACKOFF: &[Member] = members! {
    /// After the first receive. Default: 1s.
    Initial: span(SECOND, MAX_HIDDEN);
    /// At most. Default: 15m.
    Maximum: span(SECOND, MAX_HIDDEN);
};

static RETRY_BACKOFF: &[Member] = members! {
    /// The first pause. Default: 250ms.
    Initial: span(Duration::from_millis(10), HOUR);
    /// The longest pause. Default: 30s.
    Maximum: span(Duration::from_millis(10), HOUR);
};
