//! Addresses by DNS: the pool follows what a name resolves to.

use std::collections::BTreeSet;
use std::sync::Weak;

use tokio::time::sleep;

use super::{Reach, Shared, place};
use crate::mapping::Dns;

/// The most addresses of a name that are used.
const MOST: usize = 1000;

/// Resolves a name again and again. Where it fails, the addresses stay as they are: those that have gone are found out
/// by their connections.
pub(super) async fn follow(shared: Weak<Shared>, pool: u64, dns: Dns, reach: Reach) {
    let scheme = if reach.dial.tls.is_some() { "https" } else { "http" };
    loop {
        let found = tokio::net::lookup_host((dns.name.as_str(), dns.port)).await;
        let Some(shared) = shared.upgrade() else { return };
        match found {
            Ok(found) => {
                let found: BTreeSet<_> = found.collect();
                let origins: Vec<String> = found.iter().take(MOST).map(|it| format!("{scheme}://{it}")).collect();
                if origins.is_empty() {
                    shared.with(|board| board.unresolved(pool, format!("{} has no address", dns.name)));
                } else {
                    place(&shared, pool, &reach, &origins);
                }
            }
            Err(error) => shared.with(|board| board.unresolved(pool, format!("{} has no address: {error}", dns.name))),
        }
        drop(shared);
        sleep(dns.every).await;
    }
}
