//! What forebay tells about itself: every event becomes one metric and, where it matters, one log line.

mod counts;
mod crowd;
mod drought;
mod export;
mod init;
mod log;
mod metrics;
mod repeats;
mod series;
#[cfg(test)]
mod tests;

pub use init::{LogError, LogFormat, init};
pub use metrics::{MappingMetrics, Metrics};
