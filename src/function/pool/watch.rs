//! Looks whether an address is up: all the time, or only after it was lost.

use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, HOST, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Request, Uri};
use tokio::time::{Instant, sleep_until, timeout};

use super::board::Address;
use super::{Link, Shared};
use crate::function::AGENT;
use crate::function::wire::Client;

/// The pauses between looks at an address that is down and else not watched.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// How an address is watched.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) probe: Probe,
    /// How often; `None`: only while it is down.
    pub(crate) every: Option<Duration>,
    /// The longest that one look may take.
    pub(crate) timeout: Duration,
    /// So many good looks in a row, and it is up.
    pub(crate) healthy: u32,
    /// So many bad looks in a row, and it is down.
    pub(crate) unhealthy: u32,
    /// A new address counts as up before the first look.
    pub(crate) trusting: bool,
}

/// One look.
#[derive(Clone, Debug)]
pub(crate) enum Probe {
    /// Whether it takes TCP connections.
    Tcp,
    /// Whether a GET of this path, for this host, ends in 200 to 299.
    Get { path: Uri, host: HeaderValue },
}

impl Watch {
    /// By TCP, and only while the address is down.
    pub(crate) const fn after_loss(timeout: Duration, trusting: bool) -> Self {
        Self { probe: Probe::Tcp, every: None, timeout, healthy: 1, unhealthy: 1, trusting }
    }

    pub(super) const fn is_up_at_first(&self) -> bool {
        self.trusting
    }
}

/// Watches one address for as long as a pool has it.
pub(super) async fn watch(shared: Weak<Shared>, (address, link, number): (Address, Link, u64), watch: Watch) {
    let (mut good, mut bad, mut pause) = (0_u32, 0_u32, SHORTEST);
    let mut reached = watch.trusting;
    // What was never reached is looked at right away; what was lost gets a moment to end.
    let mut due = Instant::now();
    loop {
        let state = shared.upgrade().and_then(|shared| shared.with(|board| board.is_up(&address, number)));
        match state {
            None => return,
            Some(true) if watch.every.is_none() => {
                link.wake.notified().await;
                (due, pause) = (Instant::now() + SHORTEST, SHORTEST);
                continue;
            }
            Some(_) => {}
        }
        sleep_until(due).await;
        let seen = match timeout(watch.timeout, look(&link.client, &watch.probe)).await {
            Ok(seen) => seen,
            Err(_) => Err(format!("the health check had no answer within {:?}", watch.timeout)),
        };
        (good, bad) = if seen.is_ok() { (good.saturating_add(1), 0) } else { (0, bad.saturating_add(1)) };
        due = Instant::now() + watch.every.unwrap_or(pause);
        pause = (pause * 2).min(LONGEST);
        let Some(shared) = shared.upgrade() else { return };
        match seen {
            Ok(()) if state == Some(false) && good >= watch.healthy => {
                tracing::info!(%address, "this address of a target is up");
                shared.with(|board| board.up(&address));
                reached = true;
            }
            // Of one that is down already this is the newest reason.
            Err(reason) if !reached && bad == 1 => {
                tracing::warn!(%address, reason, "this address of a target was not up yet");
                shared.is_down(&address, &reason);
            }
            Err(reason) if state == Some(false) || bad >= watch.unhealthy => shared.is_down(&address, &reason),
            Ok(()) | Err(_) => {}
        }
    }
}

async fn look(client: &Client, probe: &Probe) -> Result<(), String> {
    let Probe::Get { path, host } = probe else { return client.knock().await };
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.uri_mut() = path.clone();
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host.clone());
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    *request.headers_mut() = headers;
    let reason = |lost: super::super::wire::Lost| format!("GET {path}: {}", lost.reason());
    let connection = client.connection().await.map_err(reason)?;
    let answer = client.exchange(connection, request).await.map_err(reason)?;
    if answer.status.is_success() { Ok(()) } else { Err(format!("GET {path}: HTTP {}", answer.status)) }
}
