//! A scenario, drawn from a seed before it begins.

use std::fmt;
use std::time::Duration;

use forebay::machine::OnFunctionError;
use forebay::mapping::Mapping;

use crate::plan::{FunctionPlan, Outage, destination, is_fifo, queue_mut};

/// Everything that will happen to one world.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where it came from.
    pub(crate) seed: u64,
    /// The mappings under test, each with its queue and its function.
    pub(crate) subjects: Vec<SubjectPlan>,
    /// What operators and faults do to the process; in order of time (milliseconds).
    pub(crate) actions: Vec<(u64, Action)>,
    /// When faults end for good.
    pub(crate) fair_at: u64,
    /// Whether the scenario ends with a long idle stretch whose polls are counted.
    pub(crate) watch_idle: bool,
    /// How often the store refuses to keep a desired state.
    pub(crate) store_fails: f64,
}

/// Something done to the engine.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// `forebay stop`, and waiting until it is `Disabled`; perhaps also until no receive is open.
    Stop { subject: usize, wait: bool },
    /// `forebay start`.
    Start(usize),
    /// SIGKILL, and a new process after so many milliseconds.
    Crash { down: u64 },
    /// SIGTERM with a drain bound, perhaps a second one, and a new process after so many milliseconds.
    Shutdown { bound: u64, cut_after: Option<u64>, down: u64 },
    /// SIGHUP: the same files, or one mapping with other numbers.
    Reload(Option<(usize, Retune)>),
    /// A machine panics at so many steps from then.
    Panic { steps: u32 },
    /// `forebay list`, of which the health is checked.
    Look,
    /// SIGHUP after a file was removed, and again after it came back.
    Remove { subject: usize, back_after: u64 },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop { subject, wait } => write!(f, "Stop {{ lane: {subject}, wait: {wait} }}"),
            Self::Remove { subject, back_after } => write!(f, "Remove {{ lane: {subject}, back_after: {back_after} }}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Other numbers for a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retune {
    /// The new `BatchSize`.
    pub(crate) batch_size: u32,
    /// The new window in seconds.
    pub(crate) window: u64,
    /// The new `MaximumConcurrency`.
    pub(crate) maximum_concurrency: Option<u32>,
    /// Other settings than numbers; of standard queues only.
    pub(crate) settings: Option<Settings>,
}

/// Other settings of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// `ReportBatchItemFailures`; it stays what it was where invokes wait for a rate limit.
    pub(crate) report: bool,
    /// `Poller.Visibility.Timeout` in seconds.
    pub(crate) visibility: Option<u64>,
    /// `Poller.Visibility.OnFunctionError`.
    pub(crate) on_function_error: OnFunctionError,
    /// Another failure destination, where there is one.
    pub(crate) other_destination: bool,
    /// Only messages with an even number pass.
    pub(crate) filters: bool,
}

impl Retune {
    /// Gives a mapping these numbers, as far as its queue takes them.
    pub(crate) fn apply(self, mapping: &mut Mapping) {
        let fifo = is_fifo(mapping);
        mapping.batch_size = if fifo { self.batch_size.min(10) } else { self.batch_size };
        mapping.window = if fifo { Duration::ZERO } else { Duration::from_secs(self.window) };
        queue_mut(mapping).maximum_concurrency = self.maximum_concurrency;
        if let Some(settings) = self.settings.filter(|_| !fifo) {
            settings.apply(mapping);
        }
    }
}

impl Settings {
    fn apply(self, mapping: &mut Mapping) {
        if mapping.poller.rate_limit.is_none() {
            mapping.report_batch_item_failures = self.report;
        }
        let queue = queue_mut(mapping);
        queue.visibility.timeout = self.visibility.map(Duration::from_secs);
        queue.visibility.on_function_error = self.on_function_error;
        if mapping.on_failure.is_some() {
            mapping.on_failure = Some(destination(self.other_destination));
        }
        mapping.filters = if self.filters { vec![even_numbers()] } else { Vec::new() };
    }
}

/// The pattern of messages with an even number: it stands in front of their ids.
fn even_numbers() -> String {
    let ends = ["0", "2", "4", "6", "8", "a", "c", "e"];
    let ids: Vec<String> = ends.iter().map(|end| format!("{{\"wildcard\":\"*{end}-0000-4000-*\"}}")).collect();
    format!("{{\"messageId\":[{}]}}", ids.join(","))
}

/// Whether the filters of a mapping let a message with this number pass.
pub(crate) fn passes(mapping: &Mapping, n: usize) -> bool {
    mapping.filters.is_empty() || n.is_multiple_of(2)
}

/// One mapping and its surroundings.
#[derive(Clone, Debug)]
pub(crate) struct SubjectPlan {
    /// As the engine gets it first.
    pub(crate) mapping: Mapping,
    /// The queue.
    pub(crate) queue: QueuePlan,
    /// The function.
    pub(crate) function: FunctionPlan,
    /// What goes wrong at random before the fair phase.
    pub(crate) faults: Faults,
    /// What goes wrong for a while.
    pub(crate) outages: Vec<Outage>,
    /// When deletions delete nothing for a while.
    pub(crate) futile: Option<Futile>,
    /// What is sent.
    pub(crate) sends: Vec<Send>,
}

/// A time during which no deletion has an effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Futile {
    /// From when (milliseconds).
    pub(crate) from: u64,
    /// Until when.
    pub(crate) until: u64,
    /// Every receipt is refused as no longer valid; else every deletion fails.
    pub(crate) refused: bool,
}

/// The queue's attributes and ways.
#[derive(Clone, Debug)]
pub(crate) struct QueuePlan {
    /// `VisibilityTimeout` in seconds.
    pub(crate) visibility: u64,
    /// The redrive policy's `maxReceiveCount`.
    pub(crate) max_receive_count: Option<u32>,
    /// In-flight messages beyond which receives answer `OverLimit`.
    pub(crate) over_limit: usize,
    /// Milliseconds that a call takes, at least and at most.
    pub(crate) latency: (u64, u64),
    /// FIFO: how often a receive mixes groups instead of bringing as much of one as it can.
    pub(crate) mixing: f64,
}

/// How often each thing goes wrong, per call or per message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Faults {
    /// A receive fails.
    pub(crate) receive_error: f64,
    /// A receive hides messages, but its answer never comes.
    pub(crate) receive_lost: f64,
    /// A receive brings nothing although messages are there.
    pub(crate) receive_empty: f64,
    /// A receive that was to wait brings nothing, and at once.
    pub(crate) receive_hollow: f64,
    /// A receive brings fewer than there are.
    pub(crate) receive_partial: f64,
    /// Messages come out of order.
    pub(crate) receive_shuffled: f64,
    /// A message in flight is handed out a second time.
    pub(crate) duplicate: f64,
    /// A delete or visibility call fails as a whole.
    pub(crate) receipts_error: f64,
    /// One entry of such a call fails.
    pub(crate) entry_error: f64,
    /// Such a call takes effect, but its answer never comes.
    pub(crate) receipts_lost: f64,
    /// A delete is answered with success and has no effect.
    pub(crate) delete_lost: f64,
    /// A delete is answered with success and takes effect later.
    pub(crate) delete_late: f64,
    /// The receipt of an earlier delivery no longer works.
    pub(crate) old_receipt_gone: f64,
    /// The invoke is throttled.
    pub(crate) throttle: f64,
    /// The way to the function breaks before it ran.
    pub(crate) break_before: f64,
    /// The way to the function breaks after it ran.
    pub(crate) break_after: f64,
    /// FIFO: the event is refused as too large.
    pub(crate) too_large: f64,
    /// The function throws.
    pub(crate) function_error: f64,
    /// A function that throws says that it always will.
    pub(crate) terminal: f64,
    /// The function runs into its timeout.
    pub(crate) function_timeout: f64,
    /// The function never answers.
    pub(crate) hang: f64,
    /// With reports: some messages are reported as failed.
    pub(crate) partial: f64,
    /// With reports: the answer has a wrong form.
    pub(crate) malformed: f64,
    /// The destination does not take a failure record.
    pub(crate) delivery_error: f64,
    /// The destination refuses a failure record for what it is.
    pub(crate) delivery_refused: f64,
    /// The destination keeps a failure record, but its answer never comes.
    pub(crate) delivery_lost: f64,
}

/// One message to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    /// When (milliseconds).
    pub(crate) at: u64,
    /// Bytes of its body.
    pub(crate) size: usize,
    /// The function fails on it always.
    pub(crate) poison: bool,
    /// FIFO: the number of its message group.
    pub(crate) group: u32,
    /// FIFO: it is the same message as the one before it in the plan, sent again.
    pub(crate) again: bool,
    /// FIFO: its receipt is refused when it is first to be hidden for longer.
    pub(crate) slips: bool,
}

impl Default for Send {
    /// A small message that nothing befalls.
    fn default() -> Self {
        Self { at: 0, size: 200, poison: false, group: 0, again: false, slips: false }
    }
}
