//! Speaks to the fake's control routes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;

use crate::common::Control;
use crate::fake::{Latencies, Mark, Setup, Stats, Trickle, Until};

/// The driver's side of the control routes.
#[derive(Clone, Copy)]
pub(crate) struct FakeClient {
    control: Control,
}

impl FakeClient {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { control: Control::new(address) }
    }

    pub(crate) async fn reset(&self, setup: &Setup) -> anyhow::Result<()> {
        self.control.ask("reset", setup).await.map(|_: bool| ())
    }

    pub(crate) async fn stats(&self) -> anyhow::Result<Stats> {
        self.control.ask("stats", &()).await
    }

    /// How far the message groups have come.
    pub(crate) async fn mark(&self) -> anyhow::Result<Mark> {
        self.control.ask("mark", &()).await
    }

    /// The first event that a function was given since the reset.
    pub(crate) async fn event(&self) -> anyhow::Result<serde_json::Value> {
        self.control.ask("event", &()).await
    }

    /// Waits until all that is asked for is reached; fails when it takes longer than `within`.
    pub(crate) async fn wait(&self, until: Until, within: Duration) -> anyhow::Result<()> {
        let until = Until { within_ms: u64::try_from(within.as_millis())?, ..until };
        if self.control.ask("wait", &until).await? {
            return Ok(());
        }
        bail!("{until:?} was not reached; the fake has counted {:?}", self.stats().await?)
    }

    pub(crate) async fn trickle(&self, what: &Trickle) -> anyhow::Result<Latencies> {
        self.control.ask("trickle", what).await
    }
}
