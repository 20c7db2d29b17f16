//! The streams of DynamoDB tables.

mod attributes;
mod encode;

use std::sync::Arc;

use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::operation::get_records::GetRecordsOutput;
use aws_sdk_dynamodbstreams::types::{ShardIteratorType, StreamStatus};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::encode::Encoder;
use super::StreamSource;
use super::calls::Calls;
use super::listing::Listing;
use crate::aws::{CallBounds, Service};
use crate::clock::{ServiceClock, WallClock};
use crate::machine::{Cursor, Fault, FaultKind, Position, ReadAnswer, ReadRequest, Shard, StreamListing};
use crate::mapping::Mapping;

/// What DynamoDB says of an argument that it does not accept.
const REFUSED: &str = "ValidationException";

/// A table has had few streams in the last day, which is how long a disabled one is listed.
const MOST_PAGES: usize = 3;

/// The stream of a DynamoDB table.
///
/// A stream that was turned off and on again is another stream with another ARN. How far a read is behind is never
/// known: DynamoDB does not say it.
pub struct DynamoDbStream {
    client: Client,
    clock: Arc<ServiceClock>,
    arn: String,
    table: String,
    calls: Calls,
    encoder: Encoder,
}

impl DynamoDbStream {
    pub(crate) fn new(
        client: Client,
        clock: Arc<ServiceClock>,
        mapping: &Mapping,
        bounds: CallBounds,
        wall: WallClock,
    ) -> Self {
        let (arn, region) = (mapping.source.arn(), mapping.source_region());
        let table = arn.resource.split('/').nth(1).unwrap_or(&arn.resource);
        Self {
            client,
            clock,
            calls: Calls {
                mapping: mapping.name.clone(),
                service: Service::DynamoDbStreams,
                label: format!("the stream of table {table} ({region}, account {})", arn.account),
                bounds,
            },
            arn: arn.text.clone(),
            table: table.to_owned(),
            encoder: Encoder::new(&arn.text, &arn.region, wall),
        }
    }

    async fn list(&self) -> Result<StreamListing, Fault> {
        let (shards, is_disabled) = match self.describe().await {
            Ok(described) => described,
            Err(mut fault) if fault.kind == FaultKind::Missing => {
                fault.message.push_str(&self.successor().await);
                return Err(fault);
            }
            Err(fault) => return Err(fault),
        };
        let mut disabled = None;
        if is_disabled {
            let label = &self.calls.label;
            disabled = Some(format!("{label} is disabled, and takes no more changes{}", self.successor().await));
        }
        Ok(StreamListing { shards, disabled })
    }

    /// Every shard, and whether the stream is disabled.
    async fn describe(&self) -> Result<(Vec<Shard>, bool), Fault> {
        let unusable = |reason| Err(self.calls.unusable("DescribeStream", None, reason));
        let mut listing = Listing::default();
        let mut last = None;
        loop {
            let request = self.client.describe_stream().stream_arn(&self.arn).set_exclusive_start_shard_id(last);
            let answer = self.calls.bounded("DescribeStream", None, self.calls.bounds.call, request.send()).await?;
            let Some(page) = answer.stream_description else {
                return unusable("the answer has no description of the stream");
            };
            for shard in page.shards.unwrap_or_default() {
                let Some(id) = shard.shard_id.as_deref().filter(|id| !id.is_empty()) else {
                    return unusable("the answer has a shard without an id");
                };
                let range = shard.sequence_number_range.as_ref();
                let end = range.and_then(|range| range.ending_sequence_number.as_deref());
                // The ARN of a table's stream has the time when it was made. That is enough.
                listing.add(id, shard.parent_shard_id.as_deref(), end.is_some_and(|end| !end.is_empty()), None);
            }
            last = page.last_evaluated_shard_id.filter(|last| !last.is_empty());
            match &last {
                None => return Ok((listing.done(), page.stream_status == Some(StreamStatus::Disabled))),
                Some(shard) if listing.goes_on_at(shard) => {}
                Some(_) => return unusable("the pages of the answer do not end"),
            }
        }
    }

    /// What took the stream's place, as the end of a message: the table's newest stream, where it may be asked for.
    async fn successor(&self) -> String {
        match self.newest().await {
            Some(newest) if newest == self.arn => {
                format!("; table {} has no newer stream: enable its stream again", self.table)
            }
            Some(newest) => {
                format!("; the newest stream of table {} is {newest}: write it as `EventSourceArn`", self.table)
            }
            None => format!(
                "; a stream that was disabled and enabled again has a new ARN, which `aws dynamodb describe-table \
                 --table-name {} --query Table.LatestStreamArn` shows",
                self.table
            ),
        }
    }

    /// The ARN of the table's newest stream. ARNs end with the time at which their stream was enabled.
    async fn newest(&self) -> Option<String> {
        let (mut newest, mut last) = (None, None);
        for _ in 0..MOST_PAGES {
            let request = self.client.list_streams().table_name(&self.table).set_exclusive_start_stream_arn(last);
            let answer = self.calls.bounded("ListStreams", None, self.calls.bounds.call, request.send()).await.ok()?;
            newest = answer.streams.into_iter().flatten().filter_map(|stream| stream.stream_arn).chain(newest).max();
            last = answer.last_evaluated_stream_arn.filter(|last| !last.is_empty());
            if last.is_none() {
                break;
            }
        }
        newest
    }

    async fn read_shard(&self, request: ReadRequest) -> Result<ReadAnswer, Fault> {
        let shard = &*request.shard;
        let (iterator, opened) = match &request.cursor {
            Cursor::Open(position) => (self.open(shard, position).await?, true),
            Cursor::Iterator(iterator) => (iterator.to_string(), false),
        };
        let limit = i32::try_from(request.max.clamp(1, 1_000)).unwrap_or(1_000);
        let send = self.client.get_records().shard_iterator(iterator).limit(limit).send();
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
        self.answer(shard, answer)
    }

    fn answer(&self, shard: &str, answer: GetRecordsOutput) -> Result<ReadAnswer, Fault> {
        let unusable = |reason| self.calls.unusable("GetRecords", Some(shard), reason);
        let next = answer.next_shard_iterator.filter(|next| !next.is_empty());
        // The end of a shard has a list of records, if an empty one.
        let records = match answer.records {
            None if next.is_none() => return Err(unusable("the answer has neither records nor an iterator")),
            records => records.unwrap_or_default(),
        };
        let encoded = self
            .encoder
            .records(&records)
            .map_err(|encode::NoSequenceNumber| unusable("the answer has a record without a sequence number"))?;
        if encoded.unknown > 0 {
            tracing::warn!(
                stream = %self.calls.label,
                shard,
                values = encoded.unknown,
                "attributes of a type that this version does not know are delivered as empty objects"
            );
        }
        Ok(ReadAnswer { records: encoded.records, next: next.map(Into::into), behind: None, bytes: 0 })
    }

    /// Opens a shard.
    async fn open(&self, shard: &str, position: &Position) -> Result<String, Fault> {
        let request = self.client.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
        let request = match position {
            Position::TrimHorizon => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Position::Latest => request.shard_iterator_type(ShardIteratorType::Latest),
            Position::After(sequence) => {
                request.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(&**sequence)
            }
            Position::Timestamp(_) => {
                let message = format!(
                    "GetShardIterator on {shard} of {}: AWS's mappings do not read DynamoDB streams from a time on; \
                     begin at TRIM_HORIZON or LATEST",
                    self.calls.label
                );
                return Err(Fault::new(FaultKind::Invalid, message));
            }
        };
        let send = request.send();
        let opened = self.calls.bounded("GetShardIterator", Some(shard), self.calls.bounds.call, send).await;
        let answer = opened.map_err(|mut failed| {
            if failed.code == REFUSED && matches!(position, Position::After(_)) {
                failed.fault.message.push_str(&self.calls.unknown_position(shard));
            }
            failed.fault
        })?;
        answer
            .shard_iterator
            .filter(|iterator| !iterator.is_empty())
            .ok_or_else(|| self.calls.unusable("GetShardIterator", Some(shard), "the answer has no iterator"))
    }
}

impl StreamSource for DynamoDbStream {
    fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>> {
        self.list().boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>> {
        self.read_shard(request).boxed()
    }

    fn clock(&self) -> Option<Arc<ServiceClock>> {
        Some(Arc::clone(&self.clock))
    }
}
