//! The life of a daemon: bind, start, obey signals, drain, end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exit::Exit;
use super::files::{load, tally};
use super::output::counted;
use super::signals::{Signal, Signals};
use crate::aws::AwsConnector;
use crate::control::{
    Api, BoundSocket, CONNECTIONS, Overview, ReloadRefused, Reloader, SocketChoice, Token, guarded, probes, serve,
    whole,
};
use crate::engine::{self, EngineHandle, ReloadSummary};
use crate::mapping::{Diagnostic, Mapping, Severity};
use crate::store::StoreLocation;
use crate::telemetry::Metrics;

/// How long the engine may take to let go of everything after a drain.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// All that was checked before anything starts.
pub(super) struct Daemon {
    pub(super) paths: Vec<PathBuf>,
    pub(super) mappings: Vec<Mapping>,
    pub(super) store: StoreLocation,
    pub(super) listen: String,
    pub(super) socket: SocketChoice,
    pub(super) drain_timeout: Duration,
    pub(super) token: Option<Token>,
}

impl Daemon {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let mut signals = Signals::install()?;
        // What can refuse to start us comes before the first poll: a second daemon by mistake takes no message.
        let socket = self.socket.bind()?;
        let store = self.store.open()?;
        let tcp = bind(&self.listen).await?;
        let address = tcp.local_addr()?;

        let metrics = Metrics::new();
        let overview = Overview::new(self.store.to_string(), loaded_well(self.mappings.len()));
        let mappings = self.mappings.len();
        let (engine, engine_task) = engine::spawn(engine::Parts {
            mappings: self.mappings,
            restored: Vec::new(),
            connector: Arc::new(AwsConnector::new()),
            store,
            metrics: metrics.clone(),
            drain_timeout: self.drain_timeout,
            seed: fastrand::u64(..),
            wall: Arc::new(wall_clock),
        });

        let BoundSocket { listener, file: socket_file } = socket;
        let reload = reloader(self.paths, engine.clone(), overview.clone());
        let api = Api { engine: engine.clone(), reload: Arc::clone(&reload) };
        let stop = CancellationToken::new();
        let servers = TaskTracker::new();
        let mut public = probes(engine.clone(), metrics, overview.clone());
        if let Some(token) = self.token {
            public = public.merge(guarded(api.clone().routes(), token));
        }
        servers.spawn(serve(listener, whole(api), CONNECTIONS, stop.clone()));
        servers.spawn(serve(tcp, public, CONNECTIONS, stop.clone()));
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            mappings,
            %address,
            socket = %socket_file.path().display(),
            store = %self.store,
            "forebay runs"
        );

        let exit = Running { engine, engine_task, overview, reload, drain_timeout: self.drain_timeout }
            .until_stopped(&mut signals)
            .await;
        stop.cancel();
        servers.close();
        servers.wait().await;
        drop(socket_file);
        exit
    }
}

struct Running {
    engine: EngineHandle,
    engine_task: JoinHandle<()>,
    overview: Overview,
    reload: Reloader,
    drain_timeout: Duration,
}

impl Running {
    async fn until_stopped(mut self, signals: &mut Signals) -> anyhow::Result<Exit> {
        let signal = loop {
            tokio::select! {
                ended = &mut self.engine_task => {
                    ended.context("the engine broke")?;
                    bail!("the engine ended on its own");
                }
                signal = signals.next() => match signal {
                    // Not awaited: a reload may drain, and signals must be heard meanwhile.
                    Signal::Reload => drop(tokio::spawn((self.reload)())),
                    signal => break signal,
                },
            }
        };
        let clean = self.drain(signals, signal).await;
        Ok(match signal {
            Signal::Interrupt => Exit::Interrupted,
            _ if clean => Exit::Done,
            _ => Exit::Failed,
        })
    }

    /// Drains, and says whether nobody cut it short.
    async fn drain(self, signals: &mut Signals, signal: Signal) -> bool {
        self.overview.set_draining();
        tracing::info!(?signal, within = ?self.drain_timeout, "draining; another signal cuts it short");
        let mut drained = Box::pin(self.engine.shutdown(self.drain_timeout));
        let mut cut = false;
        loop {
            tokio::select! {
                _ = &mut drained => break,
                signal = signals.next() => match signal {
                    Signal::Reload => {}
                    _ if cut => {
                        tracing::warn!("leaving at once");
                        return false;
                    }
                    _ => {
                        tracing::warn!("the drain is cut short: what is in flight will be delivered again");
                        cut = true;
                        self.engine.cut().await;
                    }
                },
            }
        }
        // Its end closes the store tidily; that takes one write.
        tokio::time::timeout(LAST_WRITE, self.engine_task).await.ok();
        tracing::info!(cut, "stopped");
        !cut
    }
}

async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: choose a free address such as 127.0.0.1:9691 with --listen")
    })
}

fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn loaded_well(mappings: usize) -> String {
    format!("ok {}", counted(mappings, "mapping"))
}

/// Reads the files again; errors in them change nothing. One reload at a time, in the order they were asked for.
fn reloader(paths: Vec<PathBuf>, engine: EngineHandle, overview: Overview) -> Reloader {
    let turn = Arc::new(Mutex::new(()));
    Arc::new(move || {
        let (paths, engine, overview, turn) = (paths.clone(), engine.clone(), overview.clone(), Arc::clone(&turn));
        async move {
            let _turn = turn.lock_owned().await;
            let result = reload(paths, &engine).await;
            match &result {
                Ok((mappings, summary)) => {
                    overview.set_files(loaded_well(*mappings));
                    let ReloadSummary { added, changed, removed, unchanged } = summary;
                    tracing::info!(?added, ?changed, ?removed, unchanged, "reloaded");
                }
                Err(error) => {
                    let first = error.to_string();
                    let first = first.lines().next().unwrap_or_default();
                    overview.set_files(format!("error: {first}"));
                    tracing::error!(error = first, "not reloaded");
                }
            }
            result.map(|(_, summary)| summary)
        }
        .boxed()
    })
}

async fn reload(paths: Vec<PathBuf>, engine: &EngineHandle) -> Result<(usize, ReloadSummary), ReloadRefused> {
    let loaded = tokio::task::spawn_blocking(move || load(&paths))
        .await
        .map_err(|panic| ReloadRefused::Invalid { errors: counted(1, "error"), text: panic.to_string() })?;
    loaded.diagnostics.iter().for_each(describe);
    if loaded.has_errors() {
        let (errors, _) = tally(&loaded.diagnostics);
        let text: Vec<String> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect();
        let errors = counted(errors, "error");
        return Err(ReloadRefused::Invalid { errors, text: text.join("\n\n") });
    }
    let mappings = loaded.mappings.len();
    Ok((mappings, engine.reload(loaded.mappings).await?))
}

/// A finding of the mapping files as a log line.
pub(super) fn describe(found: &Diagnostic) {
    let code = found.code.as_str();
    let file = found.file.display();
    let (line, help) = (found.line, found.help.as_deref());
    match found.severity {
        Severity::Error => tracing::error!(code, %file, line, help, "{}", found.message),
        Severity::Warning => tracing::warn!(code, %file, line, help, "{}", found.message),
    }
}
