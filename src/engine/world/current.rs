//! The world that counts now.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The world that counts now: a change of settings puts another in its place while calls are open. Calls that wait for
/// their turn are woken by it in the order in which they wait, which a `watch` channel leaves to chance.
pub(crate) struct CurrentWorld<W>(Arc<Current<W>>);

struct Current<W> {
    world: Mutex<Arc<W>>,
    changed: Notify,
}

impl<W> CurrentWorld<W> {
    pub(crate) fn new(world: Arc<W>) -> Self {
        Self(Arc::new(Current { world: Mutex::new(world), changed: Notify::new() }))
    }

    pub(crate) fn get(&self) -> Arc<W> {
        Arc::clone(&self.0.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, world: Arc<W>) {
        *self.0.world.lock().unwrap_or_else(PoisonError::into_inner) = world;
        self.0.changed.notify_waiters();
    }

    /// Ends with the next [`replace`](Self::replace) after this call.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }
}

impl<W> Clone for CurrentWorld<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
