//! A listener and its connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::extensions::Host;
use super::server::{AGAIN, Shared, connection};

/// A listener and its connections; dropped, all of them close.
pub(super) struct Connections {
    shared: Arc<Shared>,
    listener: TcpListener,
    port: u64,
    open: JoinSet<()>,
}

impl Connections {
    pub(super) fn new(shared: Arc<Shared>, listener: TcpListener, port: u64) -> Self {
        Self { shared, listener, port, open: JoinSet::new() }
    }

    /// Takes and serves connections. Never ends; nothing is lost where it is dropped and called again.
    pub(super) async fn serve(&mut self) {
        loop {
            while self.open.try_join_next().is_some() {}
            // It is never closed.
            let Ok(seat) = Arc::clone(&self.shared.seats).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, peer)) if self.shared.is_allowed(peer.ip()) => {
                    let host = Host { port: self.port, address: peer.ip() };
                    let served = connection(Arc::clone(&self.shared), stream, host);
                    self.open.spawn(async move {
                        served.await;
                        drop(seat);
                    });
                }
                Ok((_, peer)) => {
                    let function = &*self.shared.function;
                    tracing::warn!(function, %peer, "a connection from an address outside of AllowFrom is closed");
                }
                Err(error) => {
                    tracing::warn!(function = %self.shared.function, %error, "a connection could not be taken");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Waits until all that the clients have sent is read: they have ended.
    pub(super) async fn read_out(mut self, longest: Duration) {
        let all = async { while self.open.join_next().await.is_some() {} };
        timeout(longest, all).await.ok();
    }
}
