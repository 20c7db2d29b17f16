//! The servers of all functions: mappings of one function share one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::server::{Shared, serve};
use super::slots::Slots;
use crate::clock::WallClock;
use crate::mapping::{Mapping, RuntimeApiTarget, partition_of};

/// A server stays for so long when its last mapping is gone: a mapping that begins again finds its workers.
const LINGER: Duration = Duration::from_secs(2);
/// The listener that is not that of a process of forebay's own.
const PUBLIC: u64 = 0;

/// The servers that are open, by address and function.
pub(crate) struct Servers {
    open: Mutex<BTreeMap<(SocketAddr, String), Weak<Server>>>,
    wall: WallClock,
}

/// The server of a function: it ends when this is dropped.
pub(super) struct Server {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Servers {
    pub(crate) fn new(wall: WallClock) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), wall })
    }

    /// The server of a mapping's function; opened, if it is not open yet. Needs a runtime.
    pub(super) fn share(&self, mapping: &Mapping, target: &RuntimeApiTarget) -> Arc<Server> {
        let arn = arn(mapping);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, server| server.strong_count() > 0);
        let key = (target.listen, arn.clone());
        if let Some(server) = open.get(&key).and_then(Weak::upgrade) {
            server.shared.allow(target.allow_from.clone());
            return server;
        }
        let name = mapping.function.name.as_str().into();
        let shared = Shared::new(name, arn, target.allow_from.clone(), Arc::clone(&self.wall));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(Arc::clone(&shared), target.listen, PUBLIC));
        let slots = Arc::clone(&shared.slots);
        tasks.spawn(async move { slots.tend().await });
        let server = Arc::new(Server { shared, _tasks: tasks });
        open.insert(key, Arc::downgrade(&server));
        server
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
