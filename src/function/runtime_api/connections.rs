//! A listener and its connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::server::{AGAIN, connection};
use super::shared::Shared;

/// A listener and its connections; dropped, all of them close.
pub(super) struct Connections {
    shared: Arc<Shared>,
    listener: TcpListener,
    port: u64,
    /// One that waits for its seat.
    accepted: Option<(TcpStream, SocketAddr)>,
    open: JoinSet<()>,
}

impl Connections {
    pub(super) fn new(shared: Arc<Shared>, listener: TcpListener, port: u64) -> Self {
        Self { shared, listener, port, accepted: None, open: JoinSet::new() }
    }

    /// Takes and serves connections. Never ends; nothing is lost where it is dropped and called again.
    pub(super) async fn serve(&mut self) {
        loop {
            while self.open.try_join_next().is_some() {}
            if self.accepted.is_some() {
                // There always is one, or will be.
                let Some(seat) = self.shared.seat().await else { return };
                if let Some(accepted) = self.accepted.take() {
                    self.open.spawn(connection(Arc::clone(&self.shared), accepted, self.port, seat));
                }
            }
            match self.listener.accept().await {
                Ok((stream, peer)) if self.shared.is_allowed(peer.ip()) => self.accepted = Some((stream, peer)),
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
