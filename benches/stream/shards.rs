//! forebay's engine over shards in memory that nothing arrives in: what a shard costs without the SDK.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use forebay::engine::{Connector, Parts, Ports, SourcePort, spawn};
use forebay::function::{Function, FunctionSettings, Invocation};
use forebay::machine::{Cursor, Fault, FaultKind, InvokeResult, ReadAnswer, ReadRequest, Shard, StreamListing};
use forebay::mapping::{Mapping, parse};
use forebay::source::StreamSource;
use forebay::store::MemoryStore;
use forebay::telemetry::Metrics;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

/// Runs until it is killed.
pub(crate) fn run(count: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")?;
    runtime.block_on(async {
        let (_handle, task) = spawn(Parts {
            mappings: vec![mapping()?],
            restored: Vec::new(),
            connector: Arc::new(Idle(count)),
            store: Arc::new(MemoryStore::new()),
            metrics: Metrics::new(forebay::clock::host()),
            drain_timeout: Duration::from_secs(25),
            receive_wait: forebay::machine::LONG_POLL,
            save_every: Duration::from_secs(1),
            streams: None,
            seed: 1,
            wall: Arc::new(unix_ms),
        });
        task.await.context("the engine panicked")
    })
}

fn mapping() -> anyhow::Result<Mapping> {
    let text = "Name: idle\nEventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/idle\nFunctionName: idle\n\
                StartingPosition: TRIM_HORIZON\n";
    let loaded = parse(Path::new("idle.yaml"), text, &|_| None);
    loaded.mappings.into_iter().next().with_context(|| format!("the mapping is refused: {:?}", loaded.diagnostics))
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// So many open shards, all read to their end.
#[derive(Clone)]
struct Idle(usize);

impl Connector for Idle {
    fn connect(&self, _: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let source = SourcePort::Stream(Arc::new(self.clone()));
        ready(Ok(Ports { source, function: Arc::new(self.clone()), destination: None, filtered: None })).boxed()
    }
}

impl StreamSource for Idle {
    fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>> {
        let shard = |number| Shard {
            id: format!("shardId-{number:012}").into(),
            parents: Vec::new(),
            closed: false,
            begins: None,
        };
        ready(Ok((0..self.0).map(shard).collect::<Vec<_>>().into())).boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>> {
        // As long as a real iterator, and a new one each time.
        let next = match request.cursor {
            Cursor::Open(_) => "A".repeat(226),
            Cursor::Iterator(iterator) => String::from(&*iterator),
        };
        ready(Ok(ReadAnswer { next: Some(next.into()), behind: Some(Duration::ZERO), ..ReadAnswer::default() })).boxed()
    }
}

impl Function for Idle {
    fn invoke(&self, _: Invocation) -> BoxFuture<'_, InvokeResult> {
        ready(Err(Fault::new(FaultKind::Invalid, "an idle shard has nothing to invoke with"))).boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        ready(Err(Fault::new(FaultKind::Invalid, "there is no function"))).boxed()
    }
}
