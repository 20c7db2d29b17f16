//! A stream's scenario, drawn from a seed before it begins.

use std::time::Duration;

use forebay::machine::StartingPosition;
use forebay::mapping::{Mapping, SourceKind};

use crate::plan::{FunctionPlan, Outage, of_source};

/// Everything that will happen to one stream, its functions and its engine. Times are milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where it came from.
    pub(crate) seed: u64,
    /// The stream.
    pub(crate) stream: StreamPlan,
    /// The mappings that read it.
    pub(crate) consumers: Vec<ConsumerPlan>,
    /// What is put, in order of time.
    pub(crate) puts: Vec<Put>,
    /// How its shards change, in order of time.
    pub(crate) reshards: Vec<(u64, Reshard)>,
    /// When it is disabled for good: a table's stream that is switched off. What would be put later is not in it.
    pub(crate) disabled: Option<u64>,
    /// What goes wrong with the stream at random before the fair phase.
    pub(crate) faults: StreamFaults,
    /// What goes wrong for a while.
    pub(crate) outages: Vec<Outage>,
    /// The store.
    pub(crate) store: StorePlan,
    /// The clock of the engine's host: from when it is how far ahead of the stream's, or behind if negative. Empty:
    /// right.
    pub(crate) host: Vec<(u64, i64)>,
    /// When the first process starts: what was put before is history.
    pub(crate) born: u64,
    /// What operators and faults do to the process; in order of time.
    pub(crate) actions: Vec<(u64, Action)>,
    /// When faults end for good.
    pub(crate) fair_at: u64,
    /// Whether the scenario ends with an idle stretch whose reads are counted.
    pub(crate) watch_idle: bool,
}

/// The stream's attributes and ways.
#[derive(Clone, Debug)]
pub(crate) struct StreamPlan {
    /// Kinesis or DynamoDB.
    pub(crate) kind: SourceKind,
    /// Shards that it begins with.
    pub(crate) shards: usize,
    /// How long it holds a record.
    pub(crate) retention: u64,
    /// How long a new shard may be missing from the list.
    pub(crate) lag: (u64, u64),
    /// What a call takes, at least and at most.
    pub(crate) latency: (u64, u64),
    /// Its first sequence number.
    pub(crate) first_sequence: u64,
    /// The most records that one read brings, even if more are asked for.
    pub(crate) most: usize,
}

/// One mapping, its function and its destination.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerPlan {
    /// As the engine gets it first.
    pub(crate) mapping: Mapping,
    /// The function.
    pub(crate) function: FunctionPlan,
    /// What goes wrong between the engine, the function and the destination.
    pub(crate) faults: CallFaults,
}

/// One record to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Put {
    /// When.
    pub(crate) at: u64,
    /// Its partition key or item key.
    pub(crate) key: u32,
    /// Bytes of its data.
    pub(crate) size: usize,
    /// Every function fails on it always.
    pub(crate) poison: bool,
}

/// A change of the shards.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reshard {
    /// One open shard becomes two.
    Split,
    /// Two open neighbours become one.
    Merge,
    /// One open shard is closed and goes on in one child.
    Rotate,
}

/// How often each thing goes wrong with the stream, per call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StreamFaults {
    /// The shards cannot be listed.
    pub(crate) list_error: f64,
    /// A read fails.
    pub(crate) read_error: f64,
    /// A read has no answer.
    pub(crate) read_lost: f64,
    /// A read brings nothing although records are there.
    pub(crate) read_empty: f64,
    /// A read brings fewer than there are.
    pub(crate) read_partial: f64,
    /// An iterator is past its time, even if the clock says otherwise.
    pub(crate) expired: f64,
}

/// How often each thing goes wrong with one mapping's function and destination, per call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallFaults {
    /// The invoke is throttled.
    pub(crate) throttle: f64,
    /// The way to the function breaks before it ran.
    pub(crate) break_before: f64,
    /// The way to the function breaks after it ran.
    pub(crate) break_after: f64,
    /// The function throws.
    pub(crate) function_error: f64,
    /// A function that throws says that it always will.
    pub(crate) terminal: f64,
    /// The function runs into its timeout.
    pub(crate) function_timeout: f64,
    /// The function never answers.
    pub(crate) hang: f64,
    /// With reports: some records are reported as failed.
    pub(crate) partial: f64,
    /// With reports, or a tumbling window: the answer has a wrong form.
    pub(crate) malformed: f64,
    /// With a tumbling window: the state is larger than 1 MB.
    pub(crate) big_state: f64,
    /// The destination refuses.
    pub(crate) deliver_error: f64,
    /// The destination takes the record, but its answer never comes.
    pub(crate) deliver_lost: f64,
}

/// The store's ways.
#[derive(Clone, Debug)]
pub(crate) struct StorePlan {
    /// What a call takes, at least and at most.
    pub(crate) latency: (u64, u64),
    /// How often it fails before a call took effect.
    pub(crate) fails: f64,
    /// How often it fails after a save took effect.
    pub(crate) lost: f64,
    /// It keeps an END without a sequence number, as it stands in stores that an earlier version has written.
    pub(crate) plain_ends: bool,
}

/// Something done to the engine.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// `forebay stop`, and waiting until it is `Disabled`.
    Stop(usize),
    /// `forebay start`.
    Start(usize),
    /// SIGKILL, and a new process after so long.
    Crash { down: u64 },
    /// SIGTERM with a drain bound, perhaps a second one, and a new process after so long.
    Shutdown { bound: u64, cut_after: Option<u64>, down: u64 },
    /// SIGTERM; the stream is deleted and made again under its name, with as many shards as it had at first, which are
    /// split as often as is said; and a new process after so long.
    Recreate { splits: u32, down: u64 },
    /// `forebay list`, of which the health is checked.
    Look,
    /// SIGHUP: the same files, or one mapping with other numbers.
    Reload(Option<(usize, Retune)>),
}

/// Other numbers for a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retune {
    /// The new `BatchSize`.
    pub(crate) batch_size: u32,
    /// The new window in seconds.
    pub(crate) window: u64,
    /// The new `ParallelizationFactor`.
    pub(crate) parallelization: u32,
}

impl Retune {
    /// Gives a mapping these numbers; one with a tumbling window keeps its one lane.
    pub(crate) fn apply(self, mapping: &mut Mapping) {
        mapping.batch_size = self.batch_size;
        mapping.window = Duration::from_secs(self.window);
        let stream = mapping.source.stream_mut().expect("a mapping of a stream");
        stream.parallelization = if stream.tumbling_window.is_some() { 1 } else { self.parallelization };
    }
}

/// A mapping named `name` of the one stream, with AWS's defaults.
pub(crate) fn mapping(name: &str, kind: SourceKind, start: StartingPosition) -> Mapping {
    let source = match kind {
        SourceKind::DynamoDb => "dynamodb:us-east-1:000000000000:table/river/stream/2026-01-01T00:00:00.000",
        _ => "kinesis:us-east-1:000000000000:stream/river",
    };
    let mut mapping = of_source(name, &format!("{source}\nStartingPosition: LATEST"));
    mapping.source.stream_mut().expect("a mapping of a stream").start = start;
    mapping
}
