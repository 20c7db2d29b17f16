//! Kinesis streams, read with shared throughput.

mod encode;
mod role;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::operation::list_shards::ListShardsOutput;
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub(crate) use self::role::AskRole;
use self::role::Encoders;
use super::StreamSource;
use super::calls::{Calls, Failed};
use super::listing::Listing;
use super::time::date_time;
use crate::aws::{CallBounds, Service};
use crate::clock::{ServiceClock, WallClock};
use crate::machine::{Cursor, Fault, FaultKind, Position, ReadAnswer, ReadRequest, Shard, StreamListing};
use crate::mapping::Mapping;

/// What Kinesis says of an argument that it does not accept.
const REFUSED: &str = "InvalidArgumentException";

/// A Kinesis stream.
///
/// Calls carry both the stream's name and its ARN: AWS needs the ARN to find a stream of another account, and small
/// emulators know only the name.
pub struct KinesisStream {
    client: Client,
    clock: Arc<ServiceClock>,
    name: String,
    arn: String,
    calls: Calls,
    encoders: Arc<Encoders>,
}

impl KinesisStream {
    /// `role` asks for the role that records show; it is not asked before there are records.
    pub(crate) fn new(
        client: Client,
        clock: Arc<ServiceClock>,
        mapping: &Mapping,
        bounds: CallBounds,
        role: AskRole,
        wall: WallClock,
    ) -> Self {
        let (arn, region) = (mapping.source.arn(), mapping.source_region());
        let name = arn.resource.strip_prefix("stream/").unwrap_or(&arn.resource).to_owned();
        // Not what AWS shows, but the best guess where the function's configuration may not be read.
        let stand_in = mapping.target.role_arn().unwrap_or_default();
        Self {
            client,
            clock,
            calls: Calls {
                mapping: mapping.name.clone(),
                service: Service::Kinesis,
                label: format!("stream {name} ({region}, account {})", arn.account),
                bounds,
            },
            name,
            arn: arn.text.clone(),
            encoders: Arc::new(Encoders::new(&arn.text, &arn.region, stand_in, bounds.call, role, wall)),
        }
    }

    async fn list(&self) -> Result<Vec<Shard>, Fault> {
        match self.list_once().await {
            // A token lives for 300 s: the listing was too slow, and begins again once.
            Err(failed) if failed.code == "ExpiredNextTokenException" => Ok(self.list_once().await?),
            listed => Ok(listed?),
        }
    }

    async fn list_once(&self) -> Result<Vec<Shard>, Failed> {
        let mut listing = Listing::default();
        let mut next = None;
        loop {
            let answer = self.page(next).await?;
            for shard in answer.shards.unwrap_or_default() {
                if shard.shard_id.is_empty() {
                    return Err(self.unusable("ListShards", None, "the answer has a shard without an id"));
                }
                let parents = [&shard.parent_shard_id, &shard.adjacent_parent_shard_id];
                let range = shard.sequence_number_range.as_ref();
                let end = range.and_then(|range| range.ending_sequence_number.as_deref());
                let parents = parents.into_iter().filter_map(|parent| parent.as_deref());
                let begins = range.map(|range| &*range.starting_sequence_number);
                listing.add(&shard.shard_id, parents, end.is_some_and(|end| !end.is_empty()), begins);
            }
            next = answer.next_token.filter(|token| !token.is_empty());
            match &next {
                None => return Ok(listing.done()),
                Some(token) if listing.goes_on_at(token) => {}
                Some(_) => return Err(self.unusable("ListShards", None, "the pages of the answer do not end")),
            }
        }
    }

    async fn page(&self, next: Option<String>) -> Result<ListShardsOutput, Failed> {
        let request = self.client.list_shards();
        let request = match next {
            // A token names the stream by itself, and Kinesis refuses a second name.
            Some(token) => request.next_token(token),
            None => request.stream_name(&self.name).stream_arn(&self.arn),
        };
        self.calls.bounded("ListShards", None, self.calls.bounds.call, request.send()).await
    }

    async fn read_shard(&self, request: ReadRequest) -> Result<ReadAnswer, Fault> {
        let shard = &*request.shard;
        let (iterator, opened) = match &request.cursor {
            Cursor::Open(position) => (self.open(shard, position).await?, true),
            Cursor::Iterator(iterator) => (iterator.to_string(), false),
        };
        let limit = i32::try_from(request.max.clamp(1, 10_000)).unwrap_or(10_000);
        let send = self.client.get_records().shard_iterator(iterator).limit(limit).stream_arn(&self.arn).send();
        let answer = match self.calls.bounded("GetRecords", Some(shard), self.calls.bounds.read, send).await {
            Ok(answer) => answer,
            Err(mut failed) => {
                if failed.code == REFUSED && !opened {
                    // An iterator that it gave out itself: opened again, the shard can be read on.
                    failed.fault.kind = FaultKind::Expired;
                }
                return Err(failed.fault);
            }
        };
        self.answer(shard, answer).await
    }

    async fn answer(&self, shard: &str, answer: GetRecordsOutput) -> Result<ReadAnswer, Fault> {
        let next = answer.next_shard_iterator.filter(|next| !next.is_empty());
        let silent = answer.millis_behind_latest.is_none() && answer.child_shards.is_none();
        if next.is_none() && answer.records.is_empty() && silent {
            // Not the end of the shard: that answer names its children and how far behind it is.
            let reason = "the answer has neither records nor an iterator nor the end of the shard";
            return Err(self.calls.unusable("GetRecords", Some(shard), reason));
        }
        let records = if answer.records.is_empty() {
            Vec::new()
        } else {
            let encoder = self.encoders.encoder().await;
            encoder.records(shard, &answer.records).map_err(|encode::NoSequenceNumber| {
                self.calls.unusable("GetRecords", Some(shard), "the answer has a record without a sequence number")
            })?
        };
        let behind = answer.millis_behind_latest;
        let behind = behind.map(|behind| Duration::from_millis(u64::try_from(behind).unwrap_or(0)));
        let size = |record: &Record| record.data.as_ref().len() + record.partition_key.as_ref().map_or(0, String::len);
        let bytes = answer.records.iter().map(size).sum();
        Ok(ReadAnswer { records, next: next.map(Into::into), behind, bytes })
    }

    /// Opens a shard.
    async fn open(&self, shard: &str, position: &Position) -> Result<String, Fault> {
        let request = self.client.get_shard_iterator().stream_name(&self.name).stream_arn(&self.arn).shard_id(shard);
        let request = match position {
            Position::TrimHorizon => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Position::Latest => request.shard_iterator_type(ShardIteratorType::Latest),
            Position::Timestamp(unix_ms) => {
                request.shard_iterator_type(ShardIteratorType::AtTimestamp).timestamp(date_time(*unix_ms))
            }
            Position::After(sequence) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(&**sequence),
        };
        let send = request.send();
        let opened = self.calls.bounded("GetShardIterator", Some(shard), self.calls.bounds.call, send).await;
        let answer = opened.map_err(|failed| refused(&self.calls, shard, position, failed))?;
        answer
            .shard_iterator
            .filter(|iterator| !iterator.is_empty())
            .ok_or_else(|| self.calls.unusable("GetShardIterator", Some(shard), "the answer has no iterator"))
    }

    fn unusable(&self, operation: &str, shard: Option<&str>, reason: &str) -> Failed {
        let fault = self.calls.unusable(operation, shard, reason);
        Failed { fault, code: String::new(), text: String::new() }
    }
}

/// The fault of a position that Kinesis does not accept.
fn refused(calls: &Calls, shard: &str, position: &Position, failed: Failed) -> Fault {
    let Failed { mut fault, code, text } = failed;
    match position {
        // Kinesis itself refuses the argument; an emulator says that it cannot find the record. Neither shard nor
        // stream are missing then.
        Position::After(_)
            if code == REFUSED || (fault.kind == FaultKind::Missing && text.contains("SequenceNumber")) =>
        {
            fault.kind = FaultKind::Invalid;
            fault.message.push_str(&calls.unknown_position(shard));
        }
        // Kinesis takes no time that is ahead of its own clock. Ours may be, and then it passes.
        Position::Timestamp(_)
            if code == REFUSED && (text.contains("currentTimestampInMillis") || text.contains("in the future")) =>
        {
            fault.kind = FaultKind::Transient;
            fault.message.push_str("; the time is ahead of the service's clock");
        }
        _ => {}
    }
    fault
}

impl StreamSource for KinesisStream {
    fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>> {
        async { Ok(self.list().await?.into()) }.boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>> {
        self.read_shard(request).boxed()
    }

    fn clock(&self) -> Option<Arc<ServiceClock>> {
        Some(Arc::clone(&self.clock))
    }
}
