//! The time of day. The host's clock is read here and nowhere else, and handed to all who need it. A service has a
//! clock of its own. Spans and deadlines are tokio's, so that a paused clock moves them.

mod boot;
mod service;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use boot::{BootClock, boot};
pub use service::{Reading, ServiceClock};

/// Reads the time of day: milliseconds since the Unix epoch.
pub type WallClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the host's clock says: milliseconds since the Unix epoch. Times before that count as 0.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
#[must_use]
pub fn host_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The host's clock, for those who are handed one.
#[must_use]
pub fn host() -> WallClock {
    Arc::new(host_unix_ms)
}
