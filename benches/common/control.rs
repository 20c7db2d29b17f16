//! Speaks to the control routes of a fake.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// The driver's side of the control routes.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    address: SocketAddr,
}

impl Control {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address }
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
