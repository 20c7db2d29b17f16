//! The pure core: deterministic state machines that decide everything about a record's life.
//!
//! Nothing in here performs I/O, awaits, spawns, logs, reads a clock or draws an unseeded random
//! number: time and the seed are arguments, results of I/O are [`Input`]s, and requests for I/O are
//! [`Output`]s. `tests/sim` reads the `use` lines of this folder and fails on anything else.
//!
//! The contract for the driver of a [`Machine`]: after every `handle` it calls `poll_output` until
//! that answers [`Output::Timeout`] or [`Output::Done`]. Only then comes the next `handle`. Extra
//! timeouts are harmless.

mod backoff;
mod contract;
mod envelope;
mod event;
mod failure;
mod fault;
#[cfg(any(test, debug_assertions))]
#[doc(hidden)]
pub mod fuse;
mod health;
mod invariant;
mod labels;
mod outbox;
pub(crate) mod outcome;
mod position;
mod problem;
mod queue;
mod record;
mod screening;
mod settings;
mod streak;
mod stream;
mod time;
pub(crate) mod uuid;

pub use backoff::BackoffPolicy;
pub use contract::queue::{
    PollId, PollRequest, Queue, QueueAnswer, QueueAttributes, QueueCall, QueueCommand, QueueRequest, ReceiptAction,
    ReceiptEntry, ReceiptOutcome, ReceiptRequest, ReceiptRequestId,
};
pub use contract::stream::{
    Cursor, ReadAnswer, ReadId, ReadRequest, SaveId, SaveRequest, Stream, StreamAnswer, StreamCall, StreamCommand,
    StreamRequest,
};
pub use contract::{
    BatchId, FunctionAnswer, Gauges, Input, InvokeRequest, InvokeResult, Lowered, Machine, Operation, Output, Protocol,
};
pub use envelope::MAX_BODY_BYTES;
pub use event::{Event, FlushReason, Health, HeartbeatResult, InvokeEnd};
pub use failure::{
    Condition, DeliverRequest, DeliveryId, FailedBatch, FailedResponse, FailedSpan, Failure, WindowInfo,
};
pub use fault::{Fault, FaultKind};
pub(crate) use health::NO_CAPACITY;
pub use invariant::Invariant;
pub use labels::Label;
pub(crate) use labels::labels;
pub use position::{Checkpoint, Fence, NotACheckpoint, Position, Positions, Shard, StartingPosition, StreamListing};
pub use problem::Problem;
pub use queue::{GroupOrder, LONG_POLL, MAX_ENTRIES, MAX_HIDDEN, OnFunctionError, QueueMachine, QueueOptions};
pub use record::{Message, Receipt, Record, StreamRecord};
pub use screening::{Screened, Screening, ScreeningPolicy, Undecided};
pub use settings::FunctionSettings;
pub use stream::{DestinationOrder, ShardReads, StreamMachine, StreamOptions};
pub use time::{Deadline, Mono, Now, Wake};
