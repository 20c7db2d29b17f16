//! Rules across a target and what else a mapping says.

use super::{Addresses, Envelope, Target};
use crate::mapping::code::Code;
use crate::mapping::reader::Reader;
use crate::mapping::value::Members;

/// Reports what does not go together.
pub(super) fn check(reader: &mut Reader<'_>, mapping: &Members, target: &Target) {
    if let (Target::Http(http), Some((1.., span))) = (target, mapping.integer("TumblingWindowInSeconds"))
        && http.envelope == Envelope::CloudEvents
    {
        let message = "a tumbling window's state has no place in CloudEvents";
        reader.error(Code::Conflict, span, message, "remove `TumblingWindowInSeconds`, or write `Envelope: Lambda`");
    }
    if let (Target::Http(http), Some(function)) = (target, mapping.map("Poller").and_then(|it| it.map("Function")))
        && http.statuses.have_terminal()
        && !mapping.map("DestinationConfig").and_then(|it| it.map("OnFailure")).is_some_and(|it| it.says("Destination"))
    {
        let own = ["Http", "FunctionUrl"].iter().find_map(|name| function.map(name));
        let at = own.and_then(|it| it.map("Statuses")?.key("Terminal")).unwrap_or_default();
        let message = "`Terminal` gives a batch up at once, and there is no failure destination to keep it";
        let help =
            "write `DestinationConfig: { OnFailure: { Destination: ARN } }`, or write the statuses under `Failed`";
        reader.error(Code::TerminalStatus, at, message, help);
    }
    let concurrency = mapping.map("ScalingConfig").and_then(|config| config.integer("MaximumConcurrency"));
    if let (Some((wanted, span)), Some((most, limit))) = (concurrency, most(target))
        && wanted > most
    {
        let message = format!("`MaximumConcurrency` is {wanted}, and the target takes {most} at a time");
        let help = format!("raise `{limit}`, name more endpoints, or write `MaximumConcurrency: {most}`");
        reader.warning(Code::ConcurrencyAboveTarget, span, message, help);
    }
    if let (Target::Rie(rie), Some(function)) = (target, mapping.map("Poller").and_then(|it| it.map("Function")))
        && !rie.exclusive
        && !is_local(&rie.addresses)
    {
        let at = function.map("Rie").and_then(|rie| rie.key("Endpoints")).unwrap_or_default();
        let message = "the emulators are on other hosts: another replica of forebay that invokes one while it is at \
            work kills it";
        let help =
            "give each replica its own emulator, on localhost, or write `Exclusive: true` if there is one replica";
        reader.warning(Code::SharedEmulator, at, message, help);
    }
}

/// How many invocations the target takes at a time, where the mapping says it, and which member limits it.
fn most(target: &Target) -> Option<(i64, &'static str)> {
    let count = |addresses: &Addresses| match addresses {
        Addresses::Fixed(origins) => i64::try_from(origins.len()).ok(),
        Addresses::Dns(_) => None,
    };
    match target {
        Target::Rie(rie) => Some((count(&rie.addresses)? * i64::from(rie.concurrency), "Rie.Concurrency")),
        Target::Http(http) => {
            let addresses = http.addresses.as_ref().map_or(Some(1), count)?;
            Some((addresses * i64::from(http.max_connections), "MaxConnections"))
        }
        Target::Lambda(_) | Target::RuntimeApi(_) => None,
    }
}

/// Whether all addresses are on this host, or in the pod of this process.
fn is_local(addresses: &Addresses) -> bool {
    let local = |origin: &String| {
        let host = origin.trim_start_matches("http://");
        let name = host.split(':').next().unwrap_or_default();
        name.eq_ignore_ascii_case("localhost") || name.starts_with("127.") || host.starts_with("[::1]")
    };
    match addresses {
        Addresses::Fixed(origins) => origins.iter().all(local),
        Addresses::Dns(dns) => dns.name.eq_ignore_ascii_case("localhost"),
    }
}
