//! Owns every mapping: what is wanted of it, its task, and its state.

mod changes;
mod share;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::share::Share;
pub use self::share::Streams;
use super::checkpoint;
use super::clock::Clock;
use super::entry::{Entry, Goal};
use super::handle::Request;
use super::task::Defaults;
use super::{
    CheckpointChange, Connector, Drained, EngineError, EngineHandle, MappingState, Overview, Readiness, Snapshot,
};
use crate::clock::WallClock;
use crate::mapping::Mapping;
use crate::store::{Desired, EngineStore, Kept};
use crate::telemetry::Metrics;

/// How much longer than its bound a drain may take before its task is ended.
const OVERTIME: Duration = Duration::from_secs(2);

/// What an engine is made of.
pub struct Parts {
    /// The mappings of files to begin with.
    pub mappings: Vec<Mapping>,
    /// The mappings of the AWS API that were there before the process was started. They come first if a file has the
    /// name of one, and show no `Creating`, because no change was requested.
    pub restored: Vec<Mapping>,
    /// How the outside world is reached.
    pub connector: Arc<dyn Connector>,
    /// What outlives the process.
    pub store: Arc<dyn EngineStore>,
    /// Where everything is counted.
    pub metrics: Metrics,
    /// How long a stopped mapping's drain may take where its definition does not say.
    pub drain_timeout: Duration,
    /// How long a receive from a queue waits for a first message where its definition does not say.
    pub receive_wait: Duration,
    /// The longest time between two saves of a stream's checkpoints: what was finished since the last one is repeated
    /// after a crash.
    pub save_every: Duration,
    /// The seed of all jitter.
    pub seed: u64,
    /// The wall clock.
    pub wall: WallClock,
    /// Where a replica of a fleet learns what it could run, and what it runs. Without it, every mapping runs.
    pub streams: Option<watch::Sender<Streams>>,
}

/// Starts an engine on the current tokio runtime. The task ends after a shutdown; aborting it ends everything
/// at once, as a crash would.
#[must_use]
pub fn spawn(parts: Parts) -> (EngineHandle, JoinHandle<()>) {
    let (sender, requests) = mpsc::channel(16);
    let task = tokio::spawn(Supervisor::new(parts).run(requests));
    (EngineHandle::new(sender), task)
}

struct Supervisor {
    connector: Arc<dyn Connector>,
    store: Arc<dyn EngineStore>,
    /// In a fleet, the stream mappings that run here.
    fleet: Option<Share>,
    metrics: Metrics,
    clock: Clock,
    drain_timeout: Duration,
    defaults: Defaults,
    rng: fastrand::Rng,
    initial: Vec<Mapping>,
    restored: Vec<Mapping>,
    entries: BTreeMap<String, Entry>,
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
    /// A mapping has polled for the first time, or its health has changed.
    changed: Arc<Notify>,
    /// Was ready once: what is added or restarted later takes nothing from that.
    was_ready: bool,
    /// What is wrong with the store.
    store_trouble: Option<String>,
    /// The mappings that have ended without saving their last checkpoints, and have not begun again.
    unsaved: BTreeSet<String>,
    closing: Option<Closing>,
}

struct Closing {
    by: Instant,
    replies: Vec<oneshot::Sender<Drained>>,
}

impl Supervisor {
    fn new(parts: Parts) -> Self {
        Self {
            connector: parts.connector,
            store: parts.store,
            fleet: parts.streams.map(Share::new),
            metrics: parts.metrics,
            clock: Clock::new(parts.wall),
            drain_timeout: parts.drain_timeout,
            defaults: Defaults { receive_wait: parts.receive_wait, save_every: parts.save_every },
            rng: fastrand::Rng::with_seed(parts.seed),
            initial: parts.mappings,
            restored: parts.restored,
            entries: BTreeMap::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            changed: Arc::default(),
            was_ready: false,
            store_trouble: None,
            unsaved: BTreeSet::new(),
            closing: None,
        }
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        for mapping in std::mem::take(&mut self.restored) {
            self.add(mapping, MappingState::Enabled).await;
        }
        for mapping in std::mem::take(&mut self.initial) {
            if !self.is_taken(&mapping) {
                self.add(mapping, MappingState::Creating).await;
            }
        }
        loop {
            self.reconcile();
            if self.closing.is_some() && self.tasks.is_empty() {
                break;
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(request) => self.handle(request).await,
                    // No request can come any more: an engine without a handle drains.
                    None if self.closing.is_none() => self.close(self.drain_timeout, None),
                    None => self.await_end().await,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = self.changed.notified() => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
        for reply in self.closing.into_iter().flat_map(|closing| closing.replies) {
            // The caller may have gone away meanwhile.
            reply.send(Drained { unsaved: self.unsaved.iter().cloned().collect() }).ok();
        }
    }

    /// With all handles gone only the tasks' ends and the bound are left to wait for.
    async fn await_end(&mut self) {
        let wake = self.next_wake();
        tokio::select! {
            biased;
            Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
    }

    async fn handle(&mut self, request: Request) {
        match request {
            Request::List(reply) => drop(reply.send(self.list())),
            Request::Readiness(reply) => drop(reply.send(self.readiness())),
            Request::Start(name, reply) => drop(reply.send(self.want(&name, true).await)),
            Request::Stop(name, reply) => drop(reply.send(self.want(&name, false).await)),
            Request::Restart(name, reply) => drop(reply.send(self.restart(&name))),
            Request::Reload(mappings, reply) => drop(reply.send(self.reload(mappings).await)),
            Request::Put(mapping, reply) => drop(reply.send(self.put(*mapping).await)),
            Request::Remove(name, reply) => drop(reply.send(self.remove(&name))),
            Request::Overviews(reply) => drop(reply.send(self.overviews())),
            Request::Overview(name, reply) => drop(reply.send(self.overview(&name))),
            Request::Checkpoints(reply) => drop(reply.send(checkpoint::all(&*self.store).await)),
            Request::Checkpoint(name, reply) => {
                drop(reply.send(checkpoint::one(&*self.store, self.entries.get(&name), &name).await));
            }
            Request::ChangeCheckpoint { name, change, force, reply } => {
                drop(reply.send(self.change_checkpoint(&name, change, force).await));
            }
            Request::Store(trouble) => {
                self.entries.values().for_each(|entry| entry.live().set_store(trouble.as_deref()));
                self.store_trouble = trouble;
            }
            Request::Assign { mappings, abandon, reply } => {
                self.assign(mappings, abandon);
                // The caller may have gone away meanwhile.
                reply.send(()).ok();
            }
            Request::Refresh => self.refresh().await,
            Request::Shutdown(bound, reply) => self.close(bound, Some(reply)),
            Request::Cut => self.cut(),
        }
    }

    fn list(&self) -> Vec<Snapshot> {
        self.entries.values().map(Entry::snapshot).collect()
    }

    fn overviews(&self) -> Vec<Overview> {
        self.entries.values().map(Entry::overview).collect()
    }

    fn overview(&self, name: &str) -> Result<Overview, EngineError> {
        self.entries.get(name).map(Entry::overview).ok_or_else(|| EngineError::Unknown(name.into()))
    }

    fn readiness(&mut self) -> Readiness {
        let mappings: Vec<_> =
            self.entries.values().map(|entry| (entry.wanted.mapping.name.clone(), entry.readiness())).collect();
        self.was_ready |= mappings.iter().all(|(_, state)| state != "starting");
        Readiness { ready: self.was_ready, store: self.store_trouble.clone(), mappings }
    }

    async fn want(&mut self, name: &str, enabled: bool) -> Result<Snapshot, EngineError> {
        if self.closing.is_some() {
            return Err(EngineError::Closing);
        }
        let entry = self.entries.get_mut(name).ok_or_else(|| EngineError::Unknown(name.into()))?;
        if entry.wanted.is_gone_for_good() {
            return Err(EngineError::Deleting(name.into()));
        }
        let file_enabled = entry.wanted.latest().enabled;
        // A desired state that agrees with the definition need not be kept.
        let desired =
            (enabled != file_enabled).then(|| Desired { enabled, file_enabled, since_unix_ms: self.clock.unix_ms() });
        self.store.set_desired(name, desired.clone()).await?;
        entry.set_desired(desired);
        self.reconcile();
        self.entries.get(name).map(Entry::snapshot).ok_or_else(|| EngineError::Unknown(name.into()))
    }

    fn restart(&mut self, name: &str) -> Result<Snapshot, EngineError> {
        if self.closing.is_some() {
            return Err(EngineError::Closing);
        }
        // Asked before anything changes: what was ready stays so while the mapping starts again.
        self.readiness();
        let entry = self.entries.get_mut(name).ok_or_else(|| EngineError::Unknown(name.into()))?;
        if entry.wanted.goal == Goal::Remove {
            return Err(EngineError::Deleting(name.into()));
        }
        if !entry.restart() {
            return Err(EngineError::Stopped(name.into()));
        }
        self.reconcile();
        self.entries.get(name).map(Entry::snapshot).ok_or_else(|| EngineError::Unknown(name.into()))
    }

    async fn change_checkpoint(
        &mut self,
        name: &str,
        change: CheckpointChange,
        force: bool,
    ) -> Result<Kept, EngineError> {
        if self.closing.is_some() {
            return Err(EngineError::Closing);
        }
        checkpoint::change(&*self.store, self.entries.get_mut(name), name, change, force).await
    }

    fn close(&mut self, bound: Duration, reply: Option<oneshot::Sender<Drained>>) {
        let by = Instant::now() + bound + OVERTIME;
        let closing = self.closing.get_or_insert_with(|| Closing { by, replies: Vec::new() });
        closing.by = closing.by.min(by);
        closing.replies.extend(reply);
        for entry in self.entries.values_mut() {
            entry.close(bound);
        }
    }

    fn cut(&mut self) {
        // There is nothing to cut short before a shutdown has begun.
        let Some(closing) = &mut self.closing else { return };
        closing.by = closing.by.min(Instant::now() + OVERTIME);
        for entry in self.entries.values() {
            entry.cut();
        }
    }

    /// Starts and stops tasks until each mapping is on its way to where it is wanted.
    fn reconcile(&mut self) {
        let now = Instant::now();
        if self.closing.as_ref().is_some_and(|closing| closing.by <= now) {
            self.tasks.abort_all();
        }
        for (name, entry) in &mut self.entries {
            let assigned = self.fleet.as_ref().is_none_or(|share| share.has(name));
            entry.elsewhere = !assigned && entry.wanted.has_checkpoints();
            if entry.may_start(now) {
                let task =
                    entry.start(Arc::clone(&self.connector), Arc::clone(&self.store), self.defaults, self.rng.u64(..));
                let task = self.tasks.spawn(task);
                self.names.insert(task.id(), name.clone());
                entry.can_be_abandoned(task);
                self.unsaved.remove(name);
            }
            entry.stop_if_unwanted(self.drain_timeout);
            entry.resume_if_wanted();
            entry.show_state();
        }
        let gone = |entry: &Entry| entry.wanted.goal == Goal::Remove && !entry.is_running();
        for (name, entry) in self.entries.extract_if(.., |_, entry| gone(entry)) {
            self.metrics.remove(&name, entry.wanted.mapping.source.kind());
            // A caller that waits for it at the end of the process hears that the engine ended first, and does
            // nothing more.
            if self.closing.is_none() {
                entry.report_gone();
            }
        }
        if let Some(share) = &self.fleet {
            share.show(&self.entries);
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let restarts = self.entries.values().filter_map(Entry::restart_at);
        restarts.chain(self.closing.as_ref().map(|closing| closing.by)).min()
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (id, failure) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let Some(entry) = self.names.remove(&id).and_then(|name| self.entries.get_mut(&name)) else { return };
        // One that was ended by force, or panicked, may have saved nothing of what it did last.
        // What another replica runs by now is not this one's to say.
        if entry.wanted.has_checkpoints() && !entry.elsewhere && (failure.is_some() || entry.live().is_unsaved()) {
            self.unsaved.insert(entry.wanted.mapping.name.clone());
        }
        entry.ended(failure.filter(JoinError::is_panic).map(|error| error.to_string()));
    }
}
