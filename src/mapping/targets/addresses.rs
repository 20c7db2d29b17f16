//! Where a target is reached: fixed addresses, or those of a name.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::mapping::code::Code;
use crate::mapping::poller::is_url;
use crate::mapping::reader::{Reader, short};
use crate::mapping::text::Span;
use crate::mapping::value::{Kind, Members};

/// How often a name is resolved unless the mapping says otherwise.
const RESOLVE_EVERY: Duration = Duration::from_secs(5);

/// Where a target is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Origins: `http://HOST:PORT` or `https://HOST:PORT`.
    Fixed(Vec<String>),
    /// All addresses that a name has, and will have.
    Dns(Dns),
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(origins) => f.write_str(&origins.join(", ")),
            Self::Dns(dns) => write!(f, "{}:{}", dns.name, dns.port),
        }
    }
}

/// A name whose addresses are a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// The name.
    pub name: String,
    /// The port of all its addresses.
    pub port: u16,
    /// `ResolveEvery`: how often it is resolved.
    pub every: Duration,
}

/// How certificates are checked and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The own certificate, with its chain.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// The name that the certificate must have instead of the URL's host.
    pub server_name: Option<String>,
}

/// Reads `Endpoints`, whose URLs have the scheme `scheme`. What is wrong is reported.
pub(super) fn read(reader: &mut Reader<'_>, target: &Members, scheme: &str) -> Option<Addresses> {
    if let Some(dns) = target.map("Endpoints") {
        return self::dns(reader, dns, target.key("Endpoints").unwrap_or_default()).map(Addresses::Dns);
    }
    let mut origins: Vec<String> = Vec::new();
    let value = target.get("Endpoints")?;
    for item in target.list("Endpoints") {
        let Kind::Text(url) = &item.kind else { continue };
        let url = url.trim_end_matches('/');
        let host = url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
        if !is_url(url) || host.is_none_or(|host| host.contains(['/', '?', '#', '@'])) {
            let message = format!("{:?} is not the address of an endpoint", short(url));
            reader.error(Code::Endpoint, item.span, message, format!("write `{scheme}://HOST:PORT`"));
        } else if origins.iter().any(|origin| origin == url) {
            let message = format!("the endpoint {:?} is given twice", short(url));
            reader.error(Code::Conflict, item.span, message, "remove one of the two");
        } else {
            origins.push(url.to_owned());
        }
    }
    if target.list("Endpoints").is_empty() {
        let help = format!("write `[{scheme}://HOST:PORT]` or `{{ Dns: NAME, Port: PORT }}`");
        reader.error(Code::Missing, value.span, "`Endpoints` is empty", help);
    }
    Some(Addresses::Fixed(origins))
}

fn dns(reader: &mut Reader<'_>, dns: &Members, at: Span) -> Option<Dns> {
    const HELP: &str = "write `{ Dns: NAME, Port: PORT }`";
    for name in ["Dns", "Port"] {
        if dns.get(name).is_none() && !dns.broken.contains(&name) {
            reader.error(Code::Missing, at, format!("`Endpoints` has no `{name}`"), HELP);
        }
    }
    let (name, span) = dns.text("Dns")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !name.chars().all(is_name) {
        let help = "write the name alone: `orders.default.svc`";
        reader.error(Code::Endpoint, span, format!("{:?} is not a name in DNS", short(name)), help);
    }
    let (port, _) = dns.integer("Port")?;
    let every = dns.duration("ResolveEvery").map_or(RESOLVE_EVERY, |(every, _)| every);
    Some(Dns { name: name.to_owned(), port: u16::try_from(port).ok()?, every })
}
