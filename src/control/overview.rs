//! What the process knows of itself beyond the engine: its store, its files, and whether it is on its way out.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// A cheap clone that all listeners share.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: String,
    files: RwLock<String>,
    draining: AtomicBool,
}

impl Overview {
    /// `store` names the store that is open, `files` says what was loaded.
    pub(crate) fn new(store: String, files: String) -> Self {
        Self { shared: Arc::new(Shared { store, files: RwLock::new(files), draining: AtomicBool::new(false) }) }
    }

    pub(crate) fn store(&self) -> &str {
        &self.shared.store
    }

    pub(crate) fn files(&self) -> String {
        self.shared.files.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how the last reload went.
    pub(crate) fn set_files(&self, files: String) {
        *self.shared.files.write().unwrap_or_else(PoisonError::into_inner) = files;
    }

    pub(crate) fn draining(&self) -> bool {
        self.shared.draining.load(Relaxed)
    }

    /// From now on the process is not ready any more.
    pub(crate) fn set_draining(&self) {
        self.shared.draining.store(true, Relaxed);
    }
}
