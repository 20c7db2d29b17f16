//! What the plans of queues and of streams share. Times are milliseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use forebay::machine::{BackoffPolicy, FaultKind, OnFunctionError};
use forebay::mapping::{
    Arn, DestinationKind, FailureDestination, FunctionRef, Mapping, Origin, Poller, Side, SourceKind, VisibilityOptions,
};

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

    /// A rate at which something goes wrong, of these at worst; every other thing does not. A calm world throws no dice.
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
        Self { timeout, duration, reserved: None, broken: None, describable: true, manner: Manner::Careless }
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

pub(crate) fn arn(service: &str, resource: &str) -> Arn {
    Arn {
        text: format!("arn:aws:{service}:us-east-1:000000000000:{resource}"),
        partition: "aws".into(),
        service: service.into(),
        region: "us-east-1".into(),
        account: "000000000000".into(),
        resource: resource.into(),
    }
}

/// A mapping named `name` with AWS's defaults.
pub(crate) fn mapping(name: &str) -> Mapping {
    Mapping {
        name: name.into(),
        uuid: format!("00000000-0000-4000-8000-{:0>12}", name.len()),
        origin: Origin::File(format!("{name}.yaml").into()),
        kind: SourceKind::Sqs,
        fifo: false,
        filters: Vec::new(),
        filtered_to: None,
        source: arn("sqs", name),
        function: FunctionRef {
            text: format!("handle-{name}"),
            name: format!("handle-{name}"),
            qualifier: None,
            region: None,
            account: None,
        },
        enabled: true,
        batch_size: 10,
        window: Duration::ZERO,
        maximum_concurrency: None,
        stream: None,
        on_failure: None,
        report_batch_item_failures: false,
        poller: Poller {
            endpoints: BTreeMap::new(),
            source: Side::default(),
            function: Side::default(),
            function_timeout: None,
            visibility: VisibilityOptions {
                timeout: None,
                hold_limit: Duration::from_secs(12 * 3600),
                on_function_error: OnFunctionError::Wait,
            },
            retry_backoff: BackoffPolicy::default(),
            rate_limit: None,
            drain_timeout: None,
            ..Poller::default()
        },
        tags: BTreeMap::new(),
        metrics: Vec::new(),
    }
}
