//! What takes a mapping's batches, where that is not a Lambda function.

use serde::{Deserialize, Serialize};

use crate::engine::Snapshot;
use crate::mapping::{Addresses, Auth, Target};

/// A target as the mapping sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TargetStatus {
    /// The member of `Poller.Function`: `Http`, `Rie`, `RuntimeApi`, …
    pub(crate) kind: String,
    /// Where it is: a URL, a name and port, or where workers attach.
    pub(crate) place: String,
    /// How many invocations it can have at a time, from all mappings together; null where it does not say.
    pub(crate) capacity: Option<u32>,
}

impl TargetStatus {
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        let (kind, place) = match &snapshot.mapping.target {
            Target::Lambda(_) => return None,
            Target::Http(http) if matches!(http.auth, Auth::SigV4 { .. }) => ("FunctionUrl", http.url.clone()),
            Target::Http(http) => ("Http", http.url.clone()),
            Target::Rie(rie) => ("Rie", addresses(&rie.addresses)),
            Target::RuntimeApi(api) => {
                let command = api.command.as_ref().map(|command| command.command.join(" "));
                let places = api.listen.map(|address| address.to_string()).into_iter().chain(command);
                ("RuntimeApi", places.collect::<Vec<_>>().join(", "))
            }
        };
        Some(Self { kind: kind.into(), place, capacity: snapshot.capacity })
    }
}

fn addresses(addresses: &Addresses) -> String {
    match addresses {
        Addresses::Fixed(urls) => urls.join(", "),
        Addresses::Dns(dns) => format!("{}:{}", dns.name, dns.port),
    }
}
