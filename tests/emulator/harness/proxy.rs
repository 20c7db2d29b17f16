//! A door in front of an emulator that can be shut.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes connections on while it is open. It ends when it is dropped.
pub(crate) struct Proxy {
    port: u16,
    open: watch::Sender<bool>,
    refused: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// An open door to an endpoint.
    pub(crate) async fn start(endpoint: &str) -> Self {
        let target = endpoint.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, state) = watch::channel(true);
        let refused = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&refused);
        let task = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                if *state.borrow() {
                    tokio::spawn(pass(client, target.clone(), state.clone()));
                } else {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { port, open, refused, task }
    }

    /// Where it stands.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on every connection is closed at once, and so is every open one.
    pub(crate) fn shut(&self) {
        self.open.send_replace(false);
    }

    /// Passes connections on again.
    pub(crate) fn reopen(&self) {
        self.open.send_replace(true);
    }

    /// How many connections it has closed at once.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, target: String, mut open: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
