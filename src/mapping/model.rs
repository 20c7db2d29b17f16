//! A mapping whose every value has been checked.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::spec::SourceSpec;
use super::targets::Target;
use crate::machine::{BackoffPolicy, ScreeningPolicy};

/// One event source mapping, validated and with its defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Unique among all loaded files.
    pub name: String,
    /// Stable for a name: the mapping's identity in AWS's terms.
    pub uuid: String,
    /// Where it was defined.
    pub origin: Origin,
    /// What feeds it, and what only such a source has.
    pub source: SourceSpec,
    /// `FunctionName`: what takes its batches, by AWS's name.
    pub function: FunctionRef,
    /// How that is invoked.
    pub target: Target,
    /// `Enabled`.
    pub enabled: bool,
    /// `BatchSize`.
    pub batch_size: u32,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// `FunctionResponseTypes` holds `ReportBatchItemFailures`.
    pub report_batch_item_failures: bool,
    /// The patterns of `FilterCriteria.Filters`, each as JSON; none: everything passes.
    pub filters: Vec<String>,
    /// The ARN of `Poller.OnFiltered`: where records go that the filters did not let pass. `None` where they go to
    /// `on_failure`, or nowhere.
    pub filtered_to: Option<FailureDestination>,
    /// `DestinationConfig.OnFailure.Destination`.
    pub on_failure: Option<FailureDestination>,
    /// Everything under `Poller`.
    pub poller: Poller,
    /// `Tags`; they change nothing about how the mapping runs.
    pub tags: BTreeMap<String, String>,
    /// `MetricsConfig.Metrics`; forebay always counts everything.
    pub metrics: Vec<String>,
}

impl Mapping {
    /// The role that records of Kinesis show; `None` for a Lambda function, which has its own.
    #[must_use]
    pub fn invoke_identity(&self) -> Option<String> {
        if matches!(self.target, Target::Lambda(_)) {
            return None;
        }
        let Arn { partition, account, .. } = self.source.arn();
        Some(
            self.poller
                .invoke_identity
                .clone()
                .unwrap_or_else(|| format!("arn:{partition}:iam::{account}:role/forebay")),
        )
    }

    /// Whether the other one does the same work in the same way: everything is equal but where it was defined, its
    /// tags and its metrics.
    #[must_use]
    pub fn runs_like(&self, other: &Self) -> bool {
        let shown = |mapping: &Self| (mapping.origin.clone(), mapping.tags.clone(), mapping.metrics.clone());
        let (origin, tags, metrics) = shown(other);
        Self { origin, tags, metrics, ..self.clone() } == *other
    }

    /// Whether the other one polls the same queue in the same place as the same role: what was received for one may be
    /// deleted for the other. Never so for streams.
    #[must_use]
    pub(crate) fn polls_like(&self, other: &Self) -> bool {
        self.source.queue().is_some() && self.same_source(other) && self.poller.source == other.poller.source
    }

    /// Whether the other one is of the same source in the same place. Another endpoint or region is another source,
    /// even where the ARN is the same.
    pub(crate) fn same_source(&self, other: &Self) -> bool {
        let place = |mapping: &Self| (mapping.poller.source.region.clone(), mapping.source_endpoint().cloned());
        self.source.id() == other.source.id() && place(self) == place(other)
    }

    /// Where the source is: its own region, unless `Poller.Source.Region` says another.
    pub(crate) fn source_region(&self) -> &str {
        self.poller.source.region.as_ref().unwrap_or(&self.source.arn().region)
    }

    /// The URL that replaces the source's own.
    pub(crate) fn source_endpoint(&self) -> Option<&String> {
        self.poller.endpoints.get(self.source.rules().endpoint)
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

/// What AWS does not have, of every mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poller {
    /// Service (`sqs`, `kinesis`, `dynamodbstreams`, `lambda`, `sns`, `s3`, `sts`) to URL.
    pub endpoints: BTreeMap<String, String>,
    /// How the source is reached.
    pub source: Side,
    /// How the failure destination is reached.
    pub destination: Side,
    /// `OnFiltered` and `OnUndecidable`: what becomes of records that the filters do not let pass.
    pub screening: ScreeningPolicy,
    /// The pause between tries of a batch that we hold.
    pub retry_backoff: BackoffPolicy,
    /// The most invokes a second.
    pub rate_limit: Option<NonZeroU32>,
    /// `OnFailurePayload`: failure records in SQS and SNS carry the event, too.
    pub on_failure_payload: bool,
    /// `Function.InvokeIdentityArn`: the role that records of Kinesis show where the target is none of Lambda's.
    pub invoke_identity: Option<String>,
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
