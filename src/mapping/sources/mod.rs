//! What is particular to each source: its rules as plain data, one file a source.

pub(super) mod dynamodb;
mod find;
pub(super) mod kinesis;
mod queue;
mod sqs;
mod stream;

pub(crate) use find::{Source, read, spec};

use super::code::Code;
use super::impossible::Holds;
use super::model::Arn;
use super::spec::{SourceKind, SourceSpec};
use crate::filter::View;

/// The rules of one kind of source.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The label used in metrics and JSON.
    pub(crate) label: &'static str,
    /// What a user calls it.
    pub(crate) noun: &'static str,
    /// The same, distinguished from others of its noun where they differ.
    pub(crate) precisely: &'static str,
    /// What a user calls one thing that comes from it.
    pub(crate) record: &'static str,
    /// What dropping a record means: a verb, and its past.
    pub(crate) drops: (&'static str, &'static str),
    /// The form of its ARN.
    pub(crate) form: &'static str,
    /// Its key under `Poller.Endpoints`.
    pub(crate) endpoint: &'static str,
    /// It has shards, whose positions are kept as checkpoints; else it is a queue.
    pub(crate) sharded: bool,
    /// Its messages have groups that are kept in order.
    pub(crate) grouped: bool,
    /// `BatchSize`.
    pub(crate) batch_size: BatchSizes,
    /// The longest `MaximumBatchingWindowInSeconds`; 0: it takes none.
    pub(crate) longest_window: u32,
    /// The `StartingPosition`s that it can be read from.
    pub(crate) positions: &'static [&'static str],
    /// What patterns see of its records.
    pub(crate) view: View,
    /// What its records have at a path of a pattern.
    pub(crate) fields: fn(&[&str]) -> Holds,
    /// A record as the function gets it, but for its region and the ARN of its source: JSON.
    pub(crate) sample: &'static str,
    /// The services, as ARNs name them, that take its failure records.
    pub(crate) destinations: &'static [&'static str],
    /// What to do instead of writing a parameter that it does not take.
    pub(crate) instead: &'static [(&'static str, &'static str)],
    /// The problem of one that could not be asked.
    pub(crate) unreached: Code,
    /// What one is called that is not there, and what to do.
    pub(crate) missing: fn(&Arn) -> (String, &'static str),
    /// What AWS's answers show of it.
    pub(crate) shown: Shown,
}

/// What `BatchSize` may be. More than AWS's range is for the table of parameters to refuse.
#[derive(Debug)]
pub(crate) struct BatchSizes {
    /// Where it is not written.
    pub(crate) default: u32,
    /// The most.
    pub(crate) most: u32,
    /// The most without a batching window.
    pub(crate) most_at_once: u32,
}

/// What AWS's answers show of a mapping of a source.
#[derive(Debug)]
pub(crate) struct Shown {
    /// `StateTransitionReason`.
    pub(crate) transition_reason: &'static str,
    /// `DestinationConfig` is there even without a destination.
    pub(crate) destination: bool,
    /// A mapping that is made disabled is `Disabled` in the first answer, not `Creating`.
    pub(crate) disabled_at_once: bool,
    /// The Actions that its role lacks, where AWS's refusal names them.
    pub(crate) denied_actions: Option<&'static str>,
    /// The member of a failure record that says which records it is about, and whether its times are cut to seconds.
    pub(crate) batch_info: (&'static str, bool),
}

/// What takes failure records, by the names of the services in ARNs.
const DESTINATIONS: &[&str] = &["sqs", "sns", "s3"];

const NOT_THERE: &str = "create it, or correct account and region in `EventSourceArn` (an emulator knows only its own \
    account, often \
                         000000000000)";

impl SourceKind {
    /// The rules of this source.
    pub(crate) const fn rules(self) -> &'static Rules {
        match self {
            Self::Sqs => &sqs::QUEUE,
            Self::Fifo => &sqs::FIFO,
            Self::Kinesis => &kinesis::STREAM,
            Self::DynamoDb => &dynamodb::STREAM,
        }
    }

    /// The label used in metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.rules().label
    }

    /// What patterns see of its records.
    #[must_use]
    pub const fn view(self) -> View {
        self.rules().view
    }
}

impl SourceSpec {
    /// The rules of this source.
    pub(crate) const fn rules(&self) -> &'static Rules {
        self.kind().rules()
    }
}
