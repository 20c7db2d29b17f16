//! A fake of Kinesis and Lambda that is fast enough never to be the limit.
//!
//! One thread, nothing shared between threads; a read costs the same at any place of a shard. Requests are not
//! authenticated, and reads are not limited: the measured programs limit themselves. What was read and invoked is
//! counted here, so that every program is judged by the same clock.

mod control;
mod invoke;
mod kinesis;
mod server;
mod shard;
mod state;

use std::net::SocketAddr;

use anyhow::Context;

pub(crate) use control::{Feed, Latencies, Setup, Stats, Until};

/// Serves until standard input ends: then the process that started this one is gone or done.
pub(crate) fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    tokio::task::LocalSet::new().block_on(&runtime, server::serve(listen))
}
