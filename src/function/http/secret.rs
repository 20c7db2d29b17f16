//! Secrets: read when they are needed, and again when their file has changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::function::files::{Stamp, stamp};
use crate::mapping::Secret;

/// How long a file is believed unchanged.
const TRUST: Duration = Duration::from_secs(1);
/// The longest that a file may take: that of a file system whose server is gone takes for ever.
const READ: Duration = Duration::from_secs(5);
/// The longest secret.
const LONGEST: u64 = 64 * 1024;

/// A secret, and what it was when it was last read.
pub(super) struct HeldSecret {
    from: Secret,
    held: Mutex<Option<Held>>,
}

#[derive(Clone)]
struct Held {
    stamp: Stamp,
    checked: Instant,
    text: Arc<str>,
}

impl HeldSecret {
    pub(super) fn new(from: Secret) -> Self {
        Self { from, held: Mutex::default() }
    }

    /// The secret as it is now, without the white space around it.
    ///
    /// # Errors
    /// When it is not there or is empty: the secret that was there before is not used.
    pub(super) async fn read(&self) -> Result<Arc<str>, String> {
        let late = |_| Err(format!("a secret is not read within {READ:?}"));
        tokio::time::timeout(READ, self.read_now()).await.unwrap_or_else(late)
    }

    async fn read_now(&self) -> Result<Arc<str>, String> {
        match &self.from {
            Secret::Env(name) => {
                let text = std::env::var(name).map_err(|error| format!("the variable {name}: {error}"))?;
                said(&text, || format!("the variable {name}"))
            }
            Secret::File(file) => {
                let unreadable = |error: &dyn std::fmt::Display| format!("the secret {}: {error}", file.display());
                let known = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(held) = &known
                    && held.checked.elapsed() < TRUST
                {
                    return Ok(Arc::clone(&held.text));
                }
                let checked = Instant::now();
                let stamp = stamp(file).await.map_err(|error| unreadable(&error))?;
                let text = match known {
                    Some(held) if held.stamp == stamp => held.text,
                    _ if stamp.2 > LONGEST => return Err(unreadable(&format!("it has more than {LONGEST} bytes"))),
                    _ => {
                        let text = tokio::fs::read_to_string(file).await.map_err(|error| unreadable(&error))?;
                        said(&text, || format!("the secret {}", file.display()))?
                    }
                };
                let held = Held { stamp, checked, text: Arc::clone(&text) };
                *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
                Ok(text)
            }
        }
    }
}

fn said(text: &str, name: impl Fn() -> String) -> Result<Arc<str>, String> {
    match text.trim() {
        "" => Err(format!("{} is empty", name())),
        text => Ok(text.into()),
    }
}
