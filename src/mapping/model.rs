//! A mapping whose every value has been checked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::machine::{BackoffPolicy, GroupOrder, MAX_HIDDEN, OnFunctionError, ScreeningPolicy, StartingPosition};

/// One event source mapping, validated and with its defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Unique among all loaded files.
    pub name: String,
    /// Stable for a name: the mapping's identity in AWS's terms.
    pub uuid: String,
    /// Where it was defined.
    pub origin: Origin,
    /// The source's kind, read off its ARN.
    pub kind: SourceKind,
    /// The source is a FIFO queue.
    pub fifo: bool,
    /// `EventSourceArn`.
    pub source: Arn,
    /// `FunctionName`.
    pub function: FunctionRef,
    /// `Enabled`.
    pub enabled: bool,
    /// `BatchSize`.
    pub batch_size: u32,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// `ScalingConfig.MaximumConcurrency`; `None`: adaptive.
    pub maximum_concurrency: Option<u32>,
    /// `FunctionResponseTypes` holds `ReportBatchItemFailures`.
    pub report_batch_item_failures: bool,
    /// The patterns of `FilterCriteria.Filters`, each as JSON; none: everything passes.
    pub filters: Vec<String>,
    /// The ARN of `Poller.OnFiltered`: where records go that the filters did not let pass. `None` where they go to `on_failure`, or nowhere.
    pub filtered_to: Option<FailureDestination>,
    /// What only streams have.
    pub stream: Option<StreamParameters>,
    /// `DestinationConfig.OnFailure.Destination`.
    pub on_failure: Option<FailureDestination>,
    /// Everything under `Poller`.
    pub poller: Poller,
    /// `Tags`; they change nothing about how the mapping runs.
    pub tags: BTreeMap<String, String>,
    /// `MetricsConfig.Metrics`; forebay counts everything, whatever they say.
    pub metrics: Vec<String>,
}

impl Mapping {
    /// Whether the other one does the same work in the same way: everything is equal but where it was defined, its
    /// tags and its metrics.
    #[must_use]
    pub fn runs_like(&self, other: &Self) -> bool {
        let shown = |mapping: &Self| (mapping.origin.clone(), mapping.tags.clone(), mapping.metrics.clone());
        let (origin, tags, metrics) = shown(other);
        Self { origin, tags, metrics, ..self.clone() } == *other
    }

    /// Whether the other one polls the same queue in the same place as the same role: what was received for one may be
    /// settled for the other. Never so for streams.
    #[must_use]
    pub(crate) fn polls_like(&self, other: &Self) -> bool {
        let place = |mapping: &Self| {
            let endpoint = mapping.poller.endpoints.get("sqs").cloned();
            (mapping.source.clone(), mapping.fifo, mapping.poller.source.clone(), endpoint)
        };
        self.stream.is_none() && other.stream.is_none() && place(self) == place(other)
    }
}

/// Where a mapping was defined, and so who may change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In this file, as it was given or found.
    File(PathBuf),
    /// Through the AWS API: it lives in the store.
    Api,
}

impl Origin {
    /// What stands where a file would be shown.
    pub(crate) const API: &str = "(api)";

    /// The file, or what is shown in its place.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(file) => file,
            Self::Api => Path::new(Self::API),
        }
    }

    /// The word for it in JSON.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Api => "api",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

/// What feeds a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// An SQS queue, standard or FIFO.
    Sqs,
    /// A Kinesis stream, read with shared throughput.
    Kinesis,
    /// The stream of a DynamoDB table.
    DynamoDb,
}

impl SourceKind {
    /// The label used in metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodb",
        }
    }
}

/// The parameters that only stream mappings have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamParameters {
    /// `StartingPosition` and `StartingPositionTimestamp`.
    pub start: StartingPosition,
    /// `ParallelizationFactor`, or `Poller.ParallelizationFactor` beyond AWS's ten: 1 to 100.
    pub parallelization: u32,
    /// `MaximumRetryAttempts`; `None`: without end.
    pub maximum_retry_attempts: Option<u32>,
    /// `MaximumRecordAgeInSeconds`; `None`: without end.
    pub maximum_record_age: Option<Duration>,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `TumblingWindowInSeconds`.
    pub tumbling_window: Option<Duration>,
}

/// Where failure records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureDestination {
    /// What it is.
    pub kind: DestinationKind,
    /// Its ARN.
    pub arn: Arn,
}

/// What takes failure records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationKind {
    /// An SQS queue, standard or FIFO.
    Sqs {
        /// Its name ends in `.fifo`.
        fifo: bool,
    },
    /// An SNS topic, standard or FIFO.
    Sns {
        /// Its name ends in `.fifo`.
        fifo: bool,
    },
    /// An S3 bucket.
    S3,
}

/// `arn:partition:service:region:account:resource`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    /// The whole text.
    pub text: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// `sqs`, `lambda`.
    pub service: String,
    /// The region.
    pub region: String,
    /// The 12-digit account id.
    pub account: String,
    /// All that follows the account.
    pub resource: String,
}

/// `FunctionName`: a name, a partial ARN or an ARN, with an optional version or alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRef {
    /// As it was written.
    pub text: String,
    /// The bare name.
    pub name: String,
    /// The version or alias.
    pub qualifier: Option<String>,
    /// The region, where an ARN names one.
    pub region: Option<String>,
    /// The account, where an ARN or partial ARN names one.
    pub account: Option<String>,
}

/// What AWS does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poller {
    /// Service (`sqs`, `kinesis`, `dynamodbstreams`, `lambda`, `sns`, `s3`, `sts`) to URL.
    pub endpoints: BTreeMap<String, String>,
    /// How the source is reached.
    pub source: Side,
    /// How the function is reached.
    pub function: Side,
    /// How the failure destination is reached.
    pub destination: Side,
    /// The function's timeout, where its configuration may not be read.
    pub function_timeout: Option<Duration>,
    /// Not `RequireLambdaHeaders`: an answer of the function counts without `X-Amz-Executed-Version` and without the id of
    /// its request.
    pub headers_optional: bool,
    /// How held and failed messages are hidden.
    pub visibility: VisibilityOptions,
    /// `OnFiltered` and `OnUndecidable`: what becomes of records that the filters do not let pass.
    pub screening: ScreeningPolicy,
    /// The pause between tries of a batch that we hold.
    pub retry_backoff: BackoffPolicy,
    /// The most invokes a second.
    pub rate_limit: Option<u32>,
    /// The most reads of a shard a second; `None`: five, what Kinesis allows all readers of a shard together.
    pub reads_per_second: Option<u32>,
    /// `OnFailurePayload`: failure records in SQS and SNS carry the event, too.
    pub on_failure_payload: bool,
    /// `OnFailureAttempts`: so many times a function may fail a queue's message before it goes to the failure destination; `None`: 3.
    pub on_failure_attempts: Option<u32>,
    /// `GroupOrder`: what a careless partial response means for the message groups of a FIFO queue.
    pub group_order: GroupOrder,
    /// `ReceiveWait`: how long a receive from a queue waits for a first message; `None`: 20 s.
    pub receive_wait: Option<Duration>,
    /// The longest that a drain of this mapping may take.
    pub drain_timeout: Option<Duration>,
}

/// Who and where, for one side of a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Assumed before the first call.
    pub role_arn: Option<String>,
    /// Overrides the ARN's region.
    pub region: Option<String>,
}

/// How held and failed messages are hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibilityOptions {
    /// Used instead of the queue's own `VisibilityTimeout`.
    pub timeout: Option<Duration>,
    /// The longest that a message is held through throttles and service errors (SQS allows 12 h).
    pub hold_limit: Duration,
    /// What happens to the messages of a failed batch.
    pub on_function_error: OnFunctionError,
}

impl Default for VisibilityOptions {
    fn default() -> Self {
        Self { timeout: None, hold_limit: MAX_HIDDEN, on_function_error: OnFunctionError::Wait }
    }
}
