//! The stream as the engine reads it: lists, iterators, limits, and answers with all their liberties.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forebay::clock::ServiceClock;
use forebay::machine::{Cursor, Fault, FaultKind, Position, ReadAnswer, ReadRequest, StreamListing};
use forebay::mapping::SourceKind;
use forebay::source::StreamSource;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::model::StreamModel;
use super::session::Session;
use super::shards::places;
use crate::plan::stream;

/// Lists that one mapping may make in a second: `DescribeStream` allows ten to everybody.
const LISTS_PER_SECOND: usize = 10;

impl StreamSource for Session {
    fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>> {
        async move {
            self.model.world.enter().await;
            self.begin_list();
            let sent = Instant::now();
            let result = self.model.list().await;
            self.dated(sent, result.as_ref().err());
            match &result {
                Ok(listing) => self.listed(&listing.shards),
                Err(fault) => self.note(format_args!("the list fails: {}", fault.kind.as_str())),
            }
            result
        }
        .boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>> {
        async move {
            self.model.world.enter().await;
            let Some(mut read) = self.begin_read(&request) else {
                return Err(Fault::new(FaultKind::Missing, "there is no such shard"));
            };
            let sent = Instant::now();
            let result = self.model.answer(self, &request, read.shard).await;
            self.dated(sent, result.as_ref().err());
            read.finish(self, &result);
            result
        }
        .boxed()
    }

    fn clock(&self) -> Option<Arc<ServiceClock>> {
        Some(Arc::clone(&self.clock))
    }
}

impl Session {
    /// Every answer has a date, in whole seconds; a call that is abandoned has no answer.
    fn dated(&self, sent: Instant, fault: Option<&Fault>) {
        if fault.is_none_or(|fault| fault.kind != FaultKind::Timeout) {
            self.clock.observe(sent, Instant::now(), self.model.world.unix_ms() / 1000);
        }
    }

    fn begin_list(&self) {
        let mut state = self.model.state();
        self.check_alive(&state, "a list");
        let now = self.model.world.now();
        let lists = &mut state.consumers[self.consumer].lists;
        lists.retain(|&at| at + 1_000 > now);
        lists.push_back(now);
        if lists.len() > LISTS_PER_SECOND {
            drop(state);
            self.violate(format_args!("lists the shards more than {LISTS_PER_SECOND} times in a second"));
        }
    }

    fn listed(&self, shards: &[forebay::machine::Shard]) {
        let mut state = self.model.state();
        let known: BTreeMap<usize, bool> =
            shards.iter().filter_map(|shard| Some((state.shard(&shard.id)?, shard.closed))).collect();
        let consumer = &mut state.consumers[self.consumer];
        consumer.listed.extend(known.keys());
        if consumer.pinned.is_none() {
            consumer.first_list = Some(known);
        }
        drop(state);
        self.note(format_args!("{} shards are listed", shards.len()));
    }

    /// Checks a read before it is made.
    fn begin_read(&self, request: &ReadRequest) -> Option<OpenRead> {
        let model = &self.model;
        let now = model.world.now();
        let mut state = model.state();
        model.sweep(&mut state);
        self.check_awake(&state, "a read");
        let most = if model.plan.stream.kind == SourceKind::DynamoDb { 1_000 } else { 10_000 };
        if !(1..=most).contains(&request.max) {
            self.violate(format_args!("a read asks for {} records", request.max));
        }
        if !state.consumers[self.consumer].sessions[self.id].claimed {
            self.violate("reads before it has claimed its marks");
        }
        let Some(shard) = state.shard(&request.shard) else {
            self.violate(format_args!("reads {}, which was never listed", request.shard));
            return None;
        };
        if matches!(request.cursor, Cursor::Open(Position::Timestamp(_)))
            && model.plan.stream.kind == SourceKind::DynamoDb
        {
            self.violate("opens a shard of a table at a time");
        }
        let base = if model.plan.stream.kind == SourceKind::DynamoDb { 250 } else { 1_000 };
        state.consumers[self.consumer].reads += 1;
        let view = state.view(self.consumer, self.id, shard);
        if view.reading {
            self.violate(format_args!("two reads of shard {shard} are open at once"));
        }
        if view.read_out && !view.whole && !matches!(request.cursor, Cursor::Open(_)) {
            self.violate(format_args!("reads shard {shard} beyond its end"));
        }
        let since = view.read_begun.map(|begun| now - begun);
        let least = if view.idle { base * 9 / 10 } else { 199 };
        if let Some(since) = since
            && since < least
            && stream(&self.mapping).reads_per_second.get() == 5
        {
            let idle = if view.idle { ", although there was nothing more" } else { "" };
            self.violate(format_args!("reads shard {shard} again after {since} ms{idle}"));
        }
        view.reading = true;
        view.idle = false;
        view.read_begun = Some(now);
        Some(OpenRead { model: Arc::clone(model), consumer: self.consumer, session: self.id, shard, ended: false })
    }
}

/// A read that the engine waits for. Dropping it gives the read up.
struct OpenRead {
    model: Arc<StreamModel>,
    consumer: usize,
    session: usize,
    shard: usize,
    ended: bool,
}

impl OpenRead {
    fn finish(&mut self, session: &Session, result: &Result<ReadAnswer, Fault>) {
        self.ended = true;
        let now = self.model.world.now();
        let mut state = self.model.state();
        let shard = self.shard;
        let brought = match result {
            Ok(answer) => {
                let records: Vec<usize> =
                    answer.records.iter().map(|read| state.number(shard, &read.record.id)).collect();
                let kinesis = self.model.plan.stream.kind == SourceKind::Kinesis;
                let view = state.view(self.consumer, self.session, shard);
                view.reading = false;
                view.idle =
                    records.is_empty() && answer.next.is_some() && (!kinesis || answer.behind == Some(Duration::ZERO));
                view.read_out |= answer.next.is_none();
                for &record in &records {
                    let at = state.records[record].at;
                    state.view(self.consumer, self.session, shard).read.entry(at).or_insert(now);
                }
                state.consumers[self.consumer].opened(shard, now);
                let end = if answer.next.is_none() { ", to the end" } else { "" };
                format!("a read of shard {shard} brings {}{end}", places(&state, &records))
            }
            Err(fault) => {
                state.view(self.consumer, self.session, shard).reading = false;
                format!("a read of shard {shard} fails: {}", fault.kind.as_str())
            }
        };
        drop(state);
        session.note(format_args!("{brought}"));
    }
}

impl Drop for OpenRead {
    fn drop(&mut self) {
        if !self.ended && !self.model.world.closed() {
            self.model.state().view(self.consumer, self.session, self.shard).reading = false;
            self.model.note(self.consumer, format_args!("a read of shard {} is given up", self.shard));
        }
    }
}
