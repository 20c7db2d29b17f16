//! The life of a daemon: bind, start, obey signals, drain, end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::aws_api::AwsApi;
use super::descriptors::Budget;
use super::exit::Exit;
use super::files::{Places, tally};
use super::guard;
use super::output::counted;
use super::reloads::Reloads;
use super::signals::{Signal, Signals};
use super::stores::{self, Opened, Shared};
use super::waits::say_what_is_waited_for;
use crate::AwsConnector;
use crate::aws_api::{self, Restored, Service};
use crate::clock;
use crate::control::{
    Api, BoundSocket, Definitions, Overview, ReloadRefused, Reloaded, Reloader, SocketChoice, Token, guarded, probes,
    serve, whole,
};
use crate::engine::{self, Connector, EngineHandle, ReloadSummary};
use crate::mapping::{Diagnostic, Mapping, Origin, Severity};
use crate::replica::Replica;
use crate::store::{Store, StoreLocation};
use crate::telemetry::Metrics;

/// How long the engine may take to let go of everything after a drain.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// How often emulators that are at work for too long are looked at.
const EMULATOR_LOOK: Duration = Duration::from_millis(100);

/// All that was checked before anything starts.
pub(super) struct Daemon {
    pub(super) files: Places,
    pub(super) mappings: Vec<Mapping>,
    pub(super) store: StoreLocation,
    pub(super) lease_time: Duration,
    pub(super) save_every: Option<Duration>,
    pub(super) listen: String,
    pub(super) aws_api: Option<AwsApi>,
    pub(super) socket: SocketChoice,
    pub(super) drain_timeout: Duration,
    pub(super) receive_wait: Duration,
    pub(super) token: Option<Token>,
    pub(super) budget: Budget,
}

impl Daemon {
    pub(super) async fn run(self, mut signals: Signals) -> anyhow::Result<Exit> {
        // What can refuse to start us comes before the first poll: a second daemon by mistake takes no message.
        let socket = self.socket.bind()?;
        let (wall, boot) = (clock::host(), clock::boot());
        let opening = stores::open(&self.store, Arc::clone(&boot), Arc::clone(&wall));
        let Opened { store, shared } = match signals.unless_ended(opening).await {
            Ok(opened) => opened?,
            Err(signal) => return Ok(ended_early(signal)),
        };
        let tcp = bind(&self.listen).await?;
        let address = tcp.local_addr()?;
        let aws_api = match self.aws_api {
            Some(api) => Some((api.bind().await?, api.access)),
            None => None,
        };
        let aws_api_address = aws_api.as_ref().and_then(|(listener, _)| listener.local_addr().ok());

        let metrics = Metrics::new(Arc::clone(&wall));
        let overview = Overview::new(self.store.to_string(), loaded_well(self.mappings.len()));
        let Restored { mappings: restored, registry } = aws_api::restore(&*store, wall()).await?;
        aws_api::warn_of_pairs(&restored, &self.mappings);
        let mappings = self.mappings.len() + restored.len();
        let aws = AwsConnector::new().with_guard(guard::own_program()?).with_worker_connections(self.budget.workers);
        let aws = Arc::new(aws);
        let connector: Arc<dyn Connector> = Arc::<AwsConnector>::clone(&aws);
        let (shown, streams) = watch::channel(engine::Streams::default());
        let (engine, engine_task) = engine::spawn(engine::Parts {
            mappings: self.mappings,
            restored,
            connector: Arc::clone(&connector),
            store: store.clone(),
            metrics: metrics.clone(),
            drain_timeout: self.drain_timeout,
            receive_wait: self.receive_wait,
            save_every: self.save_every.unwrap_or_else(|| stores::save_every(&self.store)),
            streams: shared.is_some().then_some(shown),
            seed: fastrand::u64(..),
            wall: Arc::clone(&wall),
        });

        let joins = |shared: Shared| shared.join(self.lease_time, engine.clone(), streams, boot, Arc::clone(&wall));
        let replica = shared.map(joins);

        let BoundSocket { listener, file: socket_file } = socket;
        let reload = reloader(self.files, engine.clone(), overview.clone());
        let definitions = definitions(Arc::clone(&store));
        let fleet = replica.as_ref().map(stores::fleet);
        let api = Api { engine: engine.clone(), reload: Arc::clone(&reload), definitions, fleet };
        let stop = CancellationToken::new();
        let servers = TaskTracker::new();
        let mut public = probes(engine.clone(), metrics, overview.clone());
        if let Some(token) = self.token {
            public = public.merge(guarded(api.clone().routes(), token));
        }
        servers.spawn(serve(listener, whole(api), self.budget.control, stop.clone()));
        servers.spawn(serve(tcp, public, self.budget.probes, stop.clone()));
        servers.spawn(stores::watch(Arc::clone(&store), engine.clone(), stop.clone()));
        let service = aws_api.map(|(listener, access)| {
            let service = Service::new(engine.clone(), store, connector, registry, Arc::clone(&wall));
            let router = aws_api::guard(aws_api::routes(service.clone()), access, wall);
            servers.spawn(serve(listener, router, self.budget.aws_api, stop.clone()));
            service
        });
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            mappings,
            %address,
            aws_api = aws_api_address.map(tracing::field::display),
            socket = %socket_file.path().display(),
            store = %self.store,
            "forebay runs"
        );

        let drain_timeout = self.drain_timeout;
        let exit = Running { engine, engine_task, replica, service, overview, reload, drain_timeout, connector: aws }
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
    replica: Option<Replica>,
    service: Option<Service>,
    overview: Overview,
    reload: Reloader,
    drain_timeout: Duration,
    connector: Arc<AwsConnector>,
}

impl Running {
    async fn until_stopped(mut self, signals: &mut Signals) -> anyhow::Result<Exit> {
        let reloads = Reloads::new(Arc::clone(&self.reload));
        let signal = loop {
            tokio::select! {
                ended = &mut self.engine_task => {
                    ended.context("the engine broke")?;
                    bail!("the engine ended on its own");
                }
                signal = signals.next() => match signal {
                    Signal::Reload => reloads.ask(),
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

    /// Drains. True if it was not cut short and every checkpoint was saved.
    async fn drain(self, signals: &mut Signals, signal: Signal) -> bool {
        let until = Instant::now() + self.drain_timeout;
        self.overview.set_draining();
        tracing::info!(?signal, within = ?self.drain_timeout, "draining; another signal cuts it short");
        if let Some(replica) = &self.replica {
            replica.drain();
        }
        if let Some(service) = &self.service {
            service.close().await;
        }
        let mut drained = Box::pin(self.engine.shutdown(self.drain_timeout));
        let mut waiting = pin!(say_what_is_waited_for(&self.engine, signal));
        let mut cut = false;
        let left = loop {
            tokio::select! {
                // In this order: a signal that is there already must not be taken before the shutdown is asked for,
                // since there would be nothing to cut short yet.
                biased;
                left = &mut drained => break left.unwrap_or_default(),
                () = &mut waiting, if !cut => {}
                signal = signals.next() => match signal {
                    Signal::Reload => {}
                    _ if cut => {
                        tracing::warn!("stopping at once");
                        return false;
                    }
                    _ => {
                        tracing::warn!("the drain is cut short: records in flight will be delivered again");
                        cut = true;
                        self.engine.cut().await;
                    }
                },
            }
        };
        cut |= self.emulators_have_answered(signals, until, cut).await;
        // Its end closes the store tidily; that takes one write.
        tokio::time::timeout(LAST_WRITE, self.engine_task).await.ok();
        if let Some(service) = &self.service {
            service.finished().await;
        }
        if let Some(replica) = self.replica {
            replica.leave(LAST_WRITE).await;
        }
        if !left.unsaved.is_empty() {
            tracing::warn!(
                mappings = left.unsaved.join(", "),
                "stopped without saving the last checkpoints of these mappings: records since their saved \
                 checkpoints will be delivered again"
            );
        }
        if cut {
            tracing::warn!("stopped before all work was finished");
        } else {
            tracing::info!("stopped");
        }
        !cut && left.unsaved.is_empty()
    }
}

impl Running {
    /// Waits for emulators that are at work although the time of their calls is over: the next forebay would not know
    /// that, and a second invocation kills them. True where a signal cut the wait short.
    async fn emulators_have_answered(&self, signals: &mut Signals, until: Instant, mut cut: bool) -> bool {
        let at_work = || Some(self.connector.late_emulators().join(", ")).filter(|emulators| !emulators.is_empty());
        let Some(emulators) = at_work() else { return false };
        if !cut {
            tracing::info!(
                emulators,
                "waiting for emulators that are at work for calls which have exceeded their timeout; another signal \
                 cuts it short"
            );
        }
        while !cut && at_work().is_some() && Instant::now() < until {
            tokio::select! {
                () = tokio::time::sleep(EMULATOR_LOOK) => {}
                signal = signals.next() => cut = !matches!(signal, Signal::Reload),
            }
        }
        if let Some(emulators) = at_work() {
            tracing::warn!(
                emulators,
                "stopped while emulators are at work: restart them, too, because a second invocation kills them"
            );
        }
        cut
    }
}

/// A signal came before anything was started.
pub(super) fn ended_early(signal: Signal) -> Exit {
    tracing::info!(?signal, "stopped before anything was started");
    if signal == Signal::Interrupt { Exit::Interrupted } else { Exit::Done }
}

async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}\nhelp: choose a free address with --listen, such as 127.0.0.1:9691")
    })
}

fn loaded_well(mappings: usize) -> String {
    format!("ok {}", counted(mappings, "mapping"))
}

/// The mappings that were made through the AWS API, as the store has them.
fn definitions(store: Arc<dyn Store>) -> Definitions {
    Arc::new(move || {
        let store = Arc::clone(&store);
        async move { Ok(store.definitions().await?) }.boxed()
    })
}

/// Reads the files again; errors in them change nothing. One reload at a time, in the order they were asked for.
fn reloader(files: Places, engine: EngineHandle, overview: Overview) -> Reloader {
    let turn = Arc::new(Mutex::new(()));
    Arc::new(move || {
        let (files, engine, overview, turn) = (files.clone(), engine.clone(), overview.clone(), Arc::clone(&turn));
        async move {
            let _turn = turn.lock_owned().await;
            let result = reload(files, &engine).await;
            match &result {
                Ok((mappings, reloaded)) => {
                    overview.set_files(loaded_well(*mappings));
                    let ReloadSummary { added, changed, removed, unchanged, .. } = &reloaded.summary;
                    tracing::info!(?added, ?changed, ?removed, unchanged, "reloaded");
                }
                Err(error) => {
                    overview.set_files(format!("error: {error}"));
                    tracing::error!(%error, "not reloaded");
                }
            }
            result.map(|(_, reloaded)| reloaded)
        }
        .boxed()
    })
}

async fn reload(files: Places, engine: &EngineHandle) -> Result<(usize, Reloaded), ReloadRefused> {
    let loaded = tokio::task::spawn_blocking(move || files.load())
        .await
        .map_err(|panic| ReloadRefused::Failed(panic.to_string()))?;
    loaded.diagnostics.iter().for_each(describe);
    if loaded.has_errors() {
        let (errors, _) = tally(&loaded.diagnostics);
        return Err(ReloadRefused::Invalid { errors: counted(errors, "error"), diagnostics: loaded.diagnostics });
    }
    let overviews = engine.overviews().await?.into_iter().map(|overview| overview.mapping);
    let of_the_api: Vec<Mapping> =
        overviews.filter(|mapping| mapping.origin == Origin::Api).map(|mapping| (*mapping).clone()).collect();
    aws_api::warn_of_pairs(&of_the_api, &loaded.mappings);
    let mappings = loaded.mappings.len();
    let summary = engine.reload(loaded.mappings).await?;
    Ok((mappings, Reloaded { summary, warnings: loaded.diagnostics }))
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
