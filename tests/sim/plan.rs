//! What the plans of queues and of streams share. Times are milliseconds.

use fastrand::Rng;
use forebay::machine::{FaultKind, GroupOrder};
use forebay::mapping::{
    Arn, DestinationKind, FailureDestination, FifoSpec, Mapping, QueueSpec, SourceSpec, StreamSpec, parse,
};

use crate::workers::Attached;

/// How rough a world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Nothing goes wrong: what must be exact is checked to the millisecond.
    Calm,
    Mild,
    Wild,
}

impl Temper {
    /// Three scenarios of ten are calm, four mild.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        match rng.u8(0..10) {
            0..=2 => Self::Calm,
            3..=6 => Self::Mild,
            _ => Self::Wild,
        }
    }

    /// A rate at which something goes wrong, of these at worst; every other thing does not. A calm world throws no
    /// dice.
    pub(crate) fn rate(self, rng: &mut Rng, mild: f64, wild: f64) -> f64 {
        let worst = match self {
            Self::Calm => return 0.0,
            Self::Mild => mild,
            Self::Wild => wild,
        };
        if rng.bool() { 0.0 } else { rng.f64() * worst }
    }
}

/// The function's ways.
#[derive(Clone, Debug)]
pub(crate) struct FunctionPlan {
    /// Its timeout, in milliseconds.
    pub(crate) timeout: u64,
    /// Milliseconds that a run takes, at least and at most.
    pub(crate) duration: (u64, u64),
    /// `ReservedConcurrentExecutions`.
    pub(crate) reserved: Option<u32>,
    /// Its workers.
    pub(crate) attached: Attached,
    /// From when until when it fails everything.
    pub(crate) broken: Option<(u64, u64)>,
    /// Queues: whether its configuration may be read.
    pub(crate) describable: bool,
    /// FIFO queues: what it does behind a message that it fails, where it reports failures.
    pub(crate) manner: Manner,
}

impl Default for FunctionPlan {
    /// A function of some seconds that nothing befalls.
    fn default() -> Self {
        let (timeout, duration) = (10_000, (1_000, 3_000));
        Self {
            timeout,
            duration,
            reserved: None,
            attached: Attached::new(),
            broken: None,
            describable: true,
            manner: Manner::Careless,
        }
    }
}

/// What a function does behind a message that it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It goes on, and reports only what failed.
    Careless,
    /// It leaves the rest of that message's group alone, and reports it.
    Honest,
    /// It leaves the rest of the batch alone, and reports it.
    Strict,
}

/// Which side of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SideOf {
    /// The queue or stream.
    Source,
    /// The function.
    Function,
    /// The failure destination.
    Destination,
    /// The store.
    Store,
}

/// A time during which every call of one side fails.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    /// From when (milliseconds).
    pub(crate) from: u64,
    /// Until when.
    pub(crate) until: u64,
    /// Of which side.
    pub(crate) side: SideOf,
    /// With which fault.
    pub(crate) kind: FaultKind,
}

/// A queue that takes failure records, and may keep their order.
pub(crate) fn destination(fifo: bool) -> FailureDestination {
    let arn = arn("sqs", if fifo { "failed.fifo" } else { "failed" });
    FailureDestination { kind: DestinationKind::Sqs { fifo }, arn }
}

fn arn(service: &str, resource: &str) -> Arn {
    Arn {
        text: format!("arn:aws:{service}:us-east-1:000000000000:{resource}"),
        partition: "aws".into(),
        service: service.into(),
        region: "us-east-1".into(),
        account: "000000000000".into(),
        resource: resource.into(),
    }
}

/// A mapping named `name` of a queue, with AWS's defaults.
pub(crate) fn mapping(name: &str) -> Mapping {
    of_source(name, &format!("sqs:us-east-1:000000000000:{name}"))
}

/// A mapping named `name` of a source, with AWS's defaults; `source` is what follows `arn:aws:`, and more lines.
pub(crate) fn of_source(name: &str, source: &str) -> Mapping {
    let text = format!("FunctionName: handle-{name}\nEventSourceArn: arn:aws:{source}\n");
    let mapping = parse(format!("{name}.yaml").as_ref(), &text, &|_| None).mappings.remove(0);
    Mapping { uuid: format!("00000000-0000-4000-8000-{:0>12}", name.len()), ..mapping }
}

/// What a mapping of a queue has as such.
pub(crate) fn queue(mapping: &Mapping) -> &QueueSpec {
    mapping.source.queue().expect("a mapping of a queue")
}

/// The same, to change it.
pub(crate) fn queue_mut(mapping: &mut Mapping) -> &mut QueueSpec {
    mapping.source.queue_mut().expect("a mapping of a queue")
}

/// What a mapping of a stream has as such.
pub(crate) fn stream(mapping: &Mapping) -> &StreamSpec {
    mapping.source.stream().expect("a mapping of a stream")
}

pub(crate) const fn is_fifo(mapping: &Mapping) -> bool {
    matches!(mapping.source, SourceSpec::Fifo(_))
}

/// Makes a mapping's queue a FIFO queue.
pub(crate) fn as_fifo(mapping: &mut Mapping) {
    let queue = queue(mapping).clone();
    mapping.source = SourceSpec::Fifo(FifoSpec { queue, group_order: GroupOrder::Protect });
}

/// What a mapping of a FIFO queue does about message groups.
pub(crate) fn group_order(mapping: &mut Mapping) -> &mut GroupOrder {
    match &mut mapping.source {
        SourceSpec::Fifo(fifo) => &mut fifo.group_order,
        other => panic!("no FIFO queue: {other:?}"),
    }
}
