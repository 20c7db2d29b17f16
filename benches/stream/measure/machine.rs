//! The machine alone: whole lives of records, in one thread, with a world that answers at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::machine::{
    Fence, FunctionAnswer, Input, Machine, Mono, Now, Output, Positions, ReadAnswer, ReadRequest, Record, Screening,
    Shard, StreamAnswer, StreamMachine, StreamOptions, StreamRecord, StreamRequest,
};

use super::DATA_BYTES;
use crate::common::{Row, median};
use crate::driver::Options;

/// A step, as its inputs see it, takes this long.
const STEP: Duration = Duration::from_micros(20);
const SHARDS: usize = 10;
/// What the event adds to a record's data.
const ENVELOPE: usize = 560;
const NOW_UNIX_MS: u64 = 1_760_000_000_000;

/// Steps and records of one run.
#[derive(Clone, Copy, Default)]
struct Done {
    steps: u64,
    records: usize,
    seconds: f64,
}

pub(super) fn measure(options: &Options) -> Vec<Row> {
    let records = options.length(50_000, 2_000);
    let row = |lanes: u32| {
        let runs: Vec<Done> = (0..options.runs()).map(|_| live(records, lanes)).collect();
        let steps = median(runs.iter().map(|run| run.steps as f64 / run.seconds));
        let each = median(runs.iter().map(|run| run.records as f64 / run.seconds));
        let lanes = if lanes == 1 { "1 lane".to_owned() } else { format!("{lanes} lanes") };
        Row::alone(
            format!("machine alone, one core, {SHARDS} shards of {lanes}"),
            format!("{steps:.0} steps/s, {each:.0} records/s ({:.2} µs each)", 1e6 / each),
        )
    };
    vec![row(1), row(10)]
}

/// The records of every shard, made before the clock runs.
fn stream(records: usize) -> BTreeMap<Arc<str>, VecDeque<StreamRecord>> {
    let fragment = Bytes::from(vec![b' '; DATA_BYTES * 4 / 3 + ENVELOPE]);
    let record = |number: usize| Record {
        id: format!("4959033827149025660{number:037}").into(),
        fragment: fragment.clone(),
        arrived_unix_ms: NOW_UNIX_MS,
        screening: Screening::Passes,
    };
    // Spread as a hash would be.
    let hash = |number: usize| (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let record = |number: usize| StreamRecord { record: record(number), key_hash: hash(number) };
    (0..SHARDS).map(|shard| (id(shard), (0..records).map(record).collect())).collect()
}

fn id(shard: usize) -> Arc<str> {
    format!("shardId-{shard:012}").into()
}

/// Takes the records of all shards through read, invoke and save.
fn live(records: usize, lanes: u32) -> Done {
    let mut machine = StreamMachine::new(StreamOptions { parallelization: lanes, ..StreamOptions::default() });
    let mut stream = stream(records);
    let mut inputs = VecDeque::from([Input::Timeout]);
    let mut done = Done::default();
    let mut now = Mono::ZERO;
    let mut due = None;
    let clock = Instant::now();
    while done.records < SHARDS * records {
        let input = match inputs.pop_front() {
            Some(input) => input,
            None => {
                // With nothing left to answer, the machine waits for its own deadline.
                now = due.filter(|due| *due > now).unwrap_or(now);
                Input::Timeout
            }
        };
        now = now + STEP;
        machine
            .handle(input, Now { mono: now, unix_ms: NOW_UNIX_MS + now.since_epoch().as_millis() as u64, ahead_ms: 0 });
        done.steps += 1;
        loop {
            match machine.poll_output() {
                Output::Request(request) => inputs.push_back(Input::Answer(answer(request, &mut stream))),
                Output::Invoke(invoke) => {
                    std::hint::black_box(&invoke.body);
                    done.records += invoke.records;
                    let payload = Bytes::from_static(b"null");
                    let answer = FunctionAnswer { status: 200, payload, ..FunctionAnswer::default() };
                    inputs.push_back(Input::Invoked { batch: invoke.batch, result: Ok(answer), took: STEP });
                }
                Output::Emit(event) => {
                    std::hint::black_box(&event);
                }
                Output::Timeout(deadline) => {
                    due = deadline.map(|deadline| deadline.at);
                    break;
                }
                Output::Done => return done,
                // Nothing stops or fails here.
                Output::CancelPolls | Output::Deliver(_) => {}
            }
        }
    }
    Done { seconds: clock.elapsed().as_secs_f64(), ..done }
}

fn answer(request: StreamRequest, stream: &mut BTreeMap<Arc<str>, VecDeque<StreamRecord>>) -> StreamAnswer {
    match request {
        StreamRequest::Claim => StreamAnswer::Claimed(Ok(Positions { fence: Fence(1), ..Positions::default() })),
        StreamRequest::List => {
            let shard = |shard| Shard { id: id(shard), parents: Vec::new(), closed: false, begins: None };
            StreamAnswer::Listed(Ok((0..SHARDS).map(shard).collect::<Vec<_>>().into()))
        }
        StreamRequest::Read(request) => read(stream, &request),
        StreamRequest::Save(save) => {
            std::hint::black_box(&save.changes);
            StreamAnswer::Saved { save: save.id, result: Ok(()) }
        }
    }
}

fn read(stream: &mut BTreeMap<Arc<str>, VecDeque<StreamRecord>>, request: &ReadRequest) -> StreamAnswer {
    let waiting = stream.get_mut(&request.shard);
    let (records, left) = waiting.map_or((Vec::new(), 0), |waiting| {
        let count = waiting.len().min(request.max as usize);
        (waiting.drain(..count).collect(), waiting.len())
    });
    let behind = Some(if left > 0 { Duration::from_secs(1) } else { Duration::ZERO });
    let answer = ReadAnswer { records, next: Some("next".into()), behind, bytes: 0 };
    StreamAnswer::Read { read: request.id, result: Ok(answer) }
}
