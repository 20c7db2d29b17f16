//! The world of a mapping of a stream: its source, and the store of its checkpoints.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use super::{CurrentWorld, Outlets, World, mismatch};
use crate::clock::ServiceClock;
use crate::engine::limits::ReadLimiter;
use crate::engine::live::Live;
use crate::engine::screen::Screen;
use crate::engine::{Ports, SourcePort};
use crate::machine::{
    Fault, FaultKind, ReadRequest, SaveRequest, StartingPosition, Stream, StreamAnswer, StreamRequest,
};
use crate::mapping::Mapping;
use crate::source::StreamSource;
use crate::store::{EngineStore, FileError, Permit, StoreError, TableError};

/// The ports of a mapping of a stream.
pub(crate) struct StreamWorld {
    stream: Arc<dyn StreamSource>,
    outlets: Outlets,
    store: Arc<dyn EngineStore>,
    permit: Option<Permit>,
    mapping: Arc<str>,
    source: Arc<str>,
    /// Whether a new beginning would skip records.
    latest: bool,
    reads: ReadLimits,
    screen: Screen,
}

impl World<Stream> for StreamWorld {
    fn new(
        ports: Ports,
        screen: Screen,
        mapping: &Mapping,
        store: &Arc<dyn EngineStore>,
        before: Option<&Self>,
    ) -> Result<Self, Fault> {
        let (SourcePort::Stream(stream), Some(spec)) = (&ports.source, mapping.source.stream()) else {
            return Err(mismatch("a queue has no shards"));
        };
        let stream = Arc::clone(stream);
        Ok(Self {
            stream,
            outlets: Outlets::new(ports, mapping, before.map(|before| &before.outlets)),
            store: Arc::clone(store),
            permit: store.permit(),
            mapping: mapping.name.as_str().into(),
            source: mapping.source.id().into(),
            latest: spec.start == StartingPosition::Latest,
            reads: ReadLimits::per_second(spec.reads_per_second),
            screen,
        })
    }

    fn outlets(&self) -> &Outlets {
        &self.outlets
    }

    fn clock(&self) -> Option<Arc<ServiceClock>> {
        self.stream.clock()
    }

    async fn may_begin(&self) {
        if let Some(permit) = &self.permit {
            permit.granted().await;
        }
    }

    async fn ask(self: Arc<Self>, request: StreamRequest, _: CurrentWorld<Self>, live: Arc<Live>) -> StreamAnswer {
        match request {
            StreamRequest::List => StreamAnswer::Listed(self.stream.shards().await),
            StreamRequest::Claim => StreamAnswer::Claimed(
                self.store.claim(&self.mapping, &self.source, self.latest).await.map_err(|error| of_store(&error)),
            ),
            StreamRequest::Read(request) => self.read(request, &live).await,
            StreamRequest::Save(SaveRequest { id, fence, changes }) => {
                let saved = self.store.save(&self.mapping, fence, changes).await;
                StreamAnswer::Saved { save: id, result: saved.map_err(|error| of_store(&error)) }
            }
        }
    }
}

impl StreamWorld {
    /// Waits for the shard's limits, then reads.
    async fn read(&self, request: ReadRequest, live: &Live) -> StreamAnswer {
        let (read, shard) = (request.id, Arc::clone(&request.shard));
        let limiter = self.reads.of(&shard);
        live.metrics().limiter_waited(limiter.admitted().await);
        self.may_begin().await;
        let mut result = self.stream.read(request).await;
        if let Ok(answer) = &mut result {
            self.screen.apply(answer.records.iter_mut().map(|read| &mut read.record));
            match answer.next {
                Some(_) => limiter.charge(answer.bytes),
                None => self.reads.forget(&shard),
            }
        }
        StreamAnswer::Read { read, result }
    }
}

fn of_store(error: &StoreError) -> Fault {
    let kind = match error {
        StoreError::Fenced { .. } => FaultKind::Fenced,
        StoreError::File(FileError::Locked { .. } | FileError::Io { .. })
        | StoreError::Table(TableError::Owned { .. } | TableError::Raced { .. }) => FaultKind::Transient,
        StoreError::Table(TableError::Call(fault)) => fault.kind,
        StoreError::Lost { .. } | StoreError::File(_) | StoreError::Table(_) => FaultKind::Invalid,
    };
    Fault::new(kind, error.to_string())
}

/// The limits of every shard that is read, made when a shard is first read.
struct ReadLimits {
    per_second: NonZeroU32,
    shards: RwLock<HashMap<Arc<str>, Arc<ReadLimiter>>>,
}

impl ReadLimits {
    fn per_second(reads: NonZeroU32) -> Self {
        Self { per_second: reads, shards: RwLock::default() }
    }

    fn of(&self, shard: &Arc<str>) -> Arc<ReadLimiter> {
        let known = self.shards.read().unwrap_or_else(PoisonError::into_inner).get(shard).cloned();
        known.unwrap_or_else(|| {
            let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(ReadLimiter::per_second(self.per_second));
            Arc::clone(shards.entry(Arc::clone(shard)).or_insert_with(fresh))
        })
    }

    fn forget(&self, shard: &Arc<str>) {
        self.shards.write().unwrap_or_else(PoisonError::into_inner).remove(shard);
    }
}
