//! The servers of all functions: mappings of one function share one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::parts;
use super::seats::Seats;
use super::server::serve;
use super::shared::Shared;
use super::slots::Slots;
use super::workers::{Start, Workers};
use crate::clock::WallClock;
use crate::function::{Part, PartState};
use crate::mapping::{Mapping, RuntimeApiTarget, partition_of};

/// A server stays for so long when its last mapping is gone: a mapping that begins again finds its workers.
const LINGER: Duration = Duration::from_secs(2);
/// The most connections of workers at a time, unless the process has fewer for them.
pub(crate) const CONNECTIONS: usize = 10_000;
/// Where others attach, and the function's ARN.
type Key = (Option<SocketAddr>, String);

/// The servers that are open, by address and function.
pub(crate) struct Servers {
    open: Mutex<BTreeMap<Key, Weak<Server>>>,
    wall: WallClock,
    /// The program that guards workers: forebay itself.
    guard: Option<PathBuf>,
    seats: Seats,
}

/// The server of a function: it ends when this is dropped.
pub(super) struct Server {
    shared: Arc<Shared>,
    workers: Mutex<Option<Workers>>,
    _tasks: JoinSet<()>,
}

impl Servers {
    pub(crate) fn new(wall: WallClock, guard: Option<PathBuf>, connections: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), wall, guard, seats: Seats::new(connections) })
    }

    /// The server of a mapping's function; opened, if it is not open yet. Needs a runtime.
    pub(super) fn share(&self, mapping: &Mapping, target: &RuntimeApiTarget) -> Arc<Server> {
        let arn = arn(mapping);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, server| server.strong_count() > 0);
        let key = (target.listen, arn.clone());
        if let Some(server) = open.get(&key).and_then(Weak::upgrade) {
            server.shared.allow(target.allow_from.clone());
            server.start(self.starting(mapping, target));
            return server;
        }
        let name = mapping.function.name.as_str().into();
        let shared = Shared::new(name, arn, target.allow_from.clone(), Arc::clone(&self.wall), self.seats.clone());
        let mut tasks = JoinSet::new();
        if let Some(address) = target.listen {
            tasks.spawn(serve(Arc::clone(&shared), address));
        }
        let slots = Arc::clone(&shared.slots);
        tasks.spawn(async move { slots.tend().await });
        let server = Arc::new(Server { shared, workers: Mutex::default(), _tasks: tasks });
        server.start(self.starting(mapping, target));
        open.insert(key, Arc::downgrade(&server));
        server
    }

    /// What the workers of a mapping's function are started with, where forebay starts them.
    fn starting(&self, mapping: &Mapping, target: &RuntimeApiTarget) -> Option<Start> {
        let spec = Arc::new(target.command.clone()?);
        let region = mapping.function.region.as_ref().unwrap_or(&mapping.source.arn().region);
        Some(Start { spec, region: region.as_str().into(), guard: self.guard.clone() })
    }

    /// A mapping does not need a server any more.
    pub(super) fn leave(&self, server: Arc<Server>) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                sleep(LINGER).await;
                drop(server);
            });
        }
    }
}

impl Server {
    /// Starts workers, in place of those that were started in another way. Those end when they have answered.
    fn start(&self, start: Option<Start>) {
        let Some(start) = start else { return };
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if workers.as_ref().is_some_and(|workers| workers.spec == start.spec) {
            return;
        }
        if let Some(before) = workers.replace(Workers::start(&self.shared, &start)) {
            tokio::spawn(before.retire());
        }
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// What keeps an invocation from a worker now.
    pub(super) fn waits_for(&self, target: &RuntimeApiTarget) -> String {
        let parts = self.parts();
        let late = parts.iter().filter(|part| part.state == PartState::Late).count();
        match (self.trouble(), target.listen) {
            (Some(trouble), _) => trouble,
            (None, _) if late == 1 => "the worker is still at work for an event that has exceeded `Timeout`".into(),
            (None, _) if late > 1 => {
                format!("{late} workers are still at work for events that have exceeded `Timeout`")
            }
            (None, Some(address)) => format!("no worker is attached at {address}"),
            (None, None) => "no worker is attached".into(),
        }
    }

    /// All workers.
    pub(super) fn parts(&self) -> Vec<Part> {
        parts::of(&self.shared)
    }

    pub(super) fn slots(&self) -> &Arc<Slots> {
        &self.shared.slots
    }
}

/// The function's ARN. What its name does not say is as for its source: AWS wants both in one place.
fn arn(mapping: &Mapping) -> String {
    let (function, source) = (&mapping.function, mapping.source.arn());
    let region = function.region.as_ref().unwrap_or(&source.region);
    let account = function.account.as_ref().unwrap_or(&source.account);
    let qualifier = function.qualifier.iter().map(|qualifier| format!(":{qualifier}")).collect::<String>();
    format!("arn:{}:lambda:{region}:{account}:function:{}{qualifier}", partition_of(region), function.name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_arn_says_what_the_name_says_and_is_otherwise_near_the_source() {
        for (function, wanted) in [
            ("f", "arn:aws:lambda:us-east-1:000000000000:function:f"),
            ("f:live", "arn:aws:lambda:us-east-1:000000000000:function:f:live"),
            ("111122223333:function:f", "arn:aws:lambda:us-east-1:111122223333:function:f"),
            (
                "arn:aws:lambda:eu-west-1:111122223333:function:f:1",
                "arn:aws:lambda:eu-west-1:111122223333:function:f:1",
            ),
        ] {
            let text =
                format!("Name: m\nFunctionName: {function}\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:q\n");
            let mapping = crate::mapping::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0);
            assert_eq!(arn(&mapping), wanted);
        }
    }
}
