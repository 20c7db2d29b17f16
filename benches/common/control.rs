//! Speaks to the control routes of the bench's fake.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::fake::{Setup, Stats, Until};

/// The driver's side of the control routes.
#[derive(Clone, Copy)]
pub(crate) struct FakeClient {
    address: SocketAddr,
}

impl FakeClient {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub(crate) async fn reset(&self, setup: &Setup) -> anyhow::Result<()> {
        self.ask("reset", setup).await.map(|_: bool| ())
    }

    pub(crate) async fn stats(&self) -> anyhow::Result<Stats> {
        self.ask("stats", &()).await
    }

    /// The first event that a function was given since the reset.
    pub(crate) async fn event(&self) -> anyhow::Result<serde_json::Value> {
        self.ask("event", &()).await
    }

    /// Waits until all that is asked for is reached; fails when it takes longer than `within`.
    pub(crate) async fn wait(&self, until: Until, within: Duration) -> anyhow::Result<()> {
        let until = Until { within_ms: u64::try_from(within.as_millis())?, ..until };
        if self.ask("wait", &until).await? {
            return Ok(());
        }
        bail!("{until:?} was not reached; the fake has counted {:?}", self.stats().await?)
    }

    /// Asks one route, with a question and an answer in JSON.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        route: &str,
        question: &impl serde::Serialize,
    ) -> anyhow::Result<T> {
        let context = || format!("asking the fake at {} for {route}", self.address);
        let stream = TcpStream::connect(self.address).await.with_context(context)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.with_context(context)?;
        let pump = tokio::spawn(connection);
        let request = Request::post(format!("/_fake/{route}"))
            .header("host", self.address.to_string())
            .body(Full::new(Bytes::from(serde_json::to_vec(question)?)))?;
        let answer = sender.send_request(request).await.with_context(context)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.with_context(context)?.to_bytes();
        pump.abort();
        if !status.is_success() {
            bail!("the fake refused {route}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(context)
    }
}
