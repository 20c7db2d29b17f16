//! Drives a machine by hand: keeps its requests, answers the plain ones, and lets time pass.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::machine::{
    BatchId, Checkpoint, DeliverRequest, Event, Failure, Fault, FaultKind, Fence, FunctionAnswer, Health, Input,
    InvokeRequest, InvokeResult, Machine, Mono, Now, Output, Positions, ReadAnswer, ReadRequest, Record, SaveRequest,
    Screening, Shard, ShardReads, Stream, StreamAnswer, StreamListing, StreamMachine, StreamOptions, StreamRecord,
    StreamRequest,
};

/// A source whose shards cannot be opened at a time.
pub(super) const DYNAMODB: ShardReads =
    ShardReads { base_pause: Duration::from_millis(250), most_records: 1_000, window_grace: 120_000, by_time: false };

/// The wall clock at the rig's beginning.
pub(super) const BEGIN: u64 = 1_760_000_000_000;

pub(super) struct Rig {
    pub(super) machine: StreamMachine,
    pub(super) now: Duration,
    pub(super) reads: VecDeque<ReadRequest>,
    pub(super) invokes: VecDeque<InvokeRequest>,
    pub(super) deliveries: VecDeque<DeliverRequest>,
    pub(super) saves: VecDeque<SaveRequest>,
    pub(super) lists: usize,
    pub(super) claims: usize,
    pub(super) events: Vec<Event>,
    pub(super) checkpoints: BTreeMap<String, Checkpoint>,
    pub(super) done: bool,
    /// How far the host's clock is ahead.
    pub(super) ahead_ms: i64,
    wake: Option<Mono>,
}

pub(super) fn shard(id: &str, parents: &[&str], closed: bool) -> Shard {
    Shard { id: id.into(), parents: parents.iter().map(|parent| Arc::from(*parent)).collect(), closed, begins: None }
}

/// A record whose fragment is its number, which arrived when the rig began.
pub(super) fn record(number: u64) -> Record {
    Record {
        id: number.to_string().into(),
        fragment: Bytes::from(number.to_string()),
        arrived_unix_ms: BEGIN,
        screening: Screening::Passes,
    }
}

pub(super) fn returned(payload: &str) -> InvokeResult {
    Ok(FunctionAnswer {
        status: 200,
        request_id: Some("11111111-2222-4333-8444-555555555555".into()),
        executed_version: Some("$LATEST".into()),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        function_error: None,
        is_terminal: false,
    })
}

pub(super) fn threw() -> InvokeResult {
    let answer = returned(r#"{"errorMessage":"boom"}"#);
    answer.map(|answer| FunctionAnswer { function_error: Some("Unhandled".into()), ..answer })
}

pub(super) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, kind.as_str())
}

impl Rig {
    /// A machine that has claimed, listed one open shard, and is about to read it.
    pub(super) fn reading(options: StreamOptions) -> Self {
        let mut rig = Self::new(options);
        rig.claimed(Positions { fence: Fence(1), ..Positions::default() });
        rig.listed(&[shard("s0", &[], false)]);
        rig.save_all();
        rig
    }

    pub(super) fn new(options: StreamOptions) -> Self {
        let mut rig = Self {
            machine: StreamMachine::new(options),
            now: Duration::ZERO,
            reads: VecDeque::new(),
            invokes: VecDeque::new(),
            deliveries: VecDeque::new(),
            saves: VecDeque::new(),
            lists: 0,
            claims: 0,
            events: Vec::new(),
            checkpoints: BTreeMap::new(),
            done: false,
            ahead_ms: 0,
            wake: None,
        };
        rig.feed(Input::Timeout);
        rig
    }

    pub(super) fn feed(&mut self, input: Input<Stream>) {
        let unix_ms = BEGIN + u64::try_from(self.now.as_millis()).unwrap();
        self.machine.handle(input, Now { mono: Mono::at(self.now), unix_ms, ahead_ms: self.ahead_ms });
        loop {
            match self.machine.poll_output() {
                Output::Request(StreamRequest::Claim) => self.claims += 1,
                Output::Request(StreamRequest::List) => self.lists += 1,
                Output::Request(StreamRequest::Read(request)) => self.reads.push_back(request),
                Output::Invoke(request) => self.invokes.push_back(request),
                Output::Deliver(request) => self.deliveries.push_back(request),
                Output::Request(StreamRequest::Save(request)) => self.saves.push_back(request),
                Output::Emit(event) => self.events.push(event),
                Output::CancelPolls => {}
                Output::Timeout(deadline) => {
                    self.wake = deadline.map(|deadline| deadline.at);
                    return;
                }
                Output::Done => {
                    self.done = true;
                    return;
                }
            }
        }
    }

    /// The stream, or the store, answers.
    pub(super) fn hear(&mut self, answer: StreamAnswer) {
        self.feed(Input::Answer(answer));
    }

    /// Lets time pass, with every wake that the machine asked for on the way. Saves are confirmed.
    pub(super) fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        let mut wakes = 0;
        self.save_all();
        while let Some(at) = self.wake.filter(|at| at.since_epoch() <= until && !self.done) {
            assert!(wakes < 10_000, "the machine wants to be woken again and again at {at:?}");
            wakes += 1;
            self.now = self.now.max(at.since_epoch());
            self.feed(Input::Timeout);
            self.save_all();
        }
        self.now = until;
    }

    pub(super) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub(super) fn claimed(&mut self, positions: Positions) {
        assert_eq!(std::mem::take(&mut self.claims), 1);
        self.checkpoints =
            positions.checkpoints.iter().map(|(shard, checkpoint)| (shard.to_string(), checkpoint.clone())).collect();
        self.hear(StreamAnswer::Claimed(Ok(positions)));
    }

    pub(super) fn listed(&mut self, shards: &[Shard]) {
        assert_eq!(std::mem::take(&mut self.lists), 1, "no listing is asked for");
        self.hear(StreamAnswer::Listed(Ok(shards.to_vec().into())));
    }

    /// The list of a stream that was switched off.
    pub(super) fn listed_as_disabled(&mut self, shards: &[Shard]) {
        assert_eq!(std::mem::take(&mut self.lists), 1, "no listing is asked for");
        let disabled = Some("the stream is disabled; the newest is arn:new".to_owned());
        self.hear(StreamAnswer::Listed(Ok(StreamListing { shards: shards.to_vec(), disabled })));
    }

    /// The health that was shown last.
    pub(super) fn health(&self) -> Option<&Health> {
        let shown = |event: &'_ &Event| matches!(event, Event::Health(_));
        match self.events.iter().rfind(shown) {
            Some(Event::Health(health)) => Some(health),
            _ => None,
        }
    }

    /// Lets time pass, and answers every listing with these shards.
    pub(super) fn list_for(&mut self, seconds: u64, shards: &[Shard]) {
        for _ in 0..seconds {
            self.seconds(1);
            if self.lists > 0 {
                self.listed(shards);
            }
        }
    }

    pub(super) fn save_all(&mut self) {
        while let Some(save) = self.saves.pop_front() {
            for (shard, checkpoint) in save.changes {
                match checkpoint {
                    Some(checkpoint) => self.checkpoints.insert(shard.to_string(), checkpoint),
                    None => self.checkpoints.remove(&*shard),
                };
            }
            self.hear(StreamAnswer::Saved { save: save.id, result: Ok(()) });
        }
    }

    /// Answers the open read with records of these numbers.
    pub(super) fn read(&mut self, numbers: impl IntoIterator<Item = u64>) -> ReadRequest {
        self.read_records(numbers.into_iter().map(record).collect(), true)
    }

    /// Answers the open read with records whose keys are their numbers; `more` says that the shard is not at its end.
    pub(super) fn read_records(&mut self, records: Vec<Record>, more: bool) -> ReadRequest {
        let request = self.reads.pop_front().expect("no read is open");
        let records = records.into_iter().map(|record| StreamRecord { key_hash: record.id.parse().unwrap(), record });
        let records = records.collect();
        let next = more.then(|| Arc::from("next"));
        let answer = ReadAnswer { records, next, behind: Some(Duration::ZERO), bytes: 0 };
        self.hear(StreamAnswer::Read { read: request.id, result: Ok(answer) });
        request
    }

    pub(super) fn read_fails(&mut self, kind: FaultKind) -> ReadRequest {
        let request = self.reads.pop_front().expect("no read is open");
        self.hear(StreamAnswer::Read { read: request.id, result: Err(fault(kind)) });
        request
    }

    /// Takes the only open invoke: its batch and its records' numbers.
    pub(super) fn invoke(&mut self) -> (BatchId, Vec<u64>) {
        let request = self.invokes.pop_front().expect("nothing is invoked");
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        let records = body.split_once("[").unwrap().1.split_once(']').unwrap().0;
        let numbers = records.split(',').filter(|number| !number.is_empty());
        let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), request.records);
        (request.batch, numbers)
    }

    pub(super) fn answer(&mut self, batch: BatchId, result: InvokeResult) {
        self.feed(Input::Invoked { batch, result, took: Duration::from_millis(10) });
    }

    pub(super) fn delivered(&mut self, result: Result<(), Fault>) -> Arc<Failure> {
        let request = self.deliveries.pop_front().expect("nothing is delivered");
        self.feed(Input::Delivered { delivery: request.id, result });
        request.failure
    }

    /// Answers every invoke by `function` until nothing happens for ten minutes; the batches in their order.
    pub(super) fn run(&mut self, mut function: impl FnMut(&[u64]) -> InvokeResult) -> Vec<Vec<u64>> {
        let mut batches = Vec::new();
        while !self.invokes.is_empty() || self.wait_for_invoke() {
            let (batch, numbers) = self.invoke();
            let result = function(&numbers);
            batches.push(numbers);
            assert!(batches.len() < 1_000, "no end in sight: {batches:?}");
            self.answer(batch, result);
        }
        batches
    }

    fn wait_for_invoke(&mut self) -> bool {
        for _ in 0..600 {
            if !self.invokes.is_empty() {
                return true;
            }
            self.seconds(1);
        }
        !self.invokes.is_empty()
    }

    pub(super) fn checkpoint(&self, shard: &str) -> Option<&Checkpoint> {
        self.checkpoints.get(shard)
    }

    pub(super) fn count(&self, pick: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| pick(event)).count()
    }
}
