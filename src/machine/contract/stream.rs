//! What the machine of a stream, its source and its store have to say to each other.

use std::sync::Arc;
use std::time::Duration;

use super::Protocol;
use crate::machine::{Checkpoint, Fault, Fence, Position, Positions, StreamListing, StreamRecord};

/// The protocol of streams of shards, whose positions a store keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream;

impl Protocol for Stream {
    type Request = StreamRequest;
    type Call = StreamCall;
    type Answer = StreamAnswer;
    type Command = StreamCommand;

    fn call(request: &StreamRequest) -> StreamCall {
        match request {
            StreamRequest::List => StreamCall::List,
            StreamRequest::Claim => StreamCall::Claim,
            StreamRequest::Read(read) => StreamCall::Read(read.id),
            StreamRequest::Save(save) => StreamCall::Save(save.id),
        }
    }

    fn is_poll(call: StreamCall) -> bool {
        matches!(call, StreamCall::Read(_))
    }

    fn failed(call: StreamCall, fault: Fault) -> StreamAnswer {
        match call {
            StreamCall::List => StreamAnswer::Listed(Err(fault)),
            StreamCall::Claim => StreamAnswer::Claimed(Err(fault)),
            StreamCall::Read(read) => StreamAnswer::Read { read, result: Err(fault) },
            StreamCall::Save(save) => StreamAnswer::Saved { save, result: Err(fault) },
        }
    }
}

/// What a stream, or its store, is asked for.
#[derive(Debug)]
pub enum StreamRequest {
    /// The stream's shards, closed ones included.
    List,
    /// The mapping's checkpoints, from the store.
    Claim,
    /// Records of a shard.
    Read(ReadRequest),
    /// To write checkpoints.
    Save(SaveRequest),
}

/// Names an open request to a stream or its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamCall {
    /// [`StreamRequest::List`].
    List,
    /// [`StreamRequest::Claim`].
    Claim,
    /// A read of a shard.
    Read(ReadId),
    /// A write of checkpoints.
    Save(SaveId),
}

/// What came of a request to a stream or its store.
#[derive(Debug)]
pub enum StreamAnswer {
    /// The stream's shards were listed.
    Listed(Result<StreamListing, Fault>),
    /// The store handed out the mapping's checkpoints.
    Claimed(Result<Positions, Fault>),
    /// A read of a shard ended.
    Read {
        /// Which one.
        read: ReadId,
        /// What it brought.
        result: Result<ReadAnswer, Fault>,
    },
    /// A write of checkpoints ended.
    Saved {
        /// Which one.
        save: SaveId,
        /// Whether it took effect.
        result: Result<(), Fault>,
    },
}

/// What an operator can ask of a stream's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamCommand {
    /// Stop reading, finish what is in flight within `bound`, save the last checkpoints, then be
    /// [`Output::Done`](super::Output::Done).
    Drain {
        /// The longest that the drain may take.
        bound: Duration,
    },
    /// End a drain now.
    Cut,
}

/// Where in a shard a read goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// The shard is opened first.
    Open(Position),
    /// With the iterator of the last answer.
    Iterator(Arc<str>),
}

/// Names one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// One read of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    /// Names the read in its answer.
    pub id: ReadId,
    /// The shard.
    pub shard: Arc<str>,
    /// Where it goes on.
    pub cursor: Cursor,
    /// The most records wanted (Kinesis: 1 to 10,000; DynamoDB: 1 to 1,000).
    pub max: u32,
}

/// What a read brought.
#[derive(Clone, Debug, Default)]
pub struct ReadAnswer {
    /// The records in the order of the shard.
    pub records: Vec<StreamRecord>,
    /// Where to read on; `None`: the shard is closed and was read to its end.
    pub next: Option<Arc<str>>,
    /// How far the answer is behind the shard's newest record, where the source says so.
    pub behind: Option<Duration>,
    /// Bytes of the answer as the source counts them against the shard's limit; 0 where it has none.
    pub bytes: usize,
}

/// Names one write of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaveId(pub u64);

/// One write of checkpoints: all of them take effect, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveRequest {
    /// Names the write in its answer.
    pub id: SaveId,
    /// The right to write.
    pub fence: Fence,
    /// New checkpoints; `None` forgets a shard that the stream no longer lists.
    pub changes: Vec<(Arc<str>, Option<Checkpoint>)>,
}
