//! What a driver's calls do: the ports of one mapping, and each request as one future that ends in one answer.

mod current;
mod outlets;
mod queue;
mod stream;

use std::sync::Arc;

pub(crate) use current::CurrentWorld;
pub(crate) use outlets::Outlets;
pub(crate) use queue::QueueWorld;
pub(crate) use stream::StreamWorld;

use super::Ports;
use super::live::Live;
use super::screen::Screen;
use crate::clock::ServiceClock;
use crate::function::Function;
use crate::machine::{Fault, FaultKind, Protocol};
use crate::mapping::Mapping;
use crate::store::EngineStore;

/// The outside world of one mapping whose source speaks this protocol, as its driver uses it.
pub(crate) trait World<P: Protocol>: Send + Sync + Sized + 'static {
    /// Of these ports. `before` is the world whose place it takes.
    ///
    /// # Errors
    /// The ports are those of another kind of source.
    fn new(
        ports: Ports,
        screen: Screen,
        mapping: &Mapping,
        store: &Arc<dyn EngineStore>,
        before: Option<&Self>,
    ) -> Result<Self, Fault>;

    /// The function and the destinations.
    fn outlets(&self) -> &Outlets;

    /// The clock of the source, if its answers say the time.
    fn clock(&self) -> Option<Arc<ServiceClock>>;

    /// Ends when an invoke may begin: at once, unless others share what was claimed.
    fn may_begin(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Asks the source, or the store. `current` is the world that counts meanwhile.
    fn ask(
        self: Arc<Self>,
        request: P::Request,
        current: CurrentWorld<Self>,
        live: Arc<Live>,
    ) -> impl Future<Output = P::Answer> + Send + 'static;
}

/// The function, when it may be invoked. Of a world that is replaced while a call waits for its turn, nothing is
/// invoked any more.
pub(crate) async fn function<P: Protocol, W: World<P>>(current: CurrentWorld<W>, live: &Live) -> Arc<dyn Function> {
    loop {
        let changed = current.changed();
        let world = current.get();
        let outlets = world.outlets();
        tokio::select! {
            biased;
            waited = outlets.admitted() => {
                if let Some(waited) = waited {
                    live.metrics().limiter_waited(waited);
                }
                world.may_begin().await;
                return outlets.function();
            }
            () = changed => {}
        }
    }
}

/// A connector gave a mapping ports that do not fit it.
fn mismatch(reason: &str) -> Fault {
    Fault::new(FaultKind::Invalid, reason)
}
