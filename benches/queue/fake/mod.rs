//! A fake of SQS and Lambda that is fast enough never to be the limit.
//!
//! One thread, nothing shared between threads; a receive costs the same at any depth of the queue.
//! A FIFO queue blocks its message groups as SQS does, and notes whether their order was kept.
//! Requests are not authenticated. What was received, invoked and deleted is counted here, so that
//! every measured program is judged by the same clock.

mod control;
mod groups;
mod invoke;
mod messages;
mod server;
mod sqs;
mod state;

use std::net::SocketAddr;

use anyhow::Context;

pub(crate) use control::{Content, Failing, Fifo, Latencies, Mark, Refusing, Setup, Stats, Trickle, Until};

/// Serves until standard input ends: then the process that started this one is gone or done.
pub(crate) fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    tokio::task::LocalSet::new().block_on(&runtime, server::serve(listen))
}
