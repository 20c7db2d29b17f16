//! What the stream answers: which records a read brings, what an iterator is, and what a shard allows its readers.

use std::sync::Arc;
use std::time::Duration;

use forebay::machine::{
    Checkpoint, Cursor, Fault, FaultKind, Position, ReadAnswer, ReadRequest, Record, Screening, Shard, StreamListing,
    StreamRecord,
};
use forebay::mapping::SourceKind;
use xxhash_rust::xxh3::xxh3_64;

use super::model::{State, StreamModel};
use super::session::Session;
use super::shards::{BYTES_PER_SECOND, unix};
use crate::plan::{SideOf, stream};

/// What took the place of a stream that is disabled.
pub(crate) const NEWEST: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/river/stream/2026-01-02T00:00:00.000";

/// What an adapter waits for an answer before it gives a call up (milliseconds).
const READ_TIMEOUT: u64 = 10_000;

/// The reads of a shard that all readers together may make in a second: five for Kinesis, and two readers for DynamoDB.
const fn reads_per_second(kind: SourceKind) -> usize {
    if matches!(kind, SourceKind::DynamoDb) { 10 } else { 5 }
}

impl StreamModel {
    pub(crate) async fn list(&self) -> Result<StreamListing, Fault> {
        self.pause(self.plan.stream.latency).await;
        if let Some(outage) = self.outage(SideOf::Source) {
            return Err(Fault::new(outage.kind, "the stream is out of reach"));
        }
        if self.strikes(self.plan.faults.list_error) {
            let kind = if self.world.chance(0.5) { FaultKind::Throttled } else { FaultKind::Transient };
            return Err(Fault::new(kind, "the list failed"));
        }
        let now = self.world.now();
        let mut state = self.state();
        self.sweep(&mut state);
        let listed = state.shards.iter().filter(|shard| shard.listed <= now && !shard.gone);
        let answer = listed.map(|shard| Shard {
            id: Arc::clone(&shard.id),
            parents: shard.parents.iter().map(|&parent| Arc::clone(&state.shards[parent].id)).collect(),
            closed: shard.closed.is_some(),
            begins: (self.plan.stream.kind == SourceKind::Kinesis).then(|| Arc::clone(&shard.begins)),
        });
        let disabled = state.disabled.then(|| format!("the stream is disabled; the newest is {NEWEST}"));
        Ok(StreamListing { shards: answer.collect(), disabled })
    }

    pub(crate) async fn answer(
        &self,
        session: &Session,
        request: &ReadRequest,
        shard: usize,
    ) -> Result<ReadAnswer, Fault> {
        let faults = &self.plan.faults;
        self.pause(self.plan.stream.latency).await;
        if let Some(outage) = self.outage(SideOf::Source) {
            let kind = outage.kind;
            if kind == FaultKind::Timeout {
                self.world.sleep_until(self.world.now() + READ_TIMEOUT).await;
            }
            return Err(Fault::new(kind, "the stream is out of reach"));
        }
        if self.strikes(faults.read_error) {
            let kind = if self.world.chance(0.5) { FaultKind::Throttled } else { FaultKind::Transient };
            return Err(Fault::new(kind, "the read failed"));
        }
        let result = self.read_once(session, request, shard);
        if self.strikes(faults.read_lost) {
            self.world.sleep_until(self.world.now() + READ_TIMEOUT).await;
            return Err(Fault::new(FaultKind::Timeout, "no answer"));
        }
        self.pause(self.plan.stream.latency).await;
        result
    }

    fn read_once(&self, session: &Session, request: &ReadRequest, shard: usize) -> Result<ReadAnswer, Fault> {
        let now = self.world.now();
        let mut state = self.state();
        self.sweep(&mut state);
        if state.shards[shard].gone {
            return Err(Fault::new(FaultKind::Missing, "the shard is gone"));
        }
        self.admit(session, &mut state, shard)?;
        let stand = self.stand(&state, request, shard)?;
        let faults = &self.plan.faults;
        let length = state.shards[shard].records.len();
        let mut until = length.min(stand + request.max as usize).min(stand + self.plan.stream.most);
        let most_bytes = if self.plan.stream.kind == SourceKind::DynamoDb { 1 << 20 } else { 10 << 20 };
        let mut bytes = 0;
        for at in stand..until {
            bytes += state.records[state.shards[shard].records[at]].fragment.len();
            if bytes > most_bytes && at > stand {
                until = at;
                break;
            }
        }
        if until > stand && self.strikes(faults.read_empty) {
            until = stand;
        } else if until > stand + 1 && self.strikes(faults.read_partial) {
            let more = self.world.between(1, (until - stand) as u64);
            until = stand + usize::try_from(more).expect("a few records");
        }
        let numbers = state.shards[shard].records[stand..until].to_vec();
        let read: usize = numbers.iter().map(|&n| state.records[n].fragment.len()).sum();
        let (left, _) = state.shards[shard].allowance;
        state.shards[shard].allowance = (left - i64::try_from(read).expect("a few megabytes"), now);
        state.iterators += 1;
        // The end comes with the last records, or in an answer of its own.
        let over = until == length && state.shards[shard].closed.is_some();
        let ends = over && (numbers.is_empty() || !self.world.chance(0.5));
        let next = (!ends).then(|| format!("{shard}:{until}:{now}:{}", state.iterators).into());
        let behind = (self.plan.stream.kind == SourceKind::Kinesis).then(|| {
            let oldest = state.shards[shard].records.get(until).map_or(now, |&n| state.records[n].put);
            Duration::from_millis(now - oldest + u64::from(until < length))
        });
        let records = numbers.iter().map(|&n| state.records[n].handed_out()).collect();
        Ok(ReadAnswer { records, next, behind, bytes: read })
    }

    /// Counts a read against what a shard allows.
    fn admit(&self, session: &Session, state: &mut State, shard: usize) -> Result<(), Fault> {
        let now = self.world.now();
        let (left, since) = state.shards[shard].allowance;
        let earned = i64::try_from(now - since).expect("a scenario is short") * BYTES_PER_SECOND / 1_000;
        let left = (left + earned).min(BYTES_PER_SECOND);
        state.shards[shard].allowance = (left, now);
        let reads = &mut state.shards[shard].reads;
        reads.retain(|&(at, _)| at + 1_000 > now);
        let alone = reads.iter().all(|&(_, reader)| reader == session.reader());
        let slow = self.plan.stream.kind == SourceKind::Kinesis && left < 0;
        let most = reads_per_second(self.plan.stream.kind);
        let often = reads.len() >= most;
        let asks = stream(&session.mapping).reads_per_second.get() as usize > most;
        if !slow && !often {
            reads.push_back((now, session.reader()));
            return Ok(());
        }
        // Latency bunches reads; one that comes earlier than five before it by less than that is no sin.
        let (low, high) = self.plan.stream.latency;
        let bunched = reads.front().is_some_and(|&(first, _)| now + 2 * (high - low) + 5 >= first + 1_000);
        if often && alone && !bunched && !asks {
            session.violate(format_args!("reads shard {shard} more than {most} times in a second"));
        }
        if slow && alone && state.consumers.len() == 1 && state.consumers[session.consumer].sessions.len() == 1 {
            session.violate(format_args!(
                "reads shard {shard} although its 2 MB of this second are read, by {} bytes",
                -left
            ));
        }
        Err(Fault::new(FaultKind::Throttled, "ProvisionedThroughputExceededException"))
    }

    /// Where a read begins.
    fn stand(&self, state: &State, request: &ReadRequest, shard: usize) -> Result<usize, Fault> {
        let expired = || Fault::new(FaultKind::Expired, "the iterator is past its time");
        let kinesis = self.plan.stream.kind == SourceKind::Kinesis;
        let trimmed = state.shards[shard].trimmed;
        let length = state.shards[shard].records.len();
        let at = match &request.cursor {
            Cursor::Iterator(iterator) => {
                let mut parts = iterator.split(':').map(|part| part.parse::<u64>().expect("the world made it"));
                let mut part = || parts.next().expect("the world made it");
                let (of, at, made) = (part(), part(), part());
                assert_eq!(of, shard as u64, "an iterator of another shard");
                let lasts = if kinesis { 300_000 } else { 900_000 };
                if self.world.now() > made + lasts || self.strikes(self.plan.faults.expired) {
                    return Err(expired());
                }
                usize::try_from(at).expect("a place")
            }
            Cursor::Open(Position::TrimHorizon) => trimmed,
            Cursor::Open(Position::Latest) => length,
            Cursor::Open(Position::Timestamp(from)) => {
                let early = |&n: &usize| unix(state.records[n].put) < *from;
                state.shards[shard].records.partition_point(early)
            }
            Cursor::Open(Position::After(sequence)) if state.is_foreign(shard, sequence) => {
                return Err(Fault::new(FaultKind::Invalid, "the checkpoint is none of this stream's (FB0612)"));
            }
            Cursor::Open(Position::After(sequence)) => {
                let at = state.after(shard, sequence);
                // What is trimmed cannot be pointed at, not even to say where to go on.
                if !kinesis && at <= trimmed && at > 0 {
                    return Err(Fault::new(FaultKind::Trimmed, "TrimmedDataAccessException"));
                }
                at
            }
        };
        if at < trimmed && !kinesis {
            return Err(Fault::new(FaultKind::Trimmed, "TrimmedDataAccessException"));
        }
        Ok(at.max(trimmed))
    }
}

impl super::model::Record {
    fn handed_out(&self) -> StreamRecord {
        let record = Record {
            id: Arc::clone(&self.sequence),
            fragment: self.fragment.clone(),
            arrived_unix_ms: self.stamp,
            screening: Screening::Passes,
        };
        StreamRecord { record, key_hash: xxh3_64(format!("k{}", self.key).as_bytes()) }
    }
}

impl Session {
    /// Names the reader of a shard: sessions do not know each other's limits.
    fn reader(&self) -> usize {
        self.consumer * 1_000 + self.id
    }
}

impl State {
    /// The number of a shard's record.
    pub(crate) fn number(&self, shard: usize, sequence: &str) -> usize {
        let is = |&&n: &&usize| &*self.records[n].sequence == sequence;
        *self.shards[shard].records.iter().find(is).expect("the world made this answer")
    }

    /// Whether a sequence number is that of a record of a stream that was deleted since.
    pub(crate) fn is_foreign(&self, shard: usize, sequence: &str) -> bool {
        let of_it = |record: &&super::model::Record| &*record.sequence == sequence;
        let shard = self.records.iter().find(of_it).filter(|_| !self.shards[shard].deleted).map(|record| record.shard);
        shard.is_some_and(|shard| self.shards[shard].deleted)
    }

    /// How many places of a shard a checkpoint covers.
    pub(crate) fn covered(&self, shard: usize, checkpoint: &Checkpoint) -> usize {
        match checkpoint {
            Checkpoint::TrimHorizon | Checkpoint::Latest(_) | Checkpoint::Timestamp(_) => 0,
            Checkpoint::After(sequence) => self.after(shard, sequence),
            Checkpoint::End(_) => usize::MAX,
        }
    }

    /// The place after a sequence number, whether or not it was ever given to a record.
    pub(crate) fn after(&self, shard: usize, sequence: &str) -> usize {
        let parsed: u64 = sequence.parse().unwrap_or(0);
        let number = |n: usize| self.records[n].sequence.parse::<u64>().expect("the world made it");
        self.shards[shard].records.partition_point(|&n| number(n) <= parsed)
    }
}
